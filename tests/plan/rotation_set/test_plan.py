"""Rotation sets: how many numbers, which come and go, and which are taken out of use. Guardrails by their names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.model.rotation import Channel, StickyMode
from ringfleet.plan.rotation_set.guardrails import (
    Guardrail,
    MessagingWant,
    Override,
    RegionWant,
    RotationWant,
)
from ringfleet.plan.rotation_set.plan import (
    Action,
    CreateClaim,
    DeleteClaim,
    Drain,
    Keep,
    Quarantine,
    Unquarantine,
    plan_rotation,
)
from ringfleet.plan.rotation_set.report import rotation_conditions, unreadable
from ringfleet.plan.rotation_set.seen import NumberUse, PoolSeen, Replaced, RotationSeen, Usage
from ringfleet.plan.rotation_set.size import MOST_NUMBERS, LimitedBy, SetSize, share_out, size_set
from ringfleet.plan.sizing.fields import Refused
from ringfleet.plan.sizing.formulas import utilisation
from ringfleet.plan.sizing.questions import RotationQuestion, size_rotation
from ringfleet.plan.sizing.rotation import CAMPAIGN_NUMBERS
from tests.examples import examples
from tests.plan.rotation import (
    LONG_AGO,
    NOW,
    POOL,
    TODAY,
    Town,
    a_seat,
    a_texting_want,
    a_want,
    governed,
    number,
    seats,
    seen,
    used,
    waiting,
)

EAST_WEST = (RegionWant("east", "US", 50, ("212", "646")), RegionWant("west", "US", 50, ("415",)))
ALLOWED = Override(Guardrail.ON_FLAGGED, "jane")
OURS = "RotationSet shop/calls: "


def actions(want: RotationWant, what: RotationSeen) -> tuple[Action, ...]:
    return plan_rotation(want, what, NOW).actions


def kinds(some: tuple[Action, ...]) -> Counter[str]:
    return Counter(type(action).__name__ for action in some)


def said(want: RotationWant, what: RotationSeen) -> dict[str, str]:
    """The conditions: each type with its reason."""
    plan = plan_rotation(want, what, NOW)
    return {one.type: str(one.reason) for one in rotation_conditions(want, what, plan, NOW)}


# Size.


@pytest.mark.parametrize(
    ("want", "size"),
    [
        (a_want(volume=300, sticky=StickyMode.NONE, headroom_percent=0), 4),  # the rule of thumb
        (a_want(volume=300, sticky=StickyMode.NONE, headroom_percent=10), 5),
        (a_want(volume=300), 4),
        (a_want(volume=10_000, overload_percent=1), 175),  # no number is to be at its cap: 77 % are planned for
        (a_want(volume=10_000, overload_percent=1, sticky=StickyMode.NONE), 134),
        (a_want(volume=10_000, overload_percent=1, work_days=5, rest_days=2), 245),
        (a_texting_want(volume=1000), 1),
        (a_texting_want(volume=2000), 2),
        (a_texting_want(volume=5000), 5),
        (a_texting_want(volume=8000), 8),
        (a_want(size=7), 7),
        (a_want(size=0), 0),
    ],
)
def test_the_size_is_the_formulas(want: RotationWant, size: int) -> None:
    assert size_set(want, "US").total == size


def test_each_region_has_numbers_for_its_share_of_the_volume() -> None:
    regions = (RegionWant("east", "US", 70), RegionWant("west", "US", 30))
    want = a_want(volume=1000, regions=regions, overload_percent=1, headroom_percent=10)
    assert size_set(want, "US").wanted == {"east": 14, "west": 7}  # 13 and 6 alone, and one of headroom each


@pytest.mark.parametrize(
    ("messaging", "volume", "limited_by", "possible"),
    [
        ({"per_minute": 2}, 10_000, LimitedBy.CAMPAIGN, 2 * 60 * 13),  # from 21:00 to 08:00 nothing is sent
        ({"per_minute": 6, "segments": 3}, 10_000, LimitedBy.CAMPAIGN, 2 * 60 * 13),
        ({"daily_limit": 6000, "segments": 3}, 10_000, LimitedBy.BRAND, 2000),
        ({"daily_limit": 2000}, 10_000, LimitedBy.BRAND, 2000),
        ({"per_minute": 75, "daily_limit": 2000}, 10_000, LimitedBy.BRAND, 2000),
        ({"per_minute": 75}, 10_000, LimitedBy.VOLUME, 10_000),
        ({}, 100_000, LimitedBy.NUMBER_POOL, 100_000),
        ({"pool_approved": True}, 100_000, LimitedBy.VOLUME, 100_000),
    ],
)
def test_guardrail_campaign_limits_are_named_and_never_met_by_more_numbers(
    messaging: dict[str, Any], volume: int, limited_by: LimitedBy, possible: int
) -> None:
    identity = MessagingWant("acme", "C1", campaign_approved=True, **messaging)
    want = a_texting_want(volume=volume, messaging=identity, headroom_percent=0)
    size = size_set(want, "US")
    assert (size.limited_by, size.volume) == (limited_by, possible)
    alone = size_set(replace(want, messaging=MessagingWant("acme", pool_approved=True), volume=possible), "US")
    assert size.total == (CAMPAIGN_NUMBERS if limited_by is LimitedBy.NUMBER_POOL else alone.total)
    limited = limited_by is not LimitedBy.VOLUME
    assert ("CampaignLimited" in said(want, seen())) is limited


def test_the_49_numbers_of_a_campaign_are_those_of_the_us() -> None:
    regions = (RegionWant("home", "US", 50), RegionWant("berlin", "DE", 50))
    assert size_set(a_texting_want(size=200, regions=regions), "US").wanted == {"home": 49, "berlin": 100}
    assert size_set(a_texting_want(size=200), "DE").total == 200
    assert size_set(a_want(size=200), "US").total == 200, "voice has no campaign"
    assert size_set(a_texting_want(size=200), "PR").total == 49, "where the same rules hold"
    assert size_set(a_texting_want(size=200), "US", toll_free=True).total == 200, "which have no campaign"


@pytest.mark.parametrize("toll_free", [False, True])
def test_the_numbers_of_toll_free_pools_are_bounded_by_no_campaign(toll_free: bool) -> None:
    what = seen(pools={POOL: PoolSeen("US", 100, toll_free=toll_free)})
    want = a_texting_want(size=60, governed=governed(Override(Guardrail.MIN_UTILISATION, "jane")))
    assert plan_rotation(want, what, NOW).size.total == (60 if toll_free else 49)


@pytest.mark.parametrize(
    ("size", "live", "used", "total"),
    [
        pytest.param(49, 0, 0, 49, id="it has to begin somewhere"),
        pytest.param(5000, 0, 0, 49, id="not with thousands"),
        pytest.param(5000, 60, 0, 60, id="it keeps what it has"),
        pytest.param(5000, 49, 49 * 75, 98, id="what is used to its caps may double"),
        pytest.param(60, 49, 49 * 75, 60, id="no more than is asked for"),
        pytest.param(5000, 49, 75, 49, id="what is hardly used grows no further"),
    ],
)
def test_guardrail_a_size_beyond_what_its_traffic_takes_holds_like_a_volume(
    size: int, live: int, used: int, total: int
) -> None:
    what = seen(*(a_seat(turn) for turn in range(1, live + 1)), usage=Usage(NOW, TODAY, used))
    plan = plan_rotation(a_want(size=size), what, NOW)
    assert plan.size.total == total
    held = [one for one in rotation_conditions(a_want(size=size), what, plan, NOW) if one.type == "GuardrailHolds"]
    assert ["spec.size (min-utilisation)" in one.message for one in held] == ([True] if total < size else [])
    allowed = a_want(size=size, governed=governed(Override(Guardrail.MIN_UTILISATION, "jane")))
    assert plan_rotation(allowed, what, NOW).size.total == size


@given(
    st.integers(1, 100_000),
    st.integers(1, 2000),
    st.integers(0, 50),
    st.integers(0, 100),
    st.integers(1, 7),
    st.integers(0, 7),
)
def test_a_set_and_the_calculator_say_the_same(
    volume: int, cap: int, overload: int, headroom: int, work: int, rest: int
) -> None:
    terms = {"overload_percent": overload, "headroom_percent": headroom, "work_days": work, "rest_days": rest}
    size = size_set(a_want(volume=volume, daily=cap, **terms), "US")
    try:
        told = size_rotation(RotationQuestion(volume=(volume,), cap=cap, **terms))
    except Refused:
        return  # more numbers than a calculator tells
    assert (size.total, size.recommended, size.volume) == (told.numbers, told.numbers, told.volume)


def test_what_the_size_was_made_of_is_told() -> None:
    size = size_set(a_want(volume=10_000, overload_percent=1, headroom_percent=10), "US")
    assert (size.planned_per_number, size.base, size.total) == (57, 175, 193)


def test_guardrail_minimum_utilisation_keeps_flagged_numbers_from_making_the_set_grow() -> None:
    want = a_want(volume=1000, overload_percent=1, headroom_percent=10)
    bound = -(-1000 // (75 * utilisation(75, 0.01))) * 1.1 + 1
    calm, flagged = size_set(want, "US"), size_set(want, "US", out=0.3)
    assert (flagged.total, flagged.recommended) == (calm.total, 29)
    assert flagged.total <= bound < 29
    allowed = replace(want, governed=governed(Override(Guardrail.MIN_UTILISATION, "jane")))
    assert size_set(allowed, "US", out=0.3).total == 29


@given(st.lists(st.integers(1, 100), min_size=1, max_size=12), st.integers(0, 200))
def test_a_set_that_grows_takes_no_number_from_any_region(weights: list[int], count: int) -> None:
    fewer, more = share_out(count, weights), share_out(count + 1, weights)
    assert sum(fewer) == count
    assert all(one <= other for one, other in zip(fewer, more, strict=True))


@given(st.lists(st.integers(1, 100), min_size=1, max_size=12), st.integers(0, 400))
def test_what_is_shared_out_goes_one_by_one_to_whom_the_next_is_due(weights: list[int], count: int) -> None:
    shares = [0] * len(weights)
    for _ in range(count):
        due = [Fraction(weight, 2 * share + 1) for weight, share in zip(weights, shares, strict=True)]
        shares[due.index(max(due))] += 1
    assert share_out(count, weights) == shares


def test_a_set_has_as_many_numbers_as_any_may_have_and_no_more() -> None:
    """What one tenant wrote for a hundred million numbers ended the operator of all: it planned each claim."""
    assert len(actions(a_want(volume=MOST_NUMBERS, daily=1), seen())) == MOST_NUMBERS
    for volume in (MOST_NUMBERS + 1, 100_000_000):
        want = a_want(volume=volume, daily=1, headroom_percent=100, regions=EAST_WEST)
        assert (actions(want, seen()), size_set(want, "US").total) == ((), 2 * volume + volume % 2 * 2)
        told = said(want, seen())
        assert (told["Ready"], told["Stalled"]) == ("InvalidSpec", "InvalidSpec")


@given(st.integers(1, 50_000), st.integers(1, 2000), st.integers(0, 5), st.sampled_from(StickyMode))
def test_more_volume_never_takes_fewer_numbers(volume: int, more: int, rest: int, sticky: StickyMode) -> None:
    want = a_want(volume=volume, rest_days=rest, work_days=5, sticky=sticky, regions=EAST_WEST)
    small, big = size_set(want, "US"), size_set(replace(want, volume=volume + more), "US")
    assert all(small.wanted[region] <= big.wanted[region] for region in small.wanted)


# Growing.


def test_a_new_set_claims_its_numbers_by_region_with_its_area_codes_in_turn() -> None:
    assert actions(a_want(size=3, regions=EAST_WEST), seen()) == (
        CreateClaim("calls-east-1", POOL, "east", ("212", "646"), required=True),
        CreateClaim("calls-east-2", POOL, "east", ("646", "212"), required=True),
        CreateClaim("calls-west-1", POOL, "west", ("415",), required=True),
    )


def test_the_lowest_free_number_names_a_claim_and_no_name_of_another_claim_is_used() -> None:
    what = seen(a_seat(1), a_seat(3), taken=frozenset({"calls-1", "calls-3", "calls-2"}))
    assert actions(a_want(size=4), what) == (CreateClaim("calls-4", POOL), CreateClaim("calls-5", POOL))


def test_claims_that_wait_count() -> None:
    assert actions(a_want(size=3), seen(a_seat(1), waiting(2), waiting(3))) == ()


def test_a_claim_draws_from_the_first_pool_that_has_numbers_and_else_from_the_first() -> None:
    first, second = ("shop", "a"), ("shop", "b")
    want = a_want(size=3, pools=(first, second))
    pools = {first: PoolSeen("US", 0), second: PoolSeen("US", 2)}
    created = actions(want, seen(pools=pools))
    assert [one.pool for one in created if isinstance(one, CreateClaim)] == [second, second, first]


def test_a_claim_draws_first_from_the_pool_in_which_a_number_rests_that_was_the_sets() -> None:
    first, second = ("shop", "a"), ("shop", "b")
    pools = {first: PoolSeen("US", 2), second: PoolSeen("US", 0, own=1)}
    created = actions(a_want(size=3, pools=(first, second)), seen(pools=pools))
    assert [one.pool for one in created if isinstance(one, CreateClaim)] == [second, first, first]


def test_a_draining_number_is_kept_before_another_one_is_claimed() -> None:
    what = seen(*seats(2), a_seat(3, draining=NOW), uses=used(seats(3), last_pick=NOW))
    assert actions(a_want(size=4), what) == (Keep("calls-3"), CreateClaim("calls-4", POOL))


def test_a_claim_whose_number_is_gone_makes_room_for_another() -> None:
    assert actions(a_want(size=2), seen(a_seat(1), a_seat(2, gone=True))) == (
        DeleteClaim("calls-2"),
        CreateClaim("calls-3", POOL),
    )


def test_a_region_draws_from_the_pools_of_its_country_and_from_no_other() -> None:
    american, german = ("shop", "us"), ("shop", "de")
    regions = (RegionWant("us", "US", 50), RegionWant("de", "DE", 50))
    want = a_want(size=2, pools=(american, german), regions=regions)
    pools = {american: PoolSeen("US", 9), german: PoolSeen("DE", 0)}
    claims = [one for one in actions(want, seen(pools=pools)) if isinstance(one, CreateClaim)]
    assert [(one.region, one.pool) for one in claims] == [("us", american), ("de", german)]


@pytest.mark.parametrize("named", [pytest.param(None, id="the-sets-pools"), pytest.param(("shop", "us"), id="its-own")])
def test_a_region_without_a_pool_of_its_country_claims_nothing_and_the_set_says_so(named: Any) -> None:
    american = ("shop", "us")
    want = a_want(size=2, pools=(american,), regions=(RegionWant("de", "DE", 100, pool=named),))
    what = seen(pools={american: PoolSeen("US", 9)})
    assert actions(want, what) == ()
    plan = plan_rotation(want, what, NOW)
    (stalled,) = [one for one in rotation_conditions(want, what, plan, NOW) if one.type == "Stalled"]
    assert (stalled.reason, "NumberPool shop/us of country DE" in stalled.message) == ("PoolMissing", True)


def test_without_a_pool_nothing_is_claimed_and_the_set_says_so() -> None:
    assert actions(a_want(), seen(pools={})) == ()
    assert said(a_want(), seen(pools={})) == {
        "Ready": "PoolMissing",
        "Stalled": "PoolMissing",
        "UsageUnknown": "NoDispatcher",
    }


# Shrinking.


def test_shrinking_lets_the_least_useful_go_first() -> None:
    young = a_seat(4)
    assert young.member
    young = replace(young, member=replace(young.member, joined=NOW))
    what = seen(a_seat(1), a_seat(2), a_seat(3, quarantine="by hand"), young, waiting(5))
    assert actions(a_want(size=4), what) == (DeleteClaim("calls-5"),)
    assert actions(a_want(size=3), what) == (Drain("calls-3"), DeleteClaim("calls-5"))
    assert actions(a_want(size=2), what) == (Drain("calls-3"), Drain("calls-4"), DeleteClaim("calls-5"))


@pytest.mark.parametrize(
    ("use", "minutes", "goes"),
    [
        ({}, 2, True),
        ({}, 0, False),  # dispatchers may not have heard of it
        ({"open_calls": 1}, 600, False),
        ({"reserved": 1}, 600, False),
        ({"last_pick": NOW - timedelta(minutes=59)}, 600, False),
        ({"last_pick": NOW - timedelta(minutes=61)}, 600, True),
        (None, 600, False),  # its use is not known
        (None, 24 * 60, True),
    ],
)
def test_a_number_that_drains_goes_when_it_is_used_no_more(
    use: dict[str, Any] | None, minutes: int, goes: bool
) -> None:
    draining = a_seat(9, draining=NOW - timedelta(minutes=minutes))
    what = seen(*seats(4), draining, uses=None if use is None else used([draining], **use))
    assert actions(a_want(size=4), what) == ((DeleteClaim("calls-9"),) if goes else ())


def test_when_regions_change_numbers_leave_one_by_one_as_others_come() -> None:
    town = Town(a_want(size=4, regions=EAST_WEST))
    town.settle()
    town.want = replace(town.want, regions=(RegionWant("north", "US", 100),))
    assert kinds(town.turn().actions) == {"CreateClaim": 4}
    town.stock = 1
    town.bind()
    assert kinds(town.turn().actions) == {"Drain": 1}, "one has come, one may go"


def test_a_suspended_set_gets_and_gives_back_no_number_but_protects_its_numbers() -> None:
    some = seats(4)
    uses = used(some) | {number(2): NumberUse(label="Spam Likely")}
    assert actions(a_want(size=9, suspended=True), seen(*some, uses=uses)) == (
        Quarantine(number(2), OURS + "labelled Spam Likely"),
    )
    assert said(a_want(size=9, suspended=True), seen(*some, uses=uses)) == {"Ready": "Suspended"}


# Health.


def test_guardrail_a_flagged_number_is_quarantined_and_never_replaced() -> None:
    some = seats(4)
    uses = used(some) | {number(1): NumberUse(label="Spam Likely"), number(2): NumberUse(tries=200, successes=3)}
    assert actions(a_want(), seen(*some, uses=uses)) == (
        Quarantine(number(1), OURS + "labelled Spam Likely"),
        Quarantine(number(2), OURS + "seldom answered"),
    )
    out = a_seat(1, quarantine=OURS + "labelled Spam Likely")
    assert actions(a_want(), seen(out, *some[1:], uses=used(some) | {number(1): NumberUse(label="Spam Likely")})) == ()


def test_nothing_is_quarantined_or_brought_back_by_what_is_not_known() -> None:
    resting = a_seat(1, quarantine=OURS + "seldom answered")
    assert actions(a_want(size=2), seen(resting, a_seat(2), uses=None)) == ()
    assert actions(a_want(size=2), seen(resting, a_seat(2), uses={})) == ()


LABELLED, SELDOM = OURS + "labelled Spam Likely", OURS + "seldom answered"


@pytest.mark.parametrize(
    ("quarantine", "use", "back"),
    [
        (LABELLED, {"cleared": NOW - timedelta(days=31)}, True),
        (LABELLED, {"cleared": NOW - timedelta(days=29)}, False),
        (LABELLED, {"cleared": NOW - timedelta(days=31), "label": "Scam"}, False),
        (LABELLED, {"cleared": None}, False),
        (SELDOM, {"tries": 0, "successes": 0}, True),  # its old calls are forgotten
        (SELDOM, {"tries": 12, "successes": 0}, False),
        (SELDOM, {"tries": 100, "successes": 40}, True),
        (SELDOM, {"tries": 0, "successes": 0, "cleared": NOW - timedelta(days=1)}, False),
        ("RotationSet shop/other: labelled Spam Likely", {"cleared": NOW - timedelta(days=31)}, False),
        ("complaints, says Joe", {"cleared": NOW - timedelta(days=31)}, False),
    ],
)
def test_a_number_comes_back_when_it_has_rested_unless_a_person_took_it_out(
    quarantine: str, use: dict[str, Any], back: bool
) -> None:
    out = a_seat(1, quarantine=quarantine)
    what = seen(out, *seats(3, 2), uses=used(seats(4)) | used([out], **use))
    assert actions(a_want(), what) == ((Unquarantine(number(1)),) if back else ())


def with_flagged(count: int, total: int, **changes: Any) -> RotationSeen:
    """A set whose first numbers are labelled, and known to be."""
    flagged = tuple(a_seat(turn, quarantine=OURS + "labelled Scam") for turn in range(1, count + 1))
    some = (*flagged, *seats(total - count, count + 1))
    return seen(*some, uses=used(some) | used(flagged, label="Scam"), **changes)


def test_guardrail_replacing_takes_the_override_and_stays_within_the_churn_limit() -> None:
    what = with_flagged(3, 20)
    assert actions(a_want(size=20), what) == ()
    want = a_want(size=20, governed=governed(ALLOWED, replaces=True))
    plan = plan_rotation(want, what, NOW)
    assert [one.number for one in plan.replaced] == [number(1), number(2)], "10 % of 20"
    assert plan.actions == (
        *(Drain("calls-1"), Drain("calls-2")),
        *(CreateClaim("calls-21", POOL), CreateClaim("calls-22", POOL)),
    )
    assert said(want, what)["ChurnLimited"] == "ChurnLimitReached"


def test_replacements_are_forgotten_after_thirty_days() -> None:
    want = a_want(size=20, governed=governed(ALLOWED, replaces=True))
    recent = tuple(Replaced(NOW - timedelta(days=29), number(turn)) for turn in (101, 102))
    assert plan_rotation(want, with_flagged(1, 20, replaced=recent), NOW).actions == ()
    old = tuple(replace(one, at=NOW - timedelta(days=30)) for one in recent)
    assert plan_rotation(want, with_flagged(1, 20, replaced=old), NOW).replaced == (Replaced(NOW, number(1)),)


def test_a_replacement_that_a_crash_cut_short_is_ended_and_not_counted_twice() -> None:
    want = a_want(size=10, governed=governed(ALLOWED, replaces=True))
    plan = plan_rotation(want, with_flagged(1, 10, replaced=(Replaced(NOW, number(1)),)), NOW)
    assert plan.replaced == (Replaced(NOW, number(1)),)
    assert plan.actions == (Drain("calls-1"), CreateClaim("calls-11", POOL))


# What it says.


def test_a_set_that_has_what_it_wants_says_only_that() -> None:
    some = seats(4)
    assert said(a_want(), seen(*some, uses=used(some))) == {"Ready": "AtTarget"}


@pytest.mark.parametrize(
    ("want", "what", "expected"),
    [
        (a_want(), seen(*seats(3), waiting(4)), {"Ready": "WaitingForNumber", "Reconciling": "WaitingForNumber"}),
        (a_want(), seen(*seats(3)), {"Ready": "Growing", "Reconciling": "Growing"}),
        (
            a_want(volume=500),
            seen(*seats(9), waiting(10)),
            {"Ready": "WaitingForNumber", "Reconciling": "WaitingForNumber"},
        ),
        (a_want(volume=700), seen(*seats(9)), {"Ready": "Growing", "CapacityShort": "TooFewNumbers"}),
        (a_want(), seen(*seats(4, quarantine="by hand")), {"Ready": "MembersUnusable"}),
        (a_want(), seen(*seats(4, quarantine="by hand")), {"TooManyQuarantined": "TooManyQuarantined"}),
        (a_want(), seen(*seats(3), a_seat(4, quarantine="by hand")), {"TooManyQuarantined": "TooManyQuarantined"}),
        (a_want(governed=governed(ALLOWED)), seen(*seats(4)), {"GuardrailOverridden": "GuardrailOverridden"}),
        (
            a_want(governed=replace(governed(), refused=(Guardrail.ON_FLAGGED,))),
            seen(*seats(4)),
            {"GuardrailHolds": "GuardrailHolds"},
        ),
    ],
)
def test_what_is_not_as_wished_is_said(want: RotationWant, what: RotationSeen, expected: dict[str, str]) -> None:
    assert said(want, what).items() >= expected.items()


def test_a_fifth_in_quarantine_is_not_yet_too_many() -> None:
    what = seen(*seats(4), a_seat(5, quarantine="by hand"))
    assert "TooManyQuarantined" not in said(a_want(size=5), what)


def test_a_new_set_says_that_its_numbers_still_ramp_up() -> None:
    want = a_want(volume=300, governed=replace(governed(), terms=type(governed().terms)()))
    new = tuple(
        replace(seat, member=replace(seat.member, joined=NOW))
        for seat in seats(size_set(want, "US").total)
        if seat.member
    )
    assert said(want, seen(*new))["CapacityShort"] == "Ramping"


def test_guardrail_a_number_without_an_inbound_route_is_not_active() -> None:
    lost = a_seat(4)
    assert lost.member
    what = seen(*seats(3), replace(lost, member=replace(lost.member, routed=False)))
    plan = plan_rotation(a_want(), what, NOW)
    assert (plan.standing.active, plan.standing.total) == (3, 4)
    message = next(
        one for one in rotation_conditions(a_want(), what, plan, NOW) if one.type == "MembersUnusable"
    ).message
    assert message.startswith(f"Some of its numbers are not used: no-inbound-route ({number(4)}).")


@pytest.mark.parametrize(("sent", "age_days", "snowshoe"), [(7, 3, True), (700, 3, False), (7, 30, False)])
def test_guardrail_snowshoeing_is_said_of_a_set_that_grew_while_its_numbers_are_hardly_used(
    sent: int, age_days: int, snowshoe: bool
) -> None:
    new = replace(a_seat(4), created=NOW - timedelta(days=age_days))
    some = (*seats(3), new)
    assert ("SnowshoePattern" in said(a_want(), seen(*some, uses=used(some, sent=sent)))) is snowshoe


def test_more_asked_of_a_set_of_a_size_than_it_may_do_is_said() -> None:
    some = seats(4)
    busy = Usage(NOW, TODAY, used=290, deferred=20, numbers=used(some))
    assert said(a_want(), replace(seen(*some), usage=busy))["CapacityShort"] == "TooFewNumbers"


@pytest.mark.parametrize(
    ("limit", "reason"),
    [({"daily_limit": 100}, "BrandDailyLimit"), ({"per_minute": 1, "segments": 8}, "CampaignThroughput")],
)
def test_what_a_brand_or_campaign_does_not_let_through_more_numbers_do_not_mend(
    limit: dict[str, int], reason: str
) -> None:
    some = seats(4)
    messaging = MessagingWant("acme", "C1", campaign_approved=True, **limit)
    want = a_want(channel=Channel.SMS, messaging=messaging)
    busy = Usage(NOW, TODAY, used=97, deferred=20, numbers=used(some))
    assert said(want, replace(seen(*some), usage=busy))["CapacityShort"] == reason


def test_a_number_that_has_drained_for_long_is_not_cut_when_its_use_is_lost_sight_of() -> None:
    """A day of not knowing counts from when it began, not from when the number began to drain."""
    seat, want = a_seat(9, draining=NOW - timedelta(days=3)), a_want(size=0)
    lately = seen(seat, blind_since=NOW - timedelta(hours=14))
    assert actions(want, lately) == ()
    assert plan_rotation(want, lately, NOW).due == NOW + timedelta(hours=10)
    assert actions(want, seen(seat, blind_since=NOW - timedelta(days=1))) == (DeleteClaim(seat.name),)


def test_the_set_is_looked_at_again_at_its_own_midnight_or_when_a_number_has_drained_for_a_day() -> None:
    want = a_want(zone="America/Los_Angeles")
    midnight = datetime(2026, 11, 25, 8, tzinfo=UTC)
    drained = {minutes: a_seat(minutes, draining=NOW - timedelta(minutes=minutes)) for minutes in (60, 1430, 2000)}
    assert plan_rotation(want, seen(drained[60]), NOW).due == midnight
    assert plan_rotation(want, seen(*drained.values()), NOW).due == NOW + timedelta(minutes=10)
    assert plan_rotation(want, seen(drained[2000], uses={}), NOW).due == midnight, "what is over is not waited for"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "", "../etc/passwd"])
def test_a_time_zone_that_is_none_stops_the_set(zone: str) -> None:
    want = a_want(zone=zone)
    with pytest.raises(ValueError, match="time zone"):
        plan_rotation(want, seen(), NOW)
    assert [str(one.reason) for one in unreadable(f"spec.resetTimeZone {zone!r}")] == [
        "InvalidSpec",
        "InvalidSpec",
    ]


def test_the_numbers_are_counted_by_what_they_can_do() -> None:
    resting = a_seat(3, quarantine=OURS + "labelled Scam")
    some = (*seats(2), resting, a_seat(4, quarantine="by hand"), a_seat(5, draining=NOW), waiting(6))
    uses = used(some) | used([resting], cleared=NOW)
    standing = plan_rotation(a_want(size=5), seen(*some, uses=uses), NOW).standing
    counts = (standing.total, standing.active, standing.cooling, standing.quarantined, standing.draining)
    assert (*counts, standing.waiting) == (5, 2, 1, 1, 1, 1)


# Laws.


regions = st.lists(st.sampled_from(["north", "south", "east"]), max_size=3, unique=True)
wishes = st.builds(
    lambda size, names: a_want(size=size, regions=tuple(RegionWant(name, "US", 100 // len(names)) for name in names)),
    st.integers(0, 12),
    regions,
)


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_whatever_comes_no_more_is_claimed_than_wanted_and_no_number_in_use_is_cut(data: st.DataObject) -> None:
    """Wishes change, the pool runs dry, calls come and go, usage is lost, and the operator is killed in between."""
    town = Town(data.draw(wishes))
    for _ in range(data.draw(st.integers(1, 12))):
        match data.draw(st.sampled_from(["wish", "stock", "bind", "time", "use", "blind"])):
            case "wish":
                town.want = data.draw(wishes)
            case "stock":
                town.stock = data.draw(st.integers(0, 5))
            case "bind":
                town.bind()
            case "time":
                town.wait(minutes=data.draw(st.integers(0, 90) | st.just(1500)))
            case "use":
                town.see({seat.member.number: data.draw(a_use(town)) for seat in town.seats.values() if seat.member})
            case "blind":
                town.lose_sight()
        before = sum(seat.live for seat in town.seats.values())
        plan = town.turn(most=data.draw(st.none() | st.integers(0, 3)))
        size: SetSize = plan.size
        for region, count in Counter(seat.region for seat in town.seats.values() if seat.live).items():
            created = sum(isinstance(one, CreateClaim) and one.region == region for one in plan.actions)
            assert created == 0 or count <= size.wanted[region]
        assert sum(seat.live for seat in town.seats.values()) <= max(before, 2 * size.total)
        assert not town.cut
    town.stock = 1000
    town.see({seat.member.number: NumberUse() for seat in town.seats.values() if seat.member})
    for _ in range(20):
        town.turn()
        town.bind()
        town.wait(hours=30)
    live = Counter(seat.region for seat in town.seats.values())
    assert live == {
        region: count for region, count in plan_rotation(town.want, town.look(), town.now).size.wanted.items() if count
    }
    assert town.turn().actions == ()


def a_use(town: Town) -> st.SearchStrategy[NumberUse]:
    return st.builds(
        NumberUse,
        reserved=st.integers(0, 1),
        open_calls=st.integers(0, 1),
        last_pick=st.none() | st.integers(0, 120).map(lambda minutes: town.now - timedelta(minutes=minutes)),
    )


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 30), st.integers(0, 20), st.randoms())
def test_a_plan_does_not_depend_on_the_order_in_which_things_are_seen(size: int, have: int, chance: Any) -> None:
    some = [a_seat(turn, quarantine="x" if turn % 5 == 0 else None) for turn in range(have)]
    mixed = chance.sample(some, len(some))
    want = a_want(size=size)
    assert plan_rotation(want, seen(*some), NOW).actions == plan_rotation(want, seen(*mixed), NOW).actions


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.lists(st.integers(1, 39), max_size=15))
def test_the_churn_limit_holds_over_any_thirty_days(count: int, percent: int, labelled: list[int]) -> None:
    want = a_want(size=count, governed=governed(ALLOWED, replaces=True, max_churn_percent=percent))
    town = Town(want)
    town.settle()
    for turn in labelled:
        town.wait(days=1)
        held = sorted(seat.member.number for seat in town.seats.values() if seat.member)
        assert town.uses is not None
        town.uses[held[turn % len(held)]] = NumberUse(label="Scam")
        for _ in range(3):
            town.turn()
            town.bind()
        assert len(town.replaced) * 100 <= percent * count
        assert sum(seat.live for seat in town.seats.values()) == count


def test_a_town_can_tell_that_a_number_in_use_was_cut() -> None:
    town = Town(a_want(size=1))
    town.settle()
    town.uses = {E164(number(1)): NumberUse(open_calls=1)}
    town._act(DeleteClaim("calls-1"))
    assert town.cut == [number(1)]
    assert LONG_AGO < NOW


def test_a_set_whose_numbers_are_all_frozen_is_not_ready() -> None:
    assert (
        said(a_want(size=1), replace(seen(a_seat(1)), frozen="Everything is frozen.")).items()
        >= {
            "Ready": "Frozen",
            "Frozen": "Frozen",
        }.items()
    )
