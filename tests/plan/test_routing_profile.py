"""When a carrier account is told a routing profile, and what the profile says of it."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling
from ringfleet.plan.routing_profile import Failure, ProfilePlace, Told, caught_up, must_tell, profile_conditions
from tests.plan.builders import MAIN, SPARE

NOW = Told("rp-1", "v2")
BEFORE = Told("rp-1", "v1")


def place(told: Told | None = NOW, **rest: Any) -> ProfilePlace:
    return ProfilePlace(MAIN, AccountSeen(), told, **rest)


@pytest.mark.parametrize(
    ("where", "tells"),
    [
        pytest.param(place(None), True, id="never told"),
        pytest.param(place(BEFORE), True, id="told other words"),
        pytest.param(place(), False, id="told, and nobody has looked since"),
        pytest.param(place(looked=True, held=NOW), False, id="told, and there"),
        pytest.param(place(looked=True, held=None), True, id="deleted there"),
        pytest.param(place(looked=True, held=BEFORE), True, id="edited there"),
        pytest.param(place(looked=True, held=Told("rp-2", "v2")), True, id="made anew there, under another id"),
        pytest.param(place(None, looked=True, held=NOW), True, id="told, and that was not written"),
    ],
)
def test_an_account_is_told_what_it_does_not_know_or_has_not_any_more(where: ProfilePlace, tells: bool) -> None:
    assert must_tell(where, "v2") is tells


@pytest.mark.parametrize(
    ("where", "knows"),
    [
        pytest.param(place(BEFORE), BEFORE, id="nobody has looked"),
        pytest.param(place(BEFORE, looked=True, held=BEFORE), BEFORE, id="it has what it was told before"),
        pytest.param(place(BEFORE, looked=True, held=None), BEFORE, id="it has none"),
        pytest.param(place(BEFORE, looked=True, held=NOW), NOW, id="it was told a moment ago"),
        pytest.param(place(None, looked=True, held=NOW), NOW, id="for the first time"),
    ],
)
def test_what_an_account_was_told_a_moment_ago_is_known_before_the_status_says_it(
    where: ProfilePlace, knows: Told
) -> None:
    assert caught_up(where, "v2").told == knows


HELD = ready(Reason.SUSPENDED, "The profile is suspended (spec.suspend): changes do not reach the carrier.")
EDITED = Condition(
    "Drifted",
    True,
    Reason.DRIFTED,
    "The profile was edited or deleted at the carrier, by CarrierAccount default/main: "
    "set spec.suspend to false to have it told again.",
)
REFUSED = Failure(Reason.PROFILE_REFUSED, "No trunk.")
TOLD_NOW = (Reason.ROUTING, "It is told.")
TELLING = Failure(*TOLD_NOW)


@pytest.mark.parametrize(
    ("suspended", "where", "failures", "said"),
    [
        (False, place(), {}, (ready(Reason.CONFIGURED, "The profile is complete; its numbers are routed by it."),)),
        (False, place(), {MAIN: REFUSED}, (not_ready(Reason.PROFILE_REFUSED, "No trunk."),)),
        (
            *(False, place()),
            {SPARE: REFUSED, MAIN: Failure(Reason.CARRIER_UNAVAILABLE, "It is down.")},
            (not_ready(Reason.CARRIER_UNAVAILABLE, "It is down. No trunk."),),
        ),
        (False, place(), {MAIN: TELLING}, (not_ready(*TOLD_NOW), reconciling(*TOLD_NOW))),
        (
            False,
            place(),
            {MAIN: TELLING, SPARE: REFUSED},
            (not_ready(Reason.PROFILE_REFUSED, "It is told. No trunk."),),
        ),
        (True, place(BEFORE), {}, (HELD,)),
        (True, place(BEFORE, looked=True, held=BEFORE), {}, (HELD,)),
        (True, place(BEFORE, looked=True, held=NOW), {}, (HELD, EDITED)),
    ],
)
def test_a_profile_says_whether_the_accounts_know_it(
    suspended: bool, where: ProfilePlace, failures: dict[Any, Failure], said: tuple[Condition, ...]
) -> None:
    assert profile_conditions(suspended, [where], failures) == said
