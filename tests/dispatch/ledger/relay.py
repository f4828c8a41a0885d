"""A relay before a PostgreSQL server: it counts what goes through, and cuts where it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qs, urlsplit

GROUP, WISH = b"FOR NO KEY UPDATE", b"SET wishes = wishes + 1"
"""What only the statement of a group, or of a wish, says; a prepared one is sent by name, so the connection is known by
it."""


class Cut(Enum):
    """Where the connection of the next such statement ends."""

    NOWHERE = "nowhere"
    BEFORE = "before"  # the server never sees the group
    AFTER = "after"  # the server has written it, and its answer is lost


@dataclass(slots=True)
class Relay:
    """`dsn`: where clients go."""

    path: str
    dsn: str = ""
    of: bytes = GROUP
    cut: Cut = Cut.NOWHERE
    cuts: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        up_reader, up_writer = await asyncio.open_unix_connection(self.path)
        self._writers += [writer, up_writer]
        state = {"groups": False, "cut": False}
        forth = asyncio.create_task(self._forth(reader, up_writer, state))
        back = asyncio.create_task(self._back(up_reader, writer, state))
        await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, up_writer):
            one.close()
        await asyncio.gather(forth, back, return_exceptions=True)

    async def _forth(self, reader: asyncio.StreamReader, up: asyncio.StreamWriter, state: dict[str, bool]) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                state["groups"] |= self.of in data
                if state["groups"] and self.cut is not Cut.NOWHERE and data[:1] == b"B":  # Bind: it is run
                    self.cuts += 1
                    if self.cut is Cut.BEFORE:
                        self.cut = Cut.NOWHERE
                        return
                    state["cut"] = True
                up.write(data)
                await up.drain()

    async def _back(self, up: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, bool]) -> None:
        with suppress(ConnectionError):
            while data := await up.read(65536):
                if state["cut"] and data[-6:-4] == b"Z\0":  # ReadyForQuery: it is committed
                    self.cut = Cut.NOWHERE
                    return
                writer.write(data)
                await writer.drain()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def relayed(dsn: str) -> AsyncIterator[Relay]:
    """A relay before the server of this DSN, which listens on a Unix socket."""
    parts = urlsplit(dsn)
    folder = parse_qs(parts.query)["host"][0]
    relay = Relay(f"{folder}/.s.PGSQL.5432")
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    relay.dsn = f"postgresql://ringfleet@127.0.0.1:{port}{parts.path}"
    try:
        yield relay
    finally:
        server.close()
        relay.close()
