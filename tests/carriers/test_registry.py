"""Which carriers can be opened."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import pytest

from ringfleet.api.carrier_account import Provider
from ringfleet.carriers.carrier import Health
from ringfleet.carriers.didhub.account import DIDHub
from ringfleet.carriers.errors import CredentialsRejected
from ringfleet.carriers.registry import PROVIDERS, Credential, missing, open_carrier
from tests.carriers.customer import OPENINGS
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
def test_at_most_one_credential_of_a_provider_stands_under_the_key_that_the_account_names(provider: str) -> None:
    declared = PROVIDERS[provider]
    all_ = (*declared.credentials, *chain(*declared.one_of))
    assert [one.key_from_account for one in all_].count(True) <= 1
    assert len({one.key for one in all_}) == len(all_)


@pytest.mark.parametrize("credentials", [{}, {"token": ""}, {"account-sid": "AC1"}])
def test_a_carrier_is_not_opened_without_what_its_provider_needs(credentials: dict[str, str]) -> None:
    with pytest.raises(CredentialsRejected, match=r"^shop/didhub: DIDHub needs what is missing here: token$"):
        open_carrier("DIDHub", settings(credentials=credentials))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_provider_can_be_opened_at_its_own_endpoint(provider: str) -> None:
    its_own = settings(endpoint=PROVIDERS[provider].endpoint, credentials=all_of(provider))
    async with open_carrier(provider, its_own) as carrier:
        assert carrier.health == Health()


def all_of(provider: str) -> Mapping[str, str]:
    """Something for each credential that the provider needs."""
    return OPENINGS[provider]("http://sandbox.test", "customer", "tok")[1]


SID, TOKEN = Credential("sid", "account SID"), Credential("token", "auth token")
KEY, SECRET = Credential("key", "API key"), Credential("secret", "secret of the API key")


@pytest.mark.parametrize(
    ("given", "ways"),
    [
        pytest.param("sid token", (), id="signs in by token"),
        pytest.param("sid key secret", (), id="signs in by key"),
        pytest.param("sid token key", (), id="one way is whole"),
        pytest.param("", ((SID, TOKEN), (SID, KEY, SECRET)), id="nothing"),
        pytest.param("sid", ((TOKEN,), (KEY, SECRET)), id="no way has begun"),
        pytest.param("sid secret", ((KEY,),), id="one way has begun"),
        pytest.param("token", ((SID,),), id="what is always needed"),
        pytest.param("key", ((SID, SECRET),), id="both"),
    ],
)
def test_who_signs_in_is_told_what_is_missing_of_each_way_or_of_the_one_that_was_begun(
    given: str, ways: tuple[tuple[Credential, ...], ...]
) -> None:
    values = {name: f"its {name}" for name in given.split()}
    assert missing((SID,), ((TOKEN,), (KEY, SECRET)), values) == ways
