"""Telnyx' own library as the judge of our adapter: all that it sends is declared there, and the library, as a second
customer of the same account, sees what the adapter has bought, routed and given back, and the other way round."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.telnyx.account import Telnyx, open_client
from ringfleet.carriers.telnyx.wire import PATHS
from ringfleet.model import E164, Capability, HoldingStatus, Mark, Query, Routing, SipTarget
from ringfleet.model.compliance import Review
from ringfleet.model.emergency import NO_ADDRESS
from tests.carriers.conformance import DESK, REFERENCE
from tests.carriers.customer import MARK, US_415, Customer
from tests.carriers.filing import (
    BERLIN,
    CONTACT,
    KITS,
    REVIEW,
    a_draft,
    german_rules,
    let_pass,
    looked_at,
)
from tests.carriers.telnyx_source import ANY, Operation, find_operation, undeclared

if TYPE_CHECKING:  # what it takes to load is for who uses it: see tests/simulator/telnyx_sdk.py
    import telnyx

FILES = (
    "available_phone_numbers.py",
    "balance.py",
    "number_orders.py",
    "phone_numbers/phone_numbers.py",
    "phone_numbers/actions.py",
    "phone_numbers/jobs.py",
    "phone_numbers/messaging.py",
    "fqdn_connections/fqdn_connections.py",
    "fqdns.py",
    "ip_connections.py",
    "ips.py",
    "texml_applications.py",
    "messaging_profiles/messaging_profiles.py",
    "ai/assistants/assistants.py",
    "detail_records.py",
    "messages/messages.py",
    "regulatory_requirements.py",
    "requirement_groups.py",
    "documents.py",
    "addresses/addresses.py",
    "number_order_phone_numbers.py",
    "messaging_10dlc/phone_number_campaigns.py",
)
TRUNK = Routing("inst-1.a", "shop/a", (SipTarget("sip:pbx.example.com"), SipTarget("sip:b.example.com:5070", 20)))
ROUTINGS = (
    TRUNK,
    replace(TRUNK, sip_targets=TRUNK.sip_targets[1:]),
    replace(TRUNK, sip_targets=(SipTarget("sips:192.0.2.1"), SipTarget("sips:192.0.2.2"))),
    replace(TRUNK, sip_targets=(SipTarget("sips:192.0.2.1"),)),
    Routing("inst-1.b", "shop/b", voice_webhook="https://example.com/v", messaging_webhook="https://example.com/m"),
    Routing(
        "inst-1.b", "shop/b", messaging_webhook="https://example.com/n", messaging_fallback="https://example.com/m"
    ),
    Routing("inst-1.c", "shop/c", voice_application="1293384261075731500", messaging_service="MG1"),
    Routing("inst-1.d", "shop/d", agent="assistant-7"),
)


class Recorder(httpx.AsyncHTTPTransport):
    """The way to the sandbox carrier; keeps what went over it."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return await super().handle_async_request(request)


