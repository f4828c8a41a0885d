"""Event streams: messages that come in, told to the dispatcher beside whatever the number itself calls. The protocol
that adapters implement beside `Carrier`, where the carrier has such a thing.

With it, the program that a number's messages go to is called by the carrier, as if we were not there, and a STOP is
heard all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stream:
    """What the carrier has of a stream."""

    id: str
    """The carrier's id of where its events go."""
    active: bool
    """Whether events are sent there."""
    state: str
    """The carrier's own word for that."""


class EventStreams(Protocol):
    """One account's. A stream is ours by its name, and nothing else of the account is touched."""

    async def ensure(self, name: str, url: str) -> Stream:
        """Have the messages that come in told to `url`, by one stream of that name. Twice is once, also after a lost
        reply or a crash: what is there is found by its name, and what is too much of it goes.

        Raises:
            RequestRejected, CredentialsRejected: the account has no event streams, or the credentials may not use them.
            CarrierUnavailable: it is not known what is there.
        """
        ...

    async def remove(self, name: str) -> None:
        """Take the stream of that name away, if it is there. Raises as `ensure` does."""
        ...
