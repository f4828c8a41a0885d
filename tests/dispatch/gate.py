"""A gate before a server: while it is shut, nobody gets through, and who was inside is thrown out.

It passes bytes, TLS included. Its port stays the same, so whoever was shut out finds the server again.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Gate:
    """Before the server at `url`; open from the start."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._target = (parts.hostname, parts.port)
        self._scheme = parts.scheme
        self._port = 0
        self._inside: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.open()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._let_in, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        assert self._listener
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for one in self._inside:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._inside.clear()

    def _let_in(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._inside |= {caller, server}
            for one, other in ((caller, server), (server, caller)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
