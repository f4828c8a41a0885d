"""The Twilio face, driven by Twilio's own library: what it sells, keeps and says no to, and the traps that it has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest.api.v2010.account import AccountInstance
from twilio.rest.api.v2010.account.address import AddressInstance
from twilio.rest.api.v2010.account.application import ApplicationInstance
from twilio.rest.api.v2010.account.available_phone_number_country import AvailablePhoneNumberCountryInstance
from twilio.rest.api.v2010.account.available_phone_number_country.local import LocalInstance
from twilio.rest.api.v2010.account.balance import BalanceInstance
from twilio.rest.api.v2010.account.call import CallInstance
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance
from twilio.rest.api.v2010.account.message import MessageInstance
from twilio.rest.messaging.v1.service import ServiceInstance
from twilio.rest.messaging.v1.service.phone_number import PhoneNumberInstance as ServiceNumberInstance
from twilio.rest.messaging.v1.service.us_app_to_person import UsAppToPersonInstance
from twilio.rest.pricing.v1.phone_number.country import CountryInstance
from twilio.rest.trunking.v1.trunk import TrunkInstance
from twilio.rest.trunking.v1.trunk.origination_url import OriginationUrlInstance
from twilio.rest.trunking.v1.trunk.phone_number import PhoneNumberInstance as TrunkNumberInstance
from twilio.rest.trusthub.v1.customer_profiles import CustomerProfilesInstance
from twilio.rest.trusthub.v1.customer_profiles.customer_profiles_channel_endpoint_assignment import (
    CustomerProfilesChannelEndpointAssignmentInstance,
)
from twilio.rest.trusthub.v1.trust_products import TrustProductsInstance
from twilio.rest.trusthub.v1.trust_products.trust_products_channel_endpoint_assignment import (
    TrustProductsChannelEndpointAssignmentInstance,
)
from twilio.rest.trusthub.v1.trust_products.trust_products_entity_assignments import (
    TrustProductsEntityAssignmentsInstance,
)

from ringfleet.simulator.defaults import DEFAULT_ACCOUNT, DEFAULT_TOKEN
from tests.simulator.process import SimulatorProcess
from tests.simulator.receiver import SECRET, Receiver
from tests.simulator.twilio_sdk import TwilioCustomer, keys_read_by

_serial = count(1)
DESK = "https://example.com/desk"
CAMPAIGN = {
    "brand_registration_sid": "BN" + "0" * 32,
    "description": "Tells customers of a furniture shop when their delivery comes",
    "message_flow": "Customers give their number and their consent when they order",
    "message_samples": ["Your sofa comes at 10:00", "Your chair comes at 11:00"],
    "us_app_to_person_usecase": "DELIVERY_NOTIFICATION",
    "has_embedded_links": False,
    "has_embedded_phone": False,
}


@pytest.fixture
def twilio(simulator: SimulatorProcess) -> Iterator[TwilioCustomer]:
    customer = TwilioCustomer(simulator, f"twilio-{next(_serial)}")
    yield customer
    customer.close()


def code(act: Callable[..., object], *arguments: Any, **named: Any) -> tuple[int, int | None]:
    """The HTTP status and Twilio's code of a refusal."""
    with pytest.raises(TwilioRestException) as refused:
        act(*arguments, **named)
    return refused.value.status, refused.value.code


# Searching.


def test_a_search_answers_thirty_numbers_and_they_are_the_same_again(twilio: TwilioCustomer) -> None:
    first = twilio.local(area_code=415, page_size=1000)
    assert len(first) == 30
    assert {number[:5] for number in first} == {"+1415"}
    assert twilio.local(area_code=415, page_size=1000) == first
    answer = twilio.wire.seen[-1].answer
    assert set(answer) == {"available_phone_numbers", "uri"}


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        pytest.param({"contains": "+1303"}, lambda row: row.phone_number.startswith("+1303"), id="from the beginning"),
        pytest.param({"contains": "7$"}, lambda row: row.phone_number.endswith("7"), id="at the end"),
        pytest.param({"contains": "2**2"}, lambda row: _gap(row.phone_number), id="with gaps"),
        pytest.param({"in_locality": "Chicago"}, lambda row: row.locality == "Chicago", id="of a locality"),
        pytest.param({"in_region": "CO"}, lambda row: row.region == "CO", id="of a region"),
        pytest.param({"sms_enabled": True}, lambda row: row.capabilities["SMS"], id="with SMS"),
    ],
)
def test_a_search_obeys_its_filters(
    twilio: TwilioCustomer, filters: dict[str, Any], holds: Callable[[Any], bool]
) -> None:
    rows = twilio.me.available_phone_numbers("US").local.list(**filters)
    assert len(rows) == 30
    assert all(holds(row) for row in rows)


