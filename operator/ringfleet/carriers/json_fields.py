"""Reading a carrier's JSON: every field by its name and kind, and a sentence about the first one that is wrong.

A reply that does not read raises ReplyUnreadable: nothing is concluded from it. Two replies are read otherwise. The
answer to a purchase: its reader turns the error into OutcomeUnknown, since money has moved. The rows of a listing or of
a catalog, by `read_rows`: one that nobody here can read, such as a short code, must not hide all the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from ringfleet.carriers.errors import ReplyUnreadable
from ringfleet.model import E164, Money, Unreadable

FIRST_YEAR, LAST_YEAR = 1970, 9000
AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")

Choice = TypeVar("Choice", bound=StrEnum)
T = TypeVar("T")


class Fields:
    """One JSON object of a reply. `where` names it in messages."""

    def __init__(self, json: object, where: str) -> None:
        """Raises ReplyUnreadable when `json` is no object."""
        if not isinstance(json, dict):
            raise ReplyUnreadable(f"the reply's {where} is {_kind(json)}; an object was expected")
        self._json = json
        self._where = where

    def wrong(self, field: str, expected: str) -> ReplyUnreadable:
        """The error about `field`: names it and what was expected, never its value, which may be anyone's number."""
        found = _kind(self._json.get(field))
        return ReplyUnreadable(f"the reply's {self._where}.{field} is {found}; {expected} was expected")

    def maybe_text(self, field: str) -> str | None:
        """A text, or None when the field is null, absent or empty."""
        value = self._json.get(field)
        if value is None:
            return None
        if isinstance(value, str) and _is_text(value):
            return value or None
        raise self.wrong(field, "a text or null")

    def text(self, field: str) -> str:
        value = self.maybe_text(field)
        if value is None:
            raise self.wrong(field, "a text")
        return value

    def flag(self, field: str) -> bool:
        """True or false; false when absent."""
        value = self._json.get(field, False)
        if not isinstance(value, bool):
            raise self.wrong(field, "true or false")
        return value

    def maybe_flag(self, field: str) -> bool:
        """True or false; false when absent or null."""
        return self.has(field) and self.flag(field)

    def names(self) -> tuple[str, ...]:
        """The names of all its fields."""
        return tuple(self._json)

    def has(self, field: str) -> bool:
        """Whether the field is there and not null."""
        return self._json.get(field) is not None

    def value(self, field: str) -> object:
        """What stands there, still to be read."""
        return self._json.get(field)

    def count(self, field: str) -> int:
        value = self._json.get(field)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.wrong(field, "a count")
        return value

    def number(self, field: str) -> E164:
        try:
            return E164.parse(self.text(field))
        except ValueError as error:
            raise self.wrong(field, "an E.164 number such as +14155550123") from error

    def choice(self, field: str, choices: dict[str, Choice]) -> Choice:
        """One of the carrier's own words, translated by `choices`."""
        chosen = choices.get(self.text(field))
        if chosen is None:
            raise self.wrong(field, f"one of {', '.join(sorted(choices))}")
        return chosen

    def money(self, field: str, currency: str) -> Money:
        """An exact amount, written by the carrier as a decimal text. A JSON number is refused: it is a float."""
        value = self._json.get(field)
        if not isinstance(value, str) or not AMOUNT.fullmatch(value):
            raise self.wrong(field, 'an amount as text such as "1.99"')
        return Money.parse(value, currency)

    def price(self, field: str, currency: str) -> Money:
        """An amount that can't be below zero."""
        amount = self.money(field, currency)
        if amount < Money.zero(currency):
            raise self.wrong(field, "an amount of zero or more")
        return amount

    def maybe_time(self, field: str) -> datetime | None:
        """An RFC 3339 time, as UTC, cut to whole seconds: a status keeps no finer time, and would never agree."""
        moment = self.maybe_moment(field)
        return moment and moment.replace(microsecond=0)

    def maybe_moment(self, field: str) -> datetime | None:
        """An RFC 3339 time, as UTC, as fine as it is. None, too, for one that stands for never: Go writes its zero
        time, of the year 1, where there is none, and others the year 9999."""
        text = self.maybe_text(field)
        if text is None:
            return None
        try:
            time = datetime.fromisoformat(text)
        except ValueError as error:
            raise self.wrong(field, "an RFC 3339 time") from error
        if not FIRST_YEAR <= time.year <= LAST_YEAR:
            return None
        if time.tzinfo is None:
            raise self.wrong(field, "an RFC 3339 time with its zone")
        return time.astimezone(UTC)

    def moment(self, field: str) -> datetime:
        """As `maybe_moment`, of a time that has to be there."""
        moment = self.maybe_moment(field)
        if moment is None:
            raise self.wrong(field, "an RFC 3339 time")
        return moment

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts; empty when absent or null."""
        values = self._json.get(field) or []
        if not isinstance(values, list) or not all(isinstance(value, str) and _is_text(value) for value in values):
            raise self.wrong(field, "a list of texts")
        return tuple(values)

    def items(self, field: str) -> list[object]:
        """A list, each of its items still to be read."""
        values = self._json.get(field)
        if not isinstance(values, list):
            raise self.wrong(field, "a list")
        return values

    def inside(self, field: str) -> Fields:
        return Fields(self._json.get(field), f"{self._where}.{field}")


def read_rows(
    rows: Iterable[object], parse: Callable[[object], T], number: str = "number"
) -> tuple[tuple[T, ...], tuple[Unreadable, ...]]:
    """What `parse` makes of the rows, and those that it can't read. `number` is the field that has a row's number."""
    read: list[T] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            read.append(parse(row))
        except ReplyUnreadable as error:
            named = number_in(Fields(row, "row"), number) if isinstance(row, dict) else None
            unreadable.append(Unreadable(str(error), named))
    return tuple(read), tuple(unreadable)


def number_in(row: Fields, field: str = "number") -> E164 | None:
    """The number of a row; None when it can't be read."""
    try:
        return row.number(field)
    except ReplyUnreadable:
        return None


def _is_text(value: str) -> bool:
    """Whether it can be written anywhere. JSON can say half of a surrogate pair, which no encoding has."""
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


def _kind(value: object) -> str:
    match value:
        case None:
            return "missing or null"
        case "":
            return "an empty text"
        case str():
            return "another text"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
