"""Marks that are longer than the carrier's field, by way of what is put around its adapter."""

from __future__ import annotations

from dataclasses import replace

from ringfleet.carriers.short_marks import ShortMarks
from ringfleet.model import Mark, Purchase
from tests.controllers.carrier_double import ABILITIES, CarrierDouble
from tests.plan.builders import a_holding, an_offer, digits

LENGTH = 64
SHORT, LONG = Mark("home", "shop", "west"), Mark("home", "shop-of-the-north", "x" * 60)
OTHERS = Mark("elsewhere", "shop-of-the-north", "x" * 60)
ONE = digits(1)


def around(carrier: CarrierDouble, *known: Mark) -> ShortMarks:
    return ShortMarks(carrier, LENGTH, known[0].installation if known else "home", lambda: known)


def a_carrier() -> CarrierDouble:
    return CarrierDouble([], abilities=replace(ABILITIES, mark_length=LENGTH), stock=[an_offer(1)])


async def test_a_number_is_bought_under_a_mark_that_fits_and_known_again_by_the_whole_one() -> None:
    carrier = a_carrier()
    await around(carrier).buy(Purchase("k", (an_offer(1),), LONG))
    assert carrier.held[ONE].mark == LONG.within(LENGTH) != LONG
    found = await around(carrier, SHORT, LONG).find(ONE)
    assert found
    assert found.mark == LONG


async def test_a_mark_that_fits_is_written_and_read_as_it_is() -> None:
    carrier = a_carrier()
    await around(carrier).buy(Purchase("k", (an_offer(1),), SHORT))
    found = await around(carrier, SHORT, LONG).find(ONE)
    assert (carrier.held[ONE].mark, found and found.mark) == (SHORT, SHORT)


async def test_what_is_marked_again_is_shortened_too_and_a_mark_can_be_taken_off() -> None:
    carrier = a_carrier()
    carrier.held[ONE] = a_holding(1)
    await around(carrier).mark("did-1", LONG)
    assert carrier.held[ONE].mark == LONG.within(LENGTH)
    await around(carrier).mark("did-1", None)
    assert carrier.held[ONE].mark is None


async def test_each_number_of_a_listing_is_told_by_its_own_mark() -> None:
    """That of a pool which nobody knows still says whose it is; another installation's is none of ours."""
    carrier = a_carrier()
    unknown = replace(LONG, pool="y" * 60)
    marks = (LONG, SHORT, None, unknown, OTHERS)
    for n, mark in enumerate(marks, 1):
        carrier.held[digits(n)] = a_holding(n, mark=mark and mark.within(LENGTH))
    (page,) = [page async for page in around(carrier, LONG, SHORT).holdings()]
    shown = [holding.mark for holding in page]
    assert shown == [LONG, SHORT, None, unknown.within(LENGTH), OTHERS.within(LENGTH)]
    assert [mark and mark.installation for mark in shown] == ["home", "home", None, "home", "elsewhere"]


async def test_numbers_of_an_installation_with_a_long_id_are_its_own_also_when_nobody_knows_their_pool() -> None:
    """Else they would count as another installation's, and be left at the carrier, billed."""
    installation = "production-of-the-western-region-in-oregon-number-2"
    mark = Mark(installation, "shop", "gone-for-good")
    carrier = a_carrier()
    carrier.held[ONE] = a_holding(1, mark=mark.within(LENGTH))
    assert mark.within(LENGTH).installation != installation
    for mine, shown in ((installation, installation), ("home", mark.within(LENGTH).installation)):
        found = await ShortMarks(carrier, LENGTH, mine, lambda: ()).find(ONE)
        assert found
        assert found.mark
        assert found.mark.installation == shown
