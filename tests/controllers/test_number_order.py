"""One turn of an order: the intent is written before money is spent, and whatever is lost, nothing is bought twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest

from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    OutcomeUnknown,
    RequestRejected,
    Throttled,
)
from ringfleet.kube.errors import Conflict, Forbidden, KubeError, Unavailable
from ringfleet.kube.lease import HeldByOther, LeaseLock
from ringfleet.kube.transport import Json
from ringfleet.model import ItemState, Mark, Outcome
from ringfleet.plan.carrier_account.identity import Identity
from tests.controllers.carrier_double import ABILITIES
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_told_profile,
    an_account,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.kube.virtual_time import now
from tests.plan.builders import a_holding, a_price, an_offer, digits

STATUS = "patch numberorders/status west-1"
LEASE = f"ringfleet-purchase-{Identity('DIDHub', 'api.didhub.io:443', 'main').digest}"
FIRST, SECOND = digits(1), digits(2)


async def stocked(rig: Rig, count: int = 3) -> Rig:
    rig.carrier.stock += [an_offer(n) for n in range(1, count + 1)]
    return rig


def states(status: Json) -> list[str]:
    return [item["state"] for item in status.get("items", ())]


async def take_turns(rig: Rig, name: str = "west-1") -> None:
    """Turn after turn, each when the last one asked for it, until the order wants none for an hour."""
    while (delay := await rig.turn("NumberOrder", name)) is not None and delay < 3600.0:
        await rig.woken(delay)


@in_virtual_time
async def test_an_order_takes_one_carrier_step_a_turn_and_each_is_written_down_before_and_after() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        story = []
        for _ in range(4):
            await rig.turn("NumberOrder", "west-1")
            story.append(rig.told())
        assert story == [
            ["carrier: search 415", STATUS],
            [f"create leases {LEASE}", STATUS, "carrier: buy", STATUS, f"update leases {LEASE}"],
            [f"create phonenumbers {FIRST.digits}", f"create phonenumbers {SECOND.digits}", STATUS],
            ["patch numberorders west-1"],
        ]
        assert await rig.says("NumberOrder", "west-1") == "True Complete"
        assert await rig.turn("NumberOrder", "west-1") is None
        assert rig.told() == []


@pytest.mark.parametrize(
    ("profile", "can", "routing"),
    [
        pytest.param(a_told_profile(), True, "at-carrier/sip", id="it can"),
        pytest.param(a_told_profile(), False, None, id="it can't"),
        pytest.param(a_told_profile(suspend=True), True, None, id="the profile is suspended"),
    ],
)
@in_virtual_time
async def test_what_a_carrier_can_route_by_the_purchase_is_bought_with_its_pools_profile(
    profile: Json, can: bool, routing: str | None
) -> None:
    async with a_rig(*HOUSE, profile, a_pool(routingProfileRef={"name": "sip"}), an_order()) as rig:
        await stocked(rig)
        rig.carrier.abilities = replace(rig.carrier.abilities, routing_in_purchase=can)
        await take_turns(rig)
        assert [purchase.routing for purchase in rig.carrier.purchases] == [routing]
        items = (await rig.status("NumberOrder", "west-1"))["items"]
        assert [item.get("routing") for item in items] == [routing, routing]


@in_virtual_time
async def test_numbers_key_and_purchase_lock_are_on_the_api_server_before_the_carrier_is_asked_to_sell() -> None:
    seen: dict[str, object] = {}
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:

        async def look() -> None:
            seen["order"] = await rig.status("NumberOrder", "west-1")
            seen["lease"] = await rig.find("Lease", LEASE)

        (await stocked(rig)).carrier.before_buying = look
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        order = await rig.find("NumberOrder", "west-1")
        (purchase,) = rig.carrier.purchases
    assert order
    written, lease = seen["order"], seen["lease"]
    assert isinstance(written, dict)
    assert isinstance(lease, dict)
    assert (purchase.key, purchase.resumed) == (f"rf-{order['metadata']['uid']}", False)
    assert (written["key"], states(written)) == (purchase.key, ["Submitting", "Submitting"])
    assert [item["number"] for item in written["items"]] == [offer.number for offer in purchase.offers]
    assert str(purchase.mark) == "rf/home/shop/west"
    assert lease["spec"]["holderIdentity"] == "operator-0"
    said = {"ringfleet.dev/account": "shop/main", "ringfleet.dev/order": "shop/west-1"}
    assert lease["metadata"]["annotations"] == said
    assert lease["metadata"]["ownerReferences"][0]["name"] == "main"


@in_virtual_time
async def test_the_object_of_a_number_says_whose_it_is_and_by_which_order() -> None:
    policy = {"deletionPolicy": "Release", "release": {"mode": "Manual"}}
    async with a_rig(*HOUSE, a_pool(**policy), an_order(count=1)) as rig:
        await take_turns(await stocked(rig))
        number = await rig.find("PhoneNumber", FIRST.digits)
    assert number
    assert number["metadata"]["finalizers"] == ["ringfleet.dev/number"]
    assert number["metadata"]["labels"] == {"ringfleet.dev/account": "main", "ringfleet.dev/pool": "west"}
    assert number["spec"] == {
        "number": FIRST,
        "accountRef": {"name": "main", "namespace": "shop"},
        "poolRef": {"name": "west"},
        "orderRef": {"name": "west-1"},
        "deletionPolicy": "Release",
        "managementPolicy": "Manage",
        "protected": False,
        "suspend": False,
    }


@pytest.mark.parametrize(("code", "error"), [(409, Conflict), (403, Forbidden), (503, Unavailable)])
@in_virtual_time
async def test_nothing_is_bought_when_the_intent_can_not_be_written(code: int, error: type[KubeError]) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        await rig.turn("NumberOrder", "west-1")
        rig.api.refuse("patch", "numberorders/status", code)
        with pytest.raises(error):
            await rig.turn("NumberOrder", "west-1")
        lease = await rig.find("Lease", LEASE)
        assert (rig.carrier.purchases, states(await rig.status("NumberOrder", "west-1"))) == ([], ["Pending"] * 2)
        assert lease
        assert lease["spec"]["holderIdentity"] == "", "the purchase lock is given back"
        await take_turns(rig)
        assert rig.carrier.billed == Counter([FIRST, SECOND])


@in_virtual_time
async def test_an_order_that_somebody_else_has_changed_is_not_sent_on_what_was_seen_before() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        await rig.turn("NumberOrder", "west-1")
        await rig.change("NumberOrder", "west-1", {"metadata": {"annotations": {"by": "somebody"}}})
        with pytest.raises(Conflict):
            await rig.turn("NumberOrder", "west-1")
        assert rig.carrier.purchases == []
        await rig.look()
        await take_turns(rig)
        assert rig.carrier.billed == Counter([FIRST, SECOND])


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(9))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_buys_nothing_twice(
    nth: int, done: bool
) -> None:
    """The writes are those of the first test's story; the lease, given back or not, is the same replica's."""
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).api.break_write(nth, done=done)
        broken = False
        try:
            await take_turns(rig)
        except KubeError:
            broken = True
        async with restarted(rig) as again:
            await take_turns(again)
            assert again.carrier.billed == Counter([FIRST, SECOND])
            assert await again.names("PhoneNumber") == [FIRST.digits, SECOND.digits]
            assert await again.says("NumberOrder", "west-1") == "True Complete"
            assert len({purchase.key for purchase in again.carrier.purchases}) == 1
    given_back = nth == 4
    assert broken is not given_back, "giving the purchase lock back is a courtesy: a lost one runs out"


@in_virtual_time
async def test_an_object_whose_creation_was_not_answered_is_taken_as_it_is() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).api.lose_reply("create", "phonenumbers")
        with pytest.raises(Unavailable):
            await take_turns(rig)
        await take_turns(rig)
        assert await rig.names("PhoneNumber") == [FIRST.digits, SECOND.digits]
        assert await rig.says("NumberOrder", "west-1") == "True Complete"


# What the carrier answers.


@pytest.mark.parametrize(
    ("error", "after", "said"),
    [
        (OutcomeUnknown("The reply was lost."), ["Unknown", "Unknown"], "False OutcomeUnknown"),
        (CarrierUnavailable("It is down."), ["Pending", "Pending"], "False CarrierUnavailable"),
        (CredentialsRejected("The token is wrong."), ["Pending", "Pending"], "False CarrierUnavailable"),
        (RequestRejected("Not like that."), ["Failed", "Failed"], "False Ordering"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@in_virtual_time
async def test_what_the_carrier_says_no_with_decides_what_becomes_of_the_items(
    error: CarrierError, after: list[str], said: str
) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.fail("buy", error)
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        status = await rig.status("NumberOrder", "west-1")
        assert (states(status), await rig.says("NumberOrder", "west-1")) == (after, said)
        waits = not isinstance(error, RequestRejected)
        assert (status.get("attempts", 0), status.get("lastError")) == ((1, str(error)) if waits else (0, None))
        woken = "CarrierAccount main" in await rig.woken(0.5)
        assert woken is isinstance(error, CarrierUnavailable | CredentialsRejected)


@pytest.mark.parametrize("bought", [pytest.param(True, id="it had bought"), pytest.param(False, id="it had not")])
@in_virtual_time
async def test_a_lost_reply_is_looked_up_under_the_same_key_and_not_before_it_is_time(bought: bool) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        lost = OutcomeUnknown("The reply was lost.")
        (rig.carrier.lose_reply if bought else rig.carrier.fail)("buy", lost)
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        rig.told()
        delay = await rig.turn("NumberOrder", "west-1")
        assert (rig.told(), delay) == ([], pytest.approx(1.0, abs=1.0))
        assert delay
        await rig.woken(delay)
        await rig.turn("NumberOrder", "west-1")
        again = rig.told()
        assert again == [f"update leases {LEASE}", "carrier: buy again", STATUS, f"update leases {LEASE}"]
        await take_turns(rig)
        first, second = rig.carrier.purchases
        assert (first.key, first.offers) == (second.key, second.offers)
        assert rig.carrier.billed == Counter([FIRST, SECOND])


@in_virtual_time
async def test_a_refusal_of_what_may_have_been_bought_already_settles_nothing() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        rig.carrier.lose_reply("buy", OutcomeUnknown("The reply was lost."))
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        rig.carrier.fail("buy", RequestRejected("Not like that."))
        await rig.woken(2.0)
        await rig.turn("NumberOrder", "west-1")
        status = await rig.status("NumberOrder", "west-1")
        assert (states(status), status["attempts"]) == (["Unknown", "Unknown"], 2)


@in_virtual_time
async def test_a_refusal_settles_only_what_the_carrier_had_not_heard_of_before() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        lost = OutcomeUnknown("The reply was lost.")
        lost.unsent = frozenset({SECOND})
        (await stocked(rig)).carrier.fail("buy", lost, RequestRejected("Not like that."))
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        assert states(await rig.status("NumberOrder", "west-1")) == ["Unknown", "Pending"]
        await rig.woken(2.0)
        await rig.turn("NumberOrder", "west-1")
        assert states(await rig.status("NumberOrder", "west-1")) == ["Unknown", "Failed"]


def half_known() -> OutcomeUnknown:
    """The first number is bought, and nobody knows what became of the second."""
    return OutcomeUnknown("The line broke.", (Outcome(FIRST, ItemState.PROVISIONED, external_id="did-1"),))


@in_virtual_time
async def test_a_number_that_is_bought_is_recorded_while_others_of_its_order_are_in_doubt() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.fail("buy", half_known(), *[OutcomeUnknown("The line broke.")] * 9)
        rig.carrier.held[FIRST] = a_holding(1, mark=Mark("home", HERE, "west"))
        for _ in ("search", "buy", "record"):
            await rig.turn("NumberOrder", "west-1")
        assert states(status := await rig.status("NumberOrder", "west-1")) == ["Provisioned", "Unknown"]
        assert await rig.names("PhoneNumber") == [FIRST.digits]
        assert status["memory"]["recorded"] == [FIRST]
        rig.told()
        await rig.turn("NumberOrder", "west-1")
        assert not [done for done in rig.told() if "phonenumbers" in done], "once is enough"


@in_virtual_time
async def test_a_number_that_goes_while_others_of_its_order_are_in_doubt_is_not_made_again() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.fail("buy", half_known())
        rig.carrier.held[FIRST] = a_holding(1, mark=Mark("home", HERE, "west"))
        for _ in ("search", "buy", "record"):
            await rig.turn("NumberOrder", "west-1")
        await rig.change("PhoneNumber", FIRST.digits, {"metadata": {"finalizers": []}})
        await rig.delete("PhoneNumber", FIRST.digits)
        await rig.look()
        await take_turns(rig)
        assert (await rig.status("NumberOrder", "west-1"))["phase"] == "Complete"
        assert await rig.names("PhoneNumber") == [SECOND.digits]


@in_virtual_time
async def test_a_number_that_can_not_be_recorded_yet_keeps_the_others_from_nothing() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.fail("buy", half_known())
        rig.carrier.held[FIRST] = a_holding(1, mark=Mark("home", HERE, "west"))
        for _ in ("search", "buy"):
            await rig.turn("NumberOrder", "west-1")
        rig.api.refuse("create", "phonenumbers", 403)
        await take_turns(rig)
        assert await rig.names("PhoneNumber") == [FIRST.digits, SECOND.digits]


@in_virtual_time
async def test_a_number_that_another_was_faster_with_fails_alone() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.taken.add(FIRST)
        await take_turns(rig)
        status = await rig.status("NumberOrder", "west-1")
        assert [(item["state"], item.get("reason")) for item in status["items"]] == [
            ("Failed", "NumberTaken"),
            ("Provisioned", None),
        ]
        assert (status["phase"], await rig.names("PhoneNumber")) == ("Complete", [SECOND.digits])


@in_virtual_time
async def test_a_number_that_is_taken_and_offered_on_is_not_ordered_again_and_again() -> None:
    """As one that the carrier's catalog still has although it was sold: the next order takes another one."""
    async with a_rig(*HOUSE, a_pool(1)) as rig:
        await stocked(rig)
        rig.carrier.taken = {FIRST}
        await rig.turn("NumberPool", "west")
        await rig.settle(20)
        assert (rig.carrier.billed, await rig.names("NumberOrder")) == (Counter([SECOND]), ["west-1", "west-2"])


