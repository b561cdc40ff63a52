"""A page on this machine that is kept up to date: served to 127.0.0.1 alone, by the standard library."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
_POLICY += "frame-ancestors 'none'"
_STILL_HERE = 5.0      # seconds after which a browser is written to, to see whether it is there


class LocalPage:
    """A page with a state, which it gets as an event whenever that changes, at /events; there is nothing else to be asked for."""

    def __init__(self, html: str) -> None:
        self.html = html.encode()
        self.changed = threading.Condition()
        self.version, self.state, self.is_closed = 0, "{}", False
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def hosts(self) -> set[str]:
        """The names of this server: a page from elsewhere whose own name leads here asks for another, and gets nothing."""
        return {f"{name}:{self._server.server_port}" for name in ("127.0.0.1", "localhost")}

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def show(self, state: Mapping[str, Any]) -> None:
        """Make this the state, and tell every open page."""
        with self.changed:
            self.version, self.state = self.version + 1, json.dumps(state, allow_nan=False)
            self.changed.notify_all()

    def close(self) -> None:
        """End the server; open pages see that."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, page: LocalPage) -> None:
        self.page = page
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "backprop-compare", ""

    def do_GET(self) -> None:
        """Answer the page, its events, or that there is nothing else."""
        page = self.server.page
        if self.headers.get("Host") not in page.hosts:
            self.send_error(403)
        elif self.path == "/":
            self._begin("text/html; charset=utf-8", len(page.html))
            self.wfile.write(page.html)
        elif self.path == "/events":
            self._begin("text/event-stream")
            self._events(page)
        else:
            self.send_error(404)

    def _begin(self, kind: str, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in (("Cache-Control", "no-store"), ("Content-Security-Policy", _POLICY), ("X-Content-Type-Options", "nosniff")):
            self.send_header(name, value)
        self.end_headers()

    def _events(self, page: LocalPage) -> None:
        sent = 0
        while not page.is_closed:
            with page.changed:
                page.changed.wait_for(lambda: page.is_closed or page.version > sent, _STILL_HERE)      # noqa: B023 - is called at once
                text = f"data: {page.state}\n\n" if page.version > sent else ": still here\n\n"
                sent = page.version
            self.wfile.write(text.encode())
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Print no log: the terminal is the learner's."""
