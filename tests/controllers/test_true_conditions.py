"""What pools, orders, numbers and accounts say of themselves is so: of things that once were said, and were not."""

from __future__ import annotations

import asyncio

import pytest

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.kube.transport import Json
from ringfleet.model import HoldingStatus, Mark
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    an_account,
    an_order,
    in_virtual_time,
    later,
)
from tests.kstatus import Word, compute
from tests.plan.builders import a_holding, an_offer, digits

DAY = 86_400.0
ONE = digits(1).digits
OURS = Mark("home", HERE, "west")
ITEM: Json = {"number": digits(1), "monthly": "2", "setup": "1", "externalId": "did-1"}
BOTH = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]


def ended(state: str) -> Json:
    """The status of an order that has ended now, with one number."""
    counts = {"pendingDocuments": int(state == "PendingDocuments")}
    return {"items": [ITEM | {"state": state}], "counts": counts, "key": "k", "completedAt": later(0)}


PARKED = ended("PendingDocuments")


async def message(rig: Rig, kind: str, name: str) -> str:
    (said,) = (one for one in (await rig.status(kind, name))["conditions"] if one["type"] == "Ready")
    told: str = said["message"]
    return told


# Orders.


@in_virtual_time
async def test_an_order_is_parked_until_its_numbers_have_their_documents_and_then_complete() -> None:
    number = a_number(1, "PendingDocuments", orderRef={"name": "west-1"})
    async with a_rig(*HOUSE, a_pool(1), an_order(1, status=PARKED), number) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, HoldingStatus.PENDING_DOCUMENTS, mark=OURS)
        await rig.turn("NumberOrder", "west-1")
        assert (await rig.status("NumberOrder", "west-1"))["phase"] == "Parked"
        assert await rig.says("NumberOrder", "west-1") == "False PendingDocuments"
        rig.carrier.held[digits(1)] = holding = a_holding(1, mark=OURS)
        rig.tell_news(holding)
        await rig.turn("PhoneNumber", ONE)
        assert "NumberOrder west-1" in await rig.woken(1.0)
        await rig.turn("NumberOrder", "west-1")
        status = await rig.status("NumberOrder", "west-1")
        assert (status["phase"], status["items"][0]["state"], status["counts"]["pendingDocuments"]) == (
            "Complete",
            "Provisioned",
            0,
        )
        assert await rig.says("NumberOrder", "west-1") == "True Complete"


@in_virtual_time
async def test_an_order_whose_numbers_lived_while_no_operator_looked_says_so_after_the_start() -> None:
    async with a_rig(*HOUSE, a_pool(1), an_order(1, status=PARKED), a_number(1), begun=False) as rig, rig.running():
        await rig.until(lambda: is_complete(rig), within=30.0)


async def is_complete(rig: Rig) -> bool:
    return await rig.says("NumberOrder", "west-1") == "True Complete"


@in_virtual_time
async def test_an_order_waits_no_more_for_the_documents_of_a_number_that_is_gone() -> None:
    async with a_rig(*HOUSE, a_pool(0), an_order(1, status=PARKED)) as rig:
        assert await rig.turn("NumberOrder", "west-1") == 900.0, "a copy that is late may not have the object yet"
        assert await rig.says("NumberOrder", "west-1") == "False PendingDocuments"
        await asyncio.sleep(900)
        await rig.turn("NumberOrder", "west-1")
        assert await rig.says("NumberOrder", "west-1") == "True Complete"


@in_virtual_time
async def test_an_order_of_which_every_number_failed_is_failed_and_not_complete() -> None:
    async with a_rig(*HOUSE, a_pool(10), an_order(10)) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(1, 11)]
        rig.carrier.taken = {digits(n) for n in range(1, 11)}
        for _ in range(4):
            await rig.turn("NumberOrder", "west-1")
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert (order["status"]["phase"], order["status"]["counts"]["failed"]) == ("Failed", 10)
        assert (await rig.says("NumberOrder", "west-1"), compute(order)) == ("False NumberTaken", Word.FAILED)