@in_virtual_time
async def test_a_bill_in_another_currency_than_the_offers_is_written_down_like_any_other() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.bills_in = "EUR"
        await take_turns(rig)
        status = await rig.status("NumberOrder", "west-1")
        assert ([item["currency"] for item in status["items"]], status["phase"]) == (["EUR", "EUR"], "Complete")
        await rig.look()
        await rig.turn("NumberPool", "west")
        assert rig.carrier.billed == Counter([FIRST, SECOND])


# What the API server answers.


@in_virtual_time
async def test_a_number_whose_object_is_refused_keeps_no_other_from_being_recorded_and_the_order_says_so() -> None:
    async with a_rig(*HOUSE, a_pool(target=3), an_order(count=3)) as rig:
        await stocked(rig)
        rig.api.refuse("create", "phonenumbers", 403)
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        delay = await rig.turn("NumberOrder", "west-1")
        assert await rig.names("PhoneNumber") == [SECOND.digits, digits(3).digits]
        status = await rig.status("NumberOrder", "west-1")
        assert (await rig.says("NumberOrder", "west-1"), "completedAt" in status) == ("False WriteRefused", False)
        assert await rig.says("NumberOrder", "west-1", "Stalled") == "True WriteRefused"
        (said,) = {one["message"] for one in status["conditions"]}
        assert said.startswith("A number was bought, and the API server refuses its PhoneNumber: ")
        assert said.endswith(". It is tried again; nothing is lost.")
        assert delay == 0.0
        await take_turns(rig)
        assert await rig.names("PhoneNumber") == [FIRST.digits, SECOND.digits, digits(3).digits]
        assert await rig.says("NumberOrder", "west-1") == "True Complete"
        assert await rig.says("NumberOrder", "west-1", "Stalled") is None
        assert rig.carrier.billed.total() == 3


