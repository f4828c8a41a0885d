"""The stock: numbers that exist by the rules of their country, found without a table of them."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from ringfleet.simulator.fields import BadField
from ringfleet.simulator.market import MARKETS, SLOTS, Block, Market, block_of
from ringfleet.simulator.money import format_cents, parse_cents

KINDS = {
    "geographic": {PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE},
    "mobile": {PhoneNumberType.MOBILE},
    "toll_free": {PhoneNumberType.TOLL_FREE},
    "national": {PhoneNumberType.UAN, PhoneNumberType.VOIP, PhoneNumberType.FIXED_LINE},
}
blocks = st.builds(
    block_of,
    market=st.shared(st.sampled_from(MARKETS), key="market"),
    code=st.shared(st.sampled_from(MARKETS), key="market").flatmap(
        lambda market: st.sampled_from(sorted(market.codes))
    ),
    seed=st.integers(0, 3),
    size=st.integers(0, SLOTS),
)


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: f"{market.country}-{market.type}")
def test_every_number_is_valid_in_its_country_and_of_its_type(market: Market) -> None:
    for code in market.codes:
        block = block_of(market, code, seed=1, size=SLOTS)
        for index in range(0, SLOTS, 977):
            number = phonenumbers.parse(block.number(index), None)
            assert phonenumbers.is_valid_number(number), block.number(index)
            assert phonenumbers.region_code_for_number(number) == market.country
            assert phonenumbers.number_type(number) in KINDS[market.type]


@given(blocks, st.integers(0, SLOTS - 1))
def test_a_number_is_held_by_its_block_as_long_as_the_block_is_large_enough(block: Block, index: int) -> None:
    assert block.holds(block.number(index)) == (index < block.size)


@given(blocks, st.integers(0, SLOTS - 2))
def test_numbers_come_out_in_order(block: Block, index: int) -> None:
    assert block.number(index) < block.number(index + 1)


@given(blocks, st.integers(0, SLOTS - 1), st.integers(-1, 1))
def test_the_numbers_behind_a_number_are_exactly_those_that_sort_behind_it(
    block: Block, index: int, shift: int
) -> None:
    after = f"+{int(block.number(index)[1:]) + shift}"
    first = next(block.numbers(after), None)
    expected = index if shift < 0 else index + 1
    assert first == (block.number(expected) if expected < block.size else None)


def test_a_code_that_leaves_too_few_digits_is_refused() -> None:
    with pytest.raises(BadField, match="area_code: '4155550' is too long"):
        block_of(MARKETS[0], "4155550", seed=1, size=1)


@given(st.integers(0, 10**13))
def test_an_amount_reads_back_as_it_was_written(cents: int) -> None:
    assert parse_cents(format_cents(cents)) == cents


@pytest.mark.parametrize("text", ["", "1.999", "-1", "1,99", "1e3", ".5", "NaN"])
def test_what_is_not_an_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an amount such as 1\.99"):
        parse_cents(text)