@pytest.mark.parametrize(
    ("state", "number", "stays"),
    [
        pytest.param("Failed", None, False, id="it bought nothing"),
        pytest.param("Provisioned", a_number(1), False, id="its number has an object that tells what it costs"),
        pytest.param("Provisioned", None, True, id="its number is gone, and was paid for in this month"),
        pytest.param("PendingDocuments", a_number(1, "PendingDocuments"), True, id="its number is on its way"),
    ],
)
@in_virtual_time
async def test_an_order_whose_pool_is_gone_goes_after_a_day_unless_something_is_counted_from_it(
    state: str, number: Json | None, stays: bool
) -> None:
    objects = (an_order(1, status=ended(state)), *((number,) if number else ()))
    async with a_rig(*HOUSE, a_pool(0), *objects) as rig:
        waits = HoldingStatus.PENDING_DOCUMENTS if state == "PendingDocuments" else HoldingStatus.ACTIVE
        rig.carrier.held |= {digits(1): a_holding(1, waits, mark=OURS)} if number else {}
        await rig.delete("NumberPool", "west")
        await rig.look()
        assert "NumberOrder west-1" in await rig.woken(1.0)
        assert await rig.turn("NumberOrder", "west-1") == 3600.0
        await asyncio.sleep(DAY - 3600)
        await rig.turn("NumberOrder", "west-1")
        assert await rig.names("NumberOrder") == ["west-1"], "limits count the orders of a day"
        await asyncio.sleep(3600)
        await rig.turn("NumberOrder", "west-1")
        assert await rig.names("NumberOrder") == (["west-1"] if stays else [])


@pytest.mark.parametrize("state", ["Submitting", "Unknown"])
@in_virtual_time
async def test_an_order_whose_outcome_is_not_known_never_goes_with_its_pool(state: str) -> None:
    sent = {"items": [{"number": digits(1), "state": state, "monthly": "2", "setup": "1"}], "key": "k"}
    async with a_rig(*HOUSE, a_pool(0), an_order(1, status=sent)) as rig:
        rig.carrier.fail("find", *[CarrierUnavailable("It is down.")] * 9)
        await rig.delete("NumberPool", "west")
        await rig.look()
        for _ in range(3):
            await rig.turn("NumberOrder", "west-1")
            await asyncio.sleep(DAY)
        status = await rig.status("NumberOrder", "west-1")
        assert (status["items"][0]["state"], "completedAt" in status) == (state, False)


@in_virtual_time
async def test_an_order_stays_whose_pool_is_there_although_the_operator_does_not_see_it() -> None:
    """A watch that is late must not cost the record of a purchase."""
    async with a_rig(*HOUSE, an_order(1, status=ended("Failed"))) as rig:
        await rig.turn("NumberOrder", "west-1")
        await asyncio.sleep(DAY)
        await rig.create(a_pool(0))
        await rig.turn("NumberOrder", "west-1")
        assert await rig.names("NumberOrder") == ["west-1"]
        await rig.delete("NumberPool", "west")
        await rig.turn("NumberOrder", "west-1")
        assert await rig.names("NumberOrder") == []


# Pools.


@in_virtual_time
async def test_a_pool_does_not_say_that_orders_go_elsewhere_while_none_goes_there() -> None:
    async with a_rig(*HOUSE, an_account("spare"), a_pool(1, carriers=BOTH), a_number(1)) as rig:
        rig.carrier.fail("balance", *[CarrierUnavailable("It is down.")] * 9)
        await rig.turn("CarrierAccount", "main")
        await rig.turn("NumberPool", "west")
        assert (await rig.says("NumberPool", "west"), await rig.names("NumberOrder")) == ("True AtTarget", [])
        assert await rig.says("NumberPool", "west", "FallbackCarrier") is None
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
        await rig.look()
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west", "FallbackCarrier") == "True FallbackCarrier"