PRODUCT = {"trustProduct": "BU" + "0" * 32}


@pytest.mark.parametrize(
    ("spec", "error", "signs", "known"),
    [
        (PRODUCT, None, None, "A"),
        ({}, None, None, None),
        ({}, None, "B", "B"),
        (PRODUCT, RequestRejected("not approved"), None, None),
        (PRODUCT, CarrierUnavailable("down"), None, None),
    ],
)
@in_virtual_time
async def test_a_new_number_is_signed_before_its_object_is_made_and_made_also_when_that_fails(
    spec: Json, error: CarrierError | None, signs: str | None, known: str | None
) -> None:
    """A set of voice calls would wait for the next sweep else."""
    async with a_rig(HOUSE[0], an_account(**spec), a_profile(), a_pool(1), an_order(count=1)) as rig:
        rig.carrier.abilities = replace(ABILITIES, signs=signs)
        if error:
            rig.carrier.fail("attest", error)
        await stocked(rig)
        await take_turns(rig)
        await rig.turn("PhoneNumber", FIRST.digits)
        assert (await rig.status("PhoneNumber", FIRST.digits)).get("health", {}).get("attestation") == known
        told = rig.told()
        assert ("carrier: attest" in " ".join(told)) is bool(spec)
        assert await rig.says("NumberOrder", "west-1") == "True Complete"


