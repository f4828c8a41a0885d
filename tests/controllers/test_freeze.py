"""The emergency stop: while it holds nothing is bought, given back or bound, and what it holds up says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from unittest.mock import patch

import pytest

from ringfleet.carriers.carrier import LastLook
from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.kube.errors import Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model import Mark, Outcome, Purchase
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    an_account,
    an_order,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import a_holding, an_offer, digits

SYSTEM = "ringfleet-system"
SAID = "ada: strange bills"
FIRST, SECOND = digits(1), digits(2)
OURS = Mark("home", HERE, "west")
BY_HAND: Json = {"kind": "ConfigMap", "metadata": {"name": "ringfleet-freeze", "namespace": SYSTEM}}
EVERY = pytest.mark.parametrize("what", ["all", "account", "pool"])


async def freeze(rig: Rig, what: str) -> None:
    """As `kubectl ringfleet freeze` does; the operator has not seen it yet."""
    if what == "all":
        await rig.kube.create(
            RESOURCES["ConfigMap"], SYSTEM, {**BY_HAND, "data": {"who": "ada", "why": "strange bills"}}
        )
        rig.story.clear()
    else:
        await annotate(rig, what, SAID)


async def thaw(rig: Rig, what: str) -> None:
    if what == "all":
        await rig.kube.delete(RESOURCES["ConfigMap"], SYSTEM, "ringfleet-freeze")
        rig.story.clear()
    else:
        await annotate(rig, what, None)


async def annotate(rig: Rig, what: str, value: str | None) -> None:
    kind, name = {"account": ("CarrierAccount", "main"), "pool": ("NumberPool", "west")}[what]
    await rig.change(kind, name, {"metadata": {"annotations": {"ringfleet.dev/frozen": value}}})


async def stocked(rig: Rig, count: int = 3) -> None:
    rig.carrier.stock += [an_offer(n) for n in range(1, count + 1)]


async def message(rig: Rig, kind: str, name: str) -> str:
    (said,) = (one for one in (await rig.status(kind, name))["conditions"] if one["type"] == "Ready")
    told: str = said["message"]
    return told


def states(status: Json) -> list[str]:
    return [item["state"] for item in status.get("items", ())]


# Buying.


@EVERY
@in_virtual_time
async def test_a_freeze_that_lands_between_choosing_and_submitting_stops_the_purchase(what: str) -> None:
    """The operator's copy has not seen it: what stops it is the live look directly before the call that buys."""
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        await rig.turn("NumberOrder", "west-1")

        async def freeze_now() -> None:
            await freeze(rig, what)

        rig.carrier.before_buying = freeze_now
        await rig.turn("NumberOrder", "west-1")
        assert (rig.carrier.purchases, rig.carrier.billed) == ([], Counter())
        assert await rig.says("NumberOrder", "west-1") == "False Frozen"
        rig.carrier.before_buying = None
        assert await rig.turn("NumberOrder", "west-1") == 60.0
        assert rig.carrier.billed == Counter()
        await thaw(rig, what)
        await rig.look()
        await rig.turn("NumberOrder", "west-1")
        assert rig.carrier.billed == Counter([FIRST, SECOND])


@EVERY
@in_virtual_time
async def test_an_order_that_was_not_sent_waits_and_says_who_why_and_how_to_go_on(what: str) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        await freeze(rig, what)
        await rig.look()
        assert await rig.turn("NumberOrder", "west-1") is None
        assert rig.told() == ["patch numberorders/status west-1"]
        said = await message(rig, "NumberOrder", "west-1")
        assert "is frozen by ada (strange bills)" in said
        assert "kubectl ringfleet thaw --" in said
        await rig.settle(5.0)
        assert "NumberOrder west-1" not in await rig.woken(1.0)
        await thaw(rig, what)
        await rig.look()
        assert "NumberOrder west-1" in await rig.woken(1.0)


@in_virtual_time
async def test_nothing_is_bought_while_the_freeze_can_not_be_looked_for() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        await rig.turn("NumberOrder", "west-1")
        rig.api.refuse("get", "configmaps", 503, times=20)
        with pytest.raises(Unavailable):
            await rig.turn("NumberOrder", "west-1")
        assert (rig.carrier.purchases, states(await rig.status("NumberOrder", "west-1"))) == ([], ["Submitting"] * 2)


