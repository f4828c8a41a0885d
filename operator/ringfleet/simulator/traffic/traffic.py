"""Calls and messages, from and to the numbers that accounts own.

Nothing rings and nobody speaks. What becomes of a call is decided when it is made, by the dice and by the reputation of
its number, and the account is told of it as time comes to it: started, answered, ended.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from ringfleet.simulator.accounts import Accounts, Kind
from ringfleet.simulator.clock import DAY, Clock
from ringfleet.simulator.fields import BadField
from ringfleet.simulator.randomness import draw
from ringfleet.simulator.selling.holdings import Holding, Holdings, Status
from ringfleet.simulator.store import Store
from ringfleet.simulator.traffic.notifications import Attempt, Tidings, call_id, message_id
from ringfleet.simulator.traffic.reputation import DELIVERED, LABELLED, Labels, answer_rate

_NUMBER: Final = re.compile(r"\+[1-9]\d{5,14}")
_RINGS: Final = 25
"""Seconds that a call rings when nobody answers."""
_PICKED_UP: Final = 5
"""Seconds that it rings at least."""
_TALK: Final = 90
"""Seconds that people talk, on the average; 900 at most."""
_LONGEST: Final = 900
_MINUTE_PRICE: Final = 1
_MESSAGE_PRICE: Final = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call or message."""

    attempt: Attempt
    """The call or message that was to be made."""
    refusal: str | None = None
    """Why nothing happened; None: it was made."""
    id: int = 0
    """The id of the call or message; 0 when nothing happened."""
    ok: bool = False
    """Whether the call was answered, or the message delivered."""
    seconds: int = 0
    """How long people talked; 0 for a message."""
    velocity: int = 0
    """How many calls the number has made in the last 24 hours, this one included; 0 for anything but a call to a
    person."""
    label: str | None = None
    """The label that is shown for the number; None: none is."""
    attestation: str | None = None
    """How the call is signed: `A`, `B` or `C`; None for anything but a call to a person."""


class Traffic:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        accounts: Accounts,
        holdings: Holdings,
        labels: Labels,
        tidings: Tidings,
        seed: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._holdings = holdings
        self._labels = labels
        self._tidings = tidings
        self._seed = seed

    def call(self, account: str, attempt: Attempt) -> Outcome:
        """An owned number calls somebody."""
        held = self._find(attempt)
        if refusal := self._refuse(held, account, "voice"):
            return Outcome(attempt, refusal)
        velocity = self.velocity(attempt.number, attempt.at) + 1
        if new := self._labels.weigh(attempt.number, velocity, attempt.at):
            self._tidings.of_label("number.labelled", new)
        label = self._labels.of(attempt.number)
        answered = self._chance("answers", attempt, velocity) < answer_rate(velocity, label is not None)
        seconds = self._length(attempt, velocity) if answered else 0
        rings = (
            _RINGS
            if not answered
            else int(_PICKED_UP + self._chance("rings", attempt, velocity) * (_RINGS - _PICKED_UP))
        )
        id_ = self._write(account, attempt, "call", True, answered, seconds, rings)
        if seconds:
            minutes = math.ceil(seconds / 60)
            self._accounts.bill(account, attempt.number, Kind.CALL, minutes * _MINUTE_PRICE, call_id(id_))
        self._tidings.of_call(account, id_, attempt, "outbound", rings, seconds)
        shown = label.label if label else None
        return Outcome(attempt, None, id_, answered, seconds, velocity, shown, held.attestation if held else None)

    def message(self, account: str, attempt: Attempt) -> Outcome:
        """An owned number writes to somebody."""
        held = self._find(attempt)
        if refusal := self._refuse(held, account, "sms"):
            return Outcome(attempt, refusal)
        label = self._labels.of(attempt.number)
        turn = self._store.rows("SELECT count(*) FROM traffic WHERE number = ? AND kind = 'message'", attempt.number)[0]
        chance = DELIVERED * (LABELLED if label else 1.0)
        delivered = self._chance("delivered", attempt, turn) < chance
        id_ = self._write(account, attempt, "message", True, delivered)
        self._accounts.bill(account, attempt.number, Kind.MESSAGE, _MESSAGE_PRICE, message_id(id_))
        self._tidings.of_message(account, id_, attempt, delivered)
        return Outcome(attempt, None, id_, delivered, 0, 0, label.label if label else None)

    def receive_call(self, attempt: Attempt) -> Outcome:
        """A person calls an owned number: it is answered when its owner has routed it."""
        held = self._find(attempt)
        if held is None or (refusal := self._refuse(held, held.account, "voice")):
            return Outcome(attempt, "not_owned" if held is None else refusal)
        seconds = self._length(attempt, "inbound")
        id_ = self._write(held.account, attempt, "call", False, True, seconds, _PICKED_UP)
        self._tidings.of_call(held.account, id_, attempt, "inbound", _PICKED_UP, seconds)
        return Outcome(attempt, None, id_, True, seconds)

    def receive_message(self, attempt: Attempt) -> Outcome:
        """A person writes to an owned number."""
        held = self._find(attempt)
        if held is None or (refusal := self._refuse(held, held.account, "sms")):
            return Outcome(attempt, "not_owned" if held is None else refusal)
        id_ = self._write(held.account, attempt, "message", False, True)
        self._tidings.of_answer(held.account, id_, attempt)
        return Outcome(attempt, None, id_, True)

    def velocity(self, number: str, at: float) -> int:
        """The number's calls in the 24 hours up to `at`."""
        row = self._store.row(
            "SELECT count(*) FROM traffic WHERE number = ? AND kind = 'call' AND outbound AND at > ? AND at <= ?",
            number,
            at - DAY,
            at,
        )
        return int(row[0]) if row else 0

    def settle(self) -> None:
        """Numbers that have rested lose their labels."""
        for label in self._labels.clear(self._clock.now()):
            self._tidings.of_label("number.cleared", label)

    def _find(self, attempt: Attempt) -> Holding | None:
        for field, number in (("from", attempt.number), ("to", attempt.peer)):
            if not _NUMBER.fullmatch(number):
                raise BadField(field, "is no number such as +14155550123")
        if not self._clock.now() - DAY <= attempt.at <= self._clock.now():
            raise BadField("at", "is not within the last 24 hours of the exchange's clock")
        return self._holdings.owner(attempt.number)

    def _refuse(self, held: Holding | None, account: str, capability: str) -> str | None:
        """Why this number can't be used, in one word."""
        if held is None or held.account != account:
            return "not_owned"
        status = held.status(self._clock.now())
        if status is not Status.ACTIVE:
            return str(status)
        if not held.routed:
            return "unrouted"
        return None if capability in held.capabilities else f"no_{capability}"

    def _length(self, attempt: Attempt, turn: object) -> int:
        talk = -math.log(1 - self._chance("talks", attempt, turn)) * _TALK
        return min(10 + int(talk), _LONGEST)

    def _chance(self, what: str, attempt: Attempt, turn: object) -> float:
        return draw(self._seed, what, attempt.number, attempt.peer, turn)

    def _write(
        self, account: str, attempt: Attempt, kind: str, outbound: bool, ok: bool, seconds: int = 0, rings: int = 0
    ) -> int:
        return self._store.write(
            "INSERT INTO traffic (account, number, peer, kind, outbound, at, answered, seconds, pick, text, rings) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            account,
            attempt.number,
            attempt.peer,
            kind,
            int(outbound),
            attempt.at,
            int(ok),
            seconds,
            attempt.pick,
            attempt.text,
            rings,
        )
