"""What the operator reads of a dispatcher: a real HTTP server with a rollup that the test writes."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

QUIET = {
    "used": 0,
    "reserved": 0,
    "openCalls": 0,
    "lastPick": None,
    "label": None,
    "labelledAt": None,
    "clearedAt": None,
    "callsToday": 0,
    "answered7d": 0,
    "calls7d": 0,
    "answered30d": 0,
    "calls30d": 0,
    "seconds30d": 0,
    "messages7d": 0,
    "delivered7d": 0,
    "failed7d": 0,
}


def today() -> str:
    return datetime.now(UTC).date().isoformat()


class Ledger:
    """The figures of one set. `asked`: the paths that were read, each with the token that came along. `status` and
    `body`: what is answered in place of 200 and the figures."""

    def __init__(self, secure: bool = False) -> None:
        self.port = 0
        self._scheme = "https" if secure else "http"
        self.asked: list[tuple[str, str | None]] = []
        self.status = 200
        self.body: str | None = None
        self._lock = Lock()
        self._numbers: dict[str, dict[str, Any]] = {}
        self._day = {"day": today(), "used": 0, "deferred": 0, "capacity": 0}

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def know(self, *numbers: str, **figures: Any) -> None:
        """From now on these numbers have these figures, and what they had before."""
        with self._lock:
            for number in numbers:
                self._numbers[number] = self._numbers.get(number, QUIET) | figures

    def note_day(self, **figures: Any) -> None:
        with self._lock:
            self._day |= figures

    def answer(self, path: str, token: str | None) -> bytes:
        with self._lock:
            self.asked.append((path, token))
            if self.body is not None:
                return self.body.encode()
            rows = [{"number": number, **figures} for number, figures in self._numbers.items()]
            return json.dumps({"set": "", **self._day, "numbers": rows}).encode()


@contextmanager
def a_ledger(certificate: tuple[Path, Path] | None = None) -> Iterator[Ledger]:
    """A dispatcher of a kind, on loopback; gone at the end. It speaks TLS where a certificate and its key are given."""
    ledger = Ledger(secure=certificate is not None)

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = ledger.answer(self.path, self.headers.get("Authorization"))
            self.send_response(ledger.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Not on the tests' own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    ledger.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ledger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
