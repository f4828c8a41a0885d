"""A CarrierAccount whose token or endpoint was swapped for that of another account at the carrier.

What it holds is at the old one: nothing is bought twice, given back or called lost at the new one, before a person has
said that the new one is meant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ringfleet.controllers.carrier_clients import NotOpen
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Mark
from tests.controllers.carrier_double import CarrierDouble
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_secret,
    an_account,
    an_object,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, an_offer, digits

ONE = digits(1)
MAIN = AccountKey(HERE, "main")
SENT = {"items": [{"number": ONE, "state": "Submitting", "monthly": "2", "setup": "1"}], "key": "k"}
RELEASE = {"deletionPolicy": "Release", "release": {"mode": "Manual", "hold": "0s"}}


@asynccontextmanager
async def an_account_that_was(*objects: Json, id_: str = "main") -> AsyncIterator[Rig]:
    """An account that has been reached, beside `objects`; its token is swapped by `swap`."""
    async with a_rig(*HOUSE, *objects) as rig:
        rig.carrier.id = id_
        mark = Mark("home", HERE, "west")
        rig.carrier.held = {digits(n): a_holding(n, mark=mark) for n in range(1, 4)}
        yield rig


async def swap(rig: Rig, id_: str | None = "other") -> CarrierDouble:
    """Put another account's token into the Secret, and let the operator see it; that account."""
    other = rig.carriers["shop/main"] = CarrierDouble(rig.story, id_)
    other.stock = [an_offer(n) for n in range(4, 9)]
    await rig.change("Secret", "token", {"data": a_secret(token="swapped")["data"]})
    await rig.turn("CarrierAccount", "main")
    return other


async def swap_back(rig: Rig, first: CarrierDouble) -> None:
    rig.carriers["shop/main"] = first
    await rig.change("Secret", "token", {"data": a_secret()["data"]})
    await rig.turn("CarrierAccount", "main")


async def accept(rig: Rig, word: str) -> None:
    await rig.change("CarrierAccount", "main", {"metadata": {"annotations": {"ringfleet.dev/accept-account": word}}})
    await rig.look_at_intents()
    await rig.turn("CarrierAccount", "main")


def called(rig: Rig) -> list[str]:
    return [line for line in rig.told() if line.startswith("carrier:")]


@in_virtual_time
async def test_an_account_that_is_another_one_now_stands_still_and_says_what_to_do() -> None:
    async with an_account_that_was(a_pool(1), a_number()) as rig:
        await swap(rig)
        assert called(rig) == ["carrier: account_id"]
        assert await rig.says("CarrierAccount", "main") == "False AccountChanged"
        assert await rig.says("CarrierAccount", "main", "Stalled") == "True AccountChanged"
        status = await rig.status("CarrierAccount", "main")
        assert status["accountId"] == "main"
        message = next(one["message"] for one in status["conditions"] if one["type"] == "Ready")
        assert "ringfleet.dev/accept-account=other" in message


@in_virtual_time
async def test_no_number_is_lost_marked_routed_or_given_back_at_the_other_account() -> None:
    asked = {"annotations": {"ringfleet.dev/release": ONE}}
    number = a_number(1, deletionPolicy="Release")
    number["metadata"] |= asked
    bound = a_number(2, "Ordering", {"externalId": None, "conditions": []}, routingProfileRef={"name": "sip"})
    async with an_account_that_was(a_pool(2, **RELEASE), a_profile(), number, bound, a_number(3)) as rig:
        other = await swap(rig)
        await rig.turn("NumberPool", "west")
        for n in (1, 2, 3):
            await rig.turn("PhoneNumber", digits(n).digits)
        await rig.turn("RoutingProfile", "sip")
        rig.told()
        await rig.run_queues(2 * 3600)
        assert set(called(rig)) <= {"carrier: account_id"}
        assert not other.profiles
        phases = [(await rig.status("PhoneNumber", digits(n).digits))["phase"] for n in (1, 2, 3)]
        assert "Lost" not in phases
        assert "Released" not in phases


@in_virtual_time
async def test_what_was_sent_to_the_old_account_is_bought_once_when_its_token_is_back() -> None:
    async with an_account_that_was(a_pool(1), an_order(1, status=SENT)) as rig:
        first = rig.carrier
        first.held.clear()
        other = await swap(rig)
        await rig.turn("NumberOrder", "west-1")
        await rig.settle(3600)
        assert not other.purchases
        assert await rig.says("NumberOrder", "west-1") == "False AccountChanged"
        await swap_back(rig, first)
        await rig.settle(120)
        assert (first.billed.total(), other.billed.total()) == (1, 0)
        assert await rig.says("NumberOrder", "west-1") == "True Complete"


