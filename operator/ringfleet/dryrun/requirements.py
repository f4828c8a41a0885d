"""What carriers require of a market: a person's question, asked with that person's rights. Nothing is changed.

Each account is asked by itself: one that can't be asked says why, and keeps no other from being heard.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfleet.api import CarrierAccount
from ringfleet.carriers.errors import CarrierError
from ringfleet.dryrun.account_access import AccountUnusable, find_account, open_account
from ringfleet.kube.client import Kube
from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Regulation
from ringfleet.objects.refs import resource_of


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
        AccountUnusable: one that was named can't be used from this namespace.
        KubeError: the person may not read what is needed.
    """
    accounts = [await find_account(kube, key, namespace) for key in names] if names else await _all(kube, namespace)
    return tuple(await asyncio.gather(*(_ask(kube, account, question) for account in accounts)))


async def _all(kube: Kube, namespace: str) -> list[CarrierAccount]:
    page = await kube.list_all(resource_of(CarrierAccount), namespace)
    return [CarrierAccount.parse(item) for item in page.items]


async def _ask(kube: Kube, account: CarrierAccount, question: Question) -> Answer:
    key = AccountKey(account.metadata.namespace, account.metadata.name)
    if account.spec.suspend:
        return Answer(key, trouble="The account is suspended (spec.suspend): nothing is called at the carrier.")
    try:
        return Answer(key, await _regulation(kube, account, question))
    except (AccountUnusable, CarrierError) as error:
        return Answer(key, trouble=str(error))


async def _regulation(kube: Kube, account: CarrierAccount, question: Question) -> Regulation | None:
    """A carrier that takes no documents by its API asks for none."""
    country, type_, end_user = question.country, question.type, question.end_user
    async with open_account(kube, account) as carrier:
        if carrier.registrar is None:
            return Regulation("", country, type_, end_user)
        return await carrier.registrar.regulation(country, type_, end_user)