@in_virtual_time
async def test_an_order_that_chose_at_a_carrier_which_then_died_gives_up_for_another() -> None:
    carriers = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
    house = (*HOUSE, an_account("spare"))
    async with a_rig(*house, a_pool(carriers=carriers), an_order()) as rig:
        rig.carriers["shop/spare"].stock += [an_offer(n) for n in (7, 8)]
        await stocked(rig)
        await rig.turn("NumberOrder", "west-1")
        rig.carrier.fail("balance", *[CredentialsRejected("The token is wrong.")] * 99)
        await rig.turn("CarrierAccount", "main")
        await rig.settle(120)
        assert (await rig.status("NumberOrder", "west-1"))["failure"] == "CredentialsRejected"
        assert (rig.carrier.billed.total(), rig.carriers["shop/spare"].billed.total()) == (0, 2)


@in_virtual_time
async def test_what_a_carrier_has_not_heard_of_when_it_dies_goes_to_another_one_and_what_is_in_doubt_stays() -> None:
    carriers = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
    async with a_rig(*HOUSE, an_account("spare"), a_pool(carriers=carriers, size={"target": 4})) as rig:
        main, spare = (await stocked(rig, 4)).carrier, rig.carriers["shop/spare"]
        spare.stock += [an_offer(n) for n in (7, 8, 9)]
        known = Outcome(FIRST, ItemState.PROVISIONED, external_id="did-1")
        died = OutcomeUnknown("The line broke.", (known,))
        died.unsent = frozenset({digits(3), digits(4)})
        main.fail("buy", died, *[CarrierUnavailable("It is down.")] * 99)

        async def go_down() -> None:
            main.held[FIRST] = a_holding(1, mark=Mark("home", HERE, "west"))
            main.down |= {"balance", "search", "find", "holdings"}

        main.before_buying = go_down
        await rig.turn("NumberPool", "west")
        await rig.settle(300)
        items = (await rig.status("NumberOrder", "west-1"))["items"]
        assert [(item["state"], item.get("reason")) for item in items] == [
            *[("Provisioned", None), ("Unknown", None)],
            *[("Failed", "NotSent"), ("Failed", "NotSent")],
        ]
        assert spare.billed == Counter([digits(7), digits(8)]), "what is in doubt counts as bought"
        main.before_buying = None
        main.stop_failing()
        main.down.clear()
        await rig.settle(900)
        assert await rig.says("NumberOrder", "west-1") == "True Complete"
        assert await rig.says("NumberPool", "west") == "True AtTarget"
        assert (main.billed, spare.billed.total()) == (Counter([SECOND]), 2)


