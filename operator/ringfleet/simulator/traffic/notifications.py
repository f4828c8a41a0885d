"""What an account is told of its traffic, and when: the fields of each event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ringfleet.simulator.selling.holdings import Holdings
from ringfleet.simulator.traffic.reputation import Label
from ringfleet.simulator.traffic.webhooks import Webhooks

_DELIVERY: Final = 3.0
"""Seconds until it is known what became of a message."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call or message that an account, or a person, wants to make. `number` is the account's side of it."""

    number: str
    peer: str
    at: float
    pick: str | None = None
    text: str | None = None


class Tidings:
    def __init__(self, holdings: Holdings, webhooks: Webhooks) -> None:
        self._holdings = holdings
        self._webhooks = webhooks

    def of_call(self, account: str, id_: int, attempt: Attempt, direction: str, rings: int, seconds: int) -> None:
        """It rings for so long, and when anybody answers, they talk for `seconds`."""
        data = {"call_id": call_id(id_), **_parties(attempt, direction)}
        self._tell(account, "call.started", attempt, 0, data)
        if seconds:
            self._tell(account, "call.answered", attempt, rings, data)
        self._tell(account, "call.ended", attempt, rings + seconds, data | {"duration_seconds": seconds})

    def of_message(self, account: str, id_: int, attempt: Attempt, delivered: bool) -> None:
        """One that the account has sent."""
        data = {"message_id": message_id(id_), **_parties(attempt, "outbound"), "text": attempt.text}
        self._tell(account, "message.sent", attempt, 0, data)
        self._tell(account, "message.delivered" if delivered else "message.failed", attempt, _DELIVERY, data)

    def of_answer(self, account: str, id_: int, attempt: Attempt) -> None:
        """A message from a person."""
        data = {"message_id": message_id(id_), **_parties(attempt, "inbound"), "text": attempt.text}
        self._tell(account, "message.received", attempt, 0, data)

    def of_label(self, type_: str, label: Label) -> None:
        """Told to whoever owns the number now."""
        owner = self._holdings.owner(label.number)
        if owner is not None:
            data = {"number": label.number, "label": label.label}
            self._webhooks.queue(owner.account, type_, label.number, label.since, data)

    def _tell(self, account: str, type_: str, attempt: Attempt, after: float, data: dict[str, Any]) -> None:
        self._webhooks.queue(account, type_, attempt.number, attempt.at + after, data)


def call_id(id_: int) -> str:
    return f"call_{id_:08d}"


def message_id(id_: int) -> str:
    return f"msg_{id_:08d}"


def _parties(attempt: Attempt, direction: str) -> dict[str, Any]:
    return {"number": attempt.number, "peer": attempt.peer, "direction": direction, "pick_id": attempt.pick}
