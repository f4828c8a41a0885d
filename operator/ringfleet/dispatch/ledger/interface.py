"""The interface of a ledger: what every engine promises. Safe for concurrent tasks; opened and closed once.

Promises, each with a test in the conformance suite:

- What was answered is on disk: no acknowledged pick, deferral, opt-out or event is lost by kill -9.
- No number exceeds a cap, whatever is concurrent; no recipient has two sticky rows in a set.
- The same `key` with the same `fingerprint` is answered as before, for `KEPT` seconds, without a second effect.
- An opt-out that was acknowledged is seen by every pick that was asked afterwards, under whatever key.
- An event is counted once, whatever its order and however often it comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from ringfleet.dispatch.ledger.session_types import SessionAnswer, SessionAsk
from ringfleet.dispatch.ledger.types import (
    ANALYTICS,
    Ask,
    Cancelled,
    Deferral,
    Deferrals,
    GivenBack,
    Heard,
    Letter,
    Mark,
    NumbersKnown,
    Past,
    Posted,
    Rollup,
    Roster,
    Span,
    Suppression,
    Unclear,
    Verdict,
)

KEPT = 86400.0
"""Seconds for which an answer is replayed."""
KEPT_ROOM = 7200.0
"""Seconds for which room is kept where nobody says for how long."""
LONGEST_CALL = 4 * 3600.0
"""Seconds after which a call whose end was never told is taken to have ended."""


class LedgerUnavailable(Exception):
    """The ledger can't be read or written now; what was asked did not happen, or is not known to have. Ask again with
    the same key. The message says which ledger, and what is wrong with it."""


class Unwritable(LedgerUnavailable):
    """The ledger can't hold what this one request says, such as a text with a NUL in it, which PostgreSQL has none of.
    It did not happen, and would not when asked again; what others ask is not concerned."""


class KeysUnknown(LedgerUnavailable):
    """The ledger has recipients under a key that this process has not: nobody's opt-out under it would be found. The
    message says which, and what to do."""


class NotTheOwner(LedgerUnavailable):
    """Another process decides for this ledger, or none does now.

    `owner`: where the owner answers; None: there is none that lives, so far as is known.
    """

    def __init__(self, message: str, owner: str | None) -> None:
        super().__init__(message)
        self.owner = owner


class Ledger(Protocol):
    """See the module."""

    async def __aenter__(self) -> Ledger: ...

    async def __aexit__(self, *_: object) -> None: ...

    @property
    def is_ours(self) -> bool:
        """Whether this process decides for the ledger."""
        ...

    @property
    def mark(self) -> Mark | None:
        """By what the ledger is told from others; None: this process has not decided for it yet."""
        ...

    async def answer_at(self, url: str) -> None:
        """Tell the other processes where this one answers when it decides."""
        ...

    @property
    def owner(self) -> str | None:
        """Where whoever decides answers; None: nobody that is known to live."""
        ...

    async def owner_changes(self, within: float) -> None:
        """Return when the owner is another one, or after `within` seconds."""
        ...

    async def meet_keys(self, checks: Mapping[bytes, str], remember: bool = True) -> tuple[str, ...]:
        """By which keys recipients are hashed from now on: check values, with names for people. Returns the names of
        those that are missing, under which the ledger has rows: while one is, it does nothing else. `remember`: the new
        ones are to be known from now on."""
        ...

    async def keys(self) -> Mapping[bytes, str]:
        """The check values of the keys that its recipients are hashed by, with their names."""
        ...

    async def enlist(self, roster: Roster) -> None:
        """From now on, these are the set's members. One that stays keeps its counts; the day never goes back."""
        ...

    def on_taken(self, hear: Callable[[], None]) -> None:
        """Call `hear` when this process becomes the owner of the ledger while it runs. Until `trust_rosters`, a roster
        is taken for what both it and the ledger's last one allow."""
        ...

    def trust_rosters(self) -> None:
        """The rosters from now on are of what was listed since the ledger became ours."""
        ...

    def pick(self, ask: Ask) -> Awaitable[Verdict]:
        """Decide, record, and answer: see `pick` for the order of what is looked at."""
        ...

    async def give_back(self, set_: str, pick: str, day: int) -> GivenBack:
        """A pick was not used: its unit is free again. Twice is once."""
        ...

    async def deferrals(self, set_: str, day: int, limit: int = 100, now: float = 0.0) -> Deferrals:
        """What is put off to `day` or later, and has room still at `now`."""
        ...

    async def due(self, set_: str, now: float, limit: int = 100) -> tuple[Deferral, ...]:
        """What is put off, may go out by now, and has its room still; the earliest first."""
        ...

    @property
    def put_off(self) -> int:
        """How many deferrals this process has made: another number, another deferral."""
        ...

    async def more_put_off(self, than: int, within: float) -> None:
        """Return when `put_off` is another number, or after `within` seconds."""
        ...

    async def cancel(self, set_: str, deferral: str) -> Cancelled:
        """A contact that was put off is not wanted any more: its room is free. Twice is once."""
        ...

    async def session(self, ask: SessionAsk) -> SessionAnswer:
        """Open, join, look at, list, extend, close or use a masked session, or count a service's: see `law.sessions`
        for who gets which number. Of one participant, no two sessions are ever open under one number."""
        ...

    async def suppress(self, entries: Sequence[Suppression]) -> int:
        """Record opt-outs; returns how many are new. One that is there stays as it is, but that by word gives way to a
        younger one by word, and to any that is not."""
        ...

    async def allow(self, scope: str, recipients: Sequence[bytes]) -> int:
        """Take opt-outs back, whatever they are by; returns how many there were."""
        ...

    async def suppressions(self, scope: str, limit: int = 100, after: bytes = b"") -> tuple[Suppression, ...]:
        """The opt-outs of a scope, by recipient, the first `limit` after `after`."""
        ...

    async def ingest(self, heard: Sequence[Heard]) -> int:
        """Count events, and do what they say of opt-outs; returns how many were new."""
        ...

    async def unclear(self, set_: str, limit: int = 100) -> tuple[Unclear, ...]:
        """The messages to the set that may ask to be left alone, and that nobody has read; the oldest first."""
        ...

    async def has_read(self, set_: str, account: str, event: str) -> bool:
        """A person has read it. False: there was none."""
        ...

    async def recall(self, recipients: Sequence[bytes]) -> Past:
        """All that is known of a recipient with these hashes."""
        ...

    async def erase(self, recipients: Sequence[bytes]) -> int:
        """Forget a recipient with these hashes, opt-outs aside; returns how many rows there were."""
        ...

    async def rollup(self, set_: str, now: float, day: int, days: int = 30) -> Rollup:
        """The set now, with the traffic of the last `days` days."""
        ...

    async def numbers(self, owned: Sequence[tuple[str, str]], now: float, spans: Sequence[Span]) -> NumbersKnown:
        """What is known of these numbers, each with the account that owns it."""
        ...

    def forward_events(self) -> None:
        """From now on, put each event that is new into the outbox, in the group that counts it."""
        ...

    async def post(self, letters: Sequence[Letter], at: float) -> None:
        """Put the letters into the outbox, each behind those for its target that are there. `at`: POSIX seconds."""
        ...

    async def outbox(self, limit: int, target: str = ANALYTICS) -> tuple[Posted, ...]:
        """The oldest in the outbox that are for the target."""
        ...

    async def targets(self) -> frozenset[str]:
        """Whom anything in the outbox is for."""
        ...

    @property
    def posted(self) -> int:
        """How often something was put into the outbox, as far as this process knows."""
        ...

    async def outbox_fills(self, than: int, within: float) -> None:
        """Return when `posted` is another number than that, or after `within` seconds."""
        ...

    async def sent(self, ids: Sequence[int]) -> None:
        """These have arrived: take them out of the outbox."""
        ...

    async def prune(self, now: float, contacts_before: float) -> int:
        """Forget what no promise needs: replays after `KEPT`; picks, events and who called or wrote, after 35 days;
        deferrals of days gone; masked sessions that are remembered no more; contacts whose last was before
        `contacts_before`. Returns how many rows went."""
        ...
