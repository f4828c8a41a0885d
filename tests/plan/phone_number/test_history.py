"""Who brought a number into its phase."""

from __future__ import annotations

import pytest

from ringfleet.model import Phase
from ringfleet.plan.phone_number.history import Hands, by_whom
from ringfleet.plan.phone_number.removal import Cause

EVERYBODY = Hands("shop/desk", "shop/old", "west", Cause.MANUAL, "RotationSet shop/calls: seldom answered", "ada")


def asked(cause: Cause | None) -> Hands:
    return Hands(pool="west", cause=cause, person="ada")


@pytest.mark.parametrize(
    ("before", "phase", "hands", "by"),
    [
        (Phase.AVAILABLE, Phase.BOUND, EVERYBODY, "NumberClaim shop/desk"),
        (Phase.BOUND, Phase.COOLING, EVERYBODY, "NumberClaim shop/old"),
        (Phase.RELEASING, Phase.COOLING, EVERYBODY, None),
        (Phase.COOLING, Phase.AVAILABLE, EVERYBODY, None),
        (Phase.AVAILABLE, Phase.RELEASING, asked(Cause.MANUAL), "ada"),
        (Phase.RELEASING, Phase.RELEASED, asked(Cause.MANUAL), "ada"),
        (Phase.AVAILABLE, Phase.RELEASING, asked(Cause.SURPLUS), "NumberPool west"),
        (Phase.AVAILABLE, Phase.RELEASING, asked(Cause.POOL_DELETION), "NumberPool west"),
        (Phase.AVAILABLE, Phase.RELEASING, asked(Cause.DELETION), None),
        (Phase.BOUND, Phase.QUARANTINED, EVERYBODY, "RotationSet shop/calls"),
        (Phase.BOUND, Phase.QUARANTINED, Hands(quarantine="ada says so: burnt", person="ada"), None),
        (Phase.BOUND, Phase.SUSPENDED, EVERYBODY, None),
        (Phase.ORDERING, Phase.AVAILABLE, EVERYBODY, None),
        (Phase.AVAILABLE, Phase.BOUND, Hands(), None),
        (Phase.AVAILABLE, Phase.COOLING, Hands(), None),
    ],
)
def test_a_step_is_of_whom_it_can_be_known_to_be(before: Phase, phase: Phase, hands: Hands, by: str | None) -> None:
    assert by_whom(before, phase, hands) == by
