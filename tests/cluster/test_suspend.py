"""Stopping a number and letting it through again: for each cause, for two at once, by verb and by parking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.stage import Stage, a_quota

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100}}


def open_bound(stage: Stage, **account: object) -> str:
    """One number, bound to the claim `desk`; returns it."""
    stage.account(**OFTEN, **account)
    stage.profile()
    stage.pool(target=1, limits={"maxNumbers": 1})
    stage.start_operator()
    stage.claim("desk")
    stage.wait_for(lambda: list(stage.phases().values()) == ["Bound"], "a bound number")
    (number,) = stage.numbers()
    return number


def at_carrier(stage: Stage) -> tuple[bool, str | None]:
    """Whether the carrier has the number suspended, and where it routes it."""
    (held,) = stage.simulator.owned()
    return held["suspended"], held["routing_profile_id"]


Act = Callable[[Stage, str], None]

CAUSES: dict[str, tuple[Act, Act, str]] = {
    "the number": (
        lambda stage, name: stage.patch("phonenumber", name, suspend=True),
        lambda stage, name: stage.patch("phonenumber", name, suspend=False),
        "spec.suspend of the number",
    ),
    "its claim": (
        lambda stage, _: stage.patch("numberclaim", "desk", suspend=True),
        lambda stage, _: stage.patch("numberclaim", "desk", suspend=False),
        "/desk is suspended",
    ),
    "the bills": (
        lambda stage, _: stage.apply(a_quota(billing="Suspended")),
        lambda stage, _: stage.apply(a_quota(billing="Current")),
        "The bills of namespace",
    ),
    "bills past due for longer than the grace": (
        lambda stage, _: stage.apply(a_quota(billing="PastDue", grace="2s")),
        lambda stage, _: stage.apply(a_quota(billing="Current", grace="2s")),
        "The bills of namespace",
    ),
    "fraud": (
        lambda stage, name: stage.annotate("phonenumber", name, fraud="wangiri"),
        lambda stage, name: stage.annotate("phonenumber", name, fraud=None),
        "wangiri",
    ),
}


@pytest.mark.parametrize(
    "account", [pytest.param({}, id="by the carrier's verb"), pytest.param({"suspendBy": "Parking"}, id="by parking")]
)
@pytest.mark.parametrize("cause", CAUSES)
def test_a_number_is_stopped_and_resumed_with_the_same_routing(
    stage: Stage, cause: str, account: dict[str, Any]
) -> None:
    number = open_bound(stage, **account)
    before = at_carrier(stage)
    stop, resume, words = CAUSES[cause]
    stop(stage, number[1:])
    stage.wait_for(lambda: stage.phases() == {number: "Suspended"}, "the number to be suspended")
    assert at_carrier(stage) == ((True, before[1]) if not account else (False, None))
    said = stage.wait_reason("phonenumber", number[1:], "Suspended")
    assert words in said["message"]
    resume(stage, number[1:])
    stage.wait_for(lambda: stage.phases() == {number: "Bound"}, "the number to be back")
    assert at_carrier(stage) == before
    assert sum(stage.bills().values()) == 1


def test_a_number_with_two_causes_is_stopped_until_both_have_gone(stage: Stage) -> None:
    number = open_bound(stage)
    before = at_carrier(stage)
    stage.patch("phonenumber", number[1:], suspend=True)
    stage.patch("numberclaim", "desk", suspend=True)
    stage.wait_for(lambda: tells_of(stage, number, "desk is suspended", "spec.suspend of the number"), "both reasons")
    stage.patch("phonenumber", number[1:], suspend=False)
    stage.wait_for(lambda: not tells_of(stage, number, "spec.suspend of the number"), "one reason to be gone")
    assert stage.phases() == {number: "Suspended"}
    assert at_carrier(stage)[0] is True
    stage.patch("numberclaim", "desk", suspend=False)
    stage.wait_for(lambda: stage.phases() == {number: "Bound"}, "the number to be back")
    assert at_carrier(stage) == before


def tells_of(stage: Stage, number: str, *words: str) -> bool:
    """Whether the number's condition names all these reasons."""
    said = stage.condition("phonenumber", number[1:])
    return said is not None and all(word in said["message"] for word in words)


def test_a_carriers_own_suspension_is_shown_and_not_undone(stage: Stage) -> None:
    number = open_bound(stage)
    (held,) = stage.simulator.owned()
    stage.at_carrier("POST", f"numbers/{held['id']}/suspend")
    stage.wait_for(lambda: stage.phases() == {number: "Suspended"}, "the suspension to be seen")
    assert tells_of(stage, number, "The carrier has suspended the number")
    stage.patch("phonenumber", number[1:], suspend=True)
    stage.wait_for(lambda: tells_of(stage, number, "spec.suspend of the number"), "our reason to be said too")
    stage.patch("phonenumber", number[1:], suspend=False)
    stage.wait_for(lambda: not tells_of(stage, number, "spec.suspend of the number"), "our reason to be gone")
    assert at_carrier(stage)[0] is True
    stage.at_carrier("POST", f"numbers/{held['id']}/resume")
    stage.wait_for(lambda: stage.phases() == {number: "Bound"}, "the carrier's word to be heard")


def test_a_quarantined_number_is_not_given_out_until_a_person_says_so(stage: Stage) -> None:
    stage.account(**OFTEN)
    stage.profile()
    stage.pool(target=1, limits={"maxNumbers": 1})
    stage.start_operator()
    stage.wait_for(lambda: list(stage.phases().values()) == ["Available"], "a free number")
    (number,) = stage.numbers()
    stage.annotate("phonenumber", number[1:], quarantine="labelled as spam")
    stage.wait_reason("phonenumber", number[1:], "Quarantined")
    stage.claim("eager")
    stage.wait_reason("numberclaim", "eager", "WaitingForNumber")
    stage.annotate("phonenumber", number[1:], quarantine=None)
    stage.wait_ready("eager", "numberclaim")