# Choosing.


@in_virtual_time
async def test_numbers_that_are_ours_or_that_another_order_has_chosen_are_not_chosen_again() -> None:
    chosen = {"items": [{"number": SECOND, "state": "Pending"}], "key": "rf-2", "phase": "Submitting"}
    orders = (an_order(), an_order(sequence=2, status=chosen))
    async with a_rig(*HOUSE, a_pool(target=4), *orders, a_number(1), begun=False) as rig:
        (await stocked(rig, count=4)).carrier.held[FIRST] = a_holding(1)
        await rig.begin()
        await rig.turn("NumberOrder", "west-1")
        items = (await rig.status("NumberOrder", "west-1"))["items"]
        assert [item["number"] for item in items] == [digits(3), digits(4)]


@in_virtual_time
async def test_two_orders_of_one_account_that_search_at_once_choose_different_numbers() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order(count=1), an_order(count=1, sequence=2)) as rig:
        await stocked(rig)
        await rig.turn_all(("NumberOrder", "west-1"), ("NumberOrder", "west-2"))
        assert (await rig.woken(0.05))["NumberOrder west-2"] == 0.0, "it is next when the first has searched"
        await rig.turn("NumberOrder", "west-2")
        chosen = [(await rig.status("NumberOrder", f"west-{n}"))["items"][0]["number"] for n in (1, 2)]
        assert sorted(chosen) == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("offers", "error", "failure", "said"),
    [
        pytest.param([], None, "NoStock", "False NoStock", id="nothing is offered"),
        pytest.param([an_offer(price=a_price(monthly=9))], None, "PriceAboveCap", "False PriceAboveCap", id="too dear"),
        pytest.param([], RequestRejected("No such market."), "OrderRefused", "False OrderRefused", id="refused"),
        pytest.param([], CarrierUnavailable("It is down."), None, "False SearchUnavailable", id="down"),
    ],
)
@in_virtual_time
async def test_a_search_that_finds_nothing_ends_the_order_unless_the_carrier_is_down(
    offers: list, error: CarrierError | None, failure: str | None, said: str
) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order(limits={"maxMonthlyPrice": "5"})) as rig:
        rig.carrier.stock += offers
        rig.carrier.fail("search", *([error] if error else []))
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        status = await rig.status("NumberOrder", "west-1")
        assert (status.get("failure"), await rig.says("NumberOrder", "west-1")) == (failure, said)
        assert ("completedAt" in status, rig.carrier.purchases) == (failure is not None, [])


