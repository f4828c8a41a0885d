"""The rotation calculator: numbers for a volume, or the volume of some numbers, with every limit by its name.

More numbers do not always mean more throughput. In the US, a campaign has its messages a minute, a brand its messages a
day, and a campaign at most 49 numbers unless its pool is approved: the least of all limits binds, and is named. The
simplest case is the rule of thumb numbers = ceil(volume / cap), which comes out when nothing else binds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import floor

from ringfleet.plan.sizing.formulas import rotation_size, utilisation

CAMPAIGN_NUMBERS = 49
"""Of a US campaign at T-Mobile, unless its number pool is approved."""
_ROUNDING = 1e-9


class Limit(StrEnum):
    """What can bind. The words are stable: API and status use them."""

    VOLUME = "volume"
    NUMBERS = "numbers"
    CAMPAIGN = "campaign"
    BRAND = "brand"
    NUMBER_POOL = "numberPool"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one number may do, and what all together may. `cap` a day and number.

    `overload`: the share of days in which sticky traffic may meet a number at its cap; None when traffic can be
    levelled. `per_minute`: the campaign's messages a minute, in `hours` a
    day, of which quiet hours from 21:00 to 08:00 leave 13; `brand_daily`: the brand's a day, both in
    segments, of which a message has `segments`;
    `most_numbers`: the campaign's. None: no such limit. After `work_days` a number rests `rest_days`; the share
    `flag_rate` is flagged in a day, for `remediation_days`. `headroom_percent`: numbers beyond what is needed.
    """

    cap: int
    overload: float | None = None
    work_days: int = 1
    rest_days: int = 0
    flag_rate: float = 0.0
    remediation_days: float = 0.0
    headroom_percent: int = 0
    per_minute: int | None = None
    segments: int = 1
    hours: float = 13.0
    brand_daily: int | None = None
    most_numbers: int | None = None

    @property
    def used(self) -> float:
        """The share of the cap that is planned for."""
        return utilisation(self.cap, self.overload) if self.overload else 1.0

    def shared_limits(self) -> Mapping[Limit, float]:
        """Contacts a day that no number of numbers exceeds."""
        limits = {
            Limit.CAMPAIGN: self.per_minute * 60 * self.hours / self.segments if self.per_minute is not None else None,
            Limit.BRAND: self.brand_daily / self.segments if self.brand_daily is not None else None,
        }
        return {limit: most for limit, most in limits.items() if most is not None}


@dataclass(frozen=True, slots=True)
class Sized:
    """`numbers` make `volume` contacts a day possible. `binds` is the limit that keeps it from being more; VOLUME: what
    was asked for is possible. `limits`: contacts a day that each of them allows, by name."""

    numbers: int
    volume: int
    binds: Limit
    limits: tuple[tuple[Limit, int], ...]


def numbers_for(volumes: tuple[float, ...], traffic: Traffic) -> Sized:
    """How many numbers this many contacts a day take. `volumes`: one for each place that has numbers of its own.

    Raises:
        ValueError: more numbers are flagged than come back, or a share is none.
    """
    asked = sum(volumes)
    allowed, binds = within_shared_limits(asked, traffic)
    share = allowed / asked if asked else 1.0
    numbers = with_headroom(least_numbers(tuple(volume * share for volume in volumes), traffic), traffic)
    if traffic.most_numbers is not None and numbers > traffic.most_numbers:
        numbers, binds = traffic.most_numbers, Limit.NUMBER_POOL
    limits = {Limit.NUMBERS: carries(numbers, traffic), **traffic.shared_limits()}
    possible = asked if binds is Limit.VOLUME else min(asked, *limits.values())
    return Sized(numbers, floor(possible + _ROUNDING), binds, _named(limits))


def volume_of(numbers: int, traffic: Traffic) -> Sized:
    """How many contacts a day so many numbers make possible."""
    usable = numbers if traffic.most_numbers is None else min(numbers, traffic.most_numbers)
    limits = {Limit.NUMBERS: carries(usable, traffic), **traffic.shared_limits()}
    least = min(limits, key=lambda limit: limits[limit])
    binds = Limit.NUMBER_POOL if least is Limit.NUMBERS and usable < numbers else least
    return Sized(numbers, floor(limits[least] + _ROUNDING), binds, _named(limits))


def carries(numbers: int, traffic: Traffic) -> float:
    """The contacts a day that these numbers carry: those that do not rest, without the headroom and the flagged."""
    out = traffic.flag_rate * traffic.remediation_days
    at_work = traffic.work_days / (traffic.work_days + traffic.rest_days) * max(0.0, 1.0 - out)
    return numbers / (1 + traffic.headroom_percent / 100) * at_work * traffic.cap * traffic.used


def shared_most(traffic: Traffic) -> int | None:
    """The contacts a day that campaign and brand let through, however many numbers there are; None: no such limit."""
    limits = traffic.shared_limits()
    return floor(min(limits.values()) + _ROUNDING) if limits else None


def within_shared_limits(volume: float, traffic: Traffic) -> tuple[float, Limit]:
    """How much of the volume campaign and brand allow, and which of them binds; VOLUME: neither."""
    shared = traffic.shared_limits()
    least = min(shared, key=lambda limit: shared[limit], default=None)
    return (shared[least], least) if least is not None and shared[least] < volume else (volume, Limit.VOLUME)


def least_numbers(volumes: tuple[float, ...], traffic: Traffic) -> int:
    """The numbers that these volumes take, without headroom, and whatever else is allowed. Raises ValueError."""
    return rotation_size(
        volumes,
        traffic.cap,
        used=traffic.used,
        work_days=traffic.work_days,
        rest_days=traffic.rest_days,
        flag_rate=traffic.flag_rate,
        remediation_days=traffic.remediation_days,
    )


def planned_for(traffic: Traffic) -> int:
    """The contacts a day that a number is planned for, rounded down."""
    return floor(traffic.cap * traffic.used + _ROUNDING)


def with_headroom(numbers: int, traffic: Traffic) -> int:
    return -(-numbers * (100 + traffic.headroom_percent) // 100)


def _named(limits: Mapping[Limit, float]) -> tuple[tuple[Limit, int], ...]:
    return tuple(sorted((limit, floor(most + _ROUNDING)) for limit, most in limits.items()))


@dataclass(frozen=True, slots=True)
class Tier:
    """A plan of a price list: so many numbers."""

    name: str
    numbers: int


EXAMPLE_TIERS = (Tier("Starter", 1), Tier("Growth", 2), Tier("Scale", 4), Tier("Empire", 8))
"""An example of a product that sells sending in tiers, each number for 1,000 messages a day."""
EXAMPLE_CAP = 1000


def tier_for(numbers: int, tiers: tuple[Tier, ...] = EXAMPLE_TIERS) -> Tier | None:
    """The smallest tier that has so many numbers; None when none has."""
    return next((tier for tier in sorted(tiers, key=lambda tier: tier.numbers) if tier.numbers >= numbers), None)
