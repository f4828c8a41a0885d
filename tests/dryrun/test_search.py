"""What a search shows of a carrier's offers."""

from __future__ import annotations

from ringfleet.dryrun.search import offers_of
from ringfleet.model import Capability, Market, NumberType, Unreadable
from tests.controllers.carrier_double import CarrierDouble
from tests.controllers.rig import in_virtual_time
from tests.plan.builders import an_offer

WEST_THEN_EAST = Market("US", NumberType.GEOGRAPHIC, ("415", "212"))


@in_virtual_time
async def test_where_one_area_code_has_too_few_the_next_follows_and_no_further_one_is_asked() -> None:
    carrier = CarrierDouble([], stock=[an_offer(n, area_code="212") for n in (1, 2, 3)] + [an_offer(9)])
    found = await offers_of(WEST_THEN_EAST, 3, carrier)
    assert [one.area_code for one in found.offers] == ["415", "212", "212"]
    await offers_of(WEST_THEN_EAST, 1, carrier)
    assert carrier.story == ["carrier: search 415", "carrier: search 212", "carrier: search 415"]


@in_virtual_time
async def test_what_a_carrier_offers_besides_is_not_shown() -> None:
    """No order would take it."""
    dumb = an_offer(1, capabilities=frozenset())
    carrier = CarrierDouble([], stock=[dumb, an_offer(2)], unreadable_offers=[Unreadable("no price", None)])
    found = await offers_of(Market("US", NumberType.GEOGRAPHIC, capabilities=frozenset({Capability.VOICE})), 5, carrier)
    assert [one.number for one in found.offers] == [an_offer(2).number]
    assert [row.reason for row in found.unreadable] == ["no price"]