def _gap(number: str) -> bool:
    return any(number[at] == number[at + 3] == "2" for at in range(1, len(number) - 3))


def test_other_types_have_their_own_paths_and_unsold_ones_are_empty(twilio: TwilioCustomer) -> None:
    sold = twilio.me.available_phone_numbers("US")
    assert sold.toll_free.list(limit=1)[0].phone_number.startswith("+18")
    assert twilio.me.available_phone_numbers("GB").mobile.list(limit=1)[0].phone_number.startswith("+447")
    assert sold.voip.list() == []
    assert set(sold.fetch().subresource_uris) == {"local", "toll_free"}
    assert "US" in {one.country_code for one in twilio.me.available_phone_numbers.list()}
    assert code(twilio.me.available_phone_numbers("ZZ").fetch) == (404, 20404)


def test_prices_are_of_a_country_and_a_purchase_costs_just_that(twilio: TwilioCustomer) -> None:
    told = twilio.client.pricing.v1.phone_numbers.countries("US").fetch()
    (price,) = [row["current_price"] for row in told.phone_number_prices if row["number_type"] == "local"]
    twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    balance = twilio.me.balance.fetch()
    assert Decimal(balance.balance) == Decimal("1000.00") - Decimal(price)
    assert balance.currency == told.price_unit == "USD"
    assert "GB" in {one.iso_country for one in twilio.client.pricing.v1.phone_numbers.countries.list()}


# Buying.


def test_a_purchase_gives_name_and_routing_in_the_same_call(twilio: TwilioCustomer) -> None:
    wanted = twilio.local(area_code=415)[0]
    bought = twilio.me.incoming_phone_numbers.create(phone_number=wanted, friendly_name="mark", voice_url=DESK)
    again = twilio.me.incoming_phone_numbers(bought.sid).fetch()
    assert (again.phone_number, again.friendly_name, again.voice_url) == (wanted, "mark", DESK)
    assert (again.status, again.type, again.capabilities["sms"]) == ("in-use", "local", True)
    assert twilio.bought() == [wanted]
    assert wanted not in twilio.local(area_code=415)


def test_a_number_without_a_name_is_called_by_its_digits(twilio: TwilioCustomer) -> None:
    wanted = twilio.local(area_code=415)[0]
    bought = twilio.me.incoming_phone_numbers.create(phone_number=wanted)
    assert bought.friendly_name == f"(415) {wanted[5:8]}-{wanted[8:]}"


def test_a_purchase_of_what_is_owned_is_an_update_that_says_201_and_bills_nothing(twilio: TwilioCustomer) -> None:
    """The trap: whoever asks blindly once more overwrites the routing that somebody has set."""
    wanted = twilio.local(area_code=415)[0]
    first = twilio.me.incoming_phone_numbers.create(phone_number=wanted, friendly_name="theirs", voice_url=DESK)
    second = twilio.me.incoming_phone_numbers.create(phone_number=wanted, friendly_name="ours", voice_url="")
    assert (twilio.wire.seen[-1].status, second.sid, second.status) == (201, first.sid, "in-use")
    assert (second.friendly_name, second.voice_url) == ("ours", "")
    assert second.date_created == first.date_created
    assert twilio.bought() == [wanted]


def test_a_purchase_by_area_code_takes_any_number_of_it(twilio: TwilioCustomer) -> None:
    bought = twilio.me.incoming_phone_numbers.create(area_code="303")
    assert bought.phone_number.startswith("+1303")
    assert code(twilio.me.incoming_phone_numbers.create, area_code="999") == (400, 21452)


def test_a_purchase_is_refused_with_twilios_codes(twilio: TwilioCustomer, simulator: SimulatorProcess) -> None:
    buy = twilio.me.incoming_phone_numbers.create
    taken, wanted = twilio.local(area_code=415)[:2]
    simulator.control("POST", "snap", {"numbers": [taken]})
    assert code(buy, phone_number=taken) == (400, 21422)
    assert code(buy, phone_number="415") == (400, 21421)
    assert code(buy) == (400, 20001)
    assert code(buy, phone_number=wanted, friendly_name="x" * 65) == (400, 20001)
    assert code(buy, phone_number=wanted, trunk_sid="TK" + "0" * 32) == (400, 20001)
    german = twilio.local("DE")[0]
    assert code(buy, phone_number=german) == (400, 21649)
    assert code(twilio.me.incoming_phone_numbers.toll_free.create, wanted) == (400, 21421)
    poor = TwilioCustomer(simulator, f"{twilio.account}-poor", "0.10")
    assert code(poor.me.incoming_phone_numbers.create, phone_number=wanted) == (400, 20005)
    poor.close()
    assert twilio.bought() == []


