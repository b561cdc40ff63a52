"""The local page: it serves itself and its state, to this machine, and nothing else."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from compare.watching.page import LocalPage


@pytest.fixture
def page() -> Iterator[LocalPage]:
    found = LocalPage("<p>the page</p>")
    yield found
    if not found.is_closed:
        found.close()


def asked(page: LocalPage, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", int(page.url.split(":")[-1].rstrip("/")), timeout=20)
    connection.request(method, path, headers=headers)
    return connection.getresponse()


def test_the_page_comes_with_a_policy_that_allows_no_request_elsewhere(page: LocalPage) -> None:
    answer = asked(page, "/")
    assert (answer.status, answer.read()) == (200, b"<p>the page</p>")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_each_state_is_an_event(page: LocalPage) -> None:
    page.show({"count": 1})
    events = asked(page, "/events")
    assert json.loads(events.readline().removeprefix(b"data: ")) == {"count": 1}
    page.show({"count": 2})
    events.readline()
    assert json.loads(events.readline().removeprefix(b"data: ")) == {"count": 2}
    page.close()
    assert b"data" not in events.read()      # which ends


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", ["/../compare/cli/main.py", "/live.html", "//etc/passwd", "/%2e%2e/x", "/events/", "/?x=1"])
def test_there_is_nothing_else(path: str, page: LocalPage) -> None:
    assert asked(page, path).status == 404


@pytest.mark.sampled(3)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_nothing_can_be_sent_to_it(method: str, page: LocalPage) -> None:
    assert asked(page, "/", method).status == 501


def test_a_page_from_elsewhere_whose_name_leads_here_gets_nothing(page: LocalPage) -> None:
    for path in ("/", "/events"):
        answer = asked(page, path, Host="evil.example")
        assert (answer.status, b"the page" in answer.read()) == (403, False)


def test_only_this_machine_is_listened_to(page: LocalPage) -> None:
    assert page.url.startswith("http://127.0.0.1:")
    port = int(page.url.split(":")[-1].rstrip("/"))
    for address in {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None)} - {"127.0.0.1", "::1"}:
        with pytest.raises(OSError), socket.create_connection((str(address), port), timeout=2):      # noqa: PT011
            pass


def test_it_says_nothing_on_the_terminal(page: LocalPage, capfd: pytest.CaptureFixture[str]) -> None:
    asked(page, "/").read()
    asked(page, "/nothing").read()
    asked(page, "/events").close()
    page.show({"a": 1})
    page.close()
    assert capfd.readouterr() == ("", "")
