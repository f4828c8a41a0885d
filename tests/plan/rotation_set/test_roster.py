"""The roster of a day: caps, ramp, rest, and who is not fit. Guardrails of the roster are tested by their names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.model.campaign import NO_SEAT, CampaignSeat, CampaignState
from ringfleet.model.geography import locate
from ringfleet.model.rotation import Channel, LocalPresence
from ringfleet.plan.rotation_set.guardrails import (
    Governed,
    MessagingWant,
    QuietHours,
    Ramp,
    RegionWant,
    RotationWant,
    Terms,
)
from ringfleet.plan.rotation_set.roster import (
    Day,
    MemberSeen,
    State,
    Turn,
    Unfit,
    ask_tiers,
    enlist,
    ramped,
    rests,
    senders_of,
)
from ringfleet.plan.sizing.questions import RotationQuestion, size_rotation
from ringfleet.plan.sizing.rotation import CAMPAIGN_NUMBERS

TODAY = date(2026, 11, 24)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NUMBER = E164("+14155550100")
PLACES = ("a:US:415", "r:US:CA", "c:US", "")


def a_want(**changes: Any) -> RotationWant:
    return replace(RotationWant("shop", "calls", Channel.VOICE, (("shop", "us"),), 75, 15), **changes)


def a_texting_want(**changes: Any) -> RotationWant:
    approved = MessagingWant("acme", "C123", campaign_approved=True)
    return a_want(channel=Channel.SMS, daily=1000, hourly=200, **({"messaging": approved} | changes))


def seen(number: str = NUMBER, **changes: Any) -> MemberSeen:
    return replace(MemberSeen(E164(number), "shop/sandbox", LONG_AGO, country="US", attestation="A"), **changes)


def roster(want: RotationWant, *members: MemberSeen, day: date = TODAY) -> Day:
    return enlist(want, members, day, lambda _: PLACES)


def only(want: RotationWant, member: MemberSeen, day: date = TODAY) -> Any:
    return roster(want, member, day=day).members[0]


def test_a_number_has_the_caps_of_its_set_and_is_near_to_its_places() -> None:
    member = only(a_want(concurrent=2), seen(region="west"))
    assert (member.daily, member.hourly, member.daily_tomorrow, member.concurrent) == (75, 15, 75, 2)
    assert sorted(member.tiers) == sorted([*PLACES, "s:west"])
    assert (member.state, member.account) == (State.ACTIVE, "shop/sandbox")


def test_guardrail_ramp_for_new_numbers() -> None:
    """A quarter on the first day, all after a fortnight, tomorrow more than today."""
    want = a_want()
    young = datetime(2026, 11, 24, 9, tzinfo=UTC)
    caps = [only(want, seen(joined=young), TODAY + timedelta(days=age)).daily for age in range(15)]
    assert (caps[0], caps[7], caps[14]) == (18, 46, 75)
    assert caps == sorted(caps)
    assert only(want, seen(joined=young)).daily_tomorrow == caps[1]
    assert only(want, seen(joined=young)).hourly == 3


def test_a_number_that_another_set_let_go_today_is_for_nobody_new_until_tomorrow() -> None:
    """Its uses there are not counted here, and its cap is the number's."""
    want, left = a_want(zone="America/Los_Angeles"), datetime(2026, 11, 25, 6, tzinfo=UTC)  # the 24th in California
    member = only(want, seen(left_other=left))
    assert (member.state, member.daily, member.hourly, member.daily_tomorrow) == (State.RESTING, 0, 0, 75)
    assert only(want, seen(left_other=left), TODAY + timedelta(days=1)).state is State.ACTIVE
    assert roster(want, seen(left_other=left)).capacity == 0


def test_the_first_day_is_counted_in_the_zone_of_the_set() -> None:
    late = datetime(2026, 11, 25, 6, tzinfo=UTC)  # still the 24th in California
    want = a_want(zone="America/Los_Angeles")
    assert only(want, seen(joined=late), date(2026, 11, 25)).daily == ramped(want, 75, 1)


