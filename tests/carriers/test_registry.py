"""Which carriers can be opened."""

from __future__ import annotations

import pytest

from ringfleet.api.carrier_account import Provider
from ringfleet.carriers.carrier import Health
from ringfleet.carriers.didhub.account import DIDHub
from ringfleet.carriers.registry import PROVIDERS, open_carrier
from tests.carriers.scripts import settings


async def test_a_carrier_is_opened_by_the_name_of_its_provider() -> None:
    async with open_carrier("didhub", settings()) as carrier:
        assert isinstance(carrier, DIDHub)


def test_an_unknown_provider_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="shop/didhub: there is no carrier 'didhubb'; there are: didhub"):
        open_carrier("didhubb", settings())


def test_the_providers_of_the_api_are_those_that_can_be_opened() -> None:
    assert {provider.value for provider in Provider} == set(PROVIDERS)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_provider_can_be_opened_at_its_own_endpoint(provider: str) -> None:
    async with open_carrier(provider, settings(endpoint=PROVIDERS[provider].endpoint)) as carrier:
        assert carrier.health == Health()
