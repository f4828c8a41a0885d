"""What a search shows of a carrier's offers."""

from __future__ import annotations

from dataclasses import replace

from ringfleet.carriers.abilities import SearchFilter
from ringfleet.controllers.offers import offers_of
from ringfleet.model import Capability, Market, NumberType, Unreadable
from ringfleet.model.digit_pattern import DigitPattern
from ringfleet.objects.offers import Wish
from tests.controllers.carrier_double import ABILITIES, CarrierDouble
from tests.controllers.rig import in_virtual_time
from tests.plan.builders import an_offer

WEST_THEN_EAST = Market("US", NumberType.GEOGRAPHIC, ("415", "212"))


@in_virtual_time
async def test_where_one_area_code_has_too_few_the_next_follows_and_no_further_one_is_asked() -> None:
    carrier = CarrierDouble([], stock=[an_offer(n, area_code="212") for n in (1, 2, 3)] + [an_offer(9)])
    found = await offers_of(Wish(WEST_THEN_EAST), 3, carrier)
    assert [one.area_code for one in found.offers] == ["415", "212", "212"]
    await offers_of(Wish(WEST_THEN_EAST), 1, carrier)
    assert carrier.story == ["carrier: search 415", "carrier: search 212", "carrier: search 415"]


@in_virtual_time
async def test_what_a_carrier_offers_besides_is_not_shown() -> None:
    """No order would take it."""
    dumb = an_offer(1, capabilities=frozenset())
    carrier = CarrierDouble([], stock=[dumb, an_offer(2)], unreadable_offers=[Unreadable("no price", None)])
    voice = Market("US", NumberType.GEOGRAPHIC, capabilities=frozenset({Capability.VOICE}))
    found = await offers_of(Wish(voice), 5, carrier)
    assert [one.number for one in found.offers] == [an_offer(2).number]
    assert [row.reason for row in found.unreadable] == ["no price"]


@in_virtual_time
async def test_places_are_searched_in_order_and_what_a_carrier_can_t_be_asked_for_is_said() -> None:
    here, there = an_offer(1, region="San Francisco, CA"), an_offer(2, area_code="212", region="New York, NY")
    abilities = replace(ABILITIES, search_filters=frozenset({SearchFilter.CONTAINS}))
    carrier = CarrierDouble([], stock=[here, there], abilities=abilities)
    wish = Wish(Market("US", NumberType.GEOGRAPHIC, regions=("NY", "CA")), DigitPattern.parse("555"))
    found = await offers_of(wish, 5, carrier)
    assert [one.region for one in found.offers] == ["New York, NY", "San Francisco, CA"]
    assert found.remark == "This carrier's search can't be asked for a state: its offers were looked through here."
    assert (await offers_of(Wish(WEST_THEN_EAST), 5, carrier)).remark == ""
