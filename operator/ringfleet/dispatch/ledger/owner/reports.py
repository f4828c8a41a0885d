"""A set at a glance, from memory: what is put off, what its members did and may do. And numbers, whoever uses them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import nsmallest

from ringfleet.dispatch.ledger.interface import LONGEST_CALL
from ringfleet.dispatch.ledger.owner.memory import Deferral as Waiting
from ringfleet.dispatch.ledger.owner.memory import Memory
from ringfleet.dispatch.ledger.tables import Row
from ringfleet.dispatch.ledger.types import (
    Deferral,
    Deferrals,
    Hour,
    NumbersKnown,
    NumberTally,
    Rollup,
    Span,
    Tally,
)


def report_deferrals(memory: Memory, set_: str, now: float, day: int, limit: int) -> Deferrals:
    there = [one for one in _waiting(memory, set_, now) if one.put_off.day >= day]
    by_day = Counter(one.put_off.day for one in there)
    return Deferrals(tuple(sorted(by_day.items())), _first(there, limit))


def report_due(memory: Memory, set_: str, now: float, limit: int) -> tuple[Deferral, ...]:
    return _first([one for one in _waiting(memory, set_, now) if one.put_off.not_before <= now], limit)


def _waiting(memory: Memory, set_: str, now: float) -> list[Waiting]:
    """What is put off, and has room."""
    there = memory.waiting.get(memory.sets.get(set_, 0), {}).values()
    return [one for one in there if one.lapses > now and not one.put_off.lapsed]


def _first(there: Sequence[Waiting], limit: int) -> tuple[Deferral, ...]:
    first = nsmallest(limit, there, key=lambda one: (one.put_off.not_before, one.put_off.id))
    return tuple(
        Deferral(f"d{one.id}", f"+{one.number}", one.day, one.not_before, waiting.since, waiting.key)
        for one, waiting in ((waiting.put_off, waiting) for waiting in first)
    )


def report_set(memory: Memory, set_: str, now: float, day: int, traffic: Sequence[Row]) -> Rollup:
    open_since = now - LONGEST_CALL  # a call that began before has ended, told or not
    set_id = memory.sets.get(set_, 0)
    hours: dict[int, list[Hour]] = defaultdict(list)
    for number, *counts in traffic:
        hours[number].append(Hour(*counts))
    waiting = [one.put_off for one in _waiting(memory, set_, now) if one.put_off.day >= day]
    reserved = Counter(one.number for one in waiting)
    tallies = tuple(
        _tally(memory, set_id, number, open_since, day, reserved[number], tuple(hours[number]))
        for number in sorted(memory.members.get(set_id, ()))
    )
    known = memory.benches[set_id].known.values() if set_id else ()  # another set's number may have been used for it
    return Rollup(set_, day, sum(seat.used_on(day) for seat in known), len(waiting), tallies)


def _tally(
    memory: Memory, set_id: int, number: int, open_since: float, day: int, reserved: int, hours: tuple[Hour, ...]
) -> Tally:
    seat = memory.seat(set_id, number)
    shown = memory.label_of(number, seat.account)
    return Tally(
        number=seat.number,
        used=seat.used_on(day),
        reserved=reserved,
        open_calls=sum(since >= open_since for since in memory.lines.get(number, {}).values()),
        last_pick=seat.last or None,
        label=shown[0] if shown else None,
        labelled_at=shown[1] if shown else None,
        cleared_at=None if shown else memory.cleared_at(number, seat.account),
        hours=hours,
    )


Owned = Sequence[tuple[str, str]]
"""Numbers, each with the account that owns it."""


def active_since(memory: Memory, owned: Owned, hour: int) -> list[int]:
    """Those of the numbers that have had traffic in that hour or later: of the others no row need be looked for."""
    found = []
    for number, account in owned:
        hours = memory.activity.of_number(digits := int(number[1:]), account)
        if hours is not None and hours[1] >= hour:
            found.append(digits)
    return found


def report_numbers(
    memory: Memory, owned: Owned, now: float, spans: Sequence[Span], sums: Sequence[Sequence[Row]]
) -> NumbersKnown:
    """`sums`: for each span the rows of those numbers that have any."""
    by_span = [{row[0]: Hour(span[0], *row[1:]) for row in rows} for span, rows in zip(spans, sums, strict=True)]
    tallies: list[NumberTally] = []
    open_since = now - LONGEST_CALL  # the same
    for number, account in sorted(owned):
        digits = int(number[1:])
        label, hours = memory.label_of(digits, account), memory.activity.of_number(digits, account)
        lines = sum(since >= open_since for since in memory.lines.get(digits, {}).values())
        if label is None and hours is None and not lines and memory.cleared_at(digits, account) is None:
            continue
        parts = tuple(known.get(digits, Hour(span[0])) for span, known in zip(spans, by_span, strict=True))
        name, since = label or (None, None)
        tallies.append(NumberTally(number, account, lines, name, since, hours[1] if hours else None, parts))
    accounts = sorted({account for _, account in owned})
    heard = [(account, hours) for account in accounts if (hours := memory.activity.of_account(account))]
    return NumbersKnown(tuple(tallies), tuple((account, first, last) for account, (first, last) in heard))
