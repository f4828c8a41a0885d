"""The Telnyx face, driven by Telnyx' own library: what it sells, keeps and says no to, and the traps that it has."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from ringfleet.simulator.faces.telnyx.webhooks import public_key
from tests.simulator.process import SimulatorProcess
from tests.simulator.receiver import SECRET, Receiver
from tests.simulator.telnyx_sdk import TelnyxCustomer, unread

_serial = count(1)


@pytest.fixture
def telnyx_(simulator: SimulatorProcess) -> Iterator[TelnyxCustomer]:
    customer = TelnyxCustomer(simulator, f"telnyx-{next(_serial)}")
    yield customer
    customer.close()


def code(act: Callable[..., object], *arguments: Any, **named: Any) -> tuple[int, str]:
    """The HTTP status and Telnyx's code of a refusal."""
    from telnyx import APIStatusError

    with pytest.raises(APIStatusError) as refused:
        act(*arguments, **named)
    body: Any = refused.value.response.json()
    return refused.value.status_code, body["errors"][0]["code"]


# Searching.


def test_a_search_answers_as_many_as_the_limit_says_with_their_prices(telnyx_: TelnyxCustomer) -> None:
    rows = telnyx_.client.available_phone_numbers.list(
        filter={"country_code": "US", "phone_number_type": "local", "national_destination_code": "415", "limit": 40}
    ).data
    assert rows is not None
    assert len({row.phone_number for row in rows}) == 40
    cost = rows[0].cost_information
    assert cost is not None
    assert (cost.monthly_cost, cost.upfront_cost, cost.currency) == ("1.99", "0.00", "USD")
    assert {place.region_name for place in rows[0].region_information or []} == {"US", "CA", "San Francisco"}


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        pytest.param({"phone_number": {"ends_with": "7"}}, lambda number: number.endswith("7"), id="the end"),
        pytest.param({"phone_number": {"starts_with": "20"}}, lambda number: number[5:7] == "20", id="after area code"),
        pytest.param({"features": ["sms", "mms"]}, lambda number: number.startswith("+1415"), id="features"),
        pytest.param({"locality": "San Francisco"}, lambda number: number.startswith("+1415"), id="locality"),
    ],
)
def test_a_search_obeys_its_filters(
    telnyx_: TelnyxCustomer, filters: dict[str, Any], holds: Callable[[str], bool]
) -> None:
    found = telnyx_.found(limit=20, **filters)
    assert len(found) == 20
    assert all(holds(number) for number in found)


@pytest.mark.parametrize(
    "filters",
    [
        pytest.param({"phone_number": {"contains": "+1415"}}, id="a sign"),
        pytest.param({"phone_number": {"contains": "4152"}}, id="the area code that was asked for"),
        pytest.param({"features": ["hd_voice"]}, id="a feature that nothing has"),
        pytest.param({"phone_number_type": "shared_cost"}, id="a type that is not sold"),
        pytest.param({"locality": "Chicago"}, id="another place"),
    ],
)
def test_what_nobody_sells_is_an_empty_list(telnyx_: TelnyxCustomer, filters: dict[str, Any]) -> None:
    assert telnyx_.found(**filters) == []


@pytest.mark.parametrize("query", ["filter[features]=sms,mms", "filter[features][]=sms&filter[features][]=mms"])
def test_a_list_is_read_in_all_its_spellings(telnyx_: TelnyxCustomer, query: str) -> None:
    url = f"{telnyx_.simulator.url}/telnyx/v2/available_phone_numbers?filter[country_code]=US&filter[limit]=5&{query}"
    reply = httpx.get(url, headers={"Authorization": f"Bearer {telnyx_.token}"}, timeout=20)
    assert len(reply.json()["data"]) == 5
    assert all({one["name"] for one in row["features"]} >= {"sms", "mms"} for row in reply.json()["data"])


# Ordering.


def test_an_order_is_pending_at_first_and_each_of_its_numbers_has_an_outcome(
    telnyx_: TelnyxCustomer, simulator: SimulatorProcess
) -> None:
    one, two, gone = telnyx_.found()[:3]
    simulator.control("POST", "snap", {"numbers": [gone]})
    wishes = [{"phone_number": number} for number in (one, two, gone)]
    made = telnyx_.client.number_orders.create(phone_numbers=wishes, customer_reference="mark").data
    assert made is not None
    assert (made.status, {item.status for item in made.phone_numbers or []}) == ("pending", {"pending"})
    known = telnyx_.client.number_orders.retrieve(made.id or "").data
    assert known is not None
    outcomes = {item.phone_number: item.status for item in known.phone_numbers or []}
    assert outcomes == {one: "success", two: "success", gone: "failure"}
    assert telnyx_.bought() == [one, two]


