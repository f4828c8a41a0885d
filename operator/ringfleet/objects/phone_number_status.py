"""How a number is received, and when that is worth a write: there may be many numbers, and calls never end."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfleet.objects.phone_number import NumberRecord

MOVED = Decimal("0.05")
"""So far an answer rate must have moved to be written again."""
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class DayUsage:
    """A number's traffic on a day that is over."""

    day: str
    calls: int


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """What the dispatcher's ledger tells of a number. `rate`: the share of its calls that are answered; None: no calls.
    `usage`: of the last day that was seen to end."""

    rate: float | None = None
    label: str | None = None
    usage: DayUsage | None = None


def is_news(record: NumberRecord, seen: HealthSeen) -> bool:
    """Whether it is worth a write: another label, an answer rate that has moved, or a day that is over."""
    over = seen.usage is not None and seen.usage.day != record.usage_day
    return over or seen.label != record.spam_label or _has_moved(record.answer_rate, seen.rate)


def _has_moved(written: Decimal | None, rate: float | None) -> bool:
    if rate is None:
        return False  # no calls for a while: what was seen last stands
    return written is None or abs(_rounded(rate) - written) >= MOVED


def _rounded(rate: float) -> Decimal:
    return Decimal(rate).quantize(_HUNDREDTH)


def health_patch(record: NumberRecord, attestation: str | None, seen: HealthSeen | None) -> dict[str, str | None]:
    """The merge patch for status.health; empty when it says all that already."""
    patch: dict[str, str | None] = {}
    if attestation != record.attestation:
        patch["attestation"] = attestation
    if seen is None:
        return patch
    if seen.label != record.spam_label:
        patch["spamLabel"] = seen.label
    if seen.rate is not None and _rounded(seen.rate) != record.answer_rate:
        patch["answerRate"] = f"{_rounded(seen.rate):f}"
    return patch
