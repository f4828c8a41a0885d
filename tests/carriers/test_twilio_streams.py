"""Twilio's Event Streams at the sandbox: one sink of ours, found again by its name, that is told of every message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import httpx
import pytest
from twilio.rest.events.v1.sink import SinkInstance
from twilio.rest.events.v1.subscription import SubscriptionInstance
from twilio.rest.events.v1.subscription.subscribed_event import SubscribedEventInstance

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.carriers.event_streams import Stream
from ringfleet.carriers.twilio.api import Api, open_client
from ringfleet.carriers.twilio.streamed import RECEIVED
from ringfleet.carriers.twilio.streams import Streams
from ringfleet.carriers.twilio.webhook import TwilioWebhook
from ringfleet.carriers.webhooks import WebhookRequest
from tests.carriers.customer import Customer
from tests.carriers.test_relayed import ALONE
from tests.simulator.receiver import Receiver
from tests.simulator.twilio_sdk import TwilioCustomer, keys_read_by

PROVIDER = "Twilio"
NAME, URL = "Ringfleet inst-1", "https://events.example.com/v1/events/shop/main"


@pytest.fixture
def sdk(customer: Customer) -> Iterator[TwilioCustomer]:
    opened = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    yield opened
    opened.close()


def streams(customer: Customer) -> Streams:
    found = customer.carrier.streams
    assert isinstance(found, Streams)
    return found


def a_theirs(sdk: TwilioCustomer) -> str:
    """A sink of another program, with a subscription."""
    told = {"destination": "https://example.com/theirs", "method": "POST"}
    sink = sdk.client.events.v1.sinks.create("theirs", told, "webhook").sid
    sdk.client.events.v1.subscriptions.create("theirs", sink, [{"type": RECEIVED}])
    return str(sink)


def seen(sdk: TwilioCustomer) -> dict[str, list[tuple[str, list[str]]]]:
    """By name, the URLs of the sinks, each with what it is subscribed to, as Twilio's library reads them."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for sink in sdk.client.events.v1.sinks.list():
        subscriptions = sdk.client.events.v1.subscriptions.list(sink_sid=sink.sid)
        types = [
            event.type
            for one in subscriptions
            for event in sdk.client.events.v1.subscriptions(one.sid).subscribed_events.list()
        ]
        found.setdefault(sink.description, []).append((sink.sink_configuration["destination"], types))
    return found


async def test_a_sink_is_made_once_and_goes_and_nobody_elses_is_touched(
    customer: Customer, sdk: TwilioCustomer
) -> None:
    a_theirs(sdk)
    theirs = seen(sdk)
    first = await streams(customer).ensure(NAME, URL)
    assert (first.active, first.state) == (True, "active")
    async with customer.another() as restarted:
        assert restarted.streams
        assert await restarted.streams.ensure(NAME, URL) == first
    assert seen(sdk) == theirs | {NAME: [(URL, [RECEIVED])]}
    await streams(customer).remove(NAME)
    await streams(customer).remove(NAME)
    assert seen(sdk) == theirs


async def test_another_url_is_another_sink_and_the_old_one_goes(customer: Customer, sdk: TwilioCustomer) -> None:
    """Where a sink sends to can't be changed."""
    first = await streams(customer).ensure(NAME, URL)
    second = await streams(customer).ensure(NAME, f"{URL}-2")
    assert second.id != first.id
    assert seen(sdk) == {NAME: [(f"{URL}-2", [RECEIVED])]}


@pytest.mark.parametrize("nth", [0, 1])
async def test_a_lost_reply_makes_no_second_sink_or_subscription(
    customer: Customer, sdk: TwilioCustomer, nth: int
) -> None:
    """First the sink's, then the subscription's."""
    script = [0] * nth + [1]
    customer.sandbox.set_faults({"fault": "reply_lost", "operations": ["service_put"], "script": script})
    with pytest.raises(CarrierUnavailable):
        await streams(customer).ensure(NAME, URL)
    await streams(customer).ensure(NAME, URL)
    assert seen(sdk) == {NAME: [(URL, [RECEIVED])]}


async def test_a_second_sink_of_our_name_goes(customer: Customer, sdk: TwilioCustomer) -> None:
    """Two operators may have made one each."""
    told = {"destination": URL, "method": "POST"}
    sids = [sdk.client.events.v1.sinks.create(NAME, told, "webhook").sid for _ in range(2)]
    kept = await streams(customer).ensure(NAME, URL)
    assert kept.id in sids
    assert seen(sdk) == {NAME: [(URL, [RECEIVED])]}