@pytest.mark.parametrize("days", [0, 10])
def test_who_has_joined_by_a_clock_that_is_ahead_has_the_cap_of_the_first_day(days: int) -> None:
    """Without a ramp, that was a division by zero: it ended the dispatcher, for a clock that was a second behind."""
    want = a_want(governed=Governed(Terms(ramp=Ramp(days, 20))))
    assert only(want, seen(joined=datetime(2026, 11, 25, 12, tzinfo=UTC)), TODAY).daily == ramped(want, 75, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"quarantined": True}, Unfit.QUARANTINED),
        ({"stopped": True}, Unfit.STOPPED),
        ({"routed": False}, Unfit.NOT_ROUTED),
        ({"calls": False}, Unfit.NOT_ROUTED),
        ({"attestation": "B"}, Unfit.ATTESTATION),
        ({"attestation": None}, Unfit.ATTESTATION),
    ],
)
def test_an_unfit_number_is_used_for_nobody_and_says_why(change: dict[str, Any], why: Unfit) -> None:
    day = roster(a_want(), seen(**change))
    assert (day.members[0].state, day.unfit) == (State.QUARANTINED, ((NUMBER, why),))
    assert day.capacity == 0


def test_guardrail_every_pickable_number_has_an_inbound_route() -> None:
    assert only(a_want(), seen(routed=False)).state is State.QUARANTINED
    assert only(a_want(), seen(calls=False)).state is State.QUARANTINED


def test_a_number_needs_a_destination_for_what_its_set_is_for_and_for_nothing_else() -> None:
    """Who answers a message, or opts out, has to reach somebody."""
    texts = a_want(channel=Channel.SMS)
    assert only(texts, seen(calls=False, country="DE")).state is State.ACTIVE
    assert only(texts, seen(messages=False, country="DE")).state is State.QUARANTINED
    assert only(a_want(), seen(messages=False)).state is State.ACTIVE


def test_guardrail_minimum_attestation_a() -> None:
    assert only(a_want(), seen(attestation="B")).state is State.QUARANTINED
    weaker = a_want(governed=Governed(Terms(min_attestation="B")))  # type: ignore[arg-type]
    assert only(weaker, seen(attestation="B")).state is State.ACTIVE


@pytest.mark.parametrize(
    ("country", "used"), [("US", False), ("CA", False), ("PR", False), (None, False), ("DE", True)]
)
def test_an_attestation_is_asked_for_only_where_calls_are_signed(country: str | None, used: bool) -> None:
    said = only(a_want(), seen(country=country, attestation=None))
    assert (said.state is State.ACTIVE) is used


def test_an_unfit_number_that_drains_is_unfit() -> None:
    assert only(a_want(), seen(draining=True, quarantined=True)).state is State.QUARANTINED
    assert only(a_want(), seen(draining=True)).state is State.DRAINING


def test_guardrail_us_messages_need_an_approved_campaign() -> None:
    """Without one no US number sends; a number of another country is not asked for it."""
    want = a_texting_want(messaging=MessagingWant("acme", "C123"))
    assert roster(want, seen()).unfit == ((NUMBER, Unfit.CAMPAIGN),)
    assert roster(want, seen("+4930123456", country="DE")).unfit == ()
    assert roster(a_texting_want(), seen(attestation=None)).unfit == ()


@pytest.mark.parametrize("number", ["+17875550161", "+16715550161", "+13405550161", "+16845550161", "+16705550161"])
def test_guardrail_the_rules_of_the_us_hold_in_its_territories(number: str) -> None:
    country = locate(E164(number)).country
    one = seen(number, country=country)
    assert roster(a_texting_want(messaging=MessagingWant("acme", "C123")), one).unfit == ((number, Unfit.CAMPAIGN),)
    assert roster(a_texting_want(), one).unfit == ()
    many = [seen(f"+1415555{n:04}", joined=LONG_AGO - timedelta(days=1)) for n in range(CAMPAIGN_NUMBERS)]
    assert roster(a_texting_want(), *many, one).unfit == ((number, Unfit.CAMPAIGN_FULL),)


@pytest.mark.parametrize("number", ["+18335550123", "+18005550123", "+18885550123"])
def test_guardrail_a_toll_free_sender_has_a_verification_of_its_own_and_no_campaign(number: str) -> None:
    verified = MessagingWant("acme", toll_free_verified=True)
    assert roster(a_texting_want(messaging=verified), seen(number)).unfit == ()
    assert roster(a_texting_want(), seen(number)).unfit == ((number, Unfit.TOLL_FREE),)
    many = [seen(f"+1415555{n:04}", joined=LONG_AGO) for n in range(CAMPAIGN_NUMBERS)]
    both = MessagingWant("acme", "C123", campaign_approved=True, toll_free_verified=True)
    assert roster(a_texting_want(messaging=both), *many, seen(number)).unfit == ()
    assert roster(a_want(), seen(number)).unfit == (), "calls need neither"