def test_who_is_not_known_gets_20003_and_who_asks_for_another_account_20404(twilio: TwilioCustomer) -> None:
    other = twilio.client.api.v2010.accounts("AC" + "0" * 32)
    assert code(other.balance.fetch) == (404, 20404)
    stranger = TwilioCustomer(twilio.simulator, f"{twilio.account}-gone")
    twilio.simulator.control("DELETE", f"tokens/{stranger.token}")
    assert code(stranger.me.balance.fetch) == (401, 20003)
    stranger.close()


def test_a_number_that_was_just_bought_can_be_missing_for_a_while(
    twilio: TwilioCustomer, simulator: SimulatorProcess
) -> None:
    simulator.set_faults({"fault": "slow_activation", "seconds": 30, "account": twilio.account})
    bought = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    assert code(twilio.me.incoming_phone_numbers(bought.sid).fetch) == (404, 20404)
    simulator.control("POST", "clock", {"advance_seconds": 31})
    assert twilio.me.incoming_phone_numbers(bought.sid).fetch().sid == bought.sid


def test_a_throttled_call_is_answered_as_twilio_does(twilio: TwilioCustomer, simulator: SimulatorProcess) -> None:
    simulator.set_faults({"fault": "rate_limited", "account": twilio.account, "retry_after": 2})
    assert code(twilio.me.balance.fetch) == (429, 20429)


@pytest.mark.parametrize("digits", ["f" * 32, "g" * 32, "0" * 32], ids=["too large", "no number", "nothing's"])
def test_a_sid_that_nothing_has_is_not_there_whatever_it_is(twilio: TwilioCustomer, digits: str) -> None:
    assert code(twilio.me.incoming_phone_numbers("PN" + digits).fetch) == (404, 20404)


# Owning.


def test_the_list_goes_through_all_pages_and_nothing_comes_twice(twilio: TwilioCustomer) -> None:
    bought = [
        twilio.me.incoming_phone_numbers.create(phone_number=number).sid for number in twilio.local(area_code=415)[:7]
    ]
    listed = [one.sid for one in twilio.me.incoming_phone_numbers.list(page_size=3)]
    assert listed == bought
    assert len([seen for seen in twilio.wire.seen if seen.method == "GET" and "Incoming" in seen.url]) == 3


def test_the_list_is_asked_by_any_part_of_a_number_or_by_its_whole_name(twilio: TwilioCustomer) -> None:
    one, other = twilio.local(area_code=415)[:2]
    for number, name in ((one, "a mark"), (other, "a mark more")):
        twilio.me.incoming_phone_numbers.create(phone_number=number, friendly_name=name)
    of_number = lambda text: [row.phone_number for row in twilio.me.incoming_phone_numbers.list(phone_number=text)]  # noqa: E731
    assert of_number(one) == [one]
    assert of_number("415") == [one, other]
    assert of_number(one[:-2] + "**") == [held for held in (one, other) if held[:-2] == one[:-2]]
    assert of_number("+415") == []
    assert [row.phone_number for row in twilio.me.incoming_phone_numbers.list(friendly_name="a mark")] == [one]
    assert len(twilio.me.incoming_phone_numbers.local.list()) == 2
    assert twilio.me.incoming_phone_numbers.toll_free.list() == []


def test_a_released_number_is_gone_and_is_not_sold_at_once(twilio: TwilioCustomer) -> None:
    wanted = twilio.local(area_code=415)[0]
    bought = twilio.me.incoming_phone_numbers.create(phone_number=wanted)
    assert twilio.me.incoming_phone_numbers(bought.sid).delete()
    assert code(twilio.me.incoming_phone_numbers(bought.sid).delete) == (404, 20404)
    assert code(twilio.me.incoming_phone_numbers.create, phone_number=wanted) == (400, 21422)


