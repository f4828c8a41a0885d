"""Putting a number that was just routed into the campaign of its profile, so that it need not wait for a sweep."""

from __future__ import annotations

from dataclasses import replace

import structlog

from ringfleet.carriers.errors import CarrierError
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.model import Holding
from ringfleet.model.numbering import sends_registered

log = structlog.get_logger(__name__)


async def enrolled(account: OpenAccount, holding: Holding, campaign: str | None) -> Holding:
    """The number with how it stands in the campaign. What goes wrong is left to the next sweep, which says why."""
    if campaign is None or not sends_registered(holding.country, holding.number):
        return holding
    try:
        return replace(holding, seat=await account.carrier.enrol(holding.number, holding.external_id, campaign))
    except CarrierError as error:
        log.warning("number not in its campaign yet", number=holding.number.digits, error=type(error).__name__)
        return holding