async def test_what_a_person_takes_out_of_the_subscription_is_put_in_again(
    customer: Customer, sdk: TwilioCustomer
) -> None:
    await streams(customer).ensure(NAME, URL)
    (one,) = sdk.client.events.v1.subscriptions.list()
    sdk.client.events.v1.subscriptions(one.sid).subscribed_events(RECEIVED).delete()
    assert seen(sdk) == {NAME: [(URL, [])]}
    await streams(customer).ensure(NAME, URL)
    assert seen(sdk) == {NAME: [(URL, [RECEIVED])]}


@pytest.mark.parametrize("state", ["failed", "validating"])
async def test_a_sink_that_is_not_active_is_said_to_be_so_and_not_subscribed(customer: Customer, state: str) -> None:
    sink = {"sid": "DG1", "description": NAME, "status": state, "sink_type": "webhook"}
    sink["sink_configuration"] = {"destination": URL, "method": "POST"}  # type: ignore[assignment]
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return httpx.Response(200, json={"sinks": [sink], "meta": {"key": "sinks", "next_page_url": None}})

    settings = replace(customer.settings)
    api = Api(settings, open_client(settings, httpx.MockTransport(answer)))
    assert await Streams(api).ensure(NAME, URL) == Stream("DG1", False, state)
    await api.close()
    assert asked == ["GET /twilio/events/v1/Sinks"]


async def test_a_message_is_told_to_the_sink_beside_the_numbers_own_url_until_it_is_taken(customer: Customer) -> None:
    """Signed as Twilio signs, so that the dispatcher believes it, and again after a failure."""
    (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
    await customer.carrier.route(outcome.external_id or "", await customer.carrier.ensure_routing(ALONE))
    with Receiver() as dispatcher:
        dispatcher.answers = [503]
        await streams(customer).ensure(NAME, dispatcher.url)
        message = {"kind": "message", "to": outcome.number, "from": "+12125550123", "text": "STOP"}
        assert customer.sandbox.control("POST", "traffic/inbound", message)["refused"] is None
        pending = customer.sandbox.control("GET", f"webhooks/pending?account={customer.id}&wait=30")
        assert pending["ripe"] == 0
        events = [read(customer, headers, body, dispatcher.url) for headers, body in dispatcher.requests]
    assert len(events) == 2, "once more than it was refused"
    assert {(one.id, one.number, one.peer, one.text) for one in events} == {
        (events[0].id, outcome.number, "+12125550123", "STOP")
    }


def read(customer: Customer, headers: dict[str, str], body: bytes, url: str) -> Any:
    called = f"{url}?bodySHA256={sha256(body).hexdigest()}"
    request = WebhookRequest("POST", called, headers, body)
    TwilioWebhook().verify(request, [customer.token], 0.0)
    (event,) = TwilioWebhook().read(request)
    return event


async def test_what_the_face_answers_is_what_twilios_library_reads(customer: Customer, sdk: TwilioCustomer) -> None:
    sid = a_theirs(sdk)
    with pytest.raises(Exception, match="is in use"):
        sdk.client.events.v1.sinks(sid).delete()
    assert sdk.client.events.v1.sinks(sid).sink_test.create().result == "submitted"
    assert sdk.client.events.v1.sinks(sid).sink_validate.create("a test").result == "valid"
    assert sdk.client.events.v1.sinks(sid).fetch().status == "active"
    models = {
        "Sinks": keys_read_by(SinkInstance),
        "Subscriptions": keys_read_by(SubscriptionInstance),
        "SubscribedEvents": keys_read_by(SubscribedEventInstance),
    }
    (one,) = sdk.client.events.v1.subscriptions.list()
    sdk.client.events.v1.subscriptions(one.sid).subscribed_events.list()
    checked = set()
    for call in sdk.wire.seen:
        name = next((part for part in reversed(call.url.partition("?")[0].split("/")) if part in models), "")
        rows = (call.answer or {}).get({"Sinks": "sinks", "Subscriptions": "subscriptions"}.get(name, "types"))
        rows = rows if rows is not None else [call.answer] if call.answer and "sid" in call.answer else []
        for row in rows:
            assert set(row) == models[name], json.dumps(row)
            checked.add(name)
    assert checked == set(models)