def test_an_order_is_found_again_by_its_reference_and_its_row_has_no_outcomes(telnyx_: TelnyxCustomer) -> None:
    number, other = telnyx_.found()[:2]
    telnyx_.order(number, customer_reference="mark")
    telnyx_.order(other, customer_reference="another")
    (row,) = telnyx_.client.number_orders.list(filter={"customer_reference": "mark"})
    assert [item.phone_number for item in row.phone_numbers or []] == [number]
    assert set((row.phone_numbers or [])[0].to_dict()) == {"id", "phone_number"}


def test_what_no_search_has_shown_is_not_sold(telnyx_: TelnyxCustomer, simulator: SimulatorProcess) -> None:
    number, other = telnyx_.found()[:2]
    stranger = TelnyxCustomer(simulator, f"{telnyx_.account}-stranger")
    assert code(stranger.order, number) == (422, "85000")
    stranger.found(phone_number={"ends_with": number[5:]}, best_effort=False)
    assert stranger.order(number).status == "success"
    assert code(stranger.order, other) == (422, "85000")
    stranger.close()


def test_an_order_is_refused_as_a_whole_with_telnyx_codes(telnyx_: TelnyxCustomer, simulator: SimulatorProcess) -> None:
    owned, free = telnyx_.found()[:2]
    telnyx_.order(owned)
    assert code(telnyx_.order, free, owned) == (409, "85001")
    assert code(telnyx_.order, free[1:]) == (422, "10016")
    assert code(telnyx_.order, free, connection_id="1") == (422, "10015")
    assert code(telnyx_.client.number_orders.create, phone_numbers=[]) == (422, "10015")
    poor = TelnyxCustomer(simulator, f"{telnyx_.account}-poor", "0.10")
    poor.found()
    assert code(poor.order, free) == (402, "20100")
    poor.close()
    assert telnyx_.bought() == [owned]


def test_an_order_of_two_countries_has_a_part_for_each(telnyx_: TelnyxCustomer) -> None:
    american = telnyx_.found()[0]
    asked = {"country_code": "GB", "phone_number_type": "mobile"}
    british = (telnyx_.client.available_phone_numbers.list(filter=asked).data or [])[0].phone_number  # type: ignore[arg-type]
    order = telnyx_.order(american, british or "")
    parts = telnyx_.client.sub_number_orders.list(filter={"order_request_id": order.id}).data or []
    assert [part.id for part in parts] == order.sub_number_orders_ids
    assert {(part.country_code, part.phone_number_type) for part in parts} == {("US", "local"), ("GB", "mobile")}


def test_a_number_that_waits_for_documents_is_listed_and_says_so(telnyx_: TelnyxCustomer) -> None:
    number = telnyx_.found(country_code="DE", national_destination_code="30")[0]
    order = telnyx_.order(number)
    (item,) = order.phone_numbers
    assert (order.status, item.requirements_met, item.requirements_status) == (
        "pending",
        False,
        "requirement-info-pending",
    )
    assert [row.status for row in telnyx_.owned()] == ["requirement-info-pending"]
    verified = telnyx_.client.phone_numbers.actions.verify_ownership(phone_numbers=[number]).data
    assert verified is not None
    assert (verified.found, verified.not_found) == ([], [number])


@pytest.mark.parametrize("id_", ["9" * 30, "9" * 40, "0", "x"], ids=["too large", "longer still", "too small", "none"])
def test_an_id_that_nothing_has_is_not_there_whatever_it_is(telnyx_: TelnyxCustomer, id_: str) -> None:
    assert code(telnyx_.client.phone_numbers.retrieve, id_) == (404, "10005")


# Owning.


def test_the_list_goes_through_all_pages(telnyx_: TelnyxCustomer) -> None:
    numbers = telnyx_.found()[:7]
    telnyx_.order(*numbers)
    page = telnyx_.client.phone_numbers.list(page_size=3)
    assert [row.phone_number for row in page] == numbers
    assert page.meta is not None
    assert (page.meta.total_pages, page.meta.total_results) == (3, 7)


