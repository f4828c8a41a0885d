"""How many numbers a rotation set is to have, and in which region.

The formula is that of the calculator (`plan/sizing/rotation.py`), region by region. Its answer is also the guardrail of
minimum utilisation: a set never grows beyond it. A set that asks for a size has no volume, so its own traffic stands in
for it once it is as large as a campaign may be. Numbers that are out because they were flagged make the *recommended*
size greater, but the wanted one only under the override: else growing would be a way around "flagged is not replaced".

What is shared out among regions goes by Sainte-Lague's method: a set that grows takes no number from any region.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ringfleet.model.numbering import is_american
from ringfleet.model.rotation import Channel, StickyMode
from ringfleet.plan.rotation_set.guardrails import Guardrail, RegionWant, RotationWant
from ringfleet.plan.sizing.rotation import (
    CAMPAIGN_NUMBERS,
    Traffic,
    least_numbers,
    planned_for,
    with_headroom,
    within_shared_limits,
)

MOST_OUT = 0.5
"""The greatest share of flagged numbers that is planned for: beyond it, more numbers are not the remedy."""


class LimitedBy(StrEnum):
    """What binds the size. The words are stable: they are in the status."""

    VOLUME = "Volume"
    SIZE = "Size"
    CAMPAIGN = "Campaign"
    BRAND = "Brand"
    NUMBER_POOL = "NumberPool"
    UTILISATION = "Utilisation"


MOST_NUMBERS = 100_000
"""The most numbers that a set may have: what `spec.size` may be, holds for what `spec.dailyVolume` takes as well."""
FREE_SIZE = CAMPAIGN_NUMBERS
"""So many numbers a set may ask for whatever its traffic: it has to begin somewhere."""
CAMPAIGN_LIMITS = frozenset({LimitedBy.CAMPAIGN, LimitedBy.BRAND, LimitedBy.NUMBER_POOL})


@dataclass(frozen=True, slots=True)
class SetSize:
    """How many numbers the set is to have."""

    wanted: Mapping[str | None, int]
    """The numbers wanted by region; the one key is None in a set without regions."""
    limited_by: LimitedBy
    """What binds the size."""
    volume: int | None = None
    """The contacts a day that the set is for, under the limits of its campaign and brand; None when a size was asked
    for."""
    recommended: int | None = None
    """The size that is recommended, flagged numbers made up for; None when a size was asked for."""
    planned_per_number: int | None = None
    """The contacts a day that each number is planned for; None when a size was asked for."""
    base: int | None = None
    """The numbers that the volume takes, without headroom; None when a size was asked for."""

    @property
    def total(self) -> int:
        return sum(self.wanted.values())

    @property
    def is_too_large(self) -> bool:
        """Whether the set would have more numbers than any may: then it stays as it is."""
        return self.total > MOST_NUMBERS


def size_set(
    want: RotationWant, country: str, out: float = 0.0, toll_free: bool = False, most: int | None = None
) -> SetSize:
    """The size of the set. `country` is that of its pools, for a set without regions; `out`: the share of its numbers
    that is flagged (Little's law makes it the flag rate times the time that each is out). `toll_free`: whether its
    pools are for toll-free numbers, which no campaign has. `most`: what `most_by_use` says."""
    parts = parts_of(want, country)
    if want.volume is None:
        return _of_size(want, parts, toll_free, most)
    traffic = traffic_of(want)
    flagged = replace(traffic, flag_rate=min(out, MOST_OUT), remediation_days=1.0)
    recommended = _of_volume(want, parts, flagged, toll_free)
    size = recommended if _is_overridden(want) else _of_volume(want, parts, traffic, toll_free)
    return replace(size, recommended=recommended.total)


def most_by_use(want: RotationWant, live: int, daily: float) -> int | None:
    """The most numbers that a set may ask for by `spec.size`; None: as many as it likes.

    `live`: those that it has or has claimed; `daily`: its contacts a day, of late. It keeps what it has; beyond
    `FREE_SIZE` it grows to what twice its traffic takes, and further when that has grown.
    """
    if want.size is None or _is_overridden(want):
        return None
    return max(live, FREE_SIZE, least_numbers((2 * daily,), traffic_of(want)))


def _is_overridden(want: RotationWant) -> bool:
    return any(one.guardrail is Guardrail.MIN_UTILISATION for one in want.governed.overrides)


def parts_of(want: RotationWant, country: str) -> tuple[RegionWant, ...]:
    """The regions; one nameless part when there are none."""
    return want.regions or (RegionWant("", country, 100),)


def share_out(count: int, weights: Sequence[int]) -> list[int]:
    """So many numbers among parts of these weights (Sainte-Lague). One number more leaves every part what it had.

    A part has its next number before another one has, when its weight over twice its numbers and one is greater. All
    for which that is greater than the bound here are there already; the few that are left are given one by one.
    """
    whole, bound = sum(weights), max(0, 2 * count - len(weights))
    shares = [max(0, -((whole - weight * bound) // (2 * whole))) for weight in weights]
    for _ in range(count - sum(shares)):
        at = max(range(len(weights)), key=lambda part: (weights[part] / (2 * shares[part] + 1), -part))
        shares[at] += 1
    return shares


def traffic_of(want: RotationWant) -> Traffic:
    """What the calculators are told of the set."""
    messaging = want.messaging if want.channel is Channel.SMS else None
    return Traffic(
        cap=want.daily,
        overload=None if want.sticky is StickyMode.NONE else want.overload_percent / 100 or None,
        work_days=want.work_days,
        rest_days=want.rest_days,
        headroom_percent=want.headroom_percent,
        per_minute=messaging.per_minute if messaging else None,
        segments=messaging.segments if messaging else 1,
        hours=24.0 - want.terms.quiet.minutes() / 60,
        brand_daily=messaging.daily_limit if messaging else None,
    )


def _of_size(want: RotationWant, parts: Sequence[RegionWant], toll_free: bool, most: int | None) -> SetSize:
    assert want.size is not None, "a set has a volume or a size"
    size = want.size if most is None else min(want.size, most)
    counts = share_out(size, [part.percent for part in parts])
    counts, full = _within_number_pool(want, parts, counts, toll_free)
    limited_by = LimitedBy.UTILISATION if size < want.size else LimitedBy.SIZE
    return SetSize(_by_name(parts, counts), LimitedBy.NUMBER_POOL if full else limited_by)


def _of_volume(want: RotationWant, parts: Sequence[RegionWant], traffic: Traffic, toll_free: bool) -> SetSize:
    assert want.volume is not None
    volume, limit = within_shared_limits(want.volume, traffic)
    alone = [least_numbers((volume * part.percent / 100,), traffic) for part in parts]
    counts, full = _within_number_pool(want, parts, _with_headroom(parts, alone, traffic), toll_free)
    limited_by = LimitedBy.NUMBER_POOL if full else LimitedBy[limit.name]
    return SetSize(
        _by_name(parts, counts), limited_by, int(volume), planned_per_number=planned_for(traffic), base=sum(alone)
    )


def _with_headroom(parts: Sequence[RegionWant], alone: Sequence[int], traffic: Traffic) -> list[int]:
    """What each part takes by itself, and the headroom shared out among them."""
    more = with_headroom(sum(alone), traffic) - sum(alone)
    shares = share_out(more, [part.percent for part in parts])
    return [one + extra for one, extra in zip(alone, shares, strict=True)]


def _within_number_pool(
    want: RotationWant, parts: Sequence[RegionWant], counts: list[int], toll_free: bool
) -> tuple[list[int], bool]:
    """The counts with no more US numbers than one campaign may have, and whether that takes any away."""
    if want.channel is not Channel.SMS or toll_free or (want.messaging and want.messaging.pool_approved):
        return counts, False
    american = [turn for turn, part in enumerate(parts) if is_american(part.country)]
    if sum(counts[turn] for turn in american) <= CAMPAIGN_NUMBERS:
        return counts, False
    kept = share_out(CAMPAIGN_NUMBERS, [parts[turn].percent for turn in american])
    fewer = dict(zip(american, kept, strict=True))
    return [fewer.get(turn, count) for turn, count in enumerate(counts)], True


def _by_name(parts: Sequence[RegionWant], counts: Sequence[int]) -> dict[str | None, int]:
    return {part.name or None: count for part, count in zip(parts, counts, strict=True)}