def test_the_capacity_of_a_day_is_what_the_hours_hold_that_are_not_quiet() -> None:
    """Ten an hour from 08:00 to 21:00 are 130 a day, whatever the cap of the day says."""
    slow = a_want(daily=1000, hourly=10)
    assert roster(slow, seen()).capacity == 130
    allowed = replace(slow, governed=Governed(Terms(quiet=QuietHours(time(3), time(3)))))
    assert roster(allowed, seen()).capacity == 240
    assert roster(a_want(), seen()).capacity == 75


def test_the_capacity_of_a_day_is_no_more_than_brand_and_campaign_let_through() -> None:
    """A thousand messages from a number of the US are no 500 segments more of a brand that may have 500."""
    messaging = MessagingWant("acme", "C1", campaign_approved=True, toll_free_verified=True, segments=2)
    want = replace(a_texting_want(messaging=replace(messaging, daily_limit=500)), hourly=1000)
    assert (roster(want, seen()).capacity, roster(want, seen()).is_limited) == (250, True)
    a_minute = replace(want, messaging=replace(messaging, per_minute=1))
    assert roster(a_minute, seen()).capacity == 390, "13 hours of 60 segments"
    both = roster(want, seen("+14155550101"), seen("+18335550123"))
    assert both.capacity == 250 + 1000, "a toll-free number is nobody's campaign's"
    ample = replace(want, messaging=replace(messaging, daily_limit=10_000))
    assert (roster(ample, seen()).capacity, roster(ample, seen()).is_limited) == (1000, False)


def test_a_sets_capacity_is_what_the_calculator_says() -> None:
    """For the same numbers and limits, whichever binds."""
    messaging = MessagingWant("acme", "C1", campaign_approved=True)
    some = [seen(f"+1415555{n:04}", joined=LONG_AGO) for n in range(3)]
    for daily_limit, per_minute in ((None, None), (2000, None), (None, 2), (2000, 2), (10_000, 90)):
        limits = replace(messaging, daily_limit=daily_limit, per_minute=per_minute)
        want = replace(a_texting_want(messaging=limits), hourly=1000)
        asked = RotationQuestion(numbers=3, cap=1000, brand_daily=daily_limit, per_minute=per_minute)
        assert roster(want, *some).capacity == size_rotation(asked).volume


def test_guardrail_more_than_49_numbers_need_an_approved_number_pool() -> None:
    """The 49 that joined first may be used; with an approved pool, all."""
    many = [seen(f"+1415555{n:04}", joined=LONG_AGO + timedelta(days=n)) for n in range(CAMPAIGN_NUMBERS + 2)]
    unfit = roster(a_texting_want(), *reversed(many)).unfit
    assert unfit == tuple((one.number, Unfit.CAMPAIGN_FULL) for one in many[CAMPAIGN_NUMBERS:])
    approved = MessagingWant("acme", "C123", campaign_approved=True, pool_approved=True)
    assert roster(a_texting_want(messaging=approved), *many).unfit == ()


TURNS = {
    "work": st.integers(1, 14),
    "rest": st.integers(1, 14),
    "of": st.integers(1, 60),
    "offset": st.integers(0, 5000),
}


@given(**TURNS)
def test_a_number_rests_its_rest_days_in_every_cycle(work: int, rest: int, of: int, offset: int) -> None:
    want = a_want(work_days=work, rest_days=rest)
    days = [TODAY + timedelta(days=offset + n) for n in range(work + rest)]
    enough = of * work >= work + rest
    for place in range(of):
        resting = sum(rests(want, Turn(place, of), day) for day in days)
        assert resting == rest if enough else resting <= rest


@given(**TURNS)
def test_on_no_day_all_numbers_rest_and_on_none_many_more_than_on_another(
    work: int, rest: int, of: int, offset: int
) -> None:
    want = a_want(work_days=work, rest_days=rest)
    at_work = [
        sum(not rests(want, Turn(place, of), TODAY + timedelta(days=offset + n)) for place in range(of))
        for n in range(work + rest)
    ]
    assert min(at_work) >= 1
    assert max(at_work) - min(at_work) <= 1


@pytest.mark.parametrize("quarantined", [0, 1])
def test_numbers_that_nobody_may_use_take_no_turn_from_the_others(quarantined: int) -> None:
    """Two that take turns, and one that is out: on each day one of the two works."""
    want = a_want(work_days=1, rest_days=1)
    members = [seen(f"+1415555016{n}", quarantined=n < quarantined) for n in range(2 + quarantined)]
    for n in range(4):
        day = enlist(want, members, TODAY + timedelta(days=n), lambda _: PLACES)
        assert [member.state for member in day.members].count(State.ACTIVE) == 1


STANDS = st.lists(st.sampled_from(["fit", "draining", "quarantined", "gone"]), min_size=6, max_size=6)


