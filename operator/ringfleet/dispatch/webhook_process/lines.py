"""The pair of Unix sockets between the webhook process and its dispatcher, and the frames on it.

A frame is its length (four bytes, big-endian) and a message as MessagePack. Who stops listening is not waited for:
`Lines.say` only writes, and whoever has questions open bounds them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from ringfleet.dispatch.webhook_process.messages import Down, Up

LONGEST: Final = 64 * 1024 * 1024
"""Bytes of a frame. What is longer is no frame."""
_LENGTH: Final = 4

Said = TypeVar("Said")
_encode: Final = msgspec.msgpack.Encoder().encode


class Lines(Generic[Said]):
    """One end of the pair. `hears`: what the other end says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hears: Any) -> None:
        self._reader = reader
        self._writer = writer
        self._decode = msgspec.msgpack.Decoder(hears).decode

    @classmethod
    async def over(cls, end: socket.socket, hears: Any) -> Lines[Said]:
        reader, writer = await asyncio.open_unix_connection(sock=end)
        return cls(reader, writer, hears)

    def say(self, message: Down | Up) -> None:
        """Nothing where the other end is gone: `heard` ends then."""
        if not self._writer.is_closing():
            said = _encode(message)
            self._writer.write(len(said).to_bytes(_LENGTH) + said)

    @property
    def unread(self) -> int:
        """Bytes that were said and that the other end has not taken."""
        return self._writer.transport.get_write_buffer_size()

    async def heard(self) -> AsyncIterator[Said]:
        """What the other end says, until it is gone. Raises ValueError: it says what is no message."""
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(_LENGTH))
                if length > LONGEST:
                    raise ValueError(f"a frame of {length:,} bytes")
                yield self._decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def close(self) -> None:
        self._writer.close()
