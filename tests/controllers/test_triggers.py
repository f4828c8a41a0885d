"""Who wakes whom: for each change, the keys that come due, and how soon; nobody else is woken."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.controllers.wake import needs_step
from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_quota,
    a_rig,
    a_set,
    an_account,
    an_order,
    in_virtual_time,
    later,
)
from tests.plan.builders import a_holding, an_offer, digits

ONE = digits(1).digits
NUMBER, CLAIM = f"PhoneNumber {ONE}", "NumberClaim desk"
POOL, ORDER, QUOTA, PROFILE, SET = (
    *("NumberPool west", "NumberOrder west-1", "NumberQuota month"),
    *("RoutingProfile sip", "RotationSet calls"),
)
ACCOUNT_USE, PROFILE_USE = "AccountUse main", "ProfileUse sip"
AT_ONCE, DEBOUNCED, POOL_SOON, SET_SOON, USE_SOON, QUOTA_SOON, PROFILE_LATE = 0.0, 0.1, 0.5, 0.3, 1.0, 2.0, 5.0


BOTH = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
FROZEN = {"metadata": {"annotations": {"ringfleet.dev/frozen": "ada"}}}


async def a_bound_house(rig: Rig) -> None:
    """A number that a claim of the set holds, routed by the pool's profile; nobody has anything left to do."""
    rig.carrier.held[digits(1)] = a_holding(1, mark=Mark("home", HERE, "west"), area_code="415")
    claim = await rig.find("NumberClaim", "desk")
    rotation = await rig.find("RotationSet", "calls")
    assert claim
    assert rotation
    owner = {"kind": "RotationSet", "name": "calls", "uid": rotation["metadata"]["uid"], "controller": True}
    await rig.change(
        "NumberClaim",
        "desk",
        {
            "metadata": {
                "labels": {"ringfleet.dev/rotation-set": "calls"},
                "ownerReferences": [{**owner, "apiVersion": "ringfleet.dev/v1alpha1"}],
            }
        },
    )
    await rig.look()
    await rig.turn("ProfileUse", "sip")  # who uses what was asked when the number came, and that was forgotten
    await rig.settle()


EVERYTHING = (
    *(*HOUSE, a_profile(), a_quota(numbers=100)),
    *(a_pool(0, routingProfileRef={"name": "sip"}), a_number(1), a_claim(guarded=True), a_set(1)),
)


@pytest.mark.parametrize(
    ("kind", "name", "change", "woken"),
    [
        (
            *("CarrierAccount", "main", {"spec": {"limits": {"concurrency": 8}}}),
            {"CarrierAccount main": DEBOUNCED, POOL: DEBOUNCED, PROFILE: DEBOUNCED},
        ),
        ("CarrierAccount", "main", {"metadata": {"annotations": {"a": "b"}}}, {"CarrierAccount main": DEBOUNCED}),
        ("NumberPool", "west", {"spec": {"size": {"target": 2}}}, {POOL: DEBOUNCED, QUOTA: QUOTA_SOON}),
        ("NumberPool", "west", {"metadata": {"annotations": {"a": "b"}}}, {POOL: POOL_SOON, QUOTA: QUOTA_SOON}),
        (
            *("RoutingProfile", "sip", {"spec": {"channels": 7}}),
            {PROFILE: DEBOUNCED, POOL: DEBOUNCED},
        ),
        (
            *("RoutingProfile", "sip", {"spec": {"voice": {"sipTrunk": {"targets": [{"uri": "sip:b.example.com"}]}}}}),
            {PROFILE: DEBOUNCED, POOL: DEBOUNCED},
        ),
        ("RoutingProfile", "sip", {"metadata": {"annotations": {"a": "b"}}}, {PROFILE: DEBOUNCED}),
        ("NumberQuota", "month", {"spec": {"limits": {"numbers": 5}}}, {QUOTA: DEBOUNCED, POOL: DEBOUNCED}),
        (
            *("NumberQuota", "month", {"spec": {"billing": "Suspended"}}),
            {QUOTA: DEBOUNCED, POOL: DEBOUNCED, NUMBER: DEBOUNCED},
        ),
        ("RotationSet", "calls", {"spec": {"size": 2}}, {SET: DEBOUNCED}),
        ("RotationSet", "calls", {"metadata": {"labels": {"a": "b"}}}, {}),
        ("RotationSet", "calls", {"metadata": {"annotations": {"a": "b"}}}, {SET: DEBOUNCED}),
        (
            *("PhoneNumber", ONE, {"spec": {"suspend": True}}),
            {NUMBER: DEBOUNCED, SET: SET_SOON},
        ),
        ("PhoneNumber", ONE, {"metadata": {"labels": {"a": "b"}}}, {}),
        (
            *("PhoneNumber", ONE, {"spec": {"claimRef": None, "unboundAt": later(0)}}),
            {NUMBER: DEBOUNCED, CLAIM: AT_ONCE, SET: SET_SOON, POOL: POOL_SOON, QUOTA: QUOTA_SOON},
        ),
        ("NumberClaim", "desk", {"spec": {"suspend": True}}, {CLAIM: AT_ONCE, NUMBER: DEBOUNCED, SET: SET_SOON}),
        ("NumberClaim", "desk", {"metadata": {"labels": {"a": "b"}}}, {SET: SET_SOON}),
        ("NumberClaim", "desk", {"spec": {"onNoStock": "Order"}}, {CLAIM: AT_ONCE, SET: SET_SOON, POOL: POOL_SOON}),
        ("NumberClaim", "desk", {"spec": {"capabilities": ["SMS"]}}, {CLAIM: AT_ONCE, SET: SET_SOON}),
    ],
)
@in_virtual_time
async def test_a_change_wakes_what_it_concerns_when_that_is_soon_enough(
    kind: str, name: str, change: Json, woken: dict[str, float]
) -> None:
    async with a_rig(*EVERYTHING) as rig:
        await a_bound_house(rig)
        await rig.change(kind, name, change)
        await rig.look()
        assert await rig.woken() == woken


