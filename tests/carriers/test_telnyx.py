"""Telnyx: the conformance suite, and what only Telnyx has: orders without a key, traps in its look-ups, tags, locks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import httpx
import pytest

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.telnyx.account import Telnyx, open_client
from ringfleet.carriers.telnyx.numbers import DELETION_LOCK
from ringfleet.carriers.telnyx.routing import CANT_BE_SAID
from ringfleet.model import (
    E164,
    Capability,
    HeldRouting,
    HoldingStatus,
    ItemState,
    Money,
    NumberType,
    Offer,
    Price,
    Purchase,
    Query,
    Routing,
    SipTarget,
)
from ringfleet.model.failures import FailureReason
from tests.carriers.conformance import REPLY_LOST, ROUTING, CarrierConformance
from tests.carriers.customer import MARK, Customer, numbers
from tests.carriers.scripts import settings

WEBHOOKS = Routing(
    "inst-1.hooks",
    "shop/hooks",
    voice_webhook="https://example.com/voice",
    messaging_webhook="https://example.com/sms",
)
BOTH = replace(ROUTING, messaging_webhook="https://example.com/sms")


class TestTelnyx(CarrierConformance):
    provider = "Telnyx"
    gone_profile = "99999999/"
    changed: ClassVar[Routing] = replace(ROUTING, sip_targets=(SipTarget("sip:c.example.com:5070;transport=tcp"),))
    whole: ClassVar[tuple[Routing, Routing]] = (replace(ROUTING, messaging_service="MG1", campaign="CM1"), WEBHOOKS)

    async def test_how_a_numbers_calls_are_signed_is_told(self, customer: Customer) -> None:
        """Telnyx signs calls from a number of the account with A, and has no word for it in its rows."""
        await customer.carrier.buy(await customer.purchase("k", 2))
        assert [holding.attestation for holding in await customer.listed()] == ["A", "A"]
        german = Query("DE", NumberType.GEOGRAPHIC, "30")
        await customer.carrier.buy(await customer.purchase("de", 1, german))
        assert [holding.attestation for holding in await customer.listed()] == ["A", "A", None]


class OnTelnyx:
    """A test with an account at Telnyx."""

    provider = "Telnyx"

    def call(self, customer: Customer, method: str, path: str, json: object = None) -> Any:
        """What another program with the same key would do."""
        url, key = f"{customer.settings.endpoint}/v2/{path}", {"Authorization": f"Bearer {customer.token}"}
        reply = httpx.request(method, url, json=json, headers=key, timeout=60, trust_env=False, verify=False)
        return reply.raise_for_status().json()["data"]

    async def bought(self, customer: Customer) -> str:
        """The id of a number that was just bought."""
        (outcome,) = await customer.carrier.buy(await customer.purchase("one", 1))
        assert outcome.external_id
        return outcome.external_id

    def row(self, customer: Customer, id_: str) -> Any:
        return self.call(customer, "GET", f"phone_numbers/{id_}")


class TestOrders(OnTelnyx):
    @pytest.fixture
    async def shown_to_another(self, customer: Customer) -> Purchase:
        """Numbers that a search has shown to another account, and long ago."""
        async with Customer(customer.sandbox, "Telnyx") as other:
            found = await other.purchase("k", 2)
        return replace(found, key=f"{customer.id}-k", offers=tuple(map(_shown_long_ago, found.offers)))

    async def test_a_hundred_numbers_are_bought_in_five_calls(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 100)
        customer.sandbox.control("POST", "calls")
        outcomes = await customer.carrier.buy(purchase)
        assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}
        assert customer.sandbox.calls() == {
            "search": 1,
            "checkout": 1,
            "order_get": 1,
            "number_patch": 1,
            "service_get": 1,
        }

    async def test_a_lost_reply_of_a_hundred_numbers_is_looked_up_in_four_calls(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 100)
        customer.sandbox.set_faults(REPLY_LOST)
        with pytest.raises(OutcomeUnknown):
            await customer.carrier.buy(purchase)
        customer.sandbox.control("POST", "calls")
        outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
        assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}
        assert customer.sandbox.calls() == {"order_find": 1, "order_get": 1, "number_patch": 1, "service_get": 1}

    async def test_what_no_search_has_shown_lately_is_shown_again_before_it_is_ordered(
        self, customer: Customer, shown_to_another: Purchase
    ) -> None:
        outcomes = await customer.carrier.buy(shown_to_another)
        assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 2

    async def test_while_search_is_down_nothing_is_bought_that_was_shown_long_ago(
        self, customer: Customer, shown_to_another: Purchase
    ) -> None:
        customer.sandbox.set_faults({"fault": "search_down"})
        with pytest.raises(CarrierUnavailable):
            await customer.carrier.buy(shown_to_another)
        assert customer.bill() == []

    async def test_what_telnyx_has_not_shown_to_this_account_has_to_be_searched_again(self, customer: Customer) -> None:
        async with Customer(customer.sandbox, "Telnyx") as other:
            found = await other.purchase("k", 2)
        customer.sandbox.set_faults({"fault": "search_down"})
        outcomes = await customer.carrier.buy(replace(found, key=f"{customer.id}-k"))
        assert {(outcome.state, outcome.reason) for outcome in outcomes} == {
            (ItemState.FAILED, FailureReason.OFFER_EXPIRED)
        }
        assert customer.bill() == []

    async def test_a_number_that_the_account_has_is_left_as_it_is_and_the_rest_is_bought(
        self, customer: Customer
    ) -> None:
        found, theirs = await customer.purchase("k", 3), replace(MARK, pool="theirs")
        await customer.carrier.buy(replace(found, key=f"{found.key}-theirs", offers=found.offers[:1], mark=theirs))
        outcomes = await customer.carrier.buy(found)
        assert [(outcome.state, outcome.reason) for outcome in outcomes] == [
            (ItemState.FAILED, FailureReason.NUMBER_TAKEN),
            (ItemState.PROVISIONED, ""),
            (ItemState.PROVISIONED, ""),
        ]
        assert customer.billed() == Counter(numbers(found.offers))
        marks = {holding.number: holding.mark for holding in await customer.listed()}
        assert marks[found.offers[0].number] == theirs

    @pytest.mark.parametrize("resumed", [False, True])
    async def test_a_number_that_another_order_has_bought_for_the_same_pool_is_not_failed(
        self, customer: Customer, resumed: bool
    ) -> None:
        found = await customer.purchase("k", 3)
        (first,) = await customer.carrier.buy(replace(found, key=f"{found.key}-first", offers=found.offers[:1]))
        outcomes = await customer.carrier.buy(replace(found, resumed=resumed))
        assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 3
        assert outcomes[0].external_id == first.external_id
        assert customer.billed() == Counter(numbers(found.offers))

    async def test_a_price_that_has_fallen_is_no_reason_not_to_buy(self, customer: Customer) -> None:
        stock = {"country": "US", "type": "geographic", "area_code": "702", "size": 5, "monthly_price": "9.00"}
        customer.sandbox.control("POST", "stock", stock)
        purchase = await customer.purchase("k", 1, Query("US", NumberType.GEOGRAPHIC, "702"))
        customer.sandbox.control("POST", "stock", {**stock, "monthly_price": "1.00"})
        assert [outcome.state for outcome in await customer.carrier.buy(purchase)] == [ItemState.PROVISIONED]

    async def test_a_number_of_ours_says_in_a_tag_what_it_was_bought_for(self, customer: Customer) -> None:
        purchase = await customer.purchase("k", 1)
        await customer.carrier.buy(purchase)
        assert [holding.price for holding in await customer.listed()] == [purchase.offers[0].price]
        await self.by_hand(customer)
        assert [holding.price for holding in await customer.listed()] == [purchase.offers[0].price, None]

    async def by_hand(self, customer: Customer) -> None:
        customer.sandbox.control("POST", "numbers", {"account": customer.id, "count": 1, "area_code": "212"})


NOT_YET = {
    "GET /v2/number_orders": {
        "data": [{"id": "o", "customer_reference": "k"}],
        "meta": {"total_results": 1, "total_pages": 1},
    },
    "GET /v2/number_orders/o": {"data": {"phone_numbers": [{"phone_number": "+14155550100", "status": "pending"}]}},
    "POST /v2/phone_numbers/jobs/update_phone_numbers": {"data": {"id": "j", "status": "pending"}},
    "GET /v2/phone_numbers/jobs/j": {"data": {"id": "j", "status": "failed", "successful_operations": []}},
    "GET /v2/phone_numbers": {"data": [], "meta": {"total_results": 0, "total_pages": 1}},
    "POST /v2/phone_numbers/actions/verify_ownership": {"data": {"found": []}},
}
"""What Telnyx says of an order of one number that it delivers hours later."""


async def test_what_telnyx_is_at_work_on_is_not_known_when_it_is_looked_up() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=NOT_YET[f"{request.method} {request.url.path}"])

    account = settings(credentials={"apiKey": "key"}, lag=0.0)
    price = Price(Money(Decimal(1), "USD"), Money.zero("USD"))
    wanted = Offer(E164("+14155550100"), "US", NumberType.GEOGRAPHIC, price)
    async with Telnyx(account, client=open_client(account, httpx.MockTransport(answer))) as carrier:
        with pytest.raises(OutcomeUnknown, match="is pending at Telnyx for 1 of its numbers"):
            await carrier.look_up(Purchase("k", (wanted,), MARK, resumed=True))


class TestNumbers(OnTelnyx):
    async def test_what_a_number_can_carry_is_told_with_it_and_not_missed_while_messages_are_down(
        self, customer: Customer
    ) -> None:
        await self.bought(customer)
        everything = frozenset({Capability.VOICE, Capability.SMS, Capability.MMS})
        assert [holding.capabilities for holding in await customer.listed()] == [everything]
        customer.sandbox.set_faults({"fault": "server_error", "operations": ["service_get"]})
        assert [holding.capabilities for holding in await customer.listed()] == [frozenset()]

    async def test_a_number_that_is_locked_at_telnyx_is_not_given_back(self, customer: Customer) -> None:
        id_ = await self.bought(customer)
        lock = {"phone_numbers": [id_], "deletion_lock_enabled": True}
        self.call(customer, "POST", "phone_numbers/jobs/update_phone_numbers", lock)
        with pytest.raises(RequestRejected, match="deletion lock") as refused:
            await customer.carrier.release(id_)
        assert refused.value.code == DELETION_LOCK
        assert len(await customer.listed()) == 1
        self.call(customer, "POST", "phone_numbers/jobs/update_phone_numbers", {**lock, "deletion_lock_enabled": False})
        await customer.carrier.release(id_)
        assert await customer.listed() == []

    async def test_another_process_resumes_a_number_exactly_as_it_was(self, customer: Customer) -> None:
        id_ = await self.bought(customer)
        routing = await customer.carrier.ensure_routing(BOTH)
        await customer.carrier.route(id_, routing)
        before = self.row(customer, id_)
        self.call(customer, "PATCH", f"phone_numbers/{id_}", {"tags": [*before["tags"], "theirs"]})
        await customer.carrier.suspend(id_)
        (stopped,) = await customer.listed()
        assert (stopped.status, stopped.routing, stopped.mark) == (HoldingStatus.SUSPENDED, routing, MARK)
        row = self.row(customer, id_)
        assert (row["connection_id"], row["messaging_profile_id"]) == (None, None)
        async with customer.another() as successor:
            await successor.resume(id_)
        (resumed,) = await customer.listed()
        assert (resumed.status, resumed.routing) == (HoldingStatus.ACTIVE, routing)
        after = self.row(customer, id_)
        assert after["tags"] == [*before["tags"], "theirs"]

    async def test_a_number_that_is_stopped_by_half_is_not_stopped_and_resumes_all_the_same(
        self, customer: Customer
    ) -> None:
        id_ = await self.bought(customer)
        routing = await customer.carrier.ensure_routing(BOTH)
        await customer.carrier.route(id_, routing)
        second = {"fault": "server_error", "operations": ["number_patch"], "script": [False, *[True] * 4]}
        customer.sandbox.set_faults(second)
        with pytest.raises(CarrierUnavailable):
            await customer.carrier.suspend(id_)
        assert [holding.status for holding in await customer.listed()] == [HoldingStatus.ACTIVE]
        await customer.carrier.suspend(id_)
        assert [holding.status for holding in await customer.listed()] == [HoldingStatus.SUSPENDED]
        customer.sandbox.set_faults(second)
        with pytest.raises(CarrierUnavailable):
            await customer.carrier.resume(id_)
        assert [holding.status for holding in await customer.listed()] == [HoldingStatus.ACTIVE]
        await customer.carrier.resume(id_)
        assert [holding.routing for holding in await customer.listed()] == [routing]
        assert not any("suspended" in tag for tag in self.row(customer, id_)["tags"])

    async def test_a_number_that_is_routed_while_it_is_stopped_stays_so_and_is_resumed_by_that_routing(
        self, customer: Customer
    ) -> None:
        id_ = await self.bought(customer)
        first, second = [await customer.carrier.ensure_routing(one) for one in (BOTH, WEBHOOKS)]
        await customer.carrier.route(id_, first)
        await customer.carrier.suspend(id_)
        await customer.carrier.route(id_, second)
        stopped = [(holding.status, holding.routing) for holding in await customer.listed()]
        assert stopped == [(HoldingStatus.SUSPENDED, second)]
        assert self.row(customer, id_)["connection_id"] is None
        await customer.carrier.resume(id_)
        assert [holding.routing for holding in await customer.listed()] == [second]
        assert f"{self.row(customer, id_)['connection_id']}/" in second

    @pytest.mark.parametrize("gone", ["fqdn_connections", "messaging_profiles"])
    async def test_a_number_whose_routing_is_gone_since_it_was_stopped_is_resumed_with_what_is_left(
        self, customer: Customer, gone: str
    ) -> None:
        """Telnyx refuses to give it back, so that it would stay stopped for ever; its profile routes it anew."""
        id_ = await self.bought(customer)
        routing = await customer.carrier.ensure_routing(BOTH)
        await customer.carrier.route(id_, routing)
        await customer.carrier.suspend(id_)
        connection, profile = routing.split("/")
        self.call(customer, "DELETE", f"{gone}/{connection if gone == 'fqdn_connections' else profile}")
        await customer.carrier.resume(id_)
        (resumed,) = await customer.listed()
        left = f"/{profile}" if gone == "fqdn_connections" else f"{connection}/"
        assert (resumed.status, resumed.routing) == (HoldingStatus.ACTIVE, left)

    async def test_to_route_a_number_as_it_is_changes_nothing(self, customer: Customer) -> None:
        id_ = await self.bought(customer)
        routing = await customer.carrier.ensure_routing(BOTH)
        await customer.carrier.route(id_, routing)
        customer.sandbox.control("POST", "calls")
        await customer.carrier.route(id_, routing)
        assert customer.sandbox.calls() == {"number_get": 1}

    async def test_the_account_is_known_by_its_organization_once_it_has_anything(self, customer: Customer) -> None:
        assert await customer.carrier.account_id() is None
        await self.bought(customer)
        by_number = await customer.carrier.account_id()
        await customer.carrier.ensure_routing(WEBHOOKS)
        assert by_number
        assert await customer.carrier.account_id() == by_number


class TestRouting(OnTelnyx):
    async def held(self, customer: Customer) -> list[HeldRouting]:
        return [held async for page in customer.carrier.routings() for held in page]

    @pytest.mark.parametrize(
        ("path", "edit"),
        [
            pytest.param("fqdn_connections", {"active": False}, id="switched off"),
            pytest.param("fqdn_connections", {"transport_protocol": "TLS"}, id="another transport"),
            pytest.param("fqdn_connections", {"inbound": {}}, id="no places"),
            pytest.param("fqdn_connections", {"tags": ["ringfleet"]}, id="other tags"),
            pytest.param("messaging_profiles", {"webhook_url": "https://example.com/other"}, id="another webhook"),
            pytest.param("messaging_profiles", {"enabled": False}, id="messages switched off"),
        ],
    )
    async def test_a_profile_that_somebody_has_edited_leads_nowhere_until_it_is_told_anew(
        self, customer: Customer, path: str, edit: dict[str, Any]
    ) -> None:
        id_ = await customer.carrier.ensure_routing(BOTH)
        connection, profile = id_.split("/")
        edited = profile if path == "messaging_profiles" else connection
        self.call(customer, "PATCH", f"{path}/{edited}", edit)
        (found,) = await self.held(customer)
        assert found.routing == Routing(BOTH.reference, BOTH.name)
        assert await customer.carrier.find_routing(BOTH.reference) == found
        assert await customer.carrier.ensure_routing(BOTH) == id_
        assert await self.held(customer) == [HeldRouting(id_, BOTH)]

    async def test_a_host_that_a_profile_has_no_more_is_taken_away(self, customer: Customer) -> None:
        id_ = await customer.carrier.ensure_routing(ROUTING)
        assert len(self.call(customer, "GET", "fqdns")) == 2
        fewer = replace(ROUTING, sip_targets=ROUTING.sip_targets[1:])
        assert await customer.carrier.ensure_routing(fewer) == id_
        assert [host["fqdn"] for host in self.call(customer, "GET", "fqdns")] == ["b.example.com"]
        assert await self.held(customer) == [HeldRouting(id_, fewer)]

    async def test_targets_by_address_are_another_kind_of_connection(self, customer: Customer) -> None:
        by_address = replace(ROUTING, sip_targets=(SipTarget("sips:192.0.2.7"), SipTarget("sips:192.0.2.8:5071")))
        id_ = await customer.carrier.ensure_routing(by_address)
        (connection,) = self.call(customer, "GET", "ip_connections")
        assert (connection["transport_protocol"], connection["inbound"]["default_routing_method"]) == (
            "TLS",
            "round-robin",
        )
        assert [(host["ip_address"], host["port"]) for host in self.call(customer, "GET", "ips")] == [
            ("192.0.2.7", 5061),
            ("192.0.2.8", 5071),
        ]
        assert await self.held(customer) == [HeldRouting(id_, by_address)]
        fewer = replace(by_address, sip_targets=by_address.sip_targets[1:])
        assert await customer.carrier.ensure_routing(fewer) == id_
        assert [host["ip_address"] for host in self.call(customer, "GET", "ips")] == ["192.0.2.8"]
        assert await self.held(customer) == [HeldRouting(id_, fewer)]

    async def test_a_profile_of_another_kind_gets_another_connection_and_the_former_one_stays(
        self, customer: Customer
    ) -> None:
        first = await customer.carrier.ensure_routing(ROUTING)
        webhook = replace(ROUTING, sip_targets=(), voice_webhook="https://example.com/voice")
        second = await customer.carrier.ensure_routing(webhook)
        assert second != first
        assert await self.held(customer) == [HeldRouting(second, webhook)]
        names = [connection["connection_name"] for connection in self.call(customer, "GET", "connections")]
        assert names == [f"former {ROUTING.reference} {ROUTING.name}", f"{ROUTING.reference} {ROUTING.name}"]
        third = await customer.carrier.ensure_routing(ROUTING)
        assert third not in (first, second)
        assert await self.held(customer) == [HeldRouting(third, ROUTING)]

    async def test_an_application_that_lives_at_telnyx_is_pointed_at_and_never_touched(
        self, customer: Customer
    ) -> None:
        desk = {"application_name": "desk", "webhook_event_url": "https://example.com/"}
        application = self.call(customer, "POST", "call_control_applications", desk)
        routing = replace(ROUTING, sip_targets=(), voice_application=application["id"], messaging_service="MG1")
        id_ = await customer.carrier.ensure_routing(routing)
        assert id_ == f"{application['id']}/MG1"
        assert await self.held(customer) == [HeldRouting(id_, routing)]
        assert self.call(customer, "GET", f"call_control_applications/{application['id']}") == application

    async def test_a_connection_whose_answer_was_lost_is_found_and_not_made_twice(self, customer: Customer) -> None:
        lost = {"fault": "reply_lost", "operations": ["service_put"], "how": "close", "script": [True]}
        customer.sandbox.set_faults(lost)
        with pytest.raises(CarrierUnavailable):
            await customer.carrier.ensure_routing(ROUTING)
        assert await self.held(customer) == []
        id_ = await customer.carrier.ensure_routing(ROUTING)
        assert await self.held(customer) == [HeldRouting(id_, ROUTING)]
        assert len(self.call(customer, "GET", "connections")) == 1

    @pytest.mark.parametrize(
        ("routing", "message"),
        [
            pytest.param(replace(ROUTING, sip_targets=(SipTarget("sip:a@b.example.com"),)), "before the @", id="user"),
        ],
    )
    async def test_what_telnyx_can_not_be_told_is_refused_with_what_to_change(
        self, customer: Customer, routing: Routing, message: str
    ) -> None:
        with pytest.raises(RequestRejected, match=message) as refused:
            await customer.carrier.ensure_routing(routing)
        assert refused.value.code == CANT_BE_SAID
        assert self.call(customer, "GET", "connections") == []


def _shown_long_ago(offer: Offer) -> Offer:
    return replace(offer, token="1")