@in_virtual_time
async def test_the_next_process_knows_which_account_it_was() -> None:
    async with an_account_that_was(a_pool(1), an_order(1, status=SENT), a_number(2)) as rig:
        await rig.turn("CarrierAccount", "main")
        other = rig.carriers["shop/main"] = CarrierDouble(rig.story, "other", [an_offer(n) for n in range(1, 9)])
        async with restarted(rig) as again:
            await again.turn("NumberOrder", "west-1")
            await again.settle(600)
            assert await again.says("CarrierAccount", "main") == "False AccountChanged"
        assert not other.billed


@in_virtual_time
async def test_an_account_that_nothing_is_at_may_become_another_one() -> None:
    async with an_account_that_was(a_pool(0), a_number(1, "Released")) as rig:
        await swap(rig)
        assert await rig.says("CarrierAccount", "main") == "True Reachable"
        assert (await rig.status("CarrierAccount", "main"))["accountId"] == "other"


@in_virtual_time
async def test_bundles_that_were_filed_there_keep_it_too() -> None:
    filing = {"account": f"{HERE}/main", "numberType": "Geographic", "state": "InReview", "id": "filing-1"}
    spec = {
        "country": "DE",
        "numberTypes": ["Geographic"],
        "carriers": [{"name": "main"}],
        "endUser": END_USER,
        "contact": "ops@example.com",
    }
    bundle = an_object("ComplianceBundle", "germany", spec, {"filings": [filing]})
    async with an_account_that_was(bundle) as rig:
        await swap(rig)
        assert await rig.says("CarrierAccount", "main") == "False AccountChanged"


END_USER = {"type": "Business"}


@in_virtual_time
async def test_a_person_says_that_the_other_account_is_meant_and_nothing_that_was_sent_is_bought_there_again() -> None:
    async with an_account_that_was(a_pool(1), an_order(1)) as rig:
        first = rig.carrier
        first.held.clear()
        first.stock = [an_offer(1)]
        first.fail("buy", TimeoutError("The reply was lost."))
        await rig.turn("NumberOrder", "west-1")
        with pytest.raises(TimeoutError):
            await rig.turn("NumberOrder", "west-1")
        other = await swap(rig)
        await accept(rig, "another")
        assert await rig.says("CarrierAccount", "main") == "False AccountChanged"
        await accept(rig, "other")
        assert await rig.says("CarrierAccount", "main") == "True Reachable"
        await rig.turn("NumberOrder", "west-1")
        await rig.settle(3600)
        assert ONE not in other.billed
        assert (await rig.status("NumberOrder", "west-1"))["items"][0]["state"] == "Failed"


@in_virtual_time
async def test_an_account_with_a_swapped_token_takes_no_other_objects_place() -> None:
    spare = an_account("spare")
    async with an_account_that_was(a_number(1), spare) as rig:
        rig.carriers["shop/spare"].id = "other"
        await rig.turn("CarrierAccount", "spare")
        await swap(rig)
        await rig.turn("CarrierAccount", "spare")
        assert await rig.says("CarrierAccount", "spare") == "True Reachable"


@in_virtual_time
async def test_no_client_is_given_out_before_it_is_known_which_account_it_is() -> None:
    async with an_account_that_was(a_number(1)) as rig:
        rig.carriers["shop/main"] = CarrierDouble(rig.story, "other")
        await swap(rig)
        with pytest.raises(NotOpen):
            rig.services.accounts.opened(MAIN)


# An account that does not tell its id before it has something, as at Telnyx.


@in_virtual_time
async def test_an_account_that_tells_its_id_late_is_known_by_it_from_then_on() -> None:
    async with a_rig(*HOUSE, a_number(1), begun=False) as rig:
        rig.carrier.id = None
        await rig.begin()
        assert "accountId" not in await rig.status("CarrierAccount", "main")
        rig.carrier.id = "main"
        await rig.turn("CarrierAccount", "main")
        assert (await rig.status("CarrierAccount", "main"))["accountId"] == "main"
        assert await rig.says("CarrierAccount", "main") == "True Reachable"
        await swap(rig)
        assert await rig.says("CarrierAccount", "main") == "False AccountChanged"


@in_virtual_time
async def test_an_account_that_is_silent_is_not_the_one_that_has_told_its_id() -> None:
    """It has nothing yet: a key of another, empty account was put into the Secret."""
    async with an_account_that_was(
        a_pool(1), an_order(1, status={**SENT, "memory": {"sentTo": "main"}}), a_number(2)
    ) as rig:
        other = await swap(rig, None)
        assert await rig.says("CarrierAccount", "main") == "False AccountChanged"
        message = next(one["message"] for one in (await rig.status("CarrierAccount", "main"))["conditions"])
        assert "open an account that does not tell its id" in message
        await rig.turn("NumberOrder", "west-1")
        await accept(rig, "untold")
        assert await rig.says("CarrierAccount", "main") == "True Reachable"
        await rig.turn("NumberOrder", "west-1")
        await rig.settle(3600)
        assert ONE not in other.billed
        assert (await rig.status("NumberOrder", "west-1"))["items"][0]["state"] == "Failed"