@EVERY
@in_virtual_time
async def test_what_was_sent_before_is_looked_up_and_written_down_but_nothing_more_is_sent(what: str) -> None:
    """The reply to the purchase was lost, and the operator ends: the next one finds what was bought, and asks for no
    more."""
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        rig.carrier.lose_reply("buy", OutcomeUnknown("no reply"))
        for _ in range(2):
            await rig.turn("NumberOrder", "west-1")
        del rig.carrier.held[SECOND]  # the carrier does not show this one yet
        await freeze(rig, what)
        async with restarted(rig) as again:
            await again.turn("NumberOrder", "west-1")
            looks = [f"carrier: find {one.digits}" for one in (FIRST, SECOND)]
            assert [call for call in again.told() if call.startswith("carrier")] == ["carrier: look_up", *looks]
            assert states(await again.status("NumberOrder", "west-1")) == ["Provisioned", "Unknown"]
            assert await again.says("NumberOrder", "west-1") == "False Frozen"
            again.carrier.held[SECOND] = a_holding(2, mark=OURS)
            for _ in range(2):
                await again.turn("NumberOrder", "west-1")
            assert await again.names("PhoneNumber") == [FIRST.digits, SECOND.digits]
            assert len(again.carrier.purchases) == 1


@in_virtual_time
async def test_a_frozen_pool_keeps_no_other_pools_order_from_their_account() -> None:
    sent = {"items": [{"number": digits(9), "state": "Submitting", "monthly": "2", "setup": "1"}], "key": "k"}
    other = an_order(sequence=7, poolRef={"name": "east"})
    frozen = an_order(count=1, status=sent)
    async with a_rig(*HOUSE, a_pool(), a_pool(name="east"), frozen, other) as rig:
        await stocked(rig)
        await freeze(rig, "pool")
        await rig.look()
        for _ in range(2):
            await rig.turn("NumberOrder", "west-7")
        assert rig.carrier.billed == Counter([FIRST, SECOND])


# Saying.


@EVERY
@in_virtual_time
async def test_a_pool_that_is_frozen_is_not_ready_however_many_numbers_it_has_and_orders_nothing(what: str) -> None:
    async with a_rig(*HOUSE, a_pool(target=2), a_number(1), a_number(2)) as rig:
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west") == "True AtTarget"
        await rig.settle(5.0)
        assert "NumberPool west" not in await rig.woken(1.0)
        await freeze(rig, what)
        await rig.look()
        assert "NumberPool west" in await rig.woken(1.0)
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 5}}})
        await rig.look()
        await rig.turn("NumberPool", "west")
        assert (await rig.says("NumberPool", "west"), await rig.says("NumberPool", "west", "Frozen")) == (
            "False Frozen",
            "True Frozen",
        )
        assert await rig.says("NumberPool", "west", "Reconciling") is None
        assert await rig.names("NumberOrder") == []
        await thaw(rig, what)
        await rig.look()
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west", "Frozen") is None
        assert await rig.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_a_pool_goes_to_its_other_carrier_while_one_account_is_frozen() -> None:
    carriers = [{"accountRef": {"name": name}} for name in ("main", "spare")]
    async with a_rig(*HOUSE, an_account("spare"), a_pool(carriers=carriers)) as rig:
        await freeze(rig, "account")
        await rig.look()
        await rig.turn("NumberPool", "west")
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert order["spec"]["accountRef"]["name"] == "spare"
        assert await rig.says("NumberPool", "west", "FallbackCarrier") == "True FallbackCarrier"


@pytest.mark.parametrize("data", [{}, {"data": {}}, {"data": {"why": "x" * 5000}}, {"binaryData": {"a": "AA=="}}])
@in_virtual_time
async def test_that_the_config_map_is_there_is_enough(data: Json) -> None:
    async with a_rig(*HOUSE, a_pool()) as rig:
        await rig.kube.create(RESOURCES["ConfigMap"], SYSTEM, BY_HAND | data)
        await rig.look()
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west") == "False Frozen"
        assert len(await message(rig, "NumberPool", "west")) < 500


