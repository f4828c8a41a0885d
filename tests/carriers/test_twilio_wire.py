"""What is sent to Twilio, held against Twilio's own library; and what its library and the adapter see of each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qsl

import httpx
import pytest

from ringfleet.carriers.twilio.account import Twilio
from ringfleet.carriers.twilio.api import open_client
from ringfleet.carriers.twilio.streamed import RECEIVED
from ringfleet.model import Capability, HeldRouting, HoldingStatus, ItemState, NumberType, Query
from ringfleet.model.emergency import NO_ADDRESS
from tests.carriers.conformance import DESK, REFERENCE, ROUTING
from tests.carriers.customer import MARK, US_415, Customer
from tests.carriers.test_twilio import Program, a_trust_product
from tests.carriers.twilio_source import Operation, declared, operations
from tests.simulator.twilio_sdk import TwilioCustomer

PROVIDER = "Twilio"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SUITE_PRODUCTS = ("api", "pricing", "trunking", "messaging", "trusthub", "events")


@dataclass(frozen=True, slots=True)
class Sent:
    """One call of the adapter. `names`: those of its query and of its form."""

    product: str
    method: str
    path: str
    names: frozenset[str]


class Listening(httpx.AsyncHTTPTransport):
    """The way to the sandbox carrier, on which all calls are noted."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _, face, product, path = request.url.path.split("/", 3)
        assert face == "twilio"
        body = dict(parse_qsl((await request.aread()).decode(), keep_blank_values=True))
        self.sent.append(Sent(product, request.method, f"/{path}", frozenset({*request.url.params, *body})))
        return await super().handle_async_request(request)


@cache
def known() -> list[Operation]:
    return operations(*SUITE_PRODUCTS)


async def whole_life(customer: Customer, carrier: Twilio) -> None:
    """All that an adapter can be asked, once at least."""
    await carrier.balance()
    await carrier.account_id()
    await carrier.search(US_415, 60)
    await carrier.search(replace(US_415, capabilities=frozenset(Capability)), 5)
    await carrier.search(Query("AU", NumberType.GEOGRAPHIC, "2"), 5)
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    service = sdk.client.messaging.v1.services.create(friendly_name="shop").sid
    sdk.close()
    routing = replace(ROUTING, messaging_service=service)
    profile = await carrier.ensure_routing(routing)
    hooks = replace(ROUTING, reference="b", sip_targets=(), voice_webhook="https://example.com/v")
    other = await carrier.ensure_routing(hooks)
    await carrier.ensure_routing(
        replace(hooks, messaging_webhook="https://example.com/m", messaging_fallback="https://b")
    )
    await carrier.ensure_routing(replace(routing, sip_targets=routing.sip_targets[:1]))
    await carrier.find_routing(routing.reference)
    assert [held async for page in carrier.routings() for held in page]
    purchase = await customer.purchase("k", 2)
    outcomes = await carrier.buy(purchase)
    await carrier.find(purchase.offers[0].number)
    sid = outcomes[0].external_id or ""
    for to in (profile, other, None, profile):
        await carrier.route(sid, to)
    await carrier.attest(sid)
    address = await carrier.emergency.ensure_address(DESK, REFERENCE)
    await carrier.emergency.put_on(sid, address)
    await carrier.emergency.take_off(sid)
    assert await carrier.emergency.addresses()
    assert await carrier.emergency.drop_address(address)
    await carrier.suspend(sid)
    await carrier.resume(sid)
    await carrier.mark(sid, MARK)
    await carrier.mark(sid, None)
    assert [holding async for page in carrier.holdings() for holding in page]
    for pages in (carrier.records.messages(LONG_AGO), carrier.records.calls(LONG_AGO)):
        assert [page async for page in pages]
    await carrier.streams.ensure("Ringfleet inst-1", "https://example.com/a")
    await carrier.streams.ensure("Ringfleet inst-1", "https://example.com/b")
    await drop_the_event(customer)
    await carrier.streams.ensure("Ringfleet inst-1", "https://example.com/b")
    await carrier.streams.remove("Ringfleet inst-1")
    await carrier.release(sid)


async def drop_the_event(customer: Customer) -> None:
    """A person takes it out of the subscription: it is to be put in again."""
    person = Program(customer)
    (row,) = person.call("GET", "events", "/v1/Subscriptions")["subscriptions"]
    person.call("DELETE", "events", f"/v1/Subscriptions/{row['sid']}/SubscribedEvents/{RECEIVED}")


async def test_everything_that_is_sent_is_declared_by_twilios_own_library(customer: Customer) -> None:
    wire = Listening()
    account = replace(customer.settings, trust_product=a_trust_product(Program(customer)))
    async with Twilio(account, client=open_client(account, wire)) as carrier:
        await whole_life(customer, carrier)
    undeclared = []
    for call in dict.fromkeys(wire.sent):
        found = declared(known(), call.product, call.method, call.path)
        if not any(call.names <= names for names in found.values()):
            undeclared.append((call, found))
    assert undeclared == []
    assert {call.product for call in wire.sent} == set(SUITE_PRODUCTS)
    assert {call.method for call in wire.sent} == {"GET", "POST", "DELETE"}


