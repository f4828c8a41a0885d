"""Which numbers a carrier refused their bundle, and when it is asked again. In memory: a restart asks once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.phone_number.case import AttachRefusal
from ringfleet.rate import backoff

FIRST_AGAIN, LAST_AGAIN = timedelta(seconds=15), timedelta(hours=1)
"""How long a carrier that refuses is left alone: at first, and at last."""


@dataclass(frozen=True, slots=True)
class _Refused:
    external_id: str
    why: str
    times: int
    again: datetime


class Refusals:
    """Which numbers the carrier did not give their bundle, by uid, and when it is asked again."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[str, _Refused] = {}

    def note(self, record: NumberRecord, external_id: str, code: str) -> AttachRefusal:
        """The carrier has just refused; `code` is its own word, of those that may be quoted."""
        before = self._known.get(record.uid)
        times = before.times + 1 if before and before.external_id == external_id else 1
        why = f"it says {code}." if code else "it gives no reason that may be quoted."
        again = self._clock() + backoff(times, FIRST_AGAIN, LAST_AGAIN)
        self._known[record.uid] = _Refused(external_id, why, times, again)
        return AttachRefusal(external_id, why)

    def forget(self, record: NumberRecord) -> None:
        self._known.pop(record.uid, None)

    def of(self, record: NumberRecord) -> AttachRefusal | None:
        known = self._known.get(record.uid)
        return AttachRefusal(known.external_id, known.why, known.again <= self._clock()) if known else None

    def again(self, record: NumberRecord) -> datetime | None:
        """When the carrier is asked again."""
        known = self._known.get(record.uid)
        return known.again if known else None