def test_an_update_with_another_account_gives_the_number_away(
    twilio: TwilioCustomer, simulator: SimulatorProcess
) -> None:
    other = TwilioCustomer(simulator, f"{twilio.account}-other")
    bought = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0], voice_url=DESK)
    twilio.me.incoming_phone_numbers(bought.sid).update(account_sid=other.sid)
    assert twilio.me.incoming_phone_numbers.list() == []
    (moved,) = other.me.incoming_phone_numbers.list()
    assert (moved.phone_number, moved.voice_url) == (bought.phone_number, None)
    other.close()


# Routing.


def test_a_trunk_and_an_application_silence_each_other(twilio: TwilioCustomer) -> None:
    application = twilio.me.applications.create(friendly_name="desk", voice_url=DESK)
    trunk = twilio.client.trunking.v1.trunks.create(friendly_name="pbx")
    number = twilio.me.incoming_phone_numbers.create(
        phone_number=twilio.local(area_code=415)[0], voice_application_sid=application.sid
    )
    routed = twilio.me.incoming_phone_numbers(number.sid).update(trunk_sid=trunk.sid)
    assert (routed.trunk_sid, routed.voice_application_sid) == (trunk.sid, None)
    assert [one.sid for one in twilio.client.trunking.v1.trunks(trunk.sid).phone_numbers.list()] == [number.sid]
    routed = twilio.me.incoming_phone_numbers(number.sid).update(voice_application_sid=application.sid)
    assert (routed.trunk_sid, routed.voice_application_sid) == (None, application.sid)
    assert twilio.client.trunking.v1.trunks(trunk.sid).phone_numbers.list() == []


def test_a_number_is_given_to_a_trunk_and_taken_from_it(twilio: TwilioCustomer) -> None:
    trunk = twilio.client.trunking.v1.trunks.create(friendly_name="pbx")
    of_trunk = twilio.client.trunking.v1.trunks(trunk.sid)
    url = of_trunk.origination_urls.create(10, 20, True, "first", "sip:pbx.example.com")
    assert [(one.sid, one.weight, one.priority) for one in of_trunk.origination_urls.list()] == [(url.sid, 10, 20)]
    assert code(of_trunk.origination_urls.create, 10, 20, True, "x", "sips:pbx.example.com") == (400, 20001)
    number = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    of_trunk.phone_numbers.create(number.sid)
    assert twilio.me.incoming_phone_numbers(number.sid).fetch().trunk_sid == trunk.sid
    assert of_trunk.phone_numbers(number.sid).delete()
    assert twilio.me.incoming_phone_numbers(number.sid).fetch().trunk_sid is None
    assert code(of_trunk.phone_numbers(number.sid).delete) == (404, 20404)


def test_a_messaging_service_knows_its_numbers_and_the_numbers_do_not_know_it(twilio: TwilioCustomer) -> None:
    service = twilio.client.messaging.v1.services.create(friendly_name="news")
    of_service = twilio.client.messaging.v1.services(service.sid)
    number = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    before = twilio.wire.seen[-1].answer
    of_service.phone_numbers.create(number.sid)
    assert code(of_service.phone_numbers.create, number.sid) == (400, 20001)
    assert [one.phone_number for one in of_service.phone_numbers.list()] == [number.phone_number]
    twilio.me.incoming_phone_numbers(number.sid).fetch()
    assert {**twilio.wire.seen[-1].answer, "date_updated": ""} == {**before, "date_updated": ""}
    of_service.us_app_to_person.create(**CAMPAIGN)
    assert [one.campaign_status for one in of_service.us_app_to_person.list()] == ["VERIFIED"]
    assert of_service.phone_numbers(number.sid).delete()
    assert of_service.phone_numbers.list() == []


@pytest.mark.parametrize(
    "routing",
    [{"voice_url": DESK}, {"sms_url": DESK}],
    ids=lambda routing: next(iter(routing)),
)
def test_a_routed_number_is_reached_and_an_unrouted_one_is_not(
    twilio: TwilioCustomer, simulator: SimulatorProcess, routing: dict[str, str]
) -> None:
    number = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    call = {"kind": "call", "from": "+12125550123", "to": number.phone_number}
    assert simulator.control("POST", "traffic/inbound", call)["refused"] == "unrouted"
    twilio.me.incoming_phone_numbers(number.sid).update(**routing)
    assert simulator.control("POST", "traffic/inbound", call)["refused"] is None
    twilio.me.incoming_phone_numbers(number.sid).update(**dict.fromkeys(routing, ""))
    assert simulator.control("POST", "traffic/inbound", call)["refused"] == "unrouted"


# Webhooks.


