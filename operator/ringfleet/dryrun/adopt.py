"""Adopting what an account already has: a person's command, with that person's rights. The operator has no part in it.

The numbers are listed live at the carrier, with the credentials in the account's Secret. Adopting one is nothing but
making its PhoneNumber: the operator finds it there, marks and routes it. Nothing is changed at the carrier from here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ringfleet.api import CarrierAccount, NumberPool
from ringfleet.dryrun.account_access import find_account, open_account
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import AlreadyExists, Forbidden, NotFound
from ringfleet.model import E164, AccountKey, Holding
from ringfleet.objects.number_pool import pool_want
from ringfleet.objects.phone_number import number_body, project_number
from ringfleet.objects.refs import PHONE_NUMBERS, resource_of
from ringfleet.plan.carrier_account.adopt import Selection, Wish, select
from ringfleet.plan.conditions import Reason


class CannotAdopt(Exception):
    """The command can't be carried out; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class Request:
    """Numbers of `account`, to get their objects in `namespace`."""

    account: AccountKey
    namespace: str
    wish: Wish


class Made(StrEnum):
    """What became of one adoption."""

    CREATED = "created"
    EXISTS = "exists"


async def find_adoptable(kube: Kube, request: Request) -> tuple[Request, Selection]:
    """The request with its pool's market, and what the account owns, sorted out. Changes nothing.

    Raises:
        CannotAdopt: there is no such pool, or the account is one with an older one at the carrier.
        AccountUnusable: account or Secret are missing, or the account does not let the namespace in.
        CarrierError: the carrier can't be asked.
        KubeError: the person may not read what is needed.
    """
    account = await find_account(kube, request.account, request.namespace)
    _refuse_duplicate(account)
    request = replace(request, wish=await _with_market(kube, request))
    objects = await _objects(kube, request)
    holdings = await _holdings(kube, account)
    return request, select(holdings, objects, account.status.installation or "", request.wish)


def _refuse_duplicate(account: CarrierAccount) -> None:
    for condition in account.status.conditions:
        if condition.reason == Reason.DUPLICATE_ACCOUNT:
            raise CannotAdopt(f"CarrierAccount {account.key}: {condition.message}")


async def adopt(kube: Kube, request: Request, holding: Holding) -> Made:
    """Make the number's object."""
    body = number_body(holding.number, request.account, request.namespace, request.wish.pool)
    try:
        await kube.create(PHONE_NUMBERS, request.namespace, body)
    except AlreadyExists:
        return Made.EXISTS
    return Made.CREATED


async def _with_market(kube: Kube, request: Request) -> Wish:
    if request.wish.pool is None:
        return request.wish
    try:
        pool = NumberPool.parse(await kube.get(resource_of(NumberPool), request.namespace, request.wish.pool))
    except NotFound as error:
        raise CannotAdopt(f"NumberPool {request.namespace}/{request.wish.pool} does not exist.") from error
    return replace(request.wish, market=pool_want(pool).market)


async def _objects(kube: Kube, request: Request) -> frozenset[E164]:
    """The account's numbers that have an object, in all namespaces if the person may look there.

    If not, little is missed: what is managed in another namespace carries our mark.
    """
    try:
        return await _numbers_in(kube, None, request.account)
    except Forbidden:
        return await _numbers_in(kube, request.namespace, request.account)


async def _numbers_in(kube: Kube, namespace: str | None, account: AccountKey) -> frozenset[E164]:
    records = [project_number(item) async for page in kube.pages(PHONE_NUMBERS, namespace) for item in page.items]
    return frozenset(record.number for record in records if record.account == account)


async def _holdings(kube: Kube, account: CarrierAccount) -> list[Holding]:
    async with open_account(kube, account) as carrier:
        return [holding async for page in carrier.holdings() for holding in page]
