"""US campaigns (A2P 10DLC) at Twilio: a messaging service has one, and a number is in it by being in the service.

Only VERIFIED may send. Twilio says nothing of a single number; what it says of the campaign counts for each.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api
from ringfleet.model.campaign import NO_SEAT, CampaignSeat, CampaignState

log = structlog.get_logger(__name__)

CAMPAIGN_CIRCUIT = "campaigns"
STATES = {"VERIFIED": CampaignState.ASSIGNED, "FAILED": CampaignState.FAILED, "SUSPENDED": CampaignState.FAILED}
"""Twilio's words are free text: of all others a campaign is pending."""
Seat = tuple[CampaignSeat, tuple[str, ...]]
"""How the numbers of a service stand, and all that its campaign is called."""


async def seats_of(api: Api, services: Iterable[str]) -> dict[str, Seat]:
    """By service; one of which nothing is said now is left out."""
    found: dict[str, Seat] = {}
    for service in sorted(services):
        try:
            found[service] = await seat_in(api, service)
        except CarrierError as error:
            log.warning("campaign not read: what was known holds", account=api.name, error=str(error))
    return found


async def seat_in(api: Api, service: str) -> Seat:
    """Of several campaigns the one that is approved counts."""
    path = f"/v1/Services/{service}/Compliance/Usa2p"
    pages = api.pages("messaging", path, "compliance", {}, CAMPAIGN_CIRCUIT)
    seats = [_seat(Fields(row, "campaign")) async for page in pages for row in page]
    approved = [one for one in seats if one[0].state is CampaignState.ASSIGNED]
    return next(iter((*approved, *seats)), (NO_SEAT, ()))


def _seat(row: Fields) -> Seat:
    aliases = tuple(filter(None, (row.maybe_text("sid"), row.maybe_text("campaign_id"))))
    state = STATES.get(row.maybe_text("campaign_status") or "", CampaignState.PENDING)
    return CampaignSeat(row.text("sid"), state), aliases
