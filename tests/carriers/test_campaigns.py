"""For which campaign a carrier lets numbers send: read with the listing, changed number by number."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ringfleet.carriers.errors import RequestRejected
from ringfleet.model import Holding, Routing
from ringfleet.model.campaign import NO_SEAT, CampaignSeat, CampaignState
from tests.carriers.customer import Customer
from tests.carriers.test_telnyx import OnTelnyx

SMS = "https://example.com/sms"
TWILIO_CAMPAIGN = {
    "BrandRegistrationSid": f"BN{'0' * 32}",
    "Description": "d" * 40,
    "MessageFlow": "f" * 40,
    "MessageSamples": ["s" * 20, "t" * 20],
    "UsAppToPersonUsecase": "MIXED",
    "HasEmbeddedLinks": "false",
    "HasEmbeddedPhone": "false",
}


def seats(listed: list[Holding]) -> list[CampaignSeat | None]:
    return [holding.seat for holding in listed]


class TestTelnyx(OnTelnyx):
    async def messaging(self, customer: Customer) -> tuple[Any, str]:
        """A number with a messaging profile, and its id."""
        (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
        assert outcome.external_id
        routing = await customer.carrier.ensure_routing(Routing("inst-1.a", "shop/a", messaging_webhook=SMS))
        await customer.carrier.route(outcome.external_id, routing)
        return outcome.number, outcome.external_id

    def let_pass(self, customer: Customer) -> None:
        customer.sandbox.control("POST", "clock", {"advance_seconds": 30})

    async def test_a_number_comes_into_its_campaign_by_and_by_and_once(self, customer: Customer) -> None:
        number, id_ = await self.messaging(customer)
        assert seats(await customer.listed()) == [NO_SEAT]
        pending = CampaignSeat("CM1", CampaignState.PENDING)
        assert await customer.carrier.enrol(number, id_, "CM1") == pending
        assert await customer.carrier.enrol(number, id_, "CM1") == pending
        self.let_pass(customer)
        assigned = CampaignSeat("CM1", CampaignState.ASSIGNED)
        assert seats(await customer.listed()) == [assigned]
        assert await customer.carrier.enrol(number, id_, "CM1") == assigned
        assert await customer.carrier.enrol(number, id_, "CM2") == CampaignSeat("CM2", CampaignState.PENDING)

    async def test_a_number_that_is_not_let_in_says_why(self, customer: Customer) -> None:
        number, id_ = await self.messaging(customer)
        customer.sandbox.set_faults({"fault": "campaign_refused", "reason": "the brand is suspended"})
        await customer.carrier.enrol(number, id_, "CM1")
        self.let_pass(customer)
        assert seats(await customer.listed()) == [CampaignSeat("CM1", CampaignState.FAILED, "the brand is suspended")]

    async def test_a_number_without_a_messaging_profile_is_refused(self, customer: Customer) -> None:
        (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
        with pytest.raises(RequestRejected, match="messaging profile"):
            await customer.carrier.enrol(outcome.number, outcome.external_id or "", "CM1")

    async def test_a_lost_reply_puts_no_number_in_twice(self, customer: Customer) -> None:
        """What is tried again is refused, because the number is in the campaign."""
        number, id_ = await self.messaging(customer)
        lost = {"fault": "reply_lost", "operations": ["service_put"], "how": "close", "script": [True]}
        customer.sandbox.set_faults(lost)
        assert await customer.carrier.enrol(number, id_, "CM1") == CampaignSeat("CM1", CampaignState.PENDING)

    async def test_what_telnyx_does_not_say_is_not_taken_for_no_campaign(self, customer: Customer) -> None:
        await self.messaging(customer)
        customer.sandbox.set_faults({"fault": "server_error", "operations": ["service_get"]})
        assert seats(await customer.listed()) == [None]


class TestTwilio:
    provider = "Twilio"

    def call(self, customer: Customer, path: str, **form: Any) -> Any:
        """What a person does in the console."""
        url = customer.settings.endpoint.format(product="messaging") + path
        user = customer.settings.credentials["accountSid"], customer.token
        return httpx.post(url, data=form, auth=user, trust_env=False, timeout=60).raise_for_status().json()

    async def test_a_number_is_in_the_campaign_of_its_service(self, customer: Customer) -> None:
        service = self.call(customer, "/v1/Services", FriendlyName="news")["sid"]
        campaign = self.call(customer, f"/v1/Services/{service}/Compliance/Usa2p", **TWILIO_CAMPAIGN)["sid"]
        (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
        assert outcome.external_id
        assert await customer.carrier.enrol(outcome.number, outcome.external_id, campaign) == NO_SEAT
        said = Routing("inst-1.a", "shop/a", messaging_service=service, campaign=campaign)
        await customer.carrier.route(outcome.external_id, await customer.carrier.ensure_routing(said))
        assigned = CampaignSeat(campaign, CampaignState.ASSIGNED)
        assert seats(await customer.listed()) == [assigned]
        assert await customer.carrier.enrol(outcome.number, outcome.external_id, campaign) == assigned


class TestDIDHub:
    provider = "DIDHub"

    async def test_the_carrier_attaches_what_follows_the_profile_and_its_listing_says_nothing(
        self, customer: Customer
    ) -> None:
        (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
        assert seats(await customer.listed()) == [None]
        assigned = CampaignSeat("CM1", CampaignState.ASSIGNED)
        assert await customer.carrier.enrol(outcome.number, outcome.external_id or "", "CM1") == assigned
