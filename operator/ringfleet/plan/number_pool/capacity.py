"""What stands behind a pool's numbers: channels that take their calls, and the agents that they are enough for."""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.sizing.formulas import Binding, Capacity, capacity


@dataclass(frozen=True, slots=True)
class CapacityWant:
    """A pool's spec.capacity, and the `channels` of the routing profile that it names. None for what is not said."""

    calls_per_number: int | None = None
    numbers_per_agent: float | None = None
    profile: str | None = None
    channels: int | None = None


def judge_capacity(want: CapacityWant, numbers: int) -> tuple[Capacity, tuple[Condition, ...]]:
    """What each part carries for this many numbers, and whether the channels are too few for what numbers may bring."""
    found = capacity(numbers, want.calls_per_number, want.numbers_per_agent, want.channels)
    if found.channels is None or found.numbers is None or found.channels >= found.numbers:
        return found, ()
    first = "agents" if found.binds is Binding.AGENTS else "channels"
    message = (
        f"RoutingProfile {want.profile!r} takes fewer calls at once (spec.channels) than the pool's numbers could "
        f"bring (spec.capacity.concurrentCallsPerNumber); the {first} run out first. Raise spec.channels when its "
        "destination can take more, or keep fewer numbers."
    )
    return found, (Condition("ChannelsShort", True, Reason.CHANNELS_SHORT, message),)