async def test_the_number_is_never_moved_to_another_account(customer: Customer) -> None:
    """For the account that it leaves, the parameter AccountSid of an update is a release."""
    wire = Listening()
    account = replace(customer.settings, trust_product=a_trust_product(Program(customer)))
    async with Twilio(account, client=open_client(account, wire)) as carrier:
        await whole_life(customer, carrier)
    assert not any("AccountSid" in call.names for call in wire.sent)


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("POST", "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json", {"PhoneNumbr"}),
        ("POST", "/2010-04-01/Accounts/AC1/IncomingPhoneNumber.json", {"PhoneNumber"}),
        ("PUT", "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json", {"PhoneNumber"}),
    ],
)
def test_a_name_a_path_or_a_method_that_twilio_does_not_have_is_noticed(
    method: str, path: str, names: set[str]
) -> None:
    assert not any(names <= told for told in declared(known(), "api", method, path).values())


# Twilio's library beside the adapter, on one account.


async def test_twilios_library_reads_back_what_the_adapter_did(customer: Customer) -> None:
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    purchase = await customer.purchase("k", 1)
    (outcome,) = await customer.carrier.buy(purchase)
    assert outcome.external_id
    number = sdk.me.incoming_phone_numbers(outcome.external_id)
    assert (number.fetch().phone_number, number.fetch().friendly_name) == (purchase.offers[0].number, str(MARK))
    profile = await customer.carrier.ensure_routing(ROUTING)
    await customer.carrier.route(outcome.external_id, profile)
    trunk = number.fetch().trunk_sid
    urls = sdk.client.trunking.v1.trunks(trunk).origination_urls.list()
    assert [(url.sip_url, url.priority, url.weight, url.enabled) for url in urls] == [
        (target.uri, target.priority, target.weight, True) for target in ROUTING.sip_targets
    ]
    assert [one.sid for one in sdk.client.trunking.v1.trunks(trunk).phone_numbers.list()] == [outcome.external_id]
    await customer.carrier.suspend(outcome.external_id)
    assert number.fetch().trunk_sid is None
    await customer.carrier.resume(outcome.external_id)
    assert number.fetch().trunk_sid == trunk
    await customer.carrier.release(outcome.external_id)
    assert sdk.me.incoming_phone_numbers.list() == []
    sdk.close()


async def test_the_adapter_reads_back_what_twilios_library_did(customer: Customer) -> None:
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    profile = await customer.carrier.ensure_routing(ROUTING)
    assert await customer.carrier.find_routing(ROUTING.reference) == HeldRouting(profile, ROUTING)
    wanted = sdk.local(area_code=415)[0]
    bought = sdk.me.incoming_phone_numbers.create(
        phone_number=wanted, friendly_name=str(MARK), trunk_sid=profile.partition("/")[0]
    )
    (holding,) = await customer.listed()
    assert (holding.number, holding.external_id, holding.mark) == (wanted, bought.sid, MARK)
    assert (holding.routing, holding.status) == (profile, HoldingStatus.ACTIVE)
    purchase = await customer.purchase("k", 1)
    again = replace(purchase, offers=(replace(purchase.offers[0], number=holding.number),))
    assert [outcome.state for outcome in await customer.carrier.buy(again)] == [ItemState.PROVISIONED]
    assert sdk.bought() == [wanted]
    sdk.me.incoming_phone_numbers(bought.sid).update(voice_url="https://example.com/by-hand", trunk_sid="")
    assert [one.routing for one in await customer.listed()] == [None]
    sdk.me.incoming_phone_numbers(bought.sid).delete()
    assert await customer.listed() == []
    sdk.close()


async def test_twilios_library_reads_back_an_emergency_address_and_the_adapter_what_it_did_with_it(
    customer: Customer,
) -> None:
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    desk = customer.carrier.emergency
    assert desk
    (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
    address, sid = await desk.ensure_address(DESK, REFERENCE), outcome.external_id or ""
    await desk.put_on(sid, address)
    number, told = sdk.me.incoming_phone_numbers(sid).fetch(), sdk.me.addresses(address).fetch()
    assert (number.emergency_address_sid, number.emergency_address_status) == (address, "registered")
    assert (told.friendly_name, told.emergency_enabled, told.street_secondary) == (REFERENCE, True, "Suite 2")
    assert (told.customer_name, told.street, told.iso_country) == ("Example Inc.", "645 Harrison St", "US")
    sdk.me.incoming_phone_numbers(sid).update(emergency_address_sid="")
    assert [one.emergency for one in await customer.listed()] == [NO_ADDRESS]
    sdk.me.addresses(address).delete()
    assert await desk.addresses() == ()
    sdk.close()
