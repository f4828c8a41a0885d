"""A CarrierAccount and its Secret as an adapter takes them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from ringfleet.api import CarrierAccount
from ringfleet.carriers.registry import PROVIDERS, Credential
from ringfleet.objects.carrier_account import credentials_in, endpoint_of, read_credentials, settings_of
from ringfleet.plan.conditions import Reason, not_ready

TWO = (Credential("token", "auth token", key_from_account=True), Credential("account-sid", "account SID"))
"""What a carrier needs that is opened by two values."""


def an_account(**spec: object) -> CarrierAccount:
    fixed = {"provider": "DIDHub", "credentialsSecretRef": {"name": "main-secret"}}
    return CarrierAccount.parse({"metadata": {"namespace": "shop", "name": "main"}, "spec": fixed | spec})


def test_an_account_that_names_no_endpoint_is_at_its_providers() -> None:
    assert endpoint_of(an_account()) == PROVIDERS["DIDHub"].endpoint == "https://api.didhub.io"


def test_an_account_is_at_the_endpoint_that_it_names() -> None:
    account = an_account(endpoint="http://127.0.0.1:8085")
    assert settings_of(account, {"token": "tok"}).endpoint == endpoint_of(account) == "http://127.0.0.1:8085"


def a_secret(**data: str) -> dict[str, Any]:
    encoded = {key.replace("_", "-"): b64encode(value.encode()).decode() for key, value in data.items()}
    return {"data": encoded}


def test_the_token_is_read_from_the_key_that_the_account_names_and_nothing_else_of_the_secret_is() -> None:
    account = an_account(credentialsSecretRef={"name": "main-secret", "key": "api"})
    assert credentials_in(a_secret(api=" tok\n", token="another", more="m"), account) == {"token": "tok"}


def test_what_a_provider_needs_beside_the_token_is_read_from_keys_of_its_own() -> None:
    account = an_account(credentialsSecretRef={"name": "main-secret", "key": "api"})
    assert read_credentials(a_secret(api="tok", account_sid="AC1"), account, TWO) == {
        "token": "tok",
        "account-sid": "AC1",
    }


MISSING, KEY_MISSING = Reason.SECRET_MISSING, Reason.SECRET_KEY_MISSING
SECRET = "Secret shop/main-secret"
TOKEN_KEY = "'token' (spec.credentialsSecretRef.key)"


@pytest.mark.parametrize(
    ("secret", "needed", "reason", "message"),
    [
        pytest.param(
            None,
            PROVIDERS["DIDHub"].credentials,
            MISSING,
            f"{SECRET} (spec.credentialsSecretRef.name) does not exist: create it with the key 'token'.",
            id="no Secret, one key",
        ),
        pytest.param(
            None,
            TWO,
            MISSING,
            f"{SECRET} (spec.credentialsSecretRef.name) does not exist: "
            "create it with the keys 'token' and 'account-sid'.",
            id="no Secret, two keys",
        ),
        pytest.param(
            a_secret(token=" "),
            PROVIDERS["DIDHub"].credentials,
            KEY_MISSING,
            f"{SECRET} has no text under the key {TOKEN_KEY}: put the token there.",
            id="an empty token",
        ),
        pytest.param(
            {"data": {"token": "no base64"}},
            PROVIDERS["DIDHub"].credentials,
            KEY_MISSING,
            f"{SECRET} has no text under the key {TOKEN_KEY}: put the token there.",
            id="a token that does not decode",
        ),
        pytest.param(
            a_secret(token="tok"),
            TWO,
            KEY_MISSING,
            f"{SECRET} has no text under the key 'account-sid': put the account SID there.",
            id="the second is missing",
        ),
        pytest.param(
            {"data": None},
            TWO,
            KEY_MISSING,
            f"{SECRET} has no text under the keys {TOKEN_KEY} and 'account-sid': "
            "put the auth token and the account SID there.",
            id="both are missing",
        ),
    ],
)
def test_missing_credentials_are_said_with_the_secret_the_key_and_what_to_put_there(
    secret: dict[str, Any] | None, needed: tuple[Credential, ...], reason: Reason, message: str
) -> None:
    assert read_credentials(secret, an_account(), needed) == not_ready(reason, message)


SID, TOKEN = Credential("accountSid", "account SID"), Credential("authToken", "auth token")
BY_KEY = (Credential("apiKeySid", "SID of the API key"), Credential("apiKeySecret", "secret of the API key"))


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        pytest.param(
            None,
            f"{SECRET} (spec.credentialsSecretRef.name) does not exist: create it with the keys 'accountSid' and "
            "'authToken', or with the keys 'accountSid', 'apiKeySid' and 'apiKeySecret'.",
            id="no Secret",
        ),
        pytest.param(
            a_secret(accountSid="AC1"),
            f"{SECRET} has no text under the key 'authToken', or under the keys 'apiKeySid' and 'apiKeySecret': put "
            "the auth token, or the SID of the API key and the secret of the API key there.",
            id="no way of signing in",
        ),
        pytest.param(
            a_secret(accountSid="AC1", apiKeySid="SK1", apiKeySecret=" "),
            f"{SECRET} has no text under the key 'apiKeySecret': put the secret of the API key there.",
            id="half a way",
        ),
    ],
)
def test_where_one_may_sign_in_in_several_ways_what_each_needs_is_said(
    secret: dict[str, Any] | None, message: str
) -> None:
    reason = MISSING if secret is None else KEY_MISSING
    assert read_credentials(secret, an_account(), (SID,), ((TOKEN,), BY_KEY)) == not_ready(reason, message)


def test_all_that_is_there_of_several_ways_is_read() -> None:
    secret = a_secret(accountSid="AC1", authToken="tok", apiKeySid="SK1", more="m")
    found = read_credentials(secret, an_account(), (SID,), ((TOKEN,), BY_KEY))
    assert found == {"accountSid": "AC1", "authToken": "tok", "apiKeySid": "SK1"}


def test_no_credential_is_in_the_repr_of_the_settings() -> None:
    assert "tok_secret" not in repr(settings_of(an_account(), {"token": "tok_secret"}))
