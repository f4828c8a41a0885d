"""A customer's webhook: keeps every request as it came, and answers as it is told. Its own check of the signature."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_0123456789abcdef"


class Receiver:
    """`answers`: the statuses of the next replies, 204 when there are none left. `refused`: a
    type of events that is always refused. `requests`: (headers, raw body)."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.refused: str | None = None
        self.requests: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(receiver.answer(body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: bytes) -> int:
        if self.refused is not None and json.loads(body)["type"] == self.refused:
            return 400
        return self.answers.pop(0) if self.answers else 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1/events/shop/sandbox"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]

    def told(self, number: str | None = None) -> list[str]:
        """The types of events, in the order in which they came; those of one number, or all."""
        return [event["type"] for event in self.events if number in (None, event["data"]["number"])]


def signature_is_good(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """The rule of `DIDHub-Signature`, written down once more, apart from the simulator's and the adapter's code."""
    parts = dict(part.split("=", 1) for part in headers["didhub-signature"].split(","))
    expected = hmac.digest(secret.encode("ascii"), parts["t"].encode("ascii") + b"." + body, hashlib.sha256)
    return bytes.fromhex(parts["v1"]) == expected
