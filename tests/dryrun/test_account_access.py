"""Which accounts a person's command may use, and what it says of one that it may not."""

from __future__ import annotations

import re

import pytest

from ringfleet.dryrun.account_access import AccountUnusable, find_account, open_account
from ringfleet.kube.client import Kube, Resource
from ringfleet.model import AccountKey
from ringfleet.objects.refs import SECRETS
from tests.controllers.api_double import ApiDouble

ACCOUNTS = Resource("ringfleet.dev", "v1alpha1", "carrieraccounts", "CarrierAccount")
KEY = AccountKey("carriers", "main")


async def a_cluster(*allowed: str, secret: dict[str, str] | None = None) -> Kube:
    """With one account, which lets these namespaces in, and the data of its Secret."""
    kube = Kube(ApiDouble([]))  # type: ignore[arg-type]  # the double stands for the transport
    spec = {
        "provider": "DIDHub",
        "credentialsSecretRef": {"name": "token"},
        "endpoint": "http://127.0.0.1:1",
        "allowedNamespaces": list(allowed),
    }
    await kube.create(ACCOUNTS, KEY.namespace, {"metadata": {"name": KEY.name}, "spec": spec})
    if secret is not None:
        await kube.create(SECRETS, KEY.namespace, {"metadata": {"name": "token"}, "data": secret})
    return kube


@pytest.mark.parametrize(("allowed", "namespace"), [((), "carriers"), (("shop",), "shop"), (("*",), "shop")])
async def test_an_account_is_found_from_where_it_may_be_used(allowed: tuple[str, ...], namespace: str) -> None:
    found = await find_account(await a_cluster(*allowed), KEY, namespace)
    assert found.key == "carriers/main"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (KEY, "CarrierAccount carriers/main does not let in namespace shop: add it to its spec.allowedNamespaces"),
        (
            AccountKey("carriers", "spare"),
            "CarrierAccount carriers/spare does not exist: see kubectl get ca --namespace carriers",
        ),
    ],
)
async def test_one_that_may_not_be_used_says_what_to_correct(key: AccountKey, says: str) -> None:
    with pytest.raises(AccountUnusable) as refused:
        await find_account(await a_cluster("bank"), key, "shop")
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (None, "Secret carriers/token (spec.credentialsSecretRef.name) does not exist"),
        ({"other": "dG9r"}, "Secret carriers/token has no text under the key 'token'"),
    ],
)
async def test_an_account_without_a_token_is_not_opened(secret: dict[str, str] | None, says: str) -> None:
    kube = await a_cluster(secret=secret)
    account = await find_account(kube, KEY, "carriers")
    with pytest.raises(AccountUnusable, match=re.escape(says)):
        await open_account(kube, account).__aenter__()


async def test_an_account_is_opened_with_its_token() -> None:
    kube = await a_cluster(secret={"token": "dG9r"})
    async with open_account(kube, await find_account(kube, KEY, "carriers")) as carrier:
        assert carrier.registrar is not None
