"""What the operator reads: a set's day, the ledger's hours summed up to today, 7 days and 30 days; and the traffic of
numbers, whoever uses them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from ringfleet.dispatch.ledger.types import Hour, NumbersKnown, NumberTally, Rollup, Span, Tally
from ringfleet.dispatch.problems import write_time
from ringfleet.dispatch.schema import (
    AccountHeard,
    NumberRollup,
    NumbersReply,
    NumberTraffic,
    RollupReply,
    TrafficCounts,
)
from ringfleet.plan.rotation_set.calendar import HOUR, beginning

WEEK, MONTH = 7 * 24, 30 * 24


def write_rollup(rollup: Rollup, now: float, zone: str, capacity: int, ledger_split: str | None = None) -> RollupReply:
    """`capacity`: what the set's active numbers may do today; `ledger_split`: what is to be said of a second ledger."""
    day = date.fromordinal(rollup.day)
    today = int(beginning(day, zone) // HOUR)
    numbers = tuple(_number(tally, int(now // HOUR), today) for tally in rollup.tallies)
    replies = sum(number.replies_today for number in numbers)
    return RollupReply(
        rollup.set, day.isoformat(), rollup.used, replies, rollup.deferred, capacity, numbers, ledger_split
    )


def _number(tally: Tally, hour: int, today: int) -> NumberRollup:
    week = _sum(one for one in tally.hours if one.hour > hour - WEEK)
    month = _sum(one for one in tally.hours if one.hour > hour - MONTH)
    return NumberRollup(
        number=tally.number,
        used=tally.used,
        reserved=tally.reserved,
        open_calls=tally.open_calls,
        last_pick=_time(tally.last_pick),
        label=tally.label,
        labelled_at=_time(tally.labelled_at),
        cleared_at=_time(tally.cleared_at),
        replies_today=_sum(one for one in tally.hours if one.hour >= today).replies,
        calls_today=_sum(one for one in tally.hours if one.hour >= today).calls,
        calls7d=week.calls,
        answered7d=week.answered,
        calls30d=month.calls,
        answered30d=month.answered,
        seconds30d=month.seconds,
        messages7d=week.messages,
        delivered7d=week.delivered,
        failed7d=week.failed,
    )


def _sum(hours: Iterable[Hour]) -> Hour:
    calls = answered = seconds = messages = delivered = failed = received = replies = 0
    for one in hours:
        calls, answered, seconds = calls + one.calls, answered + one.answered, seconds + one.seconds
        messages, delivered, failed = messages + one.messages, delivered + one.delivered, failed + one.failed
        received, replies = received + one.received, replies + one.replies
    return Hour(0, calls, answered, seconds, messages, delivered, failed, received, replies)


def _time(moment: float | None) -> str | None:
    return None if moment is None else write_time(moment)


KEPT = 35 * 24
"""Hours for which traffic is kept."""


def spans_of(now: float) -> tuple[Span, ...]:
    """The last day that is over, in UTC; 24 hours, 7 days and 35 days that end with this hour."""
    today, end = int(now // 86400) * 24, int(now // HOUR) + 1
    return (today - 24, today), (end - 24, end), (end - WEEK, end), (end - KEPT, end)


def write_numbers(known: NumbersKnown, now: float, after: str | None) -> NumbersReply:
    """`after`: where the next page begins; None: this is the last."""
    day = datetime.fromtimestamp(now, UTC).date().toordinal() - 1
    return NumbersReply(
        date.fromordinal(day).isoformat(),
        tuple(_traffic(tally) for tally in known.tallies),
        tuple(AccountHeard(account, write_time(a * HOUR), write_time(b * HOUR)) for account, a, b in known.accounts),
        after,
    )


def _traffic(tally: NumberTally) -> NumberTraffic:
    last = None if tally.last_hour is None else tally.last_hour * HOUR
    day, recent, week, month = (_counts(hour) for hour in tally.sums)
    shown = (tally.label, _time(tally.labelled_at))
    return NumberTraffic(tally.number, tally.account, tally.open_calls, *shown, _time(last), day, recent, week, month)


def _counts(one: Hour) -> TrafficCounts:
    return TrafficCounts(one.calls, one.answered, one.messages, one.delivered, one.failed, one.received)