class TestTheLibraryAsJudge:
    provider = "Telnyx"

    @pytest.fixture
    async def library(self, customer: Customer) -> AsyncIterator[telnyx.AsyncTelnyx]:
        import telnyx

        async with telnyx.AsyncTelnyx(
            api_key=customer.token, base_url=f"{customer.settings.endpoint}/v2", max_retries=0, timeout=20
        ) as client:
            yield client

    async def test_all_that_the_adapter_sends_is_declared_for_that_operation(self, customer: Customer) -> None:
        recorder = Recorder()
        async with Telnyx(customer.settings, client=open_client(customer.settings, recorder)) as carrier:
            await _everything(carrier, customer)
        faults = [fault for request in recorder.requests for fault in _faults_of(request)]
        assert sorted(set(faults)) == []
        asked = {name for name in PATHS for request in recorder.requests if _is_of(request, PATHS[name])}
        assert asked == set(PATHS)

    async def test_what_the_adapter_has_bought_routed_and_given_back_the_library_sees(
        self, customer: Customer, library: telnyx.AsyncTelnyx
    ) -> None:
        carrier, purchase = customer.carrier, await customer.purchase("k", 2)
        kept, gone = [outcome.external_id or "" for outcome in await carrier.buy(purchase)]
        routing = replace(TRUNK, messaging_webhook="https://example.com/m")
        connection, profile = (await carrier.ensure_routing(routing)).split("/")
        await carrier.route(kept, f"{connection}/{profile}")
        await carrier.release(gone)
        rows = [row async for row in library.phone_numbers.list()]
        assert [(row.id, row.phone_number, row.customer_reference) for row in rows] == [
            (kept, purchase.offers[0].number, str(MARK))
        ]
        assert (rows[0].connection_id, rows[0].messaging_profile_id) == (connection, profile)
        trunk = (await library.fqdn_connections.retrieve(connection)).data
        hosts = {one.id: (one.fqdn, one.port) async for one in library.fqdns.list()}
        assert trunk is not None
        assert trunk.inbound is not None
        places = (trunk.inbound.default_primary_fqdn_id, trunk.inbound.default_secondary_fqdn_id)
        assert [hosts[place] for place in places] == [("pbx.example.com", 5060), ("b.example.com", 5070)]
        orders_ = [order async for order in library.number_orders.list(filter={"customer_reference": purchase.key})]
        assert [order.phone_numbers_count for order in orders_] == [2]
        await carrier.suspend(kept)
        row = (await library.phone_numbers.retrieve(kept)).data
        assert row is not None
        assert (row.connection_id, row.messaging_profile_id) == (None, None)

    async def test_what_the_library_does_the_adapter_sees(
        self, customer: Customer, library: telnyx.AsyncTelnyx
    ) -> None:
        carrier = customer.carrier
        asked: Any = {
            "country_code": "US",
            "phone_number_type": "local",
            "national_destination_code": "415",
            "limit": 1,
        }
        offers = await library.available_phone_numbers.list(filter=asked)
        number = E164((offers.data or [])[0].phone_number or "")
        application = (
            await library.texml_applications.create(friendly_name="desk", voice_url="https://example.com/")
        ).data
        assert application is not None
        await library.number_orders.create(phone_numbers=[{"phone_number": number}], connection_id=application.id)
        found = await carrier.find(number)
        assert found is not None
        assert (found.number, found.status, found.mark, found.price) == (number, HoldingStatus.ACTIVE, None, None)
        assert found.routing == f"{application.id}/"
        assert Capability.VOICE in found.capabilities
        await library.phone_numbers.update(found.external_id, customer_reference=str(MARK), tags=["theirs"])
        assert [holding.mark for holding in await customer.listed()] == [MARK]
        await carrier.suspend(found.external_id)
        await carrier.resume(found.external_id)
        row = (await library.phone_numbers.retrieve(found.external_id)).data
        assert row is not None
        assert (row.connection_id, row.tags) == (application.id, ["theirs"])
        await library.phone_numbers.delete(found.external_id)
        assert await carrier.find(number) is None

    async def test_the_library_reads_back_an_emergency_address_and_the_adapter_what_it_did_with_it(
        self, customer: Customer, library: telnyx.AsyncTelnyx
    ) -> None:
        desk = customer.carrier.emergency
        assert desk
        (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
        address, id_ = await desk.ensure_address(DESK, REFERENCE), outcome.external_id or ""
        await desk.put_on(id_, address)
        row, told = (await library.phone_numbers.retrieve(id_)).data, (await library.addresses.retrieve(address)).data
        assert row is not None
        assert told is not None
        assert (row.emergency_enabled, row.emergency_address_id, row.emergency_status) == (True, address, "active")
        assert (told.customer_reference, told.business_name, told.extended_address) == (
            REFERENCE,
            "Example Inc.",
            "Suite 2",
        )
        enable = library.phone_numbers.actions.enable_emergency
        await enable(id_, emergency_address_id=address, emergency_enabled=False)
        assert [one.emergency for one in await customer.listed()] == [NO_ADDRESS]
        await library.addresses.delete(address)
        assert await desk.addresses() == ()

    async def test_the_library_reads_back_what_was_filed_and_hands_it_in(
        self, customer: Customer, library: telnyx.AsyncTelnyx
    ) -> None:
        draft = await a_draft(customer)
        group = await library.requirement_groups.retrieve(draft.external_id)
        assert (group.status, group.customer_reference) == ("unapproved", "bundle")
        values = {row.field_type: row.field_value for row in group.regulatory_requirements or []}
        assert f"address:{values['address']}" == draft.items[0]
        assert [one.id for one in await library.requirement_groups.list(filter={"customer_reference": "bundle"})] == [
            draft.external_id
        ]
        register = (await library.documents.retrieve(draft.items[1].removeprefix("document:"))).data
        assert register is not None
        assert (register.filename, register.customer_reference) == ("registration.pdf", "register")
        assert [one.locality async for one in library.addresses.list()] == ["Berlin"]
        await library.requirement_groups.submit_for_approval(draft.external_id)
        assert (await looked_at(customer, draft)).review is Review.SUBMITTED


async def _everything(carrier: Telnyx, customer: Customer) -> None:
    """Every call that the adapter can make, once at least."""
    await carrier.balance()
    await carrier.account_id()
    voice = Query(US_415.country, US_415.type, "415", frozenset({Capability.VOICE, Capability.SMS}))
    await carrier.search(voice, 150)
    purchase = await customer.purchase("k", 3)
    outcomes = await carrier.buy(replace(purchase, offers=purchase.offers[:2]))
    await carrier.buy(replace(purchase, offers=purchase.offers[:2], resumed=True))
    await carrier.buy(replace(purchase, key=f"{purchase.key}-again", offers=purchase.offers, resumed=True))
    await _file(carrier, customer)
    await carrier.find(purchase.offers[0].number)
    await carrier.find(E164("+14155550100"))
    _ = [page async for page in carrier.holdings()]
    id_ = outcomes[0].external_id or ""
    for routing in ROUTINGS:
        with suppress(CarrierError):  # the sandbox has no assistants
            await carrier.route(id_, await carrier.ensure_routing(routing))
    _ = [page async for page in carrier.routings()]
    await carrier.find_routing("inst-1.b")
    await carrier.route(id_, await carrier.ensure_routing(ROUTINGS[-4]))
    for campaign in ("CM1", "CM2"):
        await carrier.enrol(purchase.offers[0].number, id_, campaign)
    await carrier.mark(id_, Mark("inst-1", "shop", "other"))
    await carrier.mark(id_, None)
    await carrier.suspend(id_)
    await carrier.resume(id_)
    await carrier.route(id_, await carrier.ensure_routing(ROUTINGS[4]))
    message = {"kind": "message", "from": "+12125550123", "to": outcomes[0].number, "text": "STOP"}
    assert customer.sandbox.control("POST", "traffic/inbound", message)["refused"] is None
    since = datetime.now(UTC) - timedelta(days=1)
    assert [page.events for page in [page async for page in carrier.records.messages(since)] if page.events]
    _ = [page async for page in carrier.records.calls(since)]
    address = await carrier.emergency.ensure_address(DESK, REFERENCE)
    await carrier.emergency.put_on(id_, address)
    await carrier.emergency.take_off(id_)
    assert await carrier.emergency.addresses()
    assert await carrier.emergency.drop_address(address)
    await carrier.release(id_)


async def _file(carrier: Telnyx, customer: Customer) -> None:
    """A bundle's life, and a number that waits for it."""
    registrar, kit = carrier.registrar, KITS["Telnyx"]
    assert registrar
    (waits,) = await carrier.buy(await customer.purchase("de", 1, BERLIN))
    items = (await registrar.create_party(kit.party, "party"), await registrar.upload(kit.register, "register"))
    draft = await registrar.open_filing(await german_rules(registrar), items, "bundle", CONTACT, kit.party)
    await registrar.put_items(draft.external_id, (*items, await registrar.upload(kit.bill, "bill")), kit.party)
    await registrar.evaluate(draft.external_id)
    await registrar.submit(draft.external_id)
    let_pass(customer, REVIEW)
    await registrar.attach(waits.external_id or "", draft.external_id)
    bought = replace(await customer.purchase("with", 1, BERLIN), bundle=draft.external_id)
    await carrier.buy(bought)


def _path(request: httpx.Request) -> str:
    return request.url.path.partition("/v2")[2]


def _is_of(request: httpx.Request, path: str) -> bool:
    return re.fullmatch(path.replace("{id}", "[^/]+"), f"/v2{_path(request)}") is not None


def _fields_of(operation: Operation) -> set[str]:
    """Filters of detail records, which the library lets pass as they are: by fields of the records of messages."""
    from telnyx.types.detail_record_list_response import MessageDetailRecord

    records = operation.path == "/detail_records" and f"filter[{ANY}]" in operation.query
    return {f"filter[{field}]" for field in MessageDetailRecord.model_fields} if records else set()


def _faults_of(request: httpx.Request) -> list[str]:
    operation = find_operation(request.method, _path(request), *FILES)
    names = {name.removesuffix("[]") for name in request.url.params}
    where = f"{operation.method} {operation.path}"
    faults = [f"{where}: {name} is not declared" for name in sorted(names - operation.query - _fields_of(operation))]
    body = json.loads(request.content) if request.content else {}
    return [*faults, *undeclared(operation.body, body, where)]
