"""What a proxy service does next, and what it says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringfleet.model import E164
from ringfleet.model.proxy import GeoLevel
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.proxy_service.plan import (
    CreateClaim,
    DeleteClaim,
    Drain,
    Keep,
    PoolSeen,
    ProxyWant,
    Reroute,
    ServiceClaim,
    ServiceSeen,
    SessionsSeen,
    plan_service,
)
from ringfleet.plan.proxy_service.report import service_conditions, sessions_unknown
from ringfleet.plan.proxy_service.size import Bounds, Load, size_service
from ringfleet.plan.sizing.formulas import proxy_size

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WEST, EAST = ObjectRef("shop", "west"), ObjectRef("shop", "east")
POOL = PoolSeen("US", 9)
UNKNOWN = sessions_unknown(Reason.NO_DISPATCHER, "Nobody tells.")


def a_number(n: int) -> E164:
    return E164(f"+1415555{n:04}")


def a_want(**changes: Any) -> ProxyWant:
    return replace(ProxyWant("shop", "rides", pools=(WEST, EAST), bounds=Bounds(0)), **changes)


def a_claim(n: int, **changes: Any) -> ServiceClaim:
    return replace(ServiceClaim(f"rides-{n}", NOW, a_number(n), "US", usable=True), **changes)


def sessions(busiest: int = 0, open_: int = 0, **changes: Any) -> SessionsSeen:
    return replace(SessionsSeen(NOW, open_, places={"c:US": Load(busiest, 2 * open_)}), **changes)


def seen(*claims: ServiceClaim, **changes: Any) -> ServiceSeen:
    taken = frozenset(claim.name for claim in claims)
    return replace(ServiceSeen(claims, taken, {WEST: POOL, EAST: POOL}, unknown=UNKNOWN), **changes)


def said(want: ProxyWant, now: ServiceSeen) -> dict[str, Condition]:
    return {one.type: one for one in service_conditions(want, now, plan_service(want, now))}


# How many.


@pytest.mark.parametrize(
    ("expected", "loads", "recommended"),
    [
        (Load(), (), 0),
        (Load(3, 0), (), 0),
        (Load(3, 2), (), 3),
        (Load(72, 40_588), (), 477),
        (Load(1, 2), (Load(5, 100),), 8),
        (Load(72, 40_588), (Load(5, 100),), 477),
        (Load(), (Load(1, 2), Load(2, 250)), 7),
    ],
)
def test_the_size_is_that_of_the_expected_load_or_of_what_was_seen_with_a_margin(
    expected: Load, loads: tuple[Load, ...], recommended: int
) -> None:
    seen = {f"a:US:41{n}": load for n, load in enumerate(loads)}
    assert size_service("US", expected, seen, Bounds(0, 10_000)).recommended == recommended


def test_numbers_are_claimed_before_the_load_has_no_more_room() -> None:
    """With what was recommended a while ago, one session more of the busiest and a fifth more legs find a number."""
    for busiest in range(1, 60):
        for legs in range(busiest, 40 * busiest, 37):
            size = size_service("US", Load(), {"c:US": Load(busiest, legs)}, Bounds(0, 10_000)).recommended
            assert size >= proxy_size(busiest + 1, legs + legs // 5, 100)


def test_bounds_hold_and_reserved_numbers_are_of_no_use_for_the_load() -> None:
    bounded = size_service("US", Load(50, 100), {}, Bounds(1, 10))
    assert (bounded.recommended, bounded.wanted, bounded.is_bounded) == (50, 10, True)
    assert size_service("US", Load(), {}, Bounds(2, 10)).wanted == 2
    assert size_service("US", Load(3, 4), {}, Bounds(0, 10), {"US": 2}).wanted == 5


def test_each_country_has_numbers_of_its_own_and_the_first_pools_is_served_first_where_not_all_may_be_had() -> None:
    seen = {"c:DE": Load(2, 4), "r:US:CA": Load(1, 2), "r:US:NY": Load(1, 2)}
    assert size_service("US", Load(), seen, Bounds(0)).by_country == {"US": 4, "DE": 3}
    assert size_service("US", Load(), seen, Bounds(0, 5)).by_country == {"US": 4, "DE": 1}
    assert size_service("", Load(), {"": Load(2, 4)}, Bounds(0)).by_country == {"": 3}


# What is done.


def test_claims_are_made_in_the_country_whose_participants_need_them() -> None:
    there = {WEST: PoolSeen("US", 9), EAST: PoolSeen("DE", 9)}
    told = SessionsSeen(NOW, 1, places={"c:DE": Load(1, 2)})
    assert plan_service(a_want(), seen(pools=there, sessions=told)).actions == (
        CreateClaim("rides-1", EAST),
        CreateClaim("rides-2", EAST),
    )
    anywhere = a_want(level=GeoLevel.ANY)
    told = SessionsSeen(NOW, 1, places={"": Load(1, 2)})
    assert plan_service(anywhere, seen(pools=there, sessions=told)).actions == (
        CreateClaim("rides-1", WEST),
        CreateClaim("rides-2", WEST),
    )


def test_a_service_claims_what_it_lacks_of_the_pool_that_has_some() -> None:
    want = a_want(expected=Load(3, 2))
    now = seen(a_claim(2), pools={WEST: PoolSeen("US", 1), EAST: PoolSeen("US", 1)})
    assert plan_service(want, now).actions == (CreateClaim("rides-1", WEST), CreateClaim("rides-3", EAST))
    assert plan_service(want, seen(pools={})).actions == ()
    assert plan_service(replace(want, suspended=True), now).actions == ()


def test_a_claim_that_waits_counts_and_goes_first_when_it_is_too_many() -> None:
    waiting = a_claim(2, number=None, usable=False)
    assert plan_service(a_want(expected=Load(2, 2)), seen(a_claim(1), waiting)).actions == ()
    assert plan_service(a_want(expected=Load(1, 2)), seen(a_claim(1), waiting)).actions == (DeleteClaim("rides-2"),)


def test_numbers_beyond_a_slack_are_emptied_the_emptiest_first_and_reserved_ones_stay() -> None:
    want = a_want(expected=Load(4, 2), reserved=frozenset({a_number(1)}))
    claims = [a_claim(n) for n in range(1, 10)]
    load = {a_number(n): 10 - n for n in range(1, 8)}
    plan = plan_service(want, seen(*claims, sessions=sessions(load=load)))
    assert plan.size.wanted == 5
    assert plan.actions == (Drain("rides-7"), Drain("rides-8"), Drain("rides-9"))
    assert plan_service(want, seen(*claims)).actions == (), "nobody knows what they are used for"


@pytest.mark.parametrize(
    ("told", "goes"),
    [
        (None, False),
        (sessions(load={a_number(1): 1}, at=NOW + timedelta(minutes=9)), False),
        (sessions(at=NOW), False),
        (sessions(at=NOW + timedelta(seconds=5)), True),
    ],
)
def test_a_number_is_let_go_only_when_it_has_no_open_session_by_what_was_read_after_it_was_closed(
    told: SessionsSeen | None, goes: bool
) -> None:
    draining = a_claim(1, draining=True, since=NOW)
    actions = plan_service(a_want(), seen(draining, sessions=told)).actions
    assert actions == ((DeleteClaim("rides-1"),) if goes else ())


def test_a_number_that_drains_is_kept_when_it_is_wanted_again() -> None:
    draining = a_claim(1, draining=True, since=NOW - timedelta(hours=1))
    now = seen(draining, sessions=sessions())
    assert plan_service(a_want(expected=Load(1, 2)), now).actions == (Keep("rides-1"),)


def test_claims_follow_the_routing_profile_of_the_service() -> None:
    now = seen(a_claim(1, profile="old"), a_claim(2, profile="new"))
    want = a_want(expected=Load(2, 2), routing_profile="new")
    assert plan_service(want, now).actions == (Reroute("rides-1", "new"),)


# What is said.


def test_a_service_says_whether_it_has_its_numbers() -> None:
    want = a_want(expected=Load(1, 2))
    assert said(want, seen(a_claim(1)))["Ready"].reason is Reason.AT_TARGET
    assert said(want, seen())["Ready"].reason is Reason.GROWING
    assert said(want, seen(pools={}))["Ready"].reason is Reason.POOL_MISSING
    assert said(want, seen(a_claim(1, usable=False)))["Ready"].reason is Reason.MEMBERS_UNUSABLE
    waits = a_claim(1, number=None, usable=False, says="No stock.")
    assert said(want, seen(waits))["Reconciling"].message.endswith("waits for a number: No stock.")
    stuck = replace(waits, why=Reason.QUOTA_EXCEEDED)
    assert said(want, seen(stuck))["Stalled"].reason is Reason.QUOTA_EXCEEDED
    assert said(replace(want, suspended=True), seen())["Ready"].reason is Reason.SUSPENDED


def test_exhaustion_is_said_ahead_of_time_and_when_it_is_there() -> None:
    want = a_want(bounds=Bounds(0, 3))
    calm = seen(*(a_claim(n) for n in range(3)), sessions=sessions(2, 9))
    assert said(want, calm).keys() == {"Ready"}
    near = seen(*(a_claim(n) for n in range(3)), sessions=sessions(3, 9))
    assert said(want, near).keys() == {"Ready", "NearlyExhausted"}
    assert "spec.maxNumbers" in said(want, near)["NearlyExhausted"].message
    there = replace(near, sessions=sessions(3, 9, refused={80206: 4, 80208: 1}))
    assert "class 80206, 80208" in said(want, there)["Exhausted"].message


def test_a_message_is_the_same_however_often_somebody_was_refused() -> None:
    want, now = a_want(bounds=Bounds(0, 3)), seen(a_claim(1))
    few, many = (replace(now, sessions=sessions(3, 9, refused={80206: n})) for n in (1, 99))
    assert said(want, few) == said(want, many)


def test_while_sessions_are_not_known_the_service_says_so() -> None:
    assert said(a_want(), seen())["UsageUnknown"] == UNKNOWN
