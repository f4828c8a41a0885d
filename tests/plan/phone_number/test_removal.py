"""How one number leaves, case by case, and what stands against it whoever asks."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from ringfleet.model.policy import ReleaseMode
from ringfleet.plan.conditions import Reason
from ringfleet.plan.phone_number.removal import Bearing, Cause, Going, Obstacle, PoolPolicy, Way, plan_going

HOLD = timedelta(hours=72)
NEVER, MANUAL, AUTOMATIC = (
    PoolPolicy(mode, HOLD) for mode in (ReleaseMode.NEVER, ReleaseMode.MANUAL, ReleaseMode.AUTOMATIC)
)
DELETED = PoolPolicy(ReleaseMode.MANUAL, HOLD, deleted_with_numbers=True)
DELETED_NEVER = PoolPolicy(ReleaseMode.NEVER, HOLD, deleted_with_numbers=True)


def stays(why: str) -> Obstacle:
    return Obstacle(Reason.RELEASE_FORBIDDEN, f"It was asked to go and stays, because {why}.")


HELD = stays("NumberClaim shop/line holds it: delete the claim first")
PROTECTED = stays("it is protected: set spec.protected to false first")
OBSERVED = stays("it is only observed (spec.managementPolicy): give it back at the carrier by hand")
FORBIDDEN = stays("release.mode of its pool is Never: set it to Manual, or set spec.deletionPolicy to Retain")
POOLLESS = Obstacle(
    Reason.POOL_MISSING,
    "It was asked to go and stays: its pool is gone, whose hold and daily budget it would go by. "
    "Set spec.deletionPolicy to Retain to let go of it, or create the pool again.",
)


def released(cause: Cause, obstacle: Obstacle | None = None) -> Going:
    return Going(cause, Way.RELEASE, timedelta() if obstacle is POOLLESS else HOLD, obstacle)


def let_go(obstacle: Obstacle | None = None) -> Going:
    return Going(Cause.DELETION, Way.LET_GO, timedelta(), obstacle)


def asked(**rest: Any) -> Bearing:
    return Bearing(asked=True, **rest)


def surplus(**rest: Any) -> Bearing:
    return Bearing(surplus=True, **rest)


def deleted(**rest: Any) -> Bearing:
    return Bearing(deleting=True, **rest)


def given_up(**rest: Any) -> Bearing:
    return Bearing(deleting=True, release_on_deletion=True, **rest)


def willing(**rest: Any) -> Bearing:
    """A number that goes with its pool: its own policy says so."""
    return Bearing(release_on_deletion=True, **rest)


@pytest.mark.parametrize(
    ("bearing", "pool", "going"),
    [
        (Bearing(), MANUAL, None),
        (Bearing(), None, None),
        (Bearing(release_on_deletion=True), AUTOMATIC, None),
        (asked(), MANUAL, released(Cause.MANUAL)),
        (asked(), AUTOMATIC, released(Cause.MANUAL)),
        (asked(), NEVER, released(Cause.MANUAL, FORBIDDEN)),
        (asked(), None, released(Cause.MANUAL, POOLLESS)),
        (asked(claim="shop/line"), MANUAL, released(Cause.MANUAL, HELD)),
        (asked(protected=True), MANUAL, released(Cause.MANUAL, PROTECTED)),
        (asked(observed=True), MANUAL, released(Cause.MANUAL, OBSERVED)),
        (asked(claim="shop/line", protected=True), MANUAL, released(Cause.MANUAL, HELD)),
        (surplus(), AUTOMATIC, released(Cause.SURPLUS)),
        (surplus(), MANUAL, None),
        (surplus(), NEVER, None),
        (surplus(), None, None),
        (surplus(asked=True), AUTOMATIC, released(Cause.MANUAL)),
        (surplus(protected=True), AUTOMATIC, released(Cause.SURPLUS, PROTECTED)),
        (surplus(claim="shop/line"), AUTOMATIC, released(Cause.SURPLUS, HELD)),
        (deleted(), MANUAL, let_go()),
        (deleted(), NEVER, let_go()),
        (deleted(), None, let_go()),
        (deleted(), DELETED, let_go()),
        (deleted(asked=True, surplus=True), AUTOMATIC, let_go()),
        (deleted(claim="shop/line"), MANUAL, let_go(HELD)),
        (deleted(protected=True), MANUAL, let_go(PROTECTED)),
        (deleted(protected=True), None, let_go(PROTECTED)),
        (deleted(observed=True), MANUAL, let_go()),
        (deleted(observed=True, protected=True), NEVER, let_go()),
        (given_up(), MANUAL, released(Cause.DELETION)),
        (given_up(), NEVER, released(Cause.DELETION, FORBIDDEN)),
        (given_up(), None, released(Cause.DELETION, POOLLESS)),
        (given_up(claim="shop/line"), MANUAL, released(Cause.DELETION, HELD)),
        (given_up(protected=True), MANUAL, released(Cause.DELETION, PROTECTED)),
        (given_up(observed=True), MANUAL, released(Cause.DELETION, OBSERVED)),
        (Bearing(), DELETED, None),
        (asked(), DELETED, released(Cause.MANUAL)),
        (willing(), DELETED, released(Cause.POOL_DELETION)),
        (willing(asked=True, surplus=True), DELETED, released(Cause.POOL_DELETION)),
        (willing(claim="shop/line"), DELETED, released(Cause.POOL_DELETION, HELD)),
        (willing(protected=True), DELETED, released(Cause.POOL_DELETION, PROTECTED)),
        (willing(observed=True), DELETED, released(Cause.POOL_DELETION, OBSERVED)),
        (willing(), DELETED_NEVER, released(Cause.POOL_DELETION, FORBIDDEN)),
    ],
)
def test_how_a_number_leaves(bearing: Bearing, pool: PoolPolicy | None, going: Going | None) -> None:
    assert plan_going(bearing, pool) == going


EVERY_BEARING = [
    Bearing(*flags, "shop/line" if claimed else None, protected, observed)
    for *flags, claimed, protected, observed in product([False, True], repeat=7)
]
EVERY_POOL = [None, NEVER, MANUAL, AUTOMATIC, DELETED, DELETED_NEVER]


@pytest.mark.parametrize("pool", EVERY_POOL)
def test_nothing_is_given_back_without_a_policy_or_against_a_guard(pool: PoolPolicy | None) -> None:
    for bearing in EVERY_BEARING:
        going = plan_going(bearing, pool)
        if going is None or going.obstacle or going.way is Way.LET_GO:
            continue
        assert pool is not None
        assert pool.mode is not ReleaseMode.NEVER
        assert going.hold == HOLD
        assert (bearing.claim, bearing.protected, bearing.observed) == (None, False, False)
        assert not bearing.deleting or bearing.release_on_deletion


@pytest.mark.parametrize("pool", EVERY_POOL)
def test_our_mark_comes_off_only_what_is_deleted_and_neither_bound_nor_protected(pool: PoolPolicy | None) -> None:
    for bearing in EVERY_BEARING:
        going = plan_going(bearing, pool)
        if going and going.way is Way.LET_GO:
            guarded = not bearing.observed and (bearing.claim is not None or bearing.protected)
            assert bearing.deleting
            assert (going.obstacle is not None) is guarded
