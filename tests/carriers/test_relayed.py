"""Messages that go to the dispatcher first: the carrier is told so, and whom to call when it is away."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from ringfleet.model import HeldRouting, Routing
from tests.carriers.customer import Customer

ALONE = Routing(
    "inst-1.a", "shop/a", voice_webhook="https://example.com/voice", messaging_webhook="https://example.com/sms"
)
RELAYED = replace(
    ALONE,
    messaging_webhook="https://events.example.com/v1/events/shop/main/shop/a",
    messaging_fallback="https://example.com/sms",
)


class RelayedConformance:
    provider: ClassVar[str]

    async def test_the_dispatcher_comes_between_and_goes_again(self, customer: Customer) -> None:
        carrier = customer.carrier
        id_ = await carrier.ensure_routing(ALONE)
        for routing in (RELAYED, ALONE, RELAYED):
            assert await carrier.ensure_routing(routing) == id_, "its numbers stay pointed at it"
            assert await carrier.find_routing(ALONE.reference) == HeldRouting(id_, routing)
            assert [held async for page in carrier.routings() for held in page] == [HeldRouting(id_, routing)]

    async def test_another_program_to_call_when_it_is_away_is_drift(self, customer: Customer) -> None:
        id_ = await customer.carrier.ensure_routing(RELAYED)
        other = replace(RELAYED, messaging_fallback=None)
        async with customer.another() as person:
            await person.ensure_routing(other)
        assert await customer.carrier.find_routing(ALONE.reference) == HeldRouting(id_, other)


class TestTwilioRelayed(RelayedConformance):
    provider = "Twilio"


class TestTelnyxRelayed(RelayedConformance):
    provider = "Telnyx"