def test_events_are_told_as_twilio_tells_them_and_its_own_validator_accepts_the_signature(
    twilio: TwilioCustomer, simulator: SimulatorProcess
) -> None:
    with Receiver() as receiver:
        hook = {"account": twilio.account, "url": receiver.url, "secret": twilio.token, "face": "twilio"}
        simulator.control("POST", "webhooks", hook)
        number = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0], voice_url=DESK)
        message = {"kind": "message", "from": "+12125550123", "to": number.phone_number, "text": "STOP ü"}
        assert simulator.control("POST", "traffic/inbound", message)["refused"] is None
        assert simulator.control("GET", f"webhooks/pending?account={twilio.account}&wait=30")["ripe"] == 0
    ((headers, body),) = receiver.requests
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    assert (form["From"], form["To"], form["Body"]) == ("+12125550123", number.phone_number, "STOP ü")
    assert (form["AccountSid"], form["SmsStatus"], form["MessageSid"][:2]) == (twilio.sid, "received", "SM")
    validator = RequestValidator(twilio.token)
    assert validator.validate(receiver.url, form, headers["x-twilio-signature"])
    assert not validator.validate(receiver.url, {**form, "Body": "STAR"}, headers["x-twilio-signature"])


# Shapes.


def talk(twilio: TwilioCustomer, number: str) -> None:
    """One call and one message come in; both are over."""
    for kind in ("call", "message"):
        contact = {"kind": kind, "from": "+12125550123", "to": number, "text": "STOP"}
        assert twilio.simulator.control("POST", "traffic/inbound", contact)["refused"] is None
    twilio.simulator.control("POST", "clock", {"advance_seconds": 1000})


def test_a_message_is_told_once_whether_anybody_has_heard_it_or_not(twilio: TwilioCustomer) -> None:
    number = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    twilio.me.incoming_phone_numbers(number.sid).update(sms_url="https://example.com/")
    control = twilio.simulator.control
    with Receiver() as receiver:
        url = receiver.url
    control("POST", "webhooks", {"account": twilio.account, "url": url, "secret": SECRET, "face": "twilio"})
    message = {"kind": "message", "from": "+12125550123", "to": number.phone_number, "text": "STOP"}
    control("POST", "traffic/inbound", message)
    told = control("GET", f"webhooks/pending?account={twilio.account}&wait=30")
    assert (told["ripe"], list(told["failures"])) == (0, [twilio.account])


def test_the_lists_of_calls_and_messages_go_by_whole_days_the_newest_first(twilio: TwilioCustomer) -> None:
    number = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    routed = {"sms_url": "https://example.com/", "voice_url": "https://example.com/"}
    twilio.me.incoming_phone_numbers(number.sid).update(**routed)
    talk(twilio, number.phone_number)
    twilio.simulator.control("POST", "clock", {"advance_seconds": 86_400})
    talk(twilio, number.phone_number)
    (second, first) = twilio.me.messages.list(page_size=1)
    assert second.date_sent > first.date_sent
    assert (first.direction, first.from_, first.to, first.body) == (
        "inbound",
        "+12125550123",
        number.phone_number,
        "STOP",
    )
    late = first.date_sent.replace(hour=23, minute=59, second=59)
    assert [one.sid for one in twilio.me.messages.list(date_sent_after=late)] == [second.sid, first.sid]
    after = second.date_sent.replace(hour=23, minute=59, second=59)
    assert [one.status for one in twilio.me.calls.list(start_time_after=after, to=number.phone_number)] == ["completed"]
    assert twilio.me.calls.list(from_=number.phone_number) == []


