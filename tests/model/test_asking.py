"""What a market can give of what a claim asks, and what an order has to say of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Capability, Market, NumberType
from ringfleet.model.asking import NOTHING, Ask, Traits, beyond, can_give, narrow, traits_of_number
from tests.plan.builders import an_ask, digits

VOICE, SMS = Capability.VOICE, Capability.SMS
ANYWHERE = Market("US", NumberType.GEOGRAPHIC, (), frozenset({VOICE}))
LISTED = replace(ANYWHERE, area_codes=("415", "628"))
TOLL_FREE = replace(ANYWHERE, type=NumberType.TOLL_FREE)
MOBILE = replace(ANYWHERE, country="DE", type=NumberType.MOBILE)
BERLIN = replace(ANYWHERE, country="DE")


@pytest.mark.parametrize(
    ("market", "ask", "gives"),
    [
        pytest.param(LISTED, NOTHING, True, id="any number"),
        pytest.param(LISTED, an_ask(SMS), True, id="more than all its numbers can do"),
        pytest.param(LISTED, an_ask(codes="212"), True, id="a wish that it can't fulfil"),
        pytest.param(LISTED, an_ask(codes="628", required=True), True, id="an area code of its own"),
        pytest.param(LISTED, an_ask(codes="212 628", required=True), True, id="one of several"),
        pytest.param(LISTED, an_ask(codes="212", required=True), False, id="another area code"),
        pytest.param(ANYWHERE, an_ask(codes="212", required=True), True, id="any area code"),
        pytest.param(TOLL_FREE, an_ask(codes="888", required=True), True, id="a toll-free one"),
        pytest.param(MOBILE, an_ask(codes="30", required=True), False, id="an area code of numbers that have none"),
        pytest.param(BERLIN, an_ask(codes="030", required=True), False, id="one that can be none"),
    ],
)
def test_a_market_gives_more_than_it_promises_but_no_area_code_that_it_does_not_have(
    market: Market, ask: Ask, gives: bool
) -> None:
    assert can_give(market, ask) is gives


@pytest.mark.parametrize(
    ("market", "ask", "ordered"),
    [
        pytest.param(LISTED, NOTHING, LISTED, id="nothing"),
        pytest.param(LISTED, an_ask(SMS), replace(LISTED, capabilities=frozenset({VOICE, SMS})), id="a capability"),
        pytest.param(LISTED, an_ask(codes="628", required=True), replace(LISTED, area_codes=("628",)), id="a must"),
        pytest.param(LISTED, an_ask(codes="628"), replace(LISTED, wished=("628",)), id="a wish"),
        pytest.param(
            ANYWHERE,
            an_ask(codes="628 415", required=True),
            replace(ANYWHERE, area_codes=("628", "415")),
            id="in order",
        ),
        pytest.param(ANYWHERE, an_ask(codes="628"), replace(ANYWHERE, wished=("628",)), id="a wish of anywhere"),
        pytest.param(LISTED, an_ask(codes="212"), LISTED, id="a wish that it can't fulfil"),
        pytest.param(MOBILE, an_ask(codes="30"), MOBILE, id="a wish where there are no area codes"),
        pytest.param(BERLIN, an_ask(codes="030"), BERLIN, id="a wish that can be none"),
    ],
)
def test_an_order_is_of_the_pools_market_narrowed_by_what_is_asked(market: Market, ask: Ask, ordered: Market) -> None:
    assert narrow(market, beyond(market, ask)) == ordered
    assert beyond(market, beyond(market, ask)) == beyond(market, ask)


@pytest.mark.parametrize(
    ("said", "codes", "found"),
    [
        pytest.param("415", (), frozenset(), id="nobody asks for one"),
        pytest.param("415", ("415", "628"), frozenset({"415"}), id="one that is asked for"),
        pytest.param("212", ("415", "628"), frozenset({""}), id="another one"),
        pytest.param(None, ("628", "415"), frozenset({"415"}), id="by its digits, where the carrier says none"),
        pytest.param(None, ("628",), frozenset({""}), id="another one by its digits"),
    ],
)
def test_of_the_area_codes_of_a_number_those_matter_that_are_asked_for(
    said: str | None, codes: tuple[str, ...], found: frozenset[str]
) -> None:
    assert traits_of_number(digits(1), frozenset({SMS}), said, codes) == Traits(frozenset({SMS}), found)


codes = st.lists(st.sampled_from(["415", "628", "212", "030"]), max_size=3, unique=True).map(tuple)
asks = st.builds(Ask, st.sets(st.sampled_from(Capability)).map(frozenset), codes, st.booleans())
markets = st.builds(
    Market,
    st.sampled_from(["US", "DE"]),
    st.sampled_from(NumberType),
    st.lists(st.sampled_from(["415", "628"]), max_size=2, unique=True).map(tuple),
    st.sets(st.sampled_from(Capability)).map(frozenset),
)


@given(markets, asks)
def test_whatever_an_order_brings_has_what_the_claims_must_have_that_it_is_for(market: Market, ask: Ask) -> None:
    if can_give(market, ask):
        ordered = narrow(market, beyond(market, ask))
        assert ask.is_met_by_all_of(ordered)
        assert market.capabilities <= ordered.capabilities
        assert not market.area_codes or set(ordered.area_codes) <= set(market.area_codes)
