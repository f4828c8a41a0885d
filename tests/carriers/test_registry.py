"""Which carriers can be opened."""

from __future__ import annotations

import pytest

from ringfleet.api.carrier_account import Provider
from ringfleet.carriers.carrier import Health
from ringfleet.carriers.didhub.account import DIDHub
from ringfleet.carriers.errors import CredentialsRejected
from ringfleet.carriers.registry import PROVIDERS, open_carrier
from tests.carriers.scripts import settings


async def test_a_carrier_is_opened_by_the_name_of_its_provider() -> None:
    async with open_carrier("DIDHub", settings()) as carrier:
        assert isinstance(carrier, DIDHub)


def test_an_unknown_provider_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"shop/didhub: there is no carrier 'didhubb'; there are: .*DIDHub"):
        open_carrier("didhubb", settings())


def test_the_providers_of_the_api_are_those_that_can_be_opened() -> None:
    assert {provider.value for provider in Provider} == set(PROVIDERS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_credential_of_every_provider_stands_under_the_key_that_the_account_names(provider: str) -> None:
    assert [one.key_from_account for one in PROVIDERS[provider].credentials].count(True) == 1


@pytest.mark.parametrize("credentials", [{}, {"token": ""}, {"account-sid": "AC1"}])
def test_a_carrier_is_not_opened_without_what_its_provider_needs(credentials: dict[str, str]) -> None:
    with pytest.raises(CredentialsRejected, match=r"^shop/didhub: DIDHub needs what is missing here: token$"):
        open_carrier("DIDHub", settings(credentials=credentials))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_provider_can_be_opened_at_its_own_endpoint(provider: str) -> None:
    its_own = settings(endpoint=PROVIDERS[provider].endpoint, credentials=all_of(provider))
    async with open_carrier(provider, its_own) as carrier:
        assert carrier.health == Health()


def all_of(provider: str) -> dict[str, str]:
    """Something for each credential that the provider needs."""
    return {one.key: f"its {one.what}" for one in PROVIDERS[provider].credentials}