# Who may buy, and when.


@in_virtual_time
async def test_an_order_waits_while_another_operator_has_the_purchase_lock_and_takes_it_when_that_falls_silent() -> (
    None
):
    lease = {
        "kind": "Lease",
        "metadata": {"name": LEASE},
        "spec": {"holderIdentity": "operator-1", "leaseDurationSeconds": 30},
    }
    async with a_rig(*HOUSE, a_pool(), an_order(), lease) as rig:
        await stocked(rig)
        await rig.turn("NumberOrder", "west-1")
        rig.told()
        assert await rig.turn("NumberOrder", "west-1") == 10.0
        assert rig.told() == []
        await take_turns(rig)
        assert (rig.carrier.billed, now() >= 30.0) == (Counter([FIRST, SECOND]), True)


@in_virtual_time
async def test_a_purchase_that_takes_long_keeps_the_purchase_lock_for_as_long_as_it_takes() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:

        async def for_long() -> None:
            await asyncio.sleep(100)
            lease = await rig.find("Lease", LEASE)
            assert lease
            assert lease["spec"]["holderIdentity"] == "operator-0"
            taken = await LeaseLock(rig.kube, now).acquire(HERE, LEASE, "operator-1", 30.0)
            assert isinstance(taken, HeldByOther)

        (await stocked(rig)).carrier.before_buying = for_long
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        story = rig.told()
        assert story[: story.index("carrier: buy")].count(f"update leases {LEASE}") >= 9


@pytest.mark.parametrize(("cart", "together"), [(True, 1), (False, 2)])
@in_virtual_time
async def test_orders_of_one_account_are_at_the_carrier_one_at_a_time_where_they_share_a_cart(
    cart: bool, together: int
) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order(count=1), an_order(count=1, sequence=2)) as rig:
        rig.carrier.abilities = replace(ABILITIES, cart=cart)
        at_once, most = 0, 0

        async def slowly() -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(3)
            at_once -= 1

        (await stocked(rig)).carrier.before_buying = slowly
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-2")
        for _ in range(20):
            await rig.turn_all(("NumberOrder", "west-1"), ("NumberOrder", "west-2"))
            await asyncio.sleep(1)
        assert (most, rig.carrier.billed) == (together, Counter([FIRST, SECOND]))