def test_a_number_is_looked_up_by_digits_only_and_any_part_fits(telnyx_: TelnyxCustomer) -> None:
    """The trap: a look-up with its plus sign finds nothing, and a part of a number finds another one."""
    one, other = telnyx_.found()[:2]
    telnyx_.order(one, other)
    of = lambda text: [row.phone_number for row in telnyx_.owned(phone_number=text)]  # noqa: E731
    assert of(one[1:]) == [one]
    assert of(one) == []
    assert of("415") == [one, other]
    assert of("41") == []
    verified = telnyx_.client.phone_numbers.actions.verify_ownership(phone_numbers=[one, "+14159999999"]).data
    assert verified is not None
    assert [found.number_val_e164 for found in verified.found or []] == [one]
    assert verified.not_found == ["+14159999999"]


def test_tags_and_reference_are_written_and_searched(telnyx_: TelnyxCustomer) -> None:
    one, other = telnyx_.found()[:2]
    telnyx_.order(one, other)
    first, second = telnyx_.owned()
    telnyx_.client.phone_numbers.update(first.id, tags=["fleet"], customer_reference="mark")
    assert [row.phone_number for row in telnyx_.owned(tag="fleet")] == [one]
    assert [row.phone_number for row in telnyx_.owned(customer_reference="mark")] == [one]
    telnyx_.client.phone_numbers.update(first.id, tags=[])
    assert telnyx_.owned(tag="fleet") == []
    assert telnyx_.client.phone_numbers.retrieve(second.id).data.customer_reference is None  # type: ignore[union-attr]


def test_a_deletion_lock_is_set_by_a_job_only_and_holds(telnyx_: TelnyxCustomer) -> None:
    telnyx_.order(telnyx_.found()[0])
    (row,) = telnyx_.owned()
    client = telnyx_.client.phone_numbers
    made = client.jobs.update_batch(phone_numbers=[row.id], deletion_lock_enabled=True).data
    assert made is not None
    done = client.jobs.retrieve(made.id or "").data
    assert (made.status, done and done.status) == ("pending", "completed")
    assert code(client.delete, row.id) == (403, "10010")
    client.jobs.update_batch(phone_numbers=[row.id], deletion_lock_enabled=False)
    gone = client.delete(row.id).data
    assert gone is not None
    assert (gone.status, telnyx_.owned()) == ("deleted", [])
    assert code(client.delete, row.id) == (404, "10005")


# Routing.


def test_a_number_is_given_to_a_connection_and_taken_from_it(
    telnyx_: TelnyxCustomer, simulator: SimulatorProcess
) -> None:
    connection = telnyx_.client.fqdn_connections.create(connection_name="pbx", tags=["fleet"]).data
    assert connection is not None
    telnyx_.client.fqdns.create(connection_id=connection.id or "", fqdn="pbx.example.com", dns_record_type="a")
    number = telnyx_.found()[0]
    telnyx_.order(number)
    (row,) = telnyx_.owned()
    call = {"kind": "call", "from": "+12125550123", "to": number}
    assert simulator.control("POST", "traffic/inbound", call)["refused"] == "unrouted"
    telnyx_.client.phone_numbers.update(row.id, connection_id=connection.id)
    assert [one.phone_number for one in telnyx_.owned(connection_id=connection.id)] == [number]
    assert simulator.control("POST", "traffic/inbound", call)["refused"] is None
    telnyx_.client.phone_numbers.update(row.id, connection_id="")
    assert simulator.control("POST", "traffic/inbound", call)["refused"] == "unrouted"
    assert [one.connection_name for one in telnyx_.client.connections.list()] == ["pbx"]


def test_an_order_gives_its_numbers_to_a_connection_and_a_messaging_profile(telnyx_: TelnyxCustomer) -> None:
    application = telnyx_.client.texml_applications.create(friendly_name="desk", voice_url="https://example.com/").data
    profile = telnyx_.client.messaging_profiles.create(name="news", whitelisted_destinations=["*"]).data
    assert application is not None
    assert profile is not None
    telnyx_.order(telnyx_.found()[0], connection_id=application.id, messaging_profile_id=profile.id)
    (row,) = telnyx_.owned()
    assert (row.connection_id, row.messaging_profile_id) == (application.id, profile.id)
    messaging = telnyx_.client.phone_numbers.messaging
    assert messaging.update(row.id).data.messaging_profile_id == profile.id  # type: ignore[union-attr]
    assert messaging.update(row.id, messaging_profile_id="").data.messaging_profile_id is None  # type: ignore[union-attr]


def test_who_is_not_known_gets_10009_and_who_asks_too_often_10011(
    telnyx_: TelnyxCustomer, simulator: SimulatorProcess
) -> None:
    simulator.set_faults({"fault": "rate_limited", "account": telnyx_.account, "retry_after": 2})
    assert code(telnyx_.client.balance.retrieve) == (429, "10011")
    simulator.control("DELETE", f"tokens/{telnyx_.token}")
    assert code(telnyx_.client.balance.retrieve) == (401, "10009")


