"""A set's day as the operator reads it: the ledger's hours summed up to today, 7 days and 30 days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ringfleet.dispatch.ledger.types import Hour, Rollup, Tally
from ringfleet.dispatch.problems import write_time
from ringfleet.dispatch.schema import NumberRollup, RollupReply
from ringfleet.plan.rotation_set.calendar import HOUR, beginning

WEEK, MONTH = 7 * 24, 30 * 24


def write_rollup(rollup: Rollup, now: float, zone: str, capacity: int) -> RollupReply:
    """`capacity`: what the set's active numbers may do today."""
    day = date.fromordinal(rollup.day)
    today = int(beginning(day, zone) // HOUR)
    numbers = tuple(_number(tally, int(now // HOUR), today) for tally in rollup.tallies)
    replies = sum(number.replies_today for number in numbers)
    return RollupReply(rollup.set, day.isoformat(), rollup.used, replies, rollup.deferred, capacity, numbers)


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