@pytest.mark.parametrize(
    ("gone", "woken"),
    [
        (
            ("NumberPool", "west"),
            {POOL: 0.1, NUMBER: 0.1, QUOTA: 2.0, SET: 0.1, PROFILE: 5.0, PROFILE_USE: USE_SOON},
        ),
        (("RoutingProfile", "sip"), {PROFILE: 0.1, POOL: 0.1, PROFILE_USE: USE_SOON}),
        (("NumberQuota", "month"), {QUOTA: 0.1, POOL: 0.1}),
        (("NumberClaim", "desk"), {CLAIM: 0.0, SET: 0.3}),
        (("PhoneNumber", ONE), {NUMBER: 0.1, SET: 0.3, POOL: 0.5, QUOTA: 2.0}),
    ],
)
@in_virtual_time
async def test_what_goes_wakes_those_that_built_on_it(gone: tuple[str, str], woken: dict[str, float]) -> None:
    async with a_rig(*EVERYTHING) as rig:
        await a_bound_house(rig)
        await rig.delete(*gone)
        await rig.look()
        assert await rig.woken() == woken


@pytest.mark.parametrize(
    ("comes", "woken"),
    [
        (an_account("spare"), {"CarrierAccount spare": 0.1, "AccountUse spare": USE_SOON}),
        (an_order(), {ORDER: 0.1, POOL: 0.1, PROFILE: 0.1, QUOTA: 2.0, ACCOUNT_USE: USE_SOON}),
        (
            a_number(2),
            {
                **{POOL: 0.5, QUOTA: 2.0, f"PhoneNumber {digits(2).digits}": 0.1},
                **{ACCOUNT_USE: USE_SOON, PROFILE_USE: USE_SOON},
            },
        ),
        (a_claim("more"), {"NumberClaim more": 0.0, POOL: 0.5}),
        (a_set(1, "more"), {"RotationSet more": 0.1}),
        (a_profile("more"), {"RoutingProfile more": 0.1, "ProfileUse more": USE_SOON}),
    ],
)
@in_virtual_time
async def test_what_comes_wakes_itself_and_those_that_count_it(comes: Json, woken: dict[str, float]) -> None:
    async with a_rig(*EVERYTHING) as rig:
        await a_bound_house(rig)
        await rig.create(comes)
        await rig.look()
        assert await rig.woken() == woken


@pytest.mark.parametrize(
    ("ended", "looks_after"),
    [
        pytest.param({}, 2.0, id="the order is on its way"),
        pytest.param({"completedAt": later(0)}, 0.5, id="it has ended"),
    ],
)
@in_virtual_time
async def test_numbers_that_an_order_brings_one_by_one_are_counted_in_fewer_looks_at_the_pool(
    ended: Json, looks_after: float
) -> None:
    items = [{"number": digits(n), "state": "Submitting", "monthly": "2", "setup": "1"} for n in (1, 2)]
    order = an_order(status={"items": items, "key": "k", **ended})
    async with a_rig(*HOUSE, a_pool(), order) as rig:
        await rig.create(a_number(1))
        await rig.look_at_numbers()
        assert (await rig.woken())[POOL] == looks_after


