"""What every carrier's adapter must do, against the sandbox carrier's face of it.

A carrier's own test module subclasses `CarrierConformance` and names its provider; nothing here knows a wire. The
faults are those of the simulator, by the operations that every face has.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from ringfleet.carriers.abilities import SearchFilter
from ringfleet.carriers.emergency import EmergencyDesk
from ringfleet.carriers.errors import (
    CarrierUnavailable,
    CredentialsRejected,
    ListingIncomplete,
    NotActive,
    NotHeld,
    OutcomeUnknown,
    RequestRejected,
    Throttled,
)
from ringfleet.model import (
    E164,
    Capability,
    HeldRouting,
    HoldingStatus,
    ItemState,
    Money,
    NumberType,
    Price,
    Query,
    Routing,
    SipTarget,
)
from ringfleet.model.digit_pattern import DigitPattern
from ringfleet.model.emergency import EmergencyAddress, EmergencyStanding, EmergencyState, HeldAddress
from ringfleet.model.failures import FailureReason
from ringfleet.model.numbering import national_digits
from ringfleet.model.places import answers
from tests.carriers.customer import MARK, US_415, Customer, buy_to_the_end, numbers
from tests.waiting import until

Fault = dict[str, Any]

ONCE: Fault = {"script": [True]}
REPLY_LOST: Fault = {"fault": "reply_lost", "operations": ["checkout"], "how": "close", **ONCE}
RESET_AFTER: Fault = {"fault": "reset_after_commit", "operations": ["checkout"], **ONCE}
ERROR_AFTER: Fault = {"fault": "server_error_after_commit", "operations": ["checkout"], **ONCE}
RESET_BEFORE: Fault = {"fault": "reset_before_commit", "operations": ["checkout"], **ONCE}
ERROR_BEFORE: Fault = {"fault": "server_error", "operations": ["checkout"], **ONCE}
CHECKOUT_LOST = pytest.mark.parametrize(
    "fault", [REPLY_LOST, RESET_AFTER, ERROR_AFTER, RESET_BEFORE, ERROR_BEFORE], ids=lambda fault: fault["fault"]
)
DESK = EmergencyAddress("Example Inc.", "645 Harrison St", "San Francisco", "CA", "94105", "US", "Suite 2")
NOWHERE = replace(DESK, street="Harrison St")
"""An address that the emergency services don't know."""
REFERENCE = "911.inst-1.0123456789abcdef01"
ROUTING = Routing("inst-1-shop-main", "main", (SipTarget("sip:pbx.example.com"), SipTarget("sip:b.example.com", 20)))