# Webhooks.


def test_events_are_told_as_telnyx_tells_them_and_its_own_library_accepts_the_signature(
    telnyx_: TelnyxCustomer, simulator: SimulatorProcess
) -> None:
    from telnyx import Telnyx

    profile = telnyx_.client.messaging_profiles.create(name="news", whitelisted_destinations=["*"]).data
    assert profile is not None
    number = telnyx_.found()[0]
    with Receiver() as receiver:
        hook = {"account": telnyx_.account, "url": receiver.url, "secret": SECRET, "face": "telnyx"}
        simulator.control("POST", "webhooks", hook)
        telnyx_.order(number, messaging_profile_id=profile.id)
        message = {"kind": "message", "from": "+12125550123", "to": number, "text": "STOP ü"}
        assert simulator.control("POST", "traffic/inbound", message)["refused"] is None
        assert simulator.control("GET", f"webhooks/pending?account={telnyx_.account}&wait=30")["ripe"] == 0
    ((headers, body),) = receiver.requests
    reader = Telnyx(api_key="none", public_key=public_key(SECRET))
    event = reader.webhooks.unwrap(body.decode(), headers=headers)
    assert event.data is not None
    payload: Any = event.data.payload
    assert (event.data.event_type, payload.text) == ("message.received", "STOP ü")
    assert (payload.from_.phone_number, payload.to[0].phone_number) == ("+12125550123", number)
    forged = base64.b64encode(bytes(64)).decode()
    with pytest.raises(ValueError, match="does not match"):
        reader.webhooks.unwrap(body.decode(), headers={**headers, "telnyx-signature-ed25519": forged})
    reader.close()


# Shapes.


def everything(customer: TelnyxCustomer) -> Iterator[tuple[Any, Any]]:
    """One answer of each call, with the library's model of it."""
    from telnyx import types
    from telnyx.types.detail_record_list_response import MessageDetailRecord
    from telnyx.types.phone_numbers import (
        ActionVerifyOwnershipResponse,
        JobUpdateBatchResponse,
        MessagingRetrieveResponse,
    )

    raw = customer.client.with_raw_response
    said = lambda reply: reply.http_response.json()  # noqa: E731
    asked: Any = {"country_code": "US", "phone_number_type": "local", "limit": 2}
    yield types.AvailablePhoneNumberListResponse, said(raw.available_phone_numbers.list(filter=asked))
    number = customer.found()[0]
    order = raw.number_orders.create(phone_numbers=[{"phone_number": number}])
    yield types.NumberOrderCreateResponse, said(order)
    id_ = said(order)["data"]["id"]
    yield types.NumberOrderRetrieveResponse, said(raw.number_orders.retrieve(id_))
    yield types.NumberOrderListResponse, said(raw.number_orders.list())["data"][0]
    part = said(raw.sub_number_orders.list())["data"][0]
    yield types.SubNumberOrderRetrieveResponse, said(raw.sub_number_orders.retrieve(part["id"]))
    (row,) = customer.owned()
    yield types.PhoneNumberRetrieveResponse, said(raw.phone_numbers.retrieve(row.id))
    yield types.PhoneNumberUpdateResponse, said(raw.phone_numbers.update(row.id, tags=["fleet"]))
    yield MessagingRetrieveResponse, said(raw.phone_numbers.messaging.retrieve(row.id))
    yield from at_an_address(customer, row.id)
    yield (
        ActionVerifyOwnershipResponse,
        said(raw.phone_numbers.actions.verify_ownership(phone_numbers=[number])),
    )
    jobs = raw.phone_numbers.jobs
    yield JobUpdateBatchResponse, said(jobs.update_batch(phone_numbers=[row.id], deletion_lock_enabled=False))
    yield types.PhoneNumberDeleteResponse, said(raw.phone_numbers.delete(row.id))
    yield types.BalanceRetrieveResponse, said(raw.balance.retrieve())
    fqdn = said(raw.fqdn_connections.create(connection_name="pbx"))
    yield types.FqdnConnectionCreateResponse, fqdn
    connection = fqdn["data"]["id"]
    made = raw.fqdns.create(connection_id=connection, fqdn="pbx.example.com", dns_record_type="a")
    yield types.FqdnCreateResponse, said(made)
    by_password = {"connection_name": "user", "user_name": "user1", "password": "password1"}
    yield types.CredentialConnectionCreateResponse, said(raw.credential_connections.create(**by_password))
    application = {"friendly_name": "desk", "voice_url": "https://example.com/"}
    yield types.TexmlApplicationCreateResponse, said(raw.texml_applications.create(**application))
    controlled = {"application_name": "desk", "webhook_event_url": "https://example.com/"}
    yield types.CallControlApplicationCreateResponse, said(raw.call_control_applications.create(**controlled))
    profile = raw.messaging_profiles.create(name="news", whitelisted_destinations=["*"])
    yield types.MessagingProfileCreateResponse, said(profile)
    yield types.Connection, said(raw.connections.list())["data"][0]
    receiver = customer.found()[1]
    customer.order(receiver, messaging_profile_id=said(profile)["data"]["id"], connection_id=connection)
    for kind in ("message", "call"):
        contact = {"kind": kind, "from": "+12125550123", "to": receiver, "text": "STOP"}
        assert customer.simulator.control("POST", "traffic/inbound", contact)["refused"] is None
    customer.simulator.control("POST", "clock", {"advance_seconds": 1000})
    records: Any = said(raw.detail_records.list(filter={"record_type": "messaging"}))["data"]
    yield MessageDetailRecord, records[0]
    yield types.MessageRetrieveResponse, said(raw.messages.retrieve(records[0]["uuid"]))
    yield from filed(customer)


