"""One slow carrier holds up nobody at a quick one: each account has a lane of its own."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from unittest.mock import patch

import pytest

from ringfleet.api import NumberOrder
from ringfleet.carriers.errors import CarrierUnavailable, Throttled
from ringfleet.controllers.account_lane import Turnstile
from ringfleet.controllers.purchase_lock import purchasing
from ringfleet.controllers.queues import IN_LANES, SPANNING, Queues
from ringfleet.kube.client import Resource
from ringfleet.kube.errors import Forbidden
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Capability, Mark
from ringfleet.objects.refs import Key
from ringfleet.settings import Settings
from tests.controllers.carrier_double import ABILITIES, CarrierDouble, RegistrarDouble
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
    an_object,
    an_order,
    in_virtual_time,
)
from tests.kube.virtual_time import now, run_in_virtual_time
from tests.plan.builders import a_holding, an_offer, digits

MAIN = AccountKey(HERE, "main")
MANY, TAKES = 30, 20.0
TWO_HOUSES = (*HOUSE, an_account("spare"))
AT_SPARE = [{"accountRef": {"name": "spare"}}]
SLOW_POOLS = tuple(a_pool(1, f"slow-{n}", carriers=AT_SPARE) for n in range(MANY))
SOON = 5.0


def stocked(rig: Rig) -> Rig:
    voice = frozenset({Capability.VOICE})
    rig.carrier.stock.append(an_offer(1, capabilities=voice))
    rig.carriers[f"{HERE}/spare"].stock += [an_offer(n, capabilities=voice) for n in range(100, 100 + MANY)]
    return rig


async def is_ready(rig: Rig, pool: str = "west") -> bool:
    return await rig.says("NumberPool", pool) == "True AtTarget"


@in_virtual_time
async def test_thirty_pools_that_search_at_a_slow_carrier_do_not_delay_one_at_a_quick_one() -> None:
    async with a_rig(*TWO_HOUSES, *SLOW_POOLS, begun=False) as rig:
        stocked(rig).carriers[f"{HERE}/spare"].takes = {"search": TAKES}
        async with rig.running():
            await rig.until(lambda: _searches(rig), within=5)
            await rig.create(a_pool(1))
            assert await rig.until(lambda: is_ready(rig)) < SOON
            assert now() < TAKES, "not one search of the slow carrier has ended"
            slow = [pool["metadata"]["name"] for pool in SLOW_POOLS]
            for pool in slow:
                await rig.until(lambda name=pool: is_ready(rig, name), within=MANY * (TAKES + SOON))
            assert set(rig.carriers[f"{HERE}/spare"].billed.values()) == {1}, "each bought its own, one after the other"


async def _searches(rig: Rig) -> bool:
    return any(line.startswith("carrier: search") for line in rig.story)


@in_virtual_time
async def test_requirements_that_a_slow_carrier_is_asked_for_do_not_delay_a_pool_at_a_quick_one() -> None:
    """Nor is the slow one asked by each pool that waits: they are of one market."""
    async with a_rig(*TWO_HOUSES, *SLOW_POOLS, begun=False) as rig:
        slow = stocked(rig).carriers[f"{HERE}/spare"].registrar = RegistrarDouble(takes=TAKES)
        async with rig.running():
            await rig.until(lambda: _is_asked(slow), within=5)
            await rig.create(a_pool(1))
            assert await rig.until(lambda: is_ready(rig)) < SOON
            assert await rig.says("NumberPool", "slow-0") == "False ReadingRequirements"
            await rig.until(lambda: is_ready(rig, "slow-0"), within=TAKES + 60)
            assert slow.asked == 1


@in_virtual_time
async def test_a_pool_waits_until_the_carrier_that_it_prefers_has_said_what_it_requires() -> None:
    """Before, it would order at the one that it likes less, which has said so sooner."""
    preferring = a_pool(1, carriers=[*AT_SPARE, {"accountRef": {"name": "main"}}])
    async with a_rig(*TWO_HOUSES, preferring, begun=False) as rig:
        slow = stocked(rig).carriers[f"{HERE}/spare"].registrar = RegistrarDouble(takes=TAKES)
        rig.carrier.registrar = RegistrarDouble()
        async with rig.running():
            await rig.until(lambda: is_ready(rig), within=TAKES + 60)
            assert (slow.asked, rig.carrier.billed.total(), rig.carriers[f"{HERE}/spare"].billed.total()) == (1, 0, 1)


@in_virtual_time
async def test_a_pool_goes_on_without_the_carrier_that_it_prefers_when_that_never_says_what_it_requires() -> None:
    preferring = a_pool(1, carriers=[*AT_SPARE, {"accountRef": {"name": "main"}}])
    async with a_rig(*TWO_HOUSES, preferring, begun=False) as rig:
        stocked(rig).carriers[f"{HERE}/spare"].registrar = RegistrarDouble(takes=1e6)
        async with rig.running():
            await rig.until(lambda: is_ready(rig), within=60)


async def _is_asked(registrar: RegistrarDouble) -> bool:
    return registrar.asked > 0


def a_bundle(n: int) -> Json:
    party = {"type": "Business"}
    carriers = [{"name": "spare"}]
    spec = {"country": "US", "numberTypes": ["Geographic"], "endUser": party, "contact": "a@example.com"}
    return an_object("ComplianceBundle", f"papers-{n}", spec | {"carriers": carriers})


@in_virtual_time
async def test_bundles_that_are_filed_at_a_slow_carrier_do_not_delay_a_pool_at_a_quick_one() -> None:
    async with a_rig(*TWO_HOUSES, *(a_bundle(n) for n in range(MANY)), begun=False) as rig:
        slow = stocked(rig).carriers[f"{HERE}/spare"].registrar = RegistrarDouble(takes=TAKES)
        async with rig.running():
            await rig.until(lambda: _is_asked(slow), within=5)
            await rig.create(a_pool(1))
            assert await rig.until(lambda: is_ready(rig)) < SOON


@in_virtual_time
async def test_numbers_that_are_routed_at_a_slow_carrier_do_not_delay_one_at_a_quick_one() -> None:
    routed = {"routingProfileRef": {"name": "sip"}}
    account = {"accountRef": {"name": "spare", "namespace": HERE}}
    slow = [a_number(n, poolRef={"name": "slow"}, **account) for n in range(100, 200)]
    pools = (a_pool(0, "slow", carriers=AT_SPARE, **routed), a_pool(0, **routed))
    async with a_rig(*TWO_HOUSES, a_profile(), *pools, *slow, begun=False) as rig:
        carrier = rig.carriers[f"{HERE}/spare"]
        carrier.takes = {"route": TAKES}
        ours = Mark("home", HERE, "slow")
        carrier.held |= {digits(n): a_holding(n, mark=ours) for n in range(100, 200)}
        async with rig.running():
            await rig.until(lambda: _routes(rig), within=5)
            rig.carrier.held[digits(1)] = a_holding(1, mark=Mark("home", HERE, "west"))
            await rig.create(a_number(1))
            assert await rig.until(lambda: _is_routed(rig)) < SOON


async def _routes(rig: Rig) -> bool:
    return any(line.startswith("carrier: route") for line in rig.story)


async def _is_routed(rig: Rig) -> bool:
    return rig.carrier.held[digits(1)].routing is not None


@in_virtual_time
async def test_a_slow_sweep_of_an_account_does_not_hold_up_its_own_orders() -> None:
    """Those of a pool that has ordered there before: of any other it must be known first what it has there."""
    async with a_rig(*HOUSE, a_pool(1), begun=False) as rig, stocked(rig).running():
        await rig.until(lambda: is_ready(rig))
        rig.carrier.stock.append(an_offer(2))
        rig.carrier.takes = {"holdings": 600.0}
        swept = _sweeps(rig)
        await rig.until(lambda: _sweeps_again(rig, swept))
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
        assert await rig.until(lambda: _is_bought(rig, 2)) < SOON


def _sweeps(rig: Rig) -> int:
    return rig.story.count("carrier: holdings")


async def _sweeps_again(rig: Rig, before: int) -> bool:
    return _sweeps(rig) > before


async def _is_bought(rig: Rig, numbers: int) -> bool:
    return rig.carrier.billed.total() == numbers


# What several accounts are to be told.


@in_virtual_time
async def test_a_profile_that_a_slow_carrier_is_told_does_not_delay_the_numbers_at_a_quick_one() -> None:
    routed = {"routingProfileRef": {"name": "sip"}}
    pools = (a_pool(1, **routed), a_pool(1, "east", carriers=AT_SPARE, **routed))
    async with a_rig(*TWO_HOUSES, a_profile(), *pools, begun=False) as rig, stocked(rig).running():
        for pool in ("west", "east"):
            await rig.until(lambda name=pool: is_ready(rig, name))
        rig.carrier.stock.append(an_offer(2))
        spare = rig.carriers[f"{HERE}/spare"]
        spare.takes = dict.fromkeys(("find_routing", "ensure_routing"), TAKES)
        target = {"uri": "sip:new.example.com"}
        await rig.change("RoutingProfile", "sip", {"spec": {"voice": {"sipTrunk": {"targets": [target]}}}})
        await rig.until(lambda: _asks(rig, "find_routing"))
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
        assert await rig.until(lambda: _has(rig, 2)) < SOON
        assert await rig.says("RoutingProfile", "sip") == "False Routing"
        assert "shop/spare" in await _message(rig, "RoutingProfile", "sip")
        assert "shop/main" not in await _message(rig, "RoutingProfile", "sip")
        await rig.until(lambda: _is_configured(rig), within=2 * TAKES + SOON)
        told = [next(iter(one.profiles.values())).routing.sip_targets[0].uri for one in (rig.carrier, spare)]
        assert told == [target["uri"]] * 2


async def _asks(rig: Rig, call: str) -> bool:
    return any(line.startswith(f"carrier: {call}") for line in rig.story)


async def _has(rig: Rig, numbers: int, pool: str = "west") -> bool:
    """Whether the pool is ready, with so many numbers to take."""
    status = await rig.status("NumberPool", pool)
    return await is_ready(rig, pool) and status["numbers"]["available"] == numbers


async def _message(rig: Rig, kind: str, name: str) -> str:
    conditions = (await rig.status(kind, name))["conditions"]
    return next(one["message"] for one in conditions if one["type"] == "Ready")


async def _is_configured(rig: Rig) -> bool:
    return await rig.says("RoutingProfile", "sip") == "True Configured"


@in_virtual_time
async def test_profiles_that_a_slow_carrier_is_told_do_not_hold_up_its_own_orders() -> None:
    pools = [a_pool(0, f"p-{n}", carriers=AT_SPARE, routingProfileRef={"name": f"sip-{n}"}) for n in range(MANY)]
    account = {"accountRef": {"name": "spare", "namespace": HERE}}
    numbers = [a_number(n, poolRef={"name": f"p-{n}"}, **account) for n in range(MANY)]
    profiles = [a_profile(f"sip-{n}") for n in range(MANY)]
    async with a_rig(*TWO_HOUSES, *profiles, *pools, *numbers, begun=False) as rig:
        spare = stocked(rig).carriers[f"{HERE}/spare"]
        spare.held |= {digits(n): a_holding(n, mark=Mark("home", HERE, f"p-{n}")) for n in range(MANY)}
        spare.takes = {"find_routing": TAKES}
        async with rig.running():
            await rig.until(lambda: _asks(rig, "find_routing"))
            await rig.create(a_pool(1, carriers=AT_SPARE))
            assert await rig.until(lambda: is_ready(rig)) < SOON


# An account of which nothing can be learned.

AT_BOTH = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
WAITED_FOR = 60.0
NEVER = 10_000


@pytest.mark.parametrize("carriers", [AT_BOTH, AT_BOTH[::-1]], ids=["the healthy one first", "the healthy one second"])
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Throttled("429"), "False Throttled"),
        (CarrierUnavailable("It is down."), "False CarrierUnavailable"),
        (KeyError("a bug"), "False ReconcileFailed"),
    ],
    ids=["throttled", "down", "unforeseen"],
)
@in_virtual_time
async def test_a_carrier_that_never_tells_who_the_account_is_does_not_keep_a_pool_from_buying_at_another(
    error: Exception, says: str, carriers: list[Json]
) -> None:
    async with a_rig(*TWO_HOUSES, a_pool(1, carriers=carriers), begun=False) as rig:
        spare = stocked(rig).carriers[f"{HERE}/spare"]
        spare.fail("account_id", *[error] * NEVER)
        async with rig.running():
            await rig.until(lambda: is_ready(rig), within=WAITED_FOR)
            assert (rig.carrier.billed.total(), spare.billed.total()) == (1, 0), "who is not known buys nothing"
            assert await rig.says("CarrierAccount", "spare") == says


@in_virtual_time
async def test_an_account_that_was_throttled_for_long_is_used_once_it_answers() -> None:
    async with a_rig(*TWO_HOUSES, a_pool(1, carriers=AT_SPARE), begun=False) as rig:
        spare = stocked(rig).carriers[f"{HERE}/spare"]
        spare.fail("account_id", *[Throttled("429")] * 8)
        async with rig.running():
            await rig.until(lambda: _says(rig, "False Throttled"), within=WAITED_FOR)
            assert await rig.says("NumberPool", "west") == "False Throttled"
            await rig.until(lambda: is_ready(rig), within=600)
            assert await rig.says("CarrierAccount", "spare") == "True Reachable"


async def _says(rig: Rig, said: str) -> bool:
    return await rig.says("CarrierAccount", "spare") == said and await rig.says("NumberPool", "west") == said


@in_virtual_time
async def test_a_listing_of_another_account_that_comes_to_no_end_does_not_keep_a_pool_from_buying() -> None:
    async with a_rig(*TWO_HOUSES, a_pool(1, carriers=AT_BOTH), begun=False) as rig:
        stocked(rig).carriers[f"{HERE}/spare"].takes = {"holdings": 1e6}
        async with rig.running():
            await rig.until(lambda: is_ready(rig), within=3 * WAITED_FOR)


@in_virtual_time
async def test_an_account_whose_secret_may_not_be_read_does_not_keep_a_pool_from_buying_at_another() -> None:
    unreadable = an_account("spare", credentialsSecretRef={"name": "locked"})
    async with a_rig(*HOUSE, unreadable, a_pool(1, carriers=AT_BOTH[::-1]), begun=False) as rig:
        get = rig.kube.get

        async def get_but_that(resource: Resource, namespace: str | None, name: str) -> Json:
            if name == "locked":
                raise Forbidden('secrets "locked" is forbidden')
            return await get(resource, namespace, name)

        with patch.object(rig.kube, "get", get_but_that):
            async with stocked(rig).running():
                await rig.until(lambda: is_ready(rig), within=WAITED_FOR)


@in_virtual_time
async def test_no_turn_of_the_central_queue_or_of_the_claims_calls_a_carrier() -> None:
    pool = a_pool(1, routingProfileRef={"name": "sip"}, release={"mode": "Manual", "hold": "0s"})
    async with a_rig(*HOUSE, a_profile(), pool, a_claim(), a_set(1), a_quota(numbers=9), begun=False) as rig:
        rig.carrier.stock += [an_offer(n, capabilities=frozenset({Capability.VOICE})) for n in range(1, 9)]
        async with rig.running():
            await rig.until(lambda: is_ready(rig))
            await rig.delete("NumberClaim", "desk")
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
            await asyncio.sleep(60)
    kinds = {kind for caller in rig.carrier.callers for kind in re.findall(r"^handle (\w+) ", caller)}
    assert {"CarrierAccount", "NumberOrder", "PhoneNumber"} <= kinds
    assert kinds <= IN_LANES | SPANNING


# The turnstiles of a lane, and where keys belong.

ONE, TWO, THREE = (Key("NumberOrder", HERE, f"west-{n}") for n in (1, 2, 3))


def test_one_key_goes_through_at_a_time_and_the_others_are_woken_in_the_order_in_which_they_came() -> None:
    choosing = Turnstile()
    assert [choosing.enter(key) for key in (ONE, TWO, THREE, TWO)] == [True, False, False, False]
    assert choosing.leave() == (TWO,)
    assert choosing.enter(TWO)
    assert choosing.leave() == (THREE,)
    assert choosing.enter(ONE), "the one that was woken may be gone: nobody keeps the place for it"
    assert choosing.leave() == ()


@pytest.mark.parametrize(("room", "through"), [(0, 1), (1, 1), (2, 2), (5, 3)])
def test_no_more_keys_are_through_than_there_is_room_and_one_always_may(room: int, through: int) -> None:
    calls = Turnstile()
    assert sum(calls.enter(key, room) for key in (ONE, TWO, THREE)) == through


def test_so_many_are_woken_as_there_is_room_for_when_one_leaves() -> None:
    calls = Turnstile()
    assert [calls.enter(key, room=1) for key in (ONE, TWO, THREE)] == [True, False, False]
    assert calls.leave(room=2) == (TWO, THREE)


def test_who_has_gone_through_by_itself_stands_in_line_no_more() -> None:
    calls = Turnstile()
    assert [calls.enter(key) for key in (ONE, TWO, THREE)] == [True, False, False]
    assert calls.leave() == (TWO,)
    assert calls.enter(THREE)
    assert not calls.enter(TWO)
    assert calls.leave() == (TWO,)


def test_the_longer_the_line_the_more_seldom_who_stands_in_it_asks() -> None:
    calls = Turnstile()
    asks = []
    for n in range(1000):
        calls.enter(Key("PhoneNumber", HERE, str(n)))
        asks.append(calls.look_again)
    assert (asks[0], asks[-1]) == (5.0, pytest.approx(55.0, abs=0.1))


@pytest.mark.parametrize("cart", [True, False])
def test_numbers_leave_half_of_the_calls_to_an_order_that_buys_and_take_all_when_none_does(cart: bool) -> None:
    async def play() -> list[int]:
        room = []
        async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
            rig.carrier.abilities = replace(ABILITIES, cart=cart)
            account = rig.services.accounts.opened(MAIN)
            order = rig.services.fleet.get(NumberOrder, HERE, "west-1")
            assert order
            async with purchasing(rig.services, account, MAIN, order):
                room.append(account.room_for_numbers)
            room.append(account.room_for_numbers)
        return room

    assert run_in_virtual_time(play()) == [2, 4]


@in_virtual_time
async def test_what_needs_no_carrier_is_never_behind_what_does() -> None:
    routed = {"routingProfileRef": {"name": "sip"}}
    waiting = [a_number(n, poolRef={"name": "slow"}) for n in range(100, 200)]
    pools = (a_pool(0, "slow", **routed), a_pool(0))
    async with a_rig(*HOUSE, a_profile(), *pools, a_number(1), *waiting, begun=False) as rig:
        rig.carrier.takes = {"route": TAKES}
        for n, pool in ((1, "west"), *((n, "slow") for n in range(100, 200))):
            rig.carrier.held[digits(n)] = a_holding(n, mark=Mark("home", HERE, pool))
        async with rig.running():
            await rig.until(lambda: _asks(rig, "route"))
            spam = {"metadata": {"annotations": {"ringfleet.dev/quarantine": "spam"}}}
            await rig.change("PhoneNumber", digits(1).digits, spam)
            assert await rig.until(lambda: _is_quarantined(rig)) < SOON
            await rig.until(lambda: _are_routed(rig, 100), within=2 * 100 * TAKES / 4)


async def _is_quarantined(rig: Rig) -> bool:
    return (await rig.status("PhoneNumber", digits(1).digits))["phase"] == "Quarantined"


async def _are_routed(rig: Rig, numbers: int) -> bool:
    return sum(one.routing is not None for one in rig.carrier.held.values()) == numbers


@in_virtual_time
async def test_keys_are_where_only_those_of_the_same_carrier_can_hold_them_up() -> None:
    number = Key("PhoneNumber", HERE, digits(1).digits)
    there = {ONE: AccountKey(HERE, "main"), THREE: AccountKey(HERE, "spare"), number: AccountKey(HERE, "main")}
    queues = Queues(Settings(), there.get)
    for key in (ONE, TWO, THREE, number, Key("NumberPool", HERE, "west"), Key("ComplianceBundle", HERE, "papers")):
        queues.add(key)
    waiting = {name: sum(queue.waiting for queue in some) for name, some in queues.by_name().items()}
    assert waiting == {"intents": 1, "spanning": 1, "claims": 0, "errands": 2, "numbers": 1}, (
        "an order that is gone is in none"
    )
    assert [lane.errands.waiting for lane in queues.lanes.values()] == [1, 1]


@in_virtual_time
async def test_a_key_goes_on_in_the_lane_of_the_account_that_becomes_known_and_never_in_two_at_once() -> None:
    """It becomes known while the key has its turn, and is added once more meanwhile."""
    known: dict[AccountKey, str] = {}
    main, stop, inside, turns = AccountKey(HERE, "main"), asyncio.Event(), 0, list[int]()
    queues = Queues(Settings(), {ONE: main}.get, known.get)

    async def turn(key: Key) -> float:
        nonlocal inside
        inside += 1
        turns.append(inside)
        if not known:
            known[main] = "the carrier's own id"
            queues.add(key)
        await asyncio.sleep(10)
        inside -= 1
        return 60.0

    queues.add(ONE)
    asyncio.get_running_loop().call_later(140, stop.set)
    await queues.run(turn, stop)
    assert turns == [1, 1, 1], "one turn, the one that was asked for meanwhile, and one a minute later"
    waiting = {str(account): lane.errands.waiting for account, lane in queues.lanes.items()}
    assert waiting == {"the carrier's own id": 1}, "the lane that has no key any more has ended"


@in_virtual_time
async def test_accounts_that_have_gone_leave_no_lane_behind() -> None:
    """Each had two queues, and their tasks, for as long as the operator ran."""
    async with a_rig(*HOUSE, begun=False) as rig, rig.running():
        await asyncio.sleep(60)
        before = set(rig.services.queues.lanes), len(asyncio.all_tasks())
        names = [f"tenant-{n}" for n in range(5)]
        rig.carriers.update({f"{HERE}/{name}": CarrierDouble(rig.story, name) for name in names})
        await rig.create(*(an_account(name) for name in names))
        await asyncio.sleep(60)
        assert len(rig.services.queues.lanes) > len(names)
        for name in names:
            await rig.delete("CarrierAccount", name)
        await asyncio.sleep(1200)
        assert (set(rig.services.queues.lanes), len(asyncio.all_tasks())) == before