@in_virtual_time
async def test_where_there_is_no_cart_nothing_but_the_order_itself_is_written_before_it_buys() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.abilities = replace(ABILITIES, cart=False)
        await rig.turn("NumberOrder", "west-1")
        rig.told()
        await rig.turn("NumberOrder", "west-1")
        assert rig.told() == [STATUS, "carrier: buy", STATUS]


@in_virtual_time
async def test_of_two_operators_without_a_purchase_lock_each_number_is_billed_once() -> None:
    """Both carry out the same order; the one that comes late meets what the other has written."""
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        (await stocked(rig)).carrier.abilities = replace(ABILITIES, cart=False)
        await rig.turn("NumberOrder", "west-1")
        async with restarted(rig) as other:
            for one in (rig, other, rig, other):
                with suppress(Conflict):
                    await one.turn("NumberOrder", "west-1")
                await one.look()
            await take_turns(other)
            assert other.carrier.billed == Counter([FIRST, SECOND])


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (OutcomeUnknown("One reply was lost."), "Unknown"),
        (Throttled("One call too many."), "Pending"),
        (CredentialsRejected("The token was withdrawn."), "Pending"),
    ],
)
@in_virtual_time
async def test_what_is_known_of_a_purchase_that_was_answered_in_part_is_written_down(
    error: CarrierError, left: str
) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await stocked(rig)
        error.known = (Outcome(FIRST, ItemState.PROVISIONED, external_id="did-1"),)
        rig.carrier.lose_reply("buy", error)
        await rig.turn("NumberOrder", "west-1")
        await rig.turn("NumberOrder", "west-1")
        assert states(await rig.status("NumberOrder", "west-1")) == ["Provisioned", left]
        await take_turns(rig)
        assert rig.carrier.billed == Counter([FIRST, SECOND])
        assert [offer.number for offer in rig.carrier.purchases[-1].offers] == [SECOND]


@pytest.mark.parametrize(
    ("pool", "order", "said", "bought"),
    [
        pytest.param(a_pool(suspend=True), an_order(), "False Suspended", 0, id="suspended"),
        pytest.param(a_pool(name="other"), an_order(), "False PoolMissing", 0, id="its pool is gone"),
        pytest.param(a_pool(), an_order(approval="Required"), "False AwaitingApproval", 0, id="not approved"),
        pytest.param(a_pool(), an_order(accountRef={"name": "nowhere"}), "False AccountMissing", 0, id="no account"),
        pytest.param(a_pool(), an_order(), "True Complete", 2, id="nothing is against it"),
    ],
)
@in_virtual_time
async def test_an_order_buys_only_when_nothing_is_against_it(pool: Json, order: Json, said: str, bought: int) -> None:
    async with a_rig(*HOUSE, pool, order) as rig:
        await take_turns(await stocked(rig))
        assert (await rig.says("NumberOrder", "west-1"), rig.carrier.billed.total()) == (said, bought)


@in_virtual_time
async def test_an_order_that_can_not_reach_its_account_gives_up_for_another_carrier_of_the_pool() -> None:
    carriers = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
    house = (*HOUSE[:1], an_account("spare"))
    async with a_rig(*house, a_pool(carriers=carriers), an_order()) as rig:
        await take_turns(rig)
        status = await rig.status("NumberOrder", "west-1")
        assert ("completedAt" in status, status["failure"]) == (True, "AccountMissing")


@pytest.mark.parametrize(
    ("status", "bought"),
    [
        pytest.param({}, 0, id="nothing is chosen"),
        pytest.param({"items": [{"number": FIRST, "state": "Pending"}], "key": "k"}, 0, id="nothing was sent"),
        pytest.param({"items": [{"number": FIRST, "state": "Submitting"}], "key": "k"}, 1, id="it may have been sent"),
    ],
)
@in_virtual_time
async def test_a_deleted_order_goes_at_once_unless_the_carrier_may_have_heard_of_it(status: Json, bought: int) -> None:
    async with a_rig(*HOUSE, a_pool(), an_order(count=1, status=status)) as rig:
        await rig.delete("NumberOrder", "west-1")
        await rig.look()
        await take_turns(rig)
        assert await rig.find("NumberOrder", "west-1") is None
        assert rig.carrier.billed.total() == bought
        assert await rig.names("PhoneNumber") == [FIRST.digits] * bought