@EVERY
@in_virtual_time
async def test_a_pool_does_not_say_frozen_while_its_purchase_is_at_the_carrier(what: str) -> None:
    """Whoever reads Frozen may rely on it: nothing more is bought. The purchase here was past its last look."""
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        await rig.turn("NumberOrder", "west-1")
        sell, said = rig.carrier.buy, []

        async def sell_slowly(purchase: Purchase, last_look: LastLook) -> tuple[Outcome, ...]:
            await last_look()
            await freeze(rig, what)
            await rig.look()
            await rig.turn("NumberPool", "west")
            said.append((await rig.says("NumberPool", "west"), await rig.says("NumberPool", "west", "Frozen")))
            await rig.woken(5.0)  # who is woken until now: from here on it is the end of the purchase that wakes
            return await sell(purchase)

        with patch.object(rig.carrier, "buy", sell_slowly):
            await rig.turn("NumberOrder", "west-1")
        assert said == [("False Frozen", None)]
        assert "NumberPool west" in await rig.woken(1.0)
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west", "Frozen") == "True Frozen"


@pytest.mark.parametrize("what", ["all", "account"])
@in_virtual_time
async def test_a_frozen_account_is_reached_all_the_same_and_says_that_it_is_frozen(what: str) -> None:
    async with a_rig(*HOUSE) as rig:
        await freeze(rig, what)
        await rig.look()
        assert "CarrierAccount main" in await rig.woken(1.0)
        await rig.turn("CarrierAccount", "main")
        assert await rig.says("CarrierAccount", "main") == "True Reachable"
        assert await rig.says("CarrierAccount", "main", "Frozen") == "True Frozen"


# Giving back.


def asked_to_go() -> Json:
    farewell = {"since": later(-60), "cause": "Manual", "notBefore": later(-60)}
    number = a_number(1, "Releasing", {"farewell": farewell})
    number["metadata"]["annotations"] = {"ringfleet.dev/release": FIRST}
    return number


@EVERY
@in_virtual_time
async def test_a_freeze_that_lands_while_a_number_is_being_given_back_keeps_it(what: str) -> None:
    granted = {"memory": {"release": {"granted": [FIRST.digits]}}}
    pool = a_pool(0, status=granted, release={"mode": "Manual", "hold": "0s"})
    async with a_rig(*HOUSE, pool, asked_to_go()) as rig:
        rig.carrier.held[FIRST] = a_holding(1, mark=OURS)
        await freeze(rig, what)
        await rig.turn("PhoneNumber", FIRST.digits)
        assert FIRST in rig.carrier.held
        assert not any("release" in call for call in rig.told() if call.startswith("carrier"))
        await rig.look()
        await rig.turn("PhoneNumber", FIRST.digits)
        assert await rig.says("PhoneNumber", FIRST.digits) == "False Frozen"
        await thaw(rig, what)
        await rig.look()
        await rig.turn("PhoneNumber", FIRST.digits)
        assert FIRST not in rig.carrier.held


@EVERY
@in_virtual_time
async def test_nobody_says_frozen_while_a_release_is_at_the_carrier_and_all_do_once_it_has_failed(what: str) -> None:
    """The release is past its last look; that it failed changes nothing of the number, by which the pool would hear."""
    notes = {"release": {"granted": [FIRST.digits]}}
    pool = a_pool(0, status={"memory": notes}, release={"mode": "Manual", "hold": "0s"})
    async with a_rig(*HOUSE, pool, asked_to_go()) as rig:
        rig.carrier.held[FIRST] = a_holding(1, mark=OURS)
        said = []

        async def say() -> list[str | None]:
            await rig.turn("NumberPool", "west")
            await rig.turn("CarrierAccount", "main")
            return [await rig.says(*one, "Frozen") for one in (("NumberPool", "west"), ("CarrierAccount", "main"))]

        async def fail_slowly(_: str) -> None:
            await freeze(rig, what)
            await rig.look()
            said.extend(await say())
            await rig.woken(1.0)
            raise CarrierUnavailable("It is down.")

        with patch.object(rig.carrier, "release", fail_slowly), pytest.raises(CarrierUnavailable):
            await rig.turn("PhoneNumber", FIRST.digits)
        assert said == [None, None]
        assert {"NumberPool west", "CarrierAccount main"} <= (await rig.woken(1.0)).keys()
        frozen = "True Frozen"
        assert await say() == [frozen, None if what == "pool" else frozen]