def everything(twilio: TwilioCustomer) -> Iterator[tuple[type, dict[str, Any]]]:
    """One answer of each resource, with the library's model of it."""

    def last() -> dict[str, Any]:
        answer: dict[str, Any] = twilio.wire.seen[-1].answer
        return answer

    me, trunking, messaging = twilio.me, twilio.client.trunking.v1, twilio.client.messaging.v1
    me.fetch()
    yield AccountInstance, last()
    me.balance.fetch()
    yield BalanceInstance, last()
    me.available_phone_numbers("US").fetch()
    yield AvailablePhoneNumberCountryInstance, last()
    rows = me.available_phone_numbers("US").local.list(area_code=415)
    yield LocalInstance, last()["available_phone_numbers"][0]
    number = me.incoming_phone_numbers.create(phone_number=rows[0].phone_number)
    yield IncomingPhoneNumberInstance, last()
    me.applications.create(friendly_name="desk")
    yield ApplicationInstance, last()
    me.addresses.create("Shop", "1 Main St", "Reno", "NV", "89501", "US", emergency_enabled=True)
    yield AddressInstance, last()
    twilio.client.pricing.v1.phone_numbers.countries("US").fetch()
    yield CountryInstance, last()
    me.incoming_phone_numbers(number.sid).update(sms_url="https://example.com/", voice_url="https://example.com/")
    talk(twilio, number.phone_number)
    me.calls.list()
    yield CallInstance, last()["calls"][0]
    me.messages.list()
    yield MessageInstance, last()["messages"][0]
    trunk = trunking.trunks.create(friendly_name="pbx")
    yield TrunkInstance, last()
    trunking.trunks(trunk.sid).origination_urls.create(10, 20, True, "first", "sip:pbx.example.com")
    yield OriginationUrlInstance, last()
    trunking.trunks(trunk.sid).phone_numbers.create(number.sid)
    yield TrunkNumberInstance, last()
    service = messaging.services.create(friendly_name="news")
    yield ServiceInstance, last()
    messaging.services(service.sid).phone_numbers.create(number.sid)
    yield ServiceNumberInstance, last()
    messaging.services(service.sid).us_app_to_person.create(**CAMPAIGN)
    yield UsAppToPersonInstance, last()
    hub = twilio.client.trusthub.v1
    profile = hub.customer_profiles.create(friendly_name="shop", email="a@example.com", policy_sid="RN" + "0" * 32)
    yield CustomerProfilesInstance, last()
    product = hub.trust_products.create(friendly_name="calls", email="a@example.com", policy_sid="RN" + "1" * 32)
    yield TrustProductsInstance, last()
    hub.trust_products(product.sid).trust_products_entity_assignments.create(profile.sid)
    yield TrustProductsEntityAssignmentsInstance, last()
    hub.customer_profiles(profile.sid).customer_profiles_channel_endpoint_assignment.create("phone-number", number.sid)
    yield CustomerProfilesChannelEndpointAssignmentInstance, last()
    hub.trust_products(product.sid).trust_products_channel_endpoint_assignment.create("phone-number", number.sid)
    yield TrustProductsChannelEndpointAssignmentInstance, last()


def test_a_number_comes_into_a_trust_product_only_after_its_business_profile(twilio: TwilioCustomer) -> None:
    number = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    hub = twilio.client.trusthub.v1
    profile = hub.customer_profiles.create(friendly_name="shop", email="a@example.com", policy_sid="RN" + "0" * 32)
    product = hub.trust_products.create(friendly_name="calls", email="a@example.com", policy_sid="RN" + "1" * 32)
    hub.trust_products(product.sid).trust_products_entity_assignments.create(profile.sid)
    inside = hub.trust_products(product.sid).trust_products_channel_endpoint_assignment
    assert code(inside.create, "phone-number", number.sid) == (400, 20001)
    hub.customer_profiles(profile.sid).customer_profiles_channel_endpoint_assignment.create("phone-number", number.sid)
    inside.create("phone-number", number.sid)
    assert [one.channel_endpoint_sid for one in inside.list()] == [number.sid]


def test_every_answer_has_just_the_fields_that_the_library_reads(twilio: TwilioCustomer) -> None:
    for model, answer in everything(twilio):
        assert (model, set(answer)) == (model, keys_read_by(model))


def test_the_readme_tells_the_sid_of_the_first_account(simulator: SimulatorProcess) -> None:
    sid = "AC" + hashlib.md5(DEFAULT_ACCOUNT.encode(), usedforsecurity=False).hexdigest()
    assert f"`{sid}`" in (Path(__file__).parents[2] / "README.md").read_text()
    reply = requests.get(
        f"{simulator.url}/twilio/api/2010-04-01/Accounts/{sid}.json", auth=(sid, DEFAULT_TOKEN), timeout=20
    )
    assert reply.json()["sid"] == sid


def test_a_number_that_was_just_bought_is_missing_in_any_listing_that_lags(twilio: TwilioCustomer) -> None:
    bought = twilio.me.incoming_phone_numbers.create(phone_number=twilio.local(area_code=415)[0])
    twilio.simulator.set_faults({"fault": "listing_lag", "seconds": 3600})
    asked = twilio.me.incoming_phone_numbers.list(phone_number=bought.phone_number)
    assert (asked, twilio.me.incoming_phone_numbers.list()) == ([], [])
    assert twilio.me.incoming_phone_numbers(bought.sid).fetch().sid == bought.sid
