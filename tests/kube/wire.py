"""A wire to the API server that can be cut: every connection ends, and no new one is accepted, until it is mended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml


class Wire:
    """Passes bytes on, TLS and all; while `deaf`, it swallows them. `connections` counts those ever made."""

    def __init__(self, server: str) -> None:
        url = urlsplit(server)
        self._host, self._far_port = url.hostname, url.port or 443
        self._port = 0
        self._listener: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.deaf = False

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    async def mend(self) -> None:
        self._listener = await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._listener:
            self._listener.close()
        for end in list(self._ends):
            end.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(self._host, self._far_port)
        self._ends |= {writer, far_writer}
        await asyncio.gather(self._pour(reader, far_writer), self._pour(far_reader, writer))
        self._ends -= {writer, far_writer}

    async def _pour(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if not self.deaf:
                    sink.write(data)
                    await sink.drain()
        with suppress(OSError):
            sink.close()


def kubeconfig_through(wire: Wire, kubeconfig: Path, folder: Path) -> Path:
    """A copy of `kubeconfig` whose server is reached through `wire`, its certificate's name unchanged."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = wire.url
    path = folder / "through-the-wire.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def server_in(kubeconfig: Path) -> str:
    config = yaml.safe_load(kubeconfig.read_text())
    return str(config["clusters"][0]["cluster"]["server"])
