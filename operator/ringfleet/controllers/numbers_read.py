"""What the dispatcher answers of numbers, from its JSON to the values of plans. Each raises KeyError, TypeError,
ValueError or AttributeError where it is no such answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from ringfleet.model import E164, AccountKey
from ringfleet.plan.number_traffic import NOTHING, Counts, Heard, NumbersSeen, NumberTraffic

LONGEST_LABEL = 128


def parse_numbers(body: Any) -> NumbersSeen:
    """One page."""
    return NumbersSeen(
        date.fromisoformat(body["day"]).isoformat(),
        {(E164(row["number"]), _account(row["account"])): _traffic(row) for row in body["numbers"]},
        {_account(row["account"]): Heard(_moment(row["first"]), _moment(row["last"])) for row in body["accounts"]},
    )


def joined(pages: Iterable[NumbersSeen]) -> NumbersSeen:
    """All of them as one."""
    day = ""
    numbers: dict[tuple[E164, AccountKey], NumberTraffic] = {}
    accounts: dict[AccountKey, Heard] = {}
    for page in pages:
        day = page.day
        numbers.update(page.numbers)
        accounts.update(page.accounts)
    return NumbersSeen(day, numbers, accounts)


def read_label(text: str | None) -> str | None:
    """In one line, and not longer than a label is."""
    return " ".join(text.split())[:LONGEST_LABEL] if text is not None else None


def read_time(text: str | None) -> datetime | None:
    return _moment(text) if text is not None else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _account(text: str) -> AccountKey:
    namespace, _, name = text.partition("/")
    return AccountKey(namespace, name)


def _traffic(row: Mapping[str, Any]) -> NumberTraffic:
    spans = (_counts(row[span]) for span in ("day", "recent", "week", "month"))
    return NumberTraffic(int(row["openCalls"]), read_label(row["label"]), read_time(row["lastTraffic"]), *spans)


def _counts(row: Mapping[str, Any]) -> Counts:
    counts = Counts(*(int(row[field]) for field in _FIELDS))
    return NOTHING if counts == NOTHING else counts  # most are: there may be a hundred thousand numbers


_FIELDS = ("calls", "answered", "messages", "delivered", "failed", "received")