@given(STANDS, STANDS, st.integers(0, 3), st.booleans())
def test_a_roster_is_the_same_whatever_it_was_before(then: list[str], now: list[str], days: int, same: bool) -> None:
    want = a_want(work_days=2, rest_days=1, governed=Governed(Terms(ramp=Ramp(3, 20))))
    sets = [
        [
            seen(f"+1415555016{n}", draining=what == "draining", quarantined=what == "quarantined")
            for n, what in enumerate(stands)
            if what != "gone"
        ]
        for stands in (then, now)
    ]
    before = roster(want if same else replace(want, daily=9), *sets[0], day=TODAY - timedelta(days=days))
    anew = roster(want, *sets[1])
    assert enlist(want, sets[1], TODAY, lambda _: PLACES, before=before) == anew


class Counted(E164):
    """A number that counts how often it is looked up."""

    __slots__ = ()
    looked_up = 0

    def __hash__(self) -> int:
        Counted.looked_up += 1
        return super().__hash__()


def test_making_a_roster_looks_each_number_up_as_often_in_a_large_set_as_in_a_small_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each change of a number makes the roster anew, in the event loop that answers picks."""
    often = []
    for size in (10, 100):
        members = [replace(seen(), number=Counted(f"+1415555{n:04}"), quarantined=n % 2 == 0) for n in range(size)]
        monkeypatch.setattr(Counted, "looked_up", 0)
        roster(a_want(), *members)
        often.append(Counted.looked_up / size)
    assert often[0] == often[1]


def test_a_resting_number_has_no_cap_and_one_that_rests_tomorrow_none_then() -> None:
    want = a_want(work_days=1, rest_days=1)
    both = roster(want, seen("+14155550164"), seen("+14155550165")).members
    resting, working = sorted(both, key=lambda member: member.daily)
    assert (resting.daily, resting.state, resting.daily_tomorrow) == (0, State.RESTING, 75)
    assert (working.daily, working.state, working.daily_tomorrow) == (75, State.ACTIVE, 0)


def test_an_established_number_has_its_whole_caps_from_the_first_day_and_rests_as_others_do() -> None:
    want = a_want(governed=Governed(Terms(ramp=Ramp(14, 25))))
    joined = datetime(2026, 11, 24, 12, tzinfo=UTC)
    new, known = (only(want, seen(joined=joined, established=one)) for one in (False, True))
    assert (new.daily, known.daily, known.hourly) == (ramped(want, 75, 0), 75, 15)
    resting = replace(want, work_days=1, rest_days=1)
    two = (seen(joined=joined, established=True), seen("+14155550101", joined=joined, established=True))
    assert {one.daily for one in roster(resting, *two).members} == {0, 75}


@given(st.integers(1, 1000), st.integers(0, 90), st.integers(1, 100), st.integers(0, 100))
def test_a_ramp_grows_and_ends_at_the_cap(cap: int, days: int, percent: int, age: int) -> None:
    want = a_want(governed=Governed(Terms(ramp=Ramp(days, percent))))
    today, tomorrow = ramped(want, cap, age), ramped(want, cap, age + 1)
    assert 1 <= today <= tomorrow <= cap
    assert ramped(want, cap, days) == cap


@given(st.permutations(range(6)))
def test_the_order_in_which_numbers_are_seen_does_not_matter(order: list[int]) -> None:
    members = [seen(f"+1415555010{n}", joined=LONG_AGO + timedelta(days=n % 2)) for n in range(6)]
    assert roster(a_want(), *(members[n] for n in order)) == roster(a_want(), *members)


REGIONS = (RegionWant("west", "US", 40, ("415", "628")), RegionWant("rest", "US", 60))


@pytest.mark.parametrize(
    ("presence", "places", "tiers"),
    [
        (LocalPresence.AREA_CODE, PLACES, ("a:US:415", "s:west", "r:US:CA", "c:US")),
        (LocalPresence.REGION, PLACES, ("s:west", "r:US:CA", "c:US")),
        (LocalPresence.COUNTRY, PLACES, ("s:west", "c:US")),
        (LocalPresence.NONE, PLACES, ("s:west", "")),
        (LocalPresence.COUNTRY, ("a:US:907", "r:US:AK", "c:US", ""), ("s:rest", "c:US")),
        (LocalPresence.COUNTRY, ("c:DE", ""), ("c:DE",)),
        (LocalPresence.NONE, ("c:DE", ""), ("",)),
        (LocalPresence.COUNTRY, ("a:PR:787", "c:PR", "c:US", ""), ("s:rest", "c:PR", "c:US")),
        (LocalPresence.COUNTRY, ("c:JE", "c:GB", ""), ("c:JE", "c:GB")),
    ],
)
def test_a_number_is_looked_for_near_the_recipient_first(
    presence: LocalPresence, places: tuple[str, ...], tiers: tuple[str, ...]
) -> None:
    assert ask_tiers(a_want(presence=presence, regions=REGIONS), places) == tiers


def test_guardrail_fail_closed_never_widen_past_the_country() -> None:
    """Only a set that says None takes numbers of other countries."""
    for presence in (LocalPresence.COUNTRY, LocalPresence.REGION, LocalPresence.AREA_CODE):
        assert "" not in ask_tiers(a_want(presence=presence), PLACES)


def test_a_campaigns_numbers_are_counted_over_all_its_sets_and_those_that_joined_first_send() -> None:
    want, later = a_texting_want(), LONG_AGO + timedelta(days=1)
    mine = [seen(f"+1415555{n:04}", joined=LONG_AGO if n < 5 else later) for n in range(30)]
    others = [(LONG_AGO + timedelta(hours=1), E164(f"+1415556{n:04}")) for n in range(30)]
    full = {number for number, why in enlist(want, mine, TODAY, lambda _: PLACES, others).unfit}
    assert full == {f"+1415555{n:04}" for n in range(19, 30)}, "5, then 30 of the other set, then 14"
    assert enlist(want, mine, TODAY, lambda _: PLACES).unfit == ()
    approved = replace(want, messaging=replace(want.messaging, pool_approved=True))
    assert enlist(approved, mine, TODAY, lambda _: PLACES, others).unfit == ()


def test_only_what_sends_for_the_campaign_is_counted_as_its_number() -> None:
    want = a_texting_want()
    members = [seen(), seen("+18005550100"), seen("+493012345678", country="DE"), seen("+14155550101", routed=False)]
    assert senders_of(want, members) == ((LONG_AGO, NUMBER),)
    assert senders_of(replace(want, messaging=MessagingWant("acme", "C123")), members) == ()


@pytest.mark.parametrize(
    ("said", "of_profile", "country", "fits"),
    [
        ("C123", "C123", "US", True),
        ("C123", "C999", "US", False),
        ("C123", "C999", "PR", False),
        ("C123", "C999", "DE", True),
        ("C123", None, "US", True),
        (None, "C999", "US", True),
    ],
)
def test_guardrail_a_number_sends_for_no_other_campaign_than_its_profiles(
    said: str | None, of_profile: str | None, country: str, fits: bool
) -> None:
    want = a_texting_want(messaging=MessagingWant("acme", said, campaign_approved=True))
    seat = CampaignSeat(of_profile, ASSIGNED) if of_profile else None
    unfit = roster(want, seen(campaign=of_profile, country=country, seat=seat)).unfit
    assert unfit == (() if fits else ((NUMBER, Unfit.CAMPAIGN_OTHER),))


ASSIGNED, PENDING, FAILED = CampaignState.ASSIGNED, CampaignState.PENDING, CampaignState.FAILED


@pytest.mark.parametrize(
    ("of_profile", "seat", "fits"),
    [
        pytest.param("C1", CampaignSeat("C1", ASSIGNED), True, id="assigned"),
        pytest.param("C1", CampaignSeat("C1", PENDING), False, id="pending"),
        pytest.param("C1", CampaignSeat("C1", FAILED, "no"), False, id="refused"),
        pytest.param("C1", CampaignSeat("C2", ASSIGNED), False, id="in another"),
        pytest.param("C1", NO_SEAT, False, id="in none"),
        pytest.param("C1", None, False, id="the carrier has not said"),
        pytest.param(None, CampaignSeat("C2", ASSIGNED), True, id="in one that the profile does not name"),
        pytest.param(None, CampaignSeat("C2", PENDING), False, id="on its way into one that the profile does not name"),
        pytest.param(None, None, True, id="nobody says anything"),
    ],
)
def test_guardrail_a_number_sends_only_for_a_campaign_that_has_it(
    of_profile: str | None, seat: CampaignSeat | None, fits: bool
) -> None:
    want = a_texting_want(messaging=MessagingWant("acme", None, campaign_approved=True))
    assert roster(want, seen(campaign=of_profile, seat=seat)).unfit == (() if fits else ((NUMBER, Unfit.NOT_ENROLLED),))
    for other in (seen(campaign=of_profile, seat=seat, country="DE"), seen("+18005550100", campaign=of_profile)):
        assert Unfit.NOT_ENROLLED not in {why for _, why in roster(want, other).unfit}
