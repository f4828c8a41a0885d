"""A CarrierAccount and its Secret as an adapter takes them."""

from __future__ import annotations

from ringfleet.api import CarrierAccount
from ringfleet.carriers.registry import PROVIDERS
from ringfleet.objects.carrier_account import endpoint_of, settings_of


def an_account(**spec: object) -> CarrierAccount:
    fixed = {"provider": "didhub", "credentialsSecretRef": {"name": "main-secret"}}
    return CarrierAccount.parse({"metadata": {"namespace": "shop", "name": "main"}, "spec": fixed | spec})


def test_an_account_that_names_no_endpoint_is_at_its_providers() -> None:
    assert endpoint_of(an_account()) == PROVIDERS["didhub"].endpoint == "https://api.didhub.io"


def test_an_account_is_at_the_endpoint_that_it_names() -> None:
    account = an_account(endpoint="http://127.0.0.1:8085")
    assert settings_of(account, "tok").endpoint == endpoint_of(account) == "http://127.0.0.1:8085"
