"""The calls and messages that an account has had, as its carrier lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfleet.simulator.clock import Clock
from ringfleet.simulator.store import Store


@dataclass(frozen=True, slots=True)
class Contact:
    """One call or message. `ok`: it was answered, or delivered."""

    id: int
    number: str
    peer: str
    outbound: bool
    at: float
    ok: bool
    seconds: int
    text: str | None
    rings: int

    @property
    def answered_at(self) -> float | None:
        """When a call was answered; None: nobody did."""
        return self.at + self.rings if self.seconds else None

    @property
    def ended_at(self) -> float:
        """When a call ends."""
        return self.at + self.rings + self.seconds


class History:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def newest(
        self, account: str, kind: str, since: float = 0.0, until: float | None = None, inbound: bool = False
    ) -> Sequence[Contact]:
        """Those of a kind, `call` or `message`, that began since then and before `until` (None: now), the newest
        first. `inbound`: only those that came in."""
        rows = self._store.rows(
            "SELECT id, number, peer, outbound, at, answered, seconds, text, rings FROM traffic "
            "WHERE account = ? AND kind = ? AND at >= ? AND at <= ? AND NOT (outbound AND ?) ORDER BY at DESC, id DESC",
            account,
            kind,
            since,
            self._clock.now() if until is None else until,
            int(inbound),
        )
        return [
            Contact(id_, number, peer, bool(outbound), at, bool(ok), seconds, text, rings)
            for id_, number, peer, outbound, at, ok, seconds, text, rings in rows
        ]