def at_an_address(customer: TelnyxCustomer, number: str) -> Iterator[tuple[Any, Any]]:
    """One answer of each call about emergency addresses."""
    from telnyx import types
    from telnyx.types.phone_numbers import ActionEnableEmergencyResponse

    raw = customer.client.with_raw_response
    said = lambda reply: reply.http_response.json()  # noqa: E731
    who = {"first_name": "", "last_name": "", "business_name": "Shop"}
    address = said(raw.addresses.create(**who, street_address="1 Main St", locality="Reno", country_code="US"))
    yield types.AddressCreateResponse, address
    id_ = address["data"]["id"]
    yield types.AddressRetrieveResponse, said(raw.addresses.retrieve(id_))
    for enabled in (True, False):
        told = raw.phone_numbers.actions.enable_emergency(number, emergency_address_id=id_, emergency_enabled=enabled)
        yield ActionEnableEmergencyResponse, said(told)
    yield types.AddressDeleteResponse, said(raw.addresses.delete(id_))


def filed(customer: TelnyxCustomer) -> Iterator[tuple[Any, Any]]:
    """One answer of each call about documents."""
    from telnyx import types

    raw = customer.client.with_raw_response
    said = lambda reply: reply.http_response.json()  # noqa: E731
    market: Any = {"country_code": "DE", "phone_number_type": "local", "action": "ordering"}
    asked = said(raw.regulatory_requirements.retrieve(filter=market))
    yield types.RegulatoryRequirementRetrieveResponse, asked
    content = base64.b64encode(b"%PDF").decode()
    document = said(raw.documents.upload_json(document={"file": content, "filename": "a.pdf"}))
    yield types.DocumentUploadJsonResponse, document
    yield types.DocumentRetrieveResponse, said(raw.documents.retrieve(document["data"]["id"]))
    who = {"first_name": "", "last_name": "", "business_name": "Shop"}
    address = said(raw.addresses.create(**who, street_address="A 1", locality="Berlin", country_code="DE"))
    yield types.AddressCreateResponse, address
    values = [
        {"requirement_id": row["id"], "field_value": _value(row["field_type"], document, address)}
        for row in asked["data"][0]["regulatory_requirements"]
    ]
    group = said(raw.requirement_groups.create(**market, regulatory_requirements=values))
    yield types.RequirementGroup, group
    yield types.RequirementGroup, said(raw.requirement_groups.list())[0]
    number = customer.found(country_code="DE", national_destination_code="30")[0]
    customer.order(number)
    ordered = said(raw.number_order_phone_numbers.list(filter={"country_code": "DE"}))
    yield types.NumberOrderPhoneNumberListResponse, ordered
    given = raw.number_order_phone_numbers.update_requirement_group(
        ordered["data"][0]["id"], requirement_group_id=group["id"]
    )
    yield types.NumberOrderPhoneNumberUpdateRequirementGroupResponse, said(given)
    assert said(given)["data"]["requirements_status"] == "requirement-info-under-review"


def _value(kind: str, document: Any, address: Any) -> str:
    return {"document": document["data"]["id"], "address": address["data"]["id"]}.get(kind, "2026-10-01")


def test_every_answer_has_only_what_the_library_reads_and_all_that_it_requires(telnyx_: TelnyxCustomer) -> None:
    for model, answer in everything(telnyx_):
        assert (model, list(unread(model, answer))) == (model, [])
