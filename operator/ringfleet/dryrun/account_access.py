"""A CarrierAccount as a person's own command uses it, by the rules that the operator keeps.

All is read with the rights of the person who asks; nothing is changed. Where several accounts are asked the same, each
is asked by itself: one that can't be asked says why, and keeps no other from being heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from ringfleet.api import CarrierAccount
from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.registry import open_carrier
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import NotFound
from ringfleet.model import AccountKey
from ringfleet.objects.carrier_account import allowed, credentials_in, settings_of
from ringfleet.objects.refs import SECRETS, resource_of
from ringfleet.plan.conditions import Condition

T = TypeVar("T")


class AccountUnusable(Exception):
    """The account is not there, is closed to the namespace, or has no credentials; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What one carrier was asked for; or the `trouble` in asking it, and then None."""

    account: AccountKey
    answer: T | None = None
    trouble: str = ""


async def ask_each(
    kube: Kube, namespace: str, names: tuple[AccountKey, ...], ask: Callable[[Carrier], Awaitable[T | None]]
) -> tuple[Told[T], ...]:
    """What the named accounts, or all in the namespace, answer; all at once.

    Raises:
        AccountUnusable: one that was named can't be used from this namespace.
        KubeError: the person may not read what is needed.
    """
    accounts = [await find_account(kube, key, namespace) for key in names] if names else await _all(kube, namespace)
    return tuple(await asyncio.gather(*(_ask(kube, account, ask) for account in accounts)))


async def _all(kube: Kube, namespace: str) -> list[CarrierAccount]:
    page = await kube.list_all(resource_of(CarrierAccount), namespace)
    return [CarrierAccount.parse(item) for item in page.items]


async def _ask(kube: Kube, account: CarrierAccount, ask: Callable[[Carrier], Awaitable[T | None]]) -> Told[T]:
    key = AccountKey(account.metadata.namespace, account.metadata.name)
    if account.spec.suspend:
        return Told(key, trouble="The account is suspended (spec.suspend): nothing is called at the carrier.")
    try:
        async with open_account(kube, account) as carrier:
            return Told(key, await ask(carrier))
    except (AccountUnusable, CarrierError) as error:
        return Told(key, trouble=str(error))


async def find_account(kube: Kube, key: AccountKey, namespace: str) -> CarrierAccount:
    """The account, for objects in `namespace`.

    Raises:
        AccountUnusable: it does not exist, or does not let the namespace in.
        KubeError: the person may not read it.
    """
    try:
        found = CarrierAccount.parse(await kube.get(resource_of(CarrierAccount), key.namespace, key.name))
    except NotFound as error:
        raise AccountUnusable(
            f"CarrierAccount {key} does not exist: see kubectl get ca --namespace {key.namespace}"
        ) from error
    if not allowed(frozenset(found.spec.allowed_namespaces), key, namespace):
        raise AccountUnusable(
            f"CarrierAccount {key} does not let in namespace {namespace}: add it to its spec.allowedNamespaces"
        )
    return found


@asynccontextmanager
async def open_account(kube: Kube, account: CarrierAccount) -> AsyncIterator[Carrier]:
    """The account's adapter, with the credentials of its Secret.

    Raises:
        AccountUnusable: the Secret or its key is not there.
        CarrierError: the credentials can't be sent at all.
        KubeError: the person may not read the Secret.
    """
    credentials = await _credentials(kube, account)
    async with open_carrier(account.spec.provider, settings_of(account, credentials)) as carrier:
        yield carrier


async def _credentials(kube: Kube, account: CarrierAccount) -> Mapping[str, str]:
    try:
        secret = await kube.get(SECRETS, account.metadata.namespace, account.spec.credentials_secret_ref.name)
    except NotFound:
        secret = None
    credentials = credentials_in(secret, account)
    if isinstance(credentials, Condition):
        raise AccountUnusable(credentials.message)
    return credentials
