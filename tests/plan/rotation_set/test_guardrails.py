"""Guardrails: stricter is free, weaker takes a word that stays to be read."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model.rotation import Attestation, Channel
from ringfleet.plan.rotation_set.guardrails import (
    GUARDED,
    Frequency,
    Guardrail,
    MessagingWant,
    Override,
    QuietHours,
    Ramp,
    RotationWant,
    Terms,
    govern,
)

WHY = "agreed with counsel, ticket 12"
WEAKER = {
    Guardrail.MIN_ATTESTATION: Terms(min_attestation=Attestation.B),
    Guardrail.RECIPIENT_FREQUENCY: Terms(frequency=Frequency(4)),
    Guardrail.QUIET_HOURS: Terms(quiet=QuietHours(time(22), time(8))),
    Guardrail.ON_FLAGGED: Terms(replaces=True),
    Guardrail.CHURN: Terms(max_churn_percent=11),
    Guardrail.RAMP: Terms(ramp=Ramp(0, 100)),
}


def test_what_is_not_said_is_guarded() -> None:
    governed = govern(Terms(), {})
    assert (governed.terms, governed.overrides, governed.refused) == (GUARDED, (), ())


@pytest.mark.parametrize("guardrail", WEAKER, ids=str)
def test_a_weaker_wish_does_not_hold_without_a_word(guardrail: Guardrail) -> None:
    governed = govern(WEAKER[guardrail], {})
    assert (governed.terms, governed.refused) == (GUARDED, (guardrail,))


@pytest.mark.parametrize("guardrail", WEAKER, ids=str)
def test_an_override_holds_and_is_named_with_its_reason(guardrail: Guardrail) -> None:
    governed = govern(WEAKER[guardrail], {guardrail: WHY})
    assert governed.terms == WEAKER[guardrail]
    assert (governed.overrides, governed.refused) == ((Override(guardrail, WHY),), ())


@pytest.mark.parametrize("guardrail", WEAKER, ids=str)
def test_a_word_that_says_nothing_overrides_nothing(guardrail: Guardrail) -> None:
    assert govern(WEAKER[guardrail], {guardrail: "  "}).terms == GUARDED


def test_hours_that_do_not_hold_keep_the_zone_that_was_said_with_them() -> None:
    wish = Terms(quiet=QuietHours(time(23), time(8), "America/Denver"))
    assert govern(wish, {}).terms.quiet == QuietHours(default_zone="America/Denver")


def test_a_word_for_one_guardrail_overrides_no_other() -> None:
    wish = Terms(replaces=True, max_churn_percent=50)
    governed = govern(wish, {Guardrail.CHURN: WHY})
    assert governed.terms == Terms(max_churn_percent=50)
    assert governed.refused == (Guardrail.ON_FLAGGED,)


@pytest.mark.parametrize(
    "stricter",
    [
        Terms(frequency=Frequency(1)),
        Terms(frequency=Frequency(3, timedelta(days=7))),
        Terms(quiet=QuietHours(time(18), time(10))),
        Terms(quiet=QuietHours(default_zone="America/Denver")),
        Terms(max_churn_percent=0),
        Terms(ramp=Ramp(30, 10)),
    ],
    ids=repr,
)
def test_a_stricter_wish_needs_no_word(stricter: Terms) -> None:
    governed = govern(stricter, {})
    assert (governed.terms, governed.refused) == (stricter, ())


@pytest.mark.parametrize(
    "often", [Frequency(0), Frequency(3, timedelta(hours=12)), Frequency(6, timedelta(days=2))], ids=repr
)
def test_more_contacts_in_any_day_are_a_weaker_wish(often: Frequency) -> None:
    assert govern(Terms(frequency=often), {}).refused == (Guardrail.RECIPIENT_FREQUENCY,)


@pytest.mark.parametrize(
    ("quiet", "moment", "within"),
    [
        (QuietHours(), time(21), True),
        (QuietHours(), time(20, 59), False),
        (QuietHours(), time(0), True),
        (QuietHours(), time(7, 59), True),
        (QuietHours(), time(8), False),
        (QuietHours(time(12), time(13)), time(12, 30), True),
        (QuietHours(time(12), time(12)), time(12), False),
    ],
)
def test_quiet_hours_begin_with_their_start_and_end_before_their_end(
    quiet: QuietHours, moment: time, within: bool
) -> None:
    assert quiet.contains(moment) is within


MINUTES = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))


@given(MINUTES, MINUTES, MINUTES, MINUTES)
def test_quiet_hours_cover_others_when_they_contain_each_of_their_minutes(a: time, b: time, c: time, d: time) -> None:
    one, other = QuietHours(a, b), QuietHours(c, d)
    minutes = [time(minute // 60, minute % 60) for minute in range(1440)]
    contained = all(one.contains(minute) for minute in minutes if other.contains(minute))
    if other.minutes():
        assert one.covers(other) is contained


def test_an_opt_out_is_looked_for_in_the_set_and_in_its_brand() -> None:
    want = RotationWant("shop", "promo", Channel.SMS, (), 1000, 200, messaging=MessagingWant("acme"))
    assert want.scopes == ("set:shop/promo", "brand:shop/acme")


def test_without_a_brand_an_opt_out_holds_in_the_whole_namespace() -> None:
    assert RotationWant("shop", "calls", Channel.VOICE, (), 75, 15).scopes[1] == "brand:shop/"