@EVERY
@in_virtual_time
async def test_while_it_holds_nobody_is_granted_leave_so_that_the_days_budget_holds_afterwards_too(what: str) -> None:
    """Nothing but the freeze is against it: the number was let pass, its hold is over, and the day has a place."""
    cleared = {"memory": {"release": {"cleared": [FIRST.digits]}}}
    pool = a_pool(0, status=cleared, release={"mode": "Manual", "hold": "0s", "maxPerDay": 1})
    async with a_rig(*HOUSE, pool, asked_to_go()) as rig:
        rig.carrier.held[FIRST] = a_holding(1, mark=OURS)
        await freeze(rig, what)
        await rig.look()
        await rig.turn("NumberPool", "west")
        assert await granted(rig) == ([], [])
        await thaw(rig, what)
        await rig.look()
        for _ in range(2):  # nobody new is asked meanwhile
            await rig.turn("NumberPool", "west")
            await asyncio.sleep(15.0)
        await rig.turn("NumberPool", "west")
        assert await granted(rig) == ([FIRST.digits], [FIRST.digits])


async def granted(rig: Rig) -> tuple[list[str], list[str]]:
    """Who may go now, and whose places of the day are taken."""
    status = await rig.status("NumberPool", "west")
    return status.get("memory", {}).get("release", {}).get("granted", []), status.get("release", {}).get("released", [])


# Binding.


@EVERY
@in_virtual_time
async def test_no_claim_is_bound_while_it_holds_and_all_are_served_in_their_order_afterwards(what: str) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1)) as rig:
        await freeze(rig, what)
        await rig.look()
        for name in ("sales", "desk"):
            await rig.create(a_claim(name))
            await rig.look()
            await rig.settle(5.0)
        assert [(await rig.status("NumberClaim", name))["phase"] for name in ("sales", "desk")] == ["Waiting"] * 2
        if what != "account":
            assert await rig.says("NumberClaim", "desk") == "False Frozen"
        await thaw(rig, what)
        await rig.look()
        await rig.settle(5.0)
        phases = [(await rig.status("NumberClaim", name))["phase"] for name in ("sales", "desk")]
        assert phases == ["Bound", "Waiting"]


@pytest.mark.parametrize("what", ["all", "pool"])
@in_virtual_time
async def test_a_claim_says_it_no_more_when_the_freeze_has_ended_while_no_operator_ran(what: str) -> None:
    async with a_rig(*HOUSE, a_pool(0), a_claim()) as rig:
        await freeze(rig, what)
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        assert await rig.says("NumberClaim", "desk") == "False Frozen"
        await thaw(rig, what)
        async with restarted(rig, begun=False) as again, again.running():
            await asyncio.sleep(600)
        assert await rig.says("NumberClaim", "desk") == "False WaitingForNumber"


@EVERY
@in_virtual_time
async def test_a_number_that_a_claim_was_handed_before_stays_free(what: str) -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim("desk")) as rig:
        await freeze(rig, what)
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        number = await rig.find("PhoneNumber", FIRST.digits)
        assert number
        assert "claimRef" not in number["spec"]


# The whole operator.


@EVERY
@in_virtual_time
async def test_a_running_operator_hears_of_a_freeze_and_of_its_end(what: str) -> None:
    async with a_rig(*HOUSE, a_pool(target=2), begun=False) as rig:
        await stocked(rig)

        async def says(reason: str) -> bool:
            found = await rig.find("NumberPool", "west") or {}
            conditions = found.get("status", {}).get("conditions", ())
            return reason in (one["reason"] for one in conditions if one["type"] == "Ready")

        async with rig.running():
            await rig.until(lambda: says("AtTarget"))
            await asyncio.sleep(30.0)  # at rest: no other news wakes the pool
            await freeze(rig, what)
            await rig.until(lambda: says("Frozen"), within=5.0)
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 3}}})
            await asyncio.sleep(30.0)
            assert rig.carrier.billed.total() == 2
            await thaw(rig, what)
            await rig.until(lambda: says("AtTarget"), within=30.0)
        assert rig.carrier.billed.total() == 3
