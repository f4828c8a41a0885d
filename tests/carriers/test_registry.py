"""Which carriers can be opened."""

from __future__ import annotations

import pytest

from ringfleet.carriers.didhub.account import DIDHub
from ringfleet.carriers.registry import open_carrier
from tests.carriers.scripts import settings


async def test_a_carrier_is_opened_by_the_name_of_its_provider() -> None:
    async with open_carrier("didhub", settings()) as carrier:
        assert isinstance(carrier, DIDHub)


def test_an_unknown_provider_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="shop/didhub: there is no carrier 'didhubb'; there are: didhub"):
        open_carrier("didhubb", settings())
