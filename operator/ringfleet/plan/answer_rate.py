"""Whether a rotation set, a pool or an account as a whole is answered less than it was: against its own past.

A list that nobody answers flags no number, since numbers are compared with each other; a blocked route, a lost
attestation or a label on all of them would be seen by nobody. So the whole is compared with its own past: the last day
with the weeks before it, or the last seven days where a day has too few calls.

::

    35 days ago                                    24 h (or 7 d) ago          now
    |-------------------- past --------------------|--------- recent ---------|

    dropped:   upper end of the recent rate  <  three quarters of the lower end of the past rate
    over:      the recent rate is back at nine tenths of the past one

Both ends are of 95 % Wilson intervals, so few calls never say anything. What is not known changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_traffic import NOTHING, Counts
from ringfleet.plan.rotation_set.reputation import wilson

MIN_SAMPLE = 100
"""So many tries, recent and past, say anything at all."""
SHARE = 0.75
RECOVERED = 0.9


@dataclass(frozen=True, slots=True)
class Trend:
    """The traffic of the whole; the days end now."""

    recent: Counts = NOTHING
    """Of the last 24 hours."""
    week: Counts = NOTHING
    """Of the last 7 days."""
    month: Counts = NOTHING
    """Of the last 35 days."""

    def __add__(self, other: Trend) -> Trend:
        return Trend(self.recent + other.recent, self.week + other.week, self.month + other.month)


@dataclass(frozen=True, slots=True)
class _Rate:
    tries: int
    successes: int

    def before(self, recent: _Rate) -> _Rate:
        """What there was before the recent part of it."""
        tries = max(0, self.tries - recent.tries)
        return _Rate(tries, min(tries, max(0, self.successes - recent.successes)))

    @property
    def says_something(self) -> bool:
        return self.tries >= MIN_SAMPLE


def judge_trend(trend: Trend | None, before: Reason | None) -> Reason | None:
    """Why the whole is answered less, None: it is not. `trend`: None while it is not known; `before`: what was said."""
    if trend is None:
        return before
    for reason, rate_of in ((Reason.FEWER_ANSWERED, _answered), (Reason.FEWER_DELIVERED, _delivered)):
        recent, week, month = rate_of(trend.recent), rate_of(trend.week), rate_of(trend.month)
        late = recent if recent.says_something else week
        if _has_dropped(late, month.before(late), said=before is reason):
            return reason
    return None


def _has_dropped(recent: _Rate, past: _Rate, *, said: bool) -> bool:
    if not (recent.says_something and past.says_something):
        return False
    if said:
        return recent.successes / recent.tries < RECOVERED * past.successes / past.tries
    _, at_most = wilson(recent.successes, recent.tries)
    at_least, _ = wilson(past.successes, past.tries)
    return at_most < SHARE * at_least


def _answered(counts: Counts) -> _Rate:
    return _Rate(counts.calls, min(counts.calls, counts.answered))


def _delivered(counts: Counts) -> _Rate:
    return _Rate(counts.delivered + counts.failed, counts.delivered)


def read_said(word: str | None) -> Reason | None:
    """Why the whole was said to be answered less; None: it was not, or for a reason that this version does not know."""
    return next((reason for reason in (Reason.FEWER_ANSWERED, Reason.FEWER_DELIVERED) if reason == word), None)


def say_dropped(reason: Reason | None, what: str) -> tuple[Condition, ...]:
    """`what`: the numbers, as `of the set`, `of the pool` or `of the account`."""
    if reason is Reason.FEWER_ANSWERED:
        message = (
            f"Of the calls from the numbers {what}, surely fewer are answered than in the weeks before. Look whether "
            "they are labelled as spam or signed with a lower attestation, whether a route is blocked, and what is "
            "called: more numbers would not help."
        )
        return (Condition("AnswerRateDropped", True, Reason.FEWER_ANSWERED, message),)
    if reason is Reason.FEWER_DELIVERED:
        message = (
            f"Of the messages from the numbers {what}, surely fewer are delivered than in the weeks before. Look "
            "whether the carrier filters them, whether the campaign's registration holds, and what is sent: more "
            "numbers would not help."
        )
        return (Condition("AnswerRateDropped", True, Reason.FEWER_DELIVERED, message),)
    return ()