@in_virtual_time
async def test_an_order_that_ends_wakes_the_next_one_of_its_account_at_once() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order(count=1), an_order(count=1, sequence=2)) as rig:
        rig.carrier.stock += [an_offer(n) for n in (1, 2, 3)]
        await rig.turn("NumberOrder", "west-1")
        await rig.woken()
        await rig.turn("NumberOrder", "west-1")
        assert (await rig.woken(0.05)).items() >= {"NumberOrder west-2": 0.0}.items()


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        pytest.param("NumberPool", "west", {"spec": {"suspend": True}}, id="its pool is suspended"),
        pytest.param("NumberPool", "west", {"spec": {"carriers": BOTH}}, id="its pool may buy elsewhere"),
        pytest.param("CarrierAccount", "main", {"spec": {"limits": {"purchasesPerHour": 9}}}, id="it may buy more"),
        pytest.param("NumberPool", "east", FROZEN, id="the order before it is not sent again"),
        pytest.param("NumberOrder", "west-7", {"metadata": {"finalizers": None}}, id="the order before it is gone"),
        pytest.param("CarrierAccount", "main", None, id="its account is deleted"),
        pytest.param("NumberPool", "west", None, id="its pool is deleted"),
    ],
)
@in_virtual_time
async def test_an_order_is_woken_by_all_that_it_may_wait_for(kind: str, name: str, change: Json | None) -> None:
    """It says nothing of a time, so what does not wake it leaves it waiting for ever."""
    sent = {"items": [{"number": digits(9), "state": "Unknown", "monthly": "2", "setup": "1"}], "key": "k"}
    before = an_order(1, 7, sent, poolRef={"name": "east"})
    account = an_account()
    account["metadata"]["finalizers"] = ["ringfleet.dev/in-use"]
    objects = (HOUSE[0], account, an_account("spare"), a_pool(), a_pool(name="east"), an_order(), before)
    async with a_rig(*objects) as rig:
        await rig.woken()
        if change:
            await rig.change(kind, name, change)
        if name == "west-7" or change is None:
            await rig.delete(kind, name)
        await rig.look()
        assert ORDER in await rig.woken(1.0)


@in_virtual_time
async def test_an_order_that_waits_for_a_dead_carrier_is_woken_when_another_one_of_its_pool_answers() -> None:
    async with a_rig(HOUSE[0], an_account(), an_account("spare"), a_pool(carriers=BOTH), an_order()) as rig:
        for name in ("main", "spare"):
            rig.carriers[f"{HERE}/{name}"].fail("balance", CarrierUnavailable("It is down."))
            await rig.turn("CarrierAccount", name)
        await rig.turn("NumberOrder", "west-1")
        await rig.woken()
        await rig.turn("CarrierAccount", "spare")
        assert ORDER in await rig.woken(1.0)
        await rig.turn("NumberOrder", "west-1")
        assert (await rig.status("NumberOrder", "west-1"))["failure"] == "CarrierUnavailable"


@in_virtual_time
async def test_a_suspended_pool_wakes_its_orders_so_that_they_say_so() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await rig.woken()
        await rig.change("NumberPool", "west", {"spec": {"suspend": True}})
        await rig.look()
        assert ORDER in await rig.woken(1.0)


@in_virtual_time
async def test_a_number_is_woken_by_another_reason_why_it_stays() -> None:
    """It is as ready as before, and has as many conditions: only what one of them says is not so any more."""
    number = a_number()
    number["metadata"]["annotations"] = {"ringfleet.dev/release": digits(1)}
    async with a_rig(*HOUSE, number) as rig:
        await rig.turn("PhoneNumber", ONE)
        assert await rig.says("PhoneNumber", ONE, "ReleaseBlocked") == "True PoolMissing"
        await rig.create(a_pool(0, release={"mode": "Never"}))
        await rig.look()
        assert NUMBER in await rig.woken(1.0)
        await rig.turn("PhoneNumber", ONE)
        assert await rig.says("PhoneNumber", ONE, "ReleaseBlocked") == "True ReleaseForbidden"


@in_virtual_time
async def test_leave_that_one_number_has_is_looked_at_for_that_number_only() -> None:
    """Or a pool of ten thousand that lets them go looks at all of them again with each that has gone."""
    async with a_rig(*HOUSE, a_pool(), *(a_number(n) for n in range(1, 21))) as rig:
        for granted in ([ONE], []):
            await rig.change_status("NumberPool", "west", {"memory": {"release": {"granted": granted}}})
            with patch("ringfleet.controllers.wake.needs_step", wraps=needs_step) as looked:
                await rig.look()
            assert [call.args[1].name for call in looked.call_args_list] == [ONE]


@in_virtual_time
async def test_a_burst_of_changes_is_one_look_each() -> None:
    async with a_rig(*HOUSE, a_pool(), *(a_number(n) for n in range(1, 21))) as rig:
        await rig.settle()
        for n in range(1, 21):
            await rig.change_status("PhoneNumber", digits(n).digits, {"phase": "Cooling", "freeSince": None})
        await rig.look()
        assert await rig.woken() == {POOL: 0.5} | {f"PhoneNumber {digits(n).digits}": 0.1 for n in range(1, 21)}
