"""What carriers require of a market: a person's question, asked with that person's rights. Nothing is changed.

Each account is asked by itself: one that can't be asked says why, and keeps no other from being heard.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfleet.api import CarrierAccount
from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.registry import open_carrier
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import NotFound
from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Regulation
from ringfleet.objects.carrier_account import allowed, settings_of, token_in
from ringfleet.objects.refs import SECRETS, resource_of


class UnknownAccount(Exception):
    """An account that was named is not there, or is closed to the namespace; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whose numbers, of which market."""

    country: str
    type: NumberType
    end_user: EndUserType


@dataclass(frozen=True, slots=True)
class Answer:
    """What one carrier says: its regulation, None when it sells no such numbers; or the `trouble` in asking it."""

    account: AccountKey
    regulation: Regulation | None = None
    trouble: str = ""


async def ask_carriers(
    kube: Kube, namespace: str, names: tuple[AccountKey, ...], question: Question
) -> tuple[Answer, ...]:
    """The answers of the named accounts, or of all in the namespace.

    Raises:
        UnknownAccount: one that was named can't be used from this namespace.
        KubeError: the person may not read what is needed.
    """
    accounts = [await _account(kube, namespace, key) for key in names] if names else await _all(kube, namespace)
    return tuple(await asyncio.gather(*(_ask(kube, account, question) for account in accounts)))


async def _all(kube: Kube, namespace: str) -> list[CarrierAccount]:
    page = await kube.list_all(resource_of(CarrierAccount), namespace)
    return [CarrierAccount.parse(item) for item in page.items]


async def _account(kube: Kube, namespace: str, key: AccountKey) -> CarrierAccount:
    try:
        found = CarrierAccount.parse(await kube.get(resource_of(CarrierAccount), key.namespace, key.name))
    except NotFound as error:
        raise UnknownAccount(
            f"CarrierAccount {key} does not exist: see kubectl get ca --namespace {key.namespace}"
        ) from error
    if not allowed(frozenset(found.spec.allowed_namespaces), key, namespace):
        raise UnknownAccount(
            f"CarrierAccount {key} does not let in namespace {namespace}: add it to its spec.allowedNamespaces"
        )
    return found


async def _ask(kube: Kube, account: CarrierAccount, question: Question) -> Answer:
    key = AccountKey(account.metadata.namespace, account.metadata.name)
    if account.spec.suspend:
        return Answer(key, trouble="The account is suspended (spec.suspend): nothing is called at the carrier.")
    try:
        secret = await kube.get(SECRETS, key.namespace, account.spec.credentials_secret_ref.name)
    except NotFound:
        secret = None
    token, missing = token_in(secret, account)
    if missing:
        return Answer(key, trouble=missing.message)
    try:
        return Answer(key, await _regulation(account, token, question))
    except CarrierError as error:
        return Answer(key, trouble=str(error))


async def _regulation(account: CarrierAccount, token: str, question: Question) -> Regulation | None:
    """A carrier that takes no documents by its API asks for none."""
    country, type_, end_user = question.country, question.type, question.end_user
    async with open_carrier(account.spec.provider, settings_of(account, token)) as carrier:
        if carrier.registrar is None:
            return Regulation("", country, type_, end_user)
        return await carrier.registrar.regulation(country, type_, end_user)
