"""A command that crashes or does not end costs its process, and the next one is answered all the same."""

import os
import time
from collections.abc import Iterator

import pytest

from compare import CompareError
from compare.watching.warm import Warm

SERVING = f"{__package__}.serving"


@pytest.fixture
def warm() -> Iterator[Warm]:
    found = Warm(SERVING, limit=1.0)
    yield found
    found.close()


def test_one_process_answers_one_command_after_the_other(warm: Warm) -> None:
    first, second = warm.run(["a"]), warm.run(["b"])
    assert (first.code, first.out[:5], second.out[:5]) == (0, "a by ", "b by ")
    assert first.out.split()[-1] == second.out.split()[-1] != str(os.getpid())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "ended"),
    [
        (["exit", "3"], "it ended the process, with exit code 3"),
        (["exit", "0"], "it ended the process, with exit code 0"),
        (["crash"], "it ended the process, by signal 9"),
        (["loop"], "it took longer than 1 s and was stopped, as if by a loop without end"),
    ],
)
def test_what_ends_its_process_is_said_and_costs_no_other(command: list[str], ended: str, warm: Warm) -> None:
    for _ in range(2):
        assert warm.run(command).ended == ended
        assert warm.run(["a"]).out.startswith("a by ")


@pytest.mark.slow
def test_what_is_outdated_is_stopped_before_its_limit() -> None:
    warm = Warm(SERVING)
    try:
        assert warm.run(["loop"], lambda: True).ended == "it was saved again meanwhile"
        assert warm.run(["a"], lambda: True).out.startswith("a by ")      # what answers in time is not stopped
    finally:
        warm.close()


def test_a_process_that_cannot_be_started_is_one_error(capfd: pytest.CaptureFixture[str]) -> None:
    warm = Warm("no.such.module")
    with pytest.raises(CompareError, match="could not be started"):
        warm.run(["a"])
    warm.close()


def test_closed_no_process_is_left(warm: Warm) -> None:
    process = int(warm.run(["a"]).out.split()[-1])
    warm.close()
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("it is still there")