class CarrierConformance:
    provider: ClassVar[str]
    changed: ClassVar[Routing] = replace(ROUTING, sip_targets=(), agent="agent-7")
    """What `ROUTING` may become without another id at the carrier."""
    whole: ClassVar[tuple[Routing, Routing]] = (
        replace(ROUTING, messaging_service="MG1", campaign="CM1"),
        Routing("inst-1.agent", "shop/agent", agent="agent-7", messaging_webhook="https://example.com/sms"),
    )
    """Between them, all that the carrier can be told of calls and messages."""
    gone_profile: ClassVar[str] = "rp_00009999"
    """The id of a profile that nobody has made, or somebody has deleted."""
    its_own_failure: ClassVar[FailureReason] = FailureReason.CARRIER_REFUSED
    """What the carrier says of a number that it could not activate."""
    counted: ClassVar[bool] = True
    """Whether a listing says how many numbers there are, so that one that breaks off is seen by itself."""

    # Searching

    async def test_search_answers_what_was_asked_and_nothing_else(self, customer: Customer) -> None:
        catalog = await customer.carrier.search(US_415, 5)
        assert catalog.age is None
        assert len(catalog.offers) >= 5
        assert {(offer.country, offer.type, offer.area_code) for offer in catalog.offers} == {
            ("US", NumberType.GEOGRAPHIC, "415")
        }

    async def test_search_goes_on_until_there_is_enough_beside_what_is_excluded(self, customer: Customer) -> None:
        first = numbers((await customer.carrier.search(US_415, 100)).offers)
        more = numbers((await customer.carrier.search(US_415, 150, frozenset(first))).offers)
        assert len(more) >= 150
        assert len(set(more)) == len(more)
        assert not set(first) & set(more)

    async def test_search_for_more_than_there_is_gives_all_there_is(self, customer: Customer) -> None:
        stock = {"country": "US", "type": "geographic", "area_code": "907", "size": 7}
        customer.sandbox.control("POST", "stock", stock)
        catalog = await customer.carrier.search(Query("US", NumberType.GEOGRAPHIC, "907"), 50)
        assert len(catalog.offers) == 7

    async def test_an_area_code_that_nobody_sells_is_no_error(self, customer: Customer) -> None:
        catalog = await customer.carrier.search(Query("US", NumberType.GEOGRAPHIC, "999"), 5)
        assert (catalog.offers, catalog.age) == ((), None)

    @pytest.mark.parametrize(
        ("asked", "finds"),
        [
            ({"region": "NV"}, True),
            ({"region": "CA"}, False),
            ({"locality": "Reno"}, True),
            ({"locality": "Gotham"}, False),
            ({"region": "NV", "locality": "Reno", "contains": DigitPattern.parse("775*")}, True),
            ({"region": "CA", "locality": "Reno"}, False),
            ({"contains": DigitPattern.parse("7752")}, True),
            ({"contains": DigitPattern.parse("*5$")}, True),
            ({"contains": DigitPattern.parse("7*52")}, True),
        ],
        ids=str,
    )
    async def test_search_by_state_city_or_digits_answers_all_that_there_is_and_nothing_else(
        self, customer: Customer, asked: dict[str, Any], finds: bool
    ) -> None:
        """Of an area code that is small enough to be seen whole, and that no other test sells from."""
        block = {"country": "US", "type": "geographic", "area_code": "775", "size": 60, "region": "Reno, NV"}
        customer.sandbox.control("POST", "stock", block)
        reno = Query("US", NumberType.GEOGRAPHIC, "775")
        everything = await customer.carrier.search(reno, 1000)
        query = replace(reno, **asked)
        wanted = {one.number for one in everything.offers if answers(query, one.number, one.region)}
        catalog = await customer.carrier.search(query, 1000)
        assert len(everything.offers) == 60
        assert {offer.number for offer in catalog.offers} == wanted
        assert (bool(wanted), catalog.looked_through) == (finds, None)

    async def test_a_number_is_found_by_its_own_digits(self, customer: Customer) -> None:
        """By its last ones, by some with a gap, and by all: so an order that names it finds it."""
        one = (await customer.carrier.search(US_415, 1)).offers[0]
        digits = national_digits(one.number)
        for pattern in (f"{digits[-3:]}$", f"{digits[3]}*{digits[5:8]}", f"{digits}$"):
            query = replace(US_415, contains=DigitPattern.parse(pattern))
            assert one.number in numbers((await customer.carrier.search(query, 100)).offers)

    async def test_a_state_is_found_behind_more_numbers_of_others_than_anybody_looks_through(
        self, customer: Customer
    ) -> None:
        """In area codes that no other test sells from."""
        for code, size, place in (
            *(("213", 5000, "Los Angeles, CA"), ("305", 5000, "Miami, FL")),
            *(("503", 1, "Portland, OR"), ("541", 1, "Eugene, OR")),
        ):
            block = {"country": "US", "type": "geographic", "area_code": code, "size": size, "region": place}
            customer.sandbox.control("POST", "stock", block)
        found = await customer.carrier.search(Query("US", NumberType.GEOGRAPHIC, region="OR"), 10)
        assert {offer.area_code for offer in found.offers} == {"503", "541"}
        assert found.looked_through is None

    @pytest.mark.parametrize("able", [Capability.VOICE, Capability.SMS, Capability.MMS, Capability.FAX])
    async def test_search_by_ability_answers_numbers_that_have_it(self, customer: Customer, able: Capability) -> None:
        wanted = Query("US", NumberType.TOLL_FREE, capabilities=frozenset({able}))
        found = await customer.carrier.search(wanted, 5)
        assert len(found.offers) >= 5
        assert all(able in offer.capabilities for offer in found.offers)

    async def test_an_ability_that_no_number_of_the_market_has_is_no_error(self, customer: Customer) -> None:
        wanted = Query("US", NumberType.GEOGRAPHIC, capabilities=frozenset({Capability.FAX}))
        assert (await customer.carrier.search(wanted, 5)).offers == ()

    async def test_nearness_is_answered_or_refused_in_a_sentence(self, customer: Customer) -> None:
        query = Query("US", NumberType.GEOGRAPHIC, near=E164("+14155550123"))
        if SearchFilter.NEAR in customer.carrier.abilities.search_filters:
            found = await customer.carrier.search(query, 5)
            assert {offer.region for offer in found.offers} == {"San Francisco, CA"}
        else:
            with pytest.raises(RequestRejected, match=r"search can't be asked for nearness to a place: leave it out"):
                await customer.carrier.search(query, 5)

    async def test_prices_are_exact(self, customer: Customer) -> None:
        """Whether each offer has a price, or all of a country and type have the same by a list."""
        stock = {"country": "FR", "type": "national", "size": 5, "monthly_price": "0.10", "setup_price": "0.20"}
        customer.sandbox.control("POST", "stock", stock)
        purchase = await customer.purchase("exact", 1, Query("FR", NumberType.NATIONAL))
        (outcome,) = await customer.carrier.buy(purchase)
        setup = Money(Decimal("0.20") if customer.carrier.abilities.price_in_search else Decimal(0), "USD")
        price = Price(Money(Decimal("0.10"), "USD"), setup)
        assert (purchase.offers[0].price, outcome.price) == (price, price)
        assert await customer.carrier.balance() == Money(Decimal("1000.00"), "USD") - price.first_month

    async def test_when_search_is_down_the_carrier_is_unavailable_whatever_it_has_said_before(
        self, customer: Customer
    ) -> None:
        await customer.carrier.search(US_415, 5)
        customer.sandbox.set_faults({"fault": "search_down"})
        with pytest.raises(CarrierUnavailable):
            await customer.carrier.search(US_415, 5)

    async def test_numbers_are_bought_while_search_is_down(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 2)
        customer.sandbox.set_faults({"fault": "search_down"})
        for _ in range(4):
            with pytest.raises(CarrierUnavailable):
                await customer.carrier.search(US_415, 5)
        assert [outcome.state for outcome in await customer.carrier.buy(purchase)] == [ItemState.PROVISIONED] * 2

    # Buying

    async def test_whoever_asks_may_stop_it_directly_before_money_moves(self, customer: Customer) -> None:
        """Nothing is bought, nothing stays set aside for somebody else's checkout, and it can be bought afterwards."""
        purchase, other = await customer.purchase("k", 3), await customer.purchase("other", 5)

        class Stopped(Exception):
            """By the last look."""

        async def look() -> None:
            assert customer.billed() == Counter()
            raise Stopped

        with pytest.raises(Stopped):
            await customer.carrier.buy(purchase, look)
        assert customer.billed() == Counter()
        last = replace(other, offers=other.offers[4:])
        await customer.another().buy(last)
        assert customer.billed() == Counter(numbers(last.offers))
        outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
        assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 3
        assert customer.billed() == Counter(numbers((*purchase.offers, *last.offers)))

    async def test_each_number_is_bought_once_marked_and_told_in_the_order_asked(self, customer: Customer) -> None:
        found = await customer.purchase("k", 3)
        purchase = replace(found, offers=tuple(reversed(found.offers)))
        outcomes = await customer.carrier.buy(purchase)
        assert numbers(outcomes) == numbers(purchase.offers)
        assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}
        assert [outcome.price for outcome in outcomes] == [offer.price for offer in purchase.offers]
        assert customer.billed() == Counter(numbers(purchase.offers))
        listed = {holding.number: holding for holding in await customer.listed()}
        assert {outcome.number: outcome.external_id for outcome in outcomes} == {
            number: holding.external_id for number, holding in listed.items()
        }
        assert {holding.mark for holding in listed.values()} == {MARK}

    async def test_the_same_purchase_again_gives_the_same_outcomes_and_costs_nothing(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 3)
        first = await customer.carrier.buy(purchase)
        assert await customer.carrier.buy(replace(purchase, resumed=True)) == first
        assert customer.billed() == Counter(numbers(purchase.offers))

    @CHECKOUT_LOST
    async def test_a_purchase_without_an_answer_is_unknown_and_resumed_it_is_billed_once(
        self, customer: Customer, fault: Fault
    ) -> None:
        purchase = await customer.purchase("k", 3)
        customer.sandbox.set_faults(fault)
        with pytest.raises(OutcomeUnknown):
            await customer.carrier.buy(purchase)
        outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
        assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 3
        assert customer.billed() == Counter(numbers(purchase.offers))

    @CHECKOUT_LOST
    async def test_another_process_finishes_what_a_dead_one_began(self, customer: Customer, fault: Fault) -> None:
        purchase = await customer.purchase("k", 3)
        customer.sandbox.set_faults(fault)
        with pytest.raises(OutcomeUnknown):
            await customer.carrier.buy(purchase)
        async with customer.another() as successor:
            outcomes = await successor.buy(replace(purchase, resumed=True))
        assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 3
        assert customer.billed() == Counter(numbers(purchase.offers))

    async def test_what_a_purchase_without_an_answer_has_bought_is_looked_up_and_nothing_is_sent(
        self, customer: Customer
    ) -> None:
        """By whoever may not buy any more: what was bought is told, and has our mark, so that a sweep knows it."""
        purchase, never = await customer.purchase("k", 3), await customer.purchase("never", 5)
        customer.sandbox.set_faults(REPLY_LOST)
        with pytest.raises(OutcomeUnknown):
            await customer.carrier.buy(purchase)
        customer.sandbox.set_faults()
        bought = customer.billed()
        async with customer.another() as successor:
            outcomes = await successor.look_up(replace(purchase, resumed=True))
            assert await successor.look_up(replace(never, resumed=True, offers=never.offers[3:])) == ()
        assert {(outcome.number, outcome.state) for outcome in outcomes} == {
            (number, ItemState.PROVISIONED) for number in bought
        }
        assert {holding.mark for holding in await customer.listed()} == {MARK}
        assert customer.billed() == bought

    async def test_a_lost_reply_whose_listing_lags_behind_is_billed_once(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 3)
        customer.sandbox.set_faults(REPLY_LOST, {"fault": "listing_lag", "seconds": 3600})
        with pytest.raises(OutcomeUnknown):
            await customer.carrier.buy(purchase)
        outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
        assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 3
        assert customer.billed() == Counter(numbers(purchase.offers))

    async def test_a_lost_reply_of_a_partly_failed_purchase_keeps_what_failed_apart(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 4)
        partly: Fault = {"fault": "partial_failure", "script": [False, True, False, True]}
        customer.sandbox.set_faults(REPLY_LOST, partly)
        async with customer.in_turn() as carrier:
            with pytest.raises(OutcomeUnknown):
                await carrier.buy(purchase)
        outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
        bought = [outcome.number for outcome in outcomes if outcome.state is ItemState.PROVISIONED]
        assert set(numbers(purchase.offers)[::2]) <= set(bought)
        assert customer.billed() == Counter(bought)

    async def test_a_purchase_cancelled_on_the_wire_is_billed_once_when_resumed(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 2)
        customer.sandbox.set_faults({"fault": "reply_lost", "operations": ["checkout"], "how": "hang", **ONCE})
        buying = asyncio.create_task(customer.carrier.buy(purchase))
        await until(lambda: len(customer.bill()) == 2, "both numbers billed")
        buying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await buying
        await customer.carrier.buy(replace(purchase, resumed=True))
        assert customer.billed() == Counter(numbers(purchase.offers))

    @pytest.mark.parametrize("seconds", [None, 3600])
    async def test_a_throttled_purchase_was_not_made(self, customer: Customer, seconds: int | None) -> None:
        purchase = await customer.purchase("k", min(2, customer.sold_by))
        throttled = {"fault": "rate_limited", "operations": ["checkout"], "retry_after": seconds, **ONCE}
        customer.sandbox.set_faults(throttled)
        with pytest.raises(Throttled) as caught:
            await customer.carrier.buy(purchase)
        assert (caught.value.retry_after, customer.bill()) == (seconds, [])
        assert customer.carrier.health.throttled
        async with customer.another() as later:  # this one leaves the carrier alone for as long as it asks
            await later.buy(replace(purchase, resumed=True))
        assert customer.billed() == Counter(numbers(purchase.offers))

    async def test_a_number_that_another_buyer_took_fails_alone(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 3)
        taken = purchase.offers[1].number
        customer.sandbox.control("POST", "snap", {"numbers": [taken]})
        outcomes = await customer.carrier.buy(purchase)
        assert [(outcome.state, outcome.reason) for outcome in outcomes] == [
            (ItemState.PROVISIONED, ""),
            (ItemState.FAILED, FailureReason.NUMBER_TAKEN),
            (ItemState.PROVISIONED, ""),
        ]
        assert customer.billed() == Counter({offer.number: 1 for offer in purchase.offers if offer.number != taken})

    async def test_when_others_took_every_number_all_fail_and_nothing_is_bought(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 3)
        customer.sandbox.control("POST", "snap", {"numbers": numbers(purchase.offers)})
        outcomes = await customer.carrier.buy(purchase)
        assert {(outcome.state, outcome.reason) for outcome in outcomes} == {
            (ItemState.FAILED, FailureReason.NUMBER_TAKEN)
        }
        assert customer.bill() == []

    async def test_numbers_that_fail_at_the_carrier_say_why_and_cost_nothing(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 3)
        customer.sandbox.set_faults({"fault": "partial_failure", "script": [False, True]})
        async with customer.in_turn() as carrier:
            outcomes = await carrier.buy(purchase)
        assert [(outcome.state, outcome.reason) for outcome in outcomes] == [
            (ItemState.PROVISIONED, ""),
            (ItemState.FAILED, self.its_own_failure),
            (ItemState.PROVISIONED, ""),
        ]
        assert outcomes[1].message
        assert outcomes[1].number not in customer.billed()

    async def test_what_one_purchase_failed_to_buy_the_next_does_not_buy_for_it(self, customer: Customer) -> None:
        found = await customer.purchase("both", 4)
        first = replace(found, key=f"{found.key}-1", offers=found.offers[:2])
        second = replace(found, key=f"{found.key}-2", offers=found.offers[2:])
        customer.sandbox.set_faults({"fault": "partial_failure", "script": [True, True]})
        assert {outcome.state for outcome in await customer.carrier.buy(first)} == {ItemState.FAILED}
        await customer.carrier.buy(second)
        assert customer.billed() == Counter(numbers(second.offers))

    async def test_what_a_dead_order_left_behind_is_never_bought_by_another(self, customer: Customer) -> None:
        found = await customer.purchase("both", 4)
        dead = replace(found, key=f"{found.key}-dead", offers=found.offers[: min(2, customer.sold_by)])
        alive = replace(found, key=f"{found.key}-alive", offers=found.offers[2:])
        customer.sandbox.set_faults(RESET_BEFORE)
        with pytest.raises(OutcomeUnknown):
            await customer.carrier.buy(dead)
        async with customer.another() as successor:
            await successor.buy(alive)
        assert customer.billed() == Counter(numbers(alive.offers))

    async def test_too_little_money_is_said_and_what_it_buys_is_bought(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 3)
        cost = purchase.offers[0].price.first_month
        account = {"token": customer.token, "id": customer.id, "balance": str(cost.amount)}
        customer.sandbox.control("POST", "accounts", account)
        async with customer.in_turn() as carrier:
            outcomes = await carrier.buy(purchase)
        assert [(outcome.state, outcome.reason) for outcome in outcomes] == [
            (ItemState.PROVISIONED, ""),
            (ItemState.FAILED, FailureReason.INSUFFICIENT_FUNDS),
            (ItemState.FAILED, FailureReason.INSUFFICIENT_FUNDS),
        ]

    async def test_a_price_that_has_risen_is_not_paid(self, customer: Customer) -> None:
        stock = {"country": "FR", "type": "national", "size": 5, "monthly_price": "1.00"}
        customer.sandbox.control("POST", "stock", stock)
        purchase = await customer.purchase("k", 2, Query("FR", NumberType.NATIONAL))
        customer.sandbox.control("POST", "stock", {**stock, "monthly_price": "9.00"})
        outcomes = await customer.carrier.buy(purchase)
        assert {(outcome.state, outcome.reason) for outcome in outcomes} == {
            (ItemState.FAILED, FailureReason.PRICE_CHANGED)
        }
        assert customer.bill() == []

    async def test_numbers_that_need_documents_are_bought_and_wait_or_are_not_sold_without(
        self, customer: Customer
    ) -> None:
        purchase = await customer.purchase("k", 2)
        customer.sandbox.set_faults({"fault": "pending_documents"})
        outcomes = await customer.carrier.buy(purchase)
        if not customer.sells_before_documents:
            assert {(outcome.state, outcome.reason) for outcome in outcomes} == {
                (ItemState.FAILED, FailureReason.CARRIER_REFUSED)
            }
            assert customer.bill() == []
            return
        assert {outcome.state for outcome in outcomes} == {ItemState.PENDING_DOCUMENTS}
        holding = await customer.carrier.find(purchase.offers[0].number)
        assert holding is not None
        assert holding.status is HoldingStatus.PENDING_DOCUMENTS
        assert customer.billed() == Counter(numbers(purchase.offers))

    async def test_orders_at_the_same_time_buy_each_their_own(self, customer: Customer) -> None:
        found = await customer.purchase("k", 12)
        orders = [
            replace(
                found, key=f"{found.key}-{n}", offers=found.offers[3 * n : 3 * n + 3], mark=replace(MARK, pool=f"p{n}")
            )
            for n in range(4)
        ]
        outcomes = await asyncio.gather(*[customer.carrier.buy(order) for order in orders])
        assert [numbers(bought) for bought in outcomes] == [numbers(order.offers) for order in orders]
        abilities = customer.carrier.abilities
        keyed = abilities.idempotency_key or abilities.order_reference
        assert {(entry["number"], entry["client_checkout_id"]) for entry in customer.bill()} == {
            (offer.number, order.key if keyed else None) for order in orders for offer in order.offers
        }
        assert {holding.number: holding.mark for holding in await customer.listed()} == {
            offer.number: order.mark for order in orders for offer in order.offers
        }

    @pytest.mark.parametrize("round_", range(5))
    async def test_two_processes_that_carry_out_one_order_buy_each_number_once(
        self, customer: Customer, round_: int
    ) -> None:
        purchase = await customer.purchase("k", 6)
        latency = {"fault": "latency", "seconds": [0, 0.01]}
        customer.sandbox.set_faults(
            latency, {"fault": "reply_lost", "operations": ["checkout"], "probability": 0.5, "how": "close"}
        )
        async with customer.another() as other:
            first, second = await asyncio.gather(
                buy_to_the_end(customer.carrier, purchase), buy_to_the_end(other, replace(purchase, resumed=True))
            )
        if customer.carrier.abilities.idempotency_key:
            assert first == second
        told = {o.number for bought in (first, second) for o in bought if o.state is ItemState.PROVISIONED}
        assert told == set(numbers(purchase.offers))
        assert customer.billed() == Counter(told)

    async def test_two_processes_with_orders_of_their_own_buy_each_number_at_most_once(
        self, customer: Customer
    ) -> None:
        found = await customer.purchase("k", 12)
        one = replace(found, key=f"{found.key}-1", offers=found.offers[:8])
        two = replace(found, key=f"{found.key}-2", offers=found.offers[4:])
        async with customer.another() as other:
            outcomes = await asyncio.gather(buy_to_the_end(customer.carrier, one), buy_to_the_end(other, two))
        told = {o.number for bought in outcomes for o in bought if o.state is not ItemState.FAILED}
        assert customer.billed() == Counter(told)

    async def test_bad_weather_at_every_call_ends_with_each_number_billed_once(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 10)
        weather = (
            "rate_limited",
            "server_error",
            "reset_before_commit",
            "reset_after_commit",
            "server_error_after_commit",
        )
        customer.sandbox.set_faults(*[{"fault": fault, "probability": 0.05} for fault in weather])
        outcomes = await buy_to_the_end(customer.carrier, purchase)
        customer.sandbox.set_faults()
        assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}
        assert customer.billed() == Counter(numbers(purchase.offers))

    # Holding

    async def test_a_number_that_is_not_held_is_not_found(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 1)
        assert await customer.carrier.find(purchase.offers[0].number) is None

    async def test_the_listing_goes_through_all_pages(self, customer: Customer) -> None:
        bought = await self.by_hand(customer, 301)
        assert {holding.number for holding in await customer.listed()} == bought

    async def test_a_listing_that_ends_early_is_no_listing(self, customer: Customer) -> None:
        """Where the carrier does not say how many there are, it looks whole: `plan/carrier_account/loss.py` doubts
        it."""
        await self.by_hand(customer, 10)
        customer.sandbox.set_faults({"fault": "truncated_listing"})
        if not self.counted:
            assert len(await customer.listed()) == 5
            return
        with pytest.raises(ListingIncomplete):
            await customer.listed()

    async def test_an_account_that_holds_nothing_has_an_empty_listing(self, customer: Customer) -> None:
        assert await customer.listed() == []

    async def test_a_number_with_anothers_reference_has_no_mark(self, customer: Customer) -> None:
        await self.by_hand(customer, 1, reference="support hotline")
        assert [holding.mark for holding in await customer.listed()] == [None]

    async def test_a_routing_profile_told_twice_is_one(self, customer: Customer) -> None:
        first = await customer.carrier.ensure_routing(ROUTING)
        second = await customer.carrier.ensure_routing(self.changed)
        assert first == second
        assert await customer.carrier.ensure_routing(replace(ROUTING, reference="inst-1-shop-other")) != first

    async def test_a_routing_profile_is_read_back_as_it_was_told(self, customer: Customer) -> None:
        one, other = self.whole
        ids = [await customer.carrier.ensure_routing(routing) for routing in (one, other)]
        read = [held async for page in customer.carrier.routings() for held in page]
        assert read == [HeldRouting(ids[0], one), HeldRouting(ids[1], other)]
        assert await customer.carrier.find_routing(other.reference) == HeldRouting(ids[1], other)
        assert await customer.carrier.find_routing("inst-1.none") is None

    async def test_routing_is_put_on_and_taken_off(self, customer: Customer) -> None:
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        profile = await customer.carrier.ensure_routing(ROUTING)
        await customer.carrier.route(id_, profile)
        assert [holding.routing for holding in await customer.listed()] == [profile]
        await customer.carrier.route(id_, None)
        assert [holding.routing for holding in await customer.listed()] == [None]

    async def test_a_number_is_routed_by_its_purchase_where_the_carrier_can(self, customer: Customer) -> None:
        """Else the outcome says that it is not, and it is routed when it is bought."""
        profile = await customer.carrier.ensure_routing(ROUTING)
        purchase = replace(await customer.purchase("k", 3), routing=profile)
        outcomes = await customer.carrier.buy(purchase)
        routed = profile if customer.carrier.abilities.routing_in_purchase else None
        assert [(one.state, one.routing) for one in outcomes] == [(ItemState.PROVISIONED, routed)] * 3
        assert [holding.routing for holding in await customer.listed()] == [routed] * 3

    async def test_a_routing_that_the_carrier_refuses_keeps_no_number_from_being_bought(
        self, customer: Customer
    ) -> None:
        """A person may have deleted the profile there: the number is bought, and says that it is not routed."""
        purchase = replace(await customer.purchase("k", 2), routing=self.gone_profile)
        outcomes = await customer.carrier.buy(purchase)
        assert [(one.state, one.routing) for one in outcomes] == [(ItemState.PROVISIONED, None)] * 2
        assert customer.billed() == dict.fromkeys(numbers(outcomes), 1)

    async def test_a_number_that_is_not_active_yet_can_be_marked_but_not_routed(self, customer: Customer) -> None:
        customer.sandbox.set_faults({"fault": "slow_activation", "seconds": 3600})
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        with pytest.raises(NotActive):
            await customer.carrier.route(id_, await customer.carrier.ensure_routing(ROUTING))
        await customer.carrier.mark(id_, replace(MARK, pool="other"))
        assert [(holding.status, holding.mark) for holding in await customer.listed()] == [
            (HoldingStatus.ACTIVATING, replace(MARK, pool="other"))
        ]

    async def test_a_profile_that_does_not_exist_is_refused_and_the_number_is_held(self, customer: Customer) -> None:
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        with pytest.raises(RequestRejected) as caught:
            await customer.carrier.route(id_, "rp_00009999")
        assert not isinstance(caught.value, NotHeld)

    async def test_the_mark_can_be_taken_off(self, customer: Customer) -> None:
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        await customer.carrier.mark(id_, None)
        assert [holding.mark for holding in await customer.listed()] == [None]

    async def test_a_number_is_suspended_and_resumed(self, customer: Customer) -> None:
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        await customer.carrier.suspend(id_)
        await customer.carrier.suspend(id_)
        assert [holding.status for holding in await customer.listed()] == [HoldingStatus.SUSPENDED]
        await customer.carrier.resume(id_)
        assert [holding.status for holding in await customer.listed()] == [HoldingStatus.ACTIVE]

    async def test_how_a_numbers_calls_are_signed_is_told(self, customer: Customer) -> None:
        outcomes = await customer.carrier.buy(await customer.purchase("k", 2))
        assert [holding.attestation for holding in await customer.listed()] == ["A", "A"]
        lowered = {"numbers": [outcomes[1].number], "attestation": "B"}
        customer.sandbox.control("POST", "numbers/attestation", lowered)
        assert [holding.attestation for holding in await customer.listed()] == ["A", "B"]

    async def test_a_number_is_released_and_releasing_it_again_is_success(self, customer: Customer) -> None:
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        await customer.carrier.release(id_)
        await customer.carrier.release(id_)
        assert await customer.listed() == []
        with pytest.raises(NotHeld):
            await customer.carrier.mark(id_, MARK)

    async def test_a_reply_lost_on_a_change_is_only_made_again(self, customer: Customer) -> None:
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        customer.sandbox.set_faults({"fault": "reply_lost", "operations": ["release"], "how": "close", **ONCE})
        await customer.carrier.release(id_)
        assert await customer.listed() == []

    # Emergency addresses, where the carrier takes them.

    async def test_an_emergency_address_is_made_once_although_a_reply_is_lost(self, customer: Customer) -> None:
        if (desk := await self.desk(customer)) is None:
            return
        lost = {"fault": "reply_lost", "operations": ["service_put", "end_user_create"], "how": "close", **ONCE}
        customer.sandbox.set_faults(lost)
        with pytest.raises(CarrierUnavailable):
            await desk.ensure_address(DESK, REFERENCE)
        id_ = await desk.ensure_address(DESK, REFERENCE)
        assert await desk.ensure_address(DESK, REFERENCE) == id_
        assert await desk.addresses() == (HeldAddress(id_, REFERENCE),)

    async def test_an_emergency_address_that_is_refused_is_told_with_the_carriers_code(
        self, customer: Customer
    ) -> None:
        if (desk := await self.desk(customer)) is None:
            return
        with pytest.raises(RequestRejected) as caught:
            await desk.ensure_address(NOWHERE, REFERENCE)
        assert caught.value.code
        assert "Harrison" not in f"{caught.value} {caught.value.words}".title()
        assert await desk.addresses() == ()

    async def test_a_numbers_emergency_address_is_registered_in_the_carriers_own_time(self, customer: Customer) -> None:
        if (desk := await self.desk(customer)) is None:
            return
        id_, address = await self.held(customer), await desk.ensure_address(DESK, REFERENCE)
        customer.sandbox.set_faults({"fault": "slow_emergency", "seconds": 60})
        assert await desk.put_on(id_, address) == EmergencyStanding(EmergencyState.PENDING, address)
        assert await self.standings(customer) == [EmergencyStanding(EmergencyState.PENDING, address)]
        customer.sandbox.control("POST", "clock", {"advance_seconds": 61})
        assert await self.standings(customer) == [EmergencyStanding(EmergencyState.REGISTERED, address)]
        assert await desk.put_on(id_, address) == EmergencyStanding(EmergencyState.REGISTERED, address)
        assert (await desk.take_off(id_)).state is EmergencyState.REMOVING
        assert await self.standings(customer) == [EmergencyStanding(EmergencyState.REMOVING)]
        customer.sandbox.control("POST", "clock", {"advance_seconds": 61})
        assert (await desk.take_off(id_)).state is EmergencyState.UNREGISTERED

    async def test_a_registration_that_fails_at_the_carrier_is_told(self, customer: Customer) -> None:
        if (desk := await self.desk(customer)) is None:
            return
        id_, address = await self.held(customer), await desk.ensure_address(DESK, REFERENCE)
        customer.sandbox.set_faults({"fault": "emergency_failed"})
        await desk.put_on(id_, address)
        assert await self.standings(customer) == [EmergencyStanding(EmergencyState.FAILED, address)]

    async def test_an_emergency_address_takes_the_place_of_another_which_can_be_deleted_then(
        self, customer: Customer
    ) -> None:
        if (desk := await self.desk(customer)) is None:
            return
        id_, first = await self.held(customer), await desk.ensure_address(DESK, REFERENCE)
        second = await desk.ensure_address(replace(DESK, extended="Suite 3"), f"{REFERENCE[:-1]}2")
        await desk.put_on(id_, first)
        assert await desk.drop_address(first) is False
        assert await desk.put_on(id_, second) == EmergencyStanding(EmergencyState.REGISTERED, second)
        assert [await desk.drop_address(first), await desk.drop_address(first)] == [True, True]
        assert await self.standings(customer) == [EmergencyStanding(EmergencyState.REGISTERED, second)]
        assert [held.id for held in await desk.addresses()] == [second]

    async def test_a_number_with_an_emergency_address_is_released(self, customer: Customer) -> None:
        if (desk := await self.desk(customer)) is None:
            return
        id_, address = await self.held(customer), await desk.ensure_address(DESK, REFERENCE)
        await desk.put_on(id_, address)
        await customer.carrier.release(id_)
        assert await customer.listed() == []

    async def test_a_number_whose_emergency_address_takes_its_time_to_go_is_released_after_that(
        self, customer: Customer
    ) -> None:
        """Or at once, where the carrier gives a number back whose address is only going."""
        if (desk := await self.desk(customer)) is None:
            return
        id_, address = await self.held(customer), await desk.ensure_address(DESK, REFERENCE)
        await desk.put_on(id_, address)
        customer.sandbox.set_faults({"fault": "slow_emergency", "seconds": 60})
        with suppress(CarrierUnavailable):
            await customer.carrier.release(id_)
        assert [holding.emergency and holding.emergency.address for holding in await customer.listed()] in ([], [None])
        customer.sandbox.control("POST", "clock", {"advance_seconds": 61})
        await customer.carrier.release(id_)
        assert await customer.listed() == []

    async def desk(self, customer: Customer) -> EmergencyDesk | None:
        """Where the carrier registers emergency addresses; one that has no such place has no such countries either."""
        desk = customer.carrier.emergency
        assert bool(desk) is bool(customer.carrier.abilities.emergency)
        return desk

    async def held(self, customer: Customer) -> str:
        """The id of a number that was bought."""
        (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
        assert outcome.external_id
        return outcome.external_id

    async def standings(self, customer: Customer) -> list[EmergencyStanding | None]:
        """How the numbers stand with the emergency services, as a listing says; a look-up says the same."""
        listed = await customer.listed()
        found = [await customer.carrier.find(holding.number) for holding in listed]
        assert [one and one.emergency for one in found] == [one.emergency for one in listed]
        return [holding.emergency for holding in listed]

    # Whom to tell

    async def test_a_wrong_token_is_the_users_to_mend(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 1)
        async with customer.another(credentials=customer.with_token("tok_wrong_one")) as stranger:
            for call in (stranger.balance(), stranger.search(US_415, 1), stranger.buy(purchase)):
                with pytest.raises(CredentialsRejected) as caught:
                    await call
                assert "tok_wrong_one" not in str(caught.value)
        assert customer.calls("account") == 1

    async def test_a_carrier_that_is_not_there_is_unavailable_and_nothing_is_bought(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 1)
        async with customer.another(endpoint=f"http://127.0.0.1:{unused_port()}") as lost:
            with pytest.raises(CarrierUnavailable):
                await lost.balance()
            with pytest.raises(CarrierUnavailable):
                await lost.buy(purchase)
        assert customer.bill() == []

    async def by_hand(self, customer: Customer, count: int, **fields: str) -> set[E164]:
        """Numbers bought in the carrier's portal, by no adapter."""
        bought: set[E164] = set()
        while len(bought) < count:
            order = {"account": customer.id, "count": min(100, count - len(bought)), "area_code": "212", **fields}
            items = customer.sandbox.control("POST", "numbers", order)["items"]
            assert items, "the sandbox has no more of these"
            bought |= {E164(item["number"]) for item in items}
        return bought


def unused_port() -> int:
    """A port of this machine that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