@in_virtual_time
async def test_a_pool_whose_order_waits_for_approval_says_so_and_does_not_say_that_numbers_are_on_order() -> None:
    async with a_rig(*HOUSE, a_pool(2, topUp={"mode": "Manual"})) as rig:
        for _ in range(2):
            await rig.turn("NumberPool", "west")
            await rig.turn("NumberOrder", "west-1")
        assert await rig.says("NumberPool", "west") == "False AwaitingApproval"
        assert await rig.says("NumberPool", "west", "Reconciling") is None
        assert "kubectl ringfleet approve norder/west-1" in await message(rig, "NumberPool", "west")
        assert await rig.says("NumberOrder", "west-1", "Stalled") == "True AwaitingApproval"


@in_virtual_time
async def test_a_pool_that_was_ready_stays_so_while_what_its_claims_took_is_being_replaced() -> None:
    async with a_rig(*HOUSE, a_pool(3), *(a_number(n) for n in (1, 2, 3)), a_claim("first"), a_claim("second")) as rig:
        await rig.turn("NumberPool", "west")
        for name in ("first", "second"):
            await rig.turn("NumberClaim", name)
            await rig.turn("NumberPool", "west")
            assert await rig.says("NumberPool", "west") == "True AtTarget"
        assert await rig.names("NumberOrder") == ["west-1", "west-2"]
        await rig.create(a_claim("third"))
        await rig.look()
        await rig.turn("NumberClaim", "third")
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west") == "False Ordering", "none is left for a fourth"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"spec": {"size": {"target": 4}}}, "False Ordering", id="more are wished"),
        pytest.param({"spec": {"limits": {"monthlyBudget": "0"}}}, "False BudgetExhausted", id="none may be bought"),
    ],
)
@in_virtual_time
async def test_a_pool_that_was_ready_is_so_no_more_when_it_can_not_be_or_something_else_is_wished(
    change: Json, said: str
) -> None:
    async with a_rig(*HOUSE, a_pool(3), *(a_number(n) for n in (1, 2, 3)), a_claim()) as rig:
        await rig.turn("NumberPool", "west")
        await rig.turn("NumberClaim", "desk")
        await rig.change("NumberPool", "west", change)
        await rig.look_at_intents()
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west") == said


@in_virtual_time
async def test_a_pool_that_has_never_been_full_is_not_ready_before_it_is() -> None:
    async with a_rig(*HOUSE, a_pool(3), a_number(1)) as rig:
        for _ in range(3):
            await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west") == "False Ordering"


# Search.


@in_virtual_time
async def test_nobody_says_that_orders_go_on_while_search_is_down_and_nothing_is_remembered() -> None:
    async with a_rig(*HOUSE, a_pool(1), an_order(1)) as rig:
        rig.carrier.fail("search", *[CarrierUnavailable("It is down.")] * 9)
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("CarrierAccount", "main")
        await rig.turn("NumberPool", "west")
        assert await rig.says("CarrierAccount", "main", "SearchUnavailable") == "True SearchUnavailable"
        for kind, name in (("CarrierAccount", "main"), ("NumberPool", "west")):
            assert await rig.says(kind, name, "CatalogStale") is None
        assert await rig.says("NumberPool", "west") == "False SearchUnavailable"
        await rig.settle(600.0)
        for kind, name in (("CarrierAccount", "main"), ("NumberPool", "west")):
            assert await rig.says(kind, name, "SearchUnavailable") is None


# Numbers.


@in_virtual_time
async def test_a_number_whose_account_does_not_let_it_in_any_more_is_not_ready() -> None:
    account = an_account(allowedNamespaces=["team"])
    number = {**a_number(1), "metadata": {**a_number(1)["metadata"], "namespace": "team"}}
    pool = {**a_pool(0), "metadata": {"name": "west", "namespace": "team"}}
    async with a_rig(HOUSE[0], account, pool, number) as rig:
        await rig.turn("PhoneNumber", ONE, "team")
        await rig.change("CarrierAccount", "main", {"spec": {"allowedNamespaces": []}})
        await rig.look()
        await rig.settle()
        found = await rig.find("PhoneNumber", ONE, "team")
        assert found
        assert [(one["type"], one["reason"]) for one in found["status"]["conditions"]] == [
            ("Ready", "AccountNotAllowed"),
            ("Stalled", "AccountNotAllowed"),
        ]
