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
from ringfleet.model import E164, AccountKey, Holding, Mark, Unreadable
from ringfleet.model.policy import DeletionPolicy
from ringfleet.objects.number_pool import pool_want
from ringfleet.objects.phone_number import number_body, project_number
from ringfleet.objects.refs import PHONE_NUMBERS, resource_of
from ringfleet.plan.carrier_account.adopt import Object, Selection, Wish, select
from ringfleet.plan.conditions import Reason


class CannotAdopt(Exception):
    """The command can't be carried out; the message says what to correct."""


@dataclass(frozen=True, slots=True)
class Request:
    """Numbers of `account`, to get their objects in `namespace`."""

    account: AccountKey
    namespace: str
    wish: Wish
    established: bool = False
    """Whether the numbers have been used for calls before, so that a RotationSet does not ramp them up."""
    mark: Mark | None = None
    """What the operator will mark them with at the carrier; None: nothing, or that is not known yet."""
    routing_profile: str | None = None
    """The RoutingProfile of the pool, which the operator will route them by; None: it names none."""
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """The pool's, with which its numbers begin."""


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
    installation = account.status.installation or ""
    request = await _with_pool(kube, request, installation)
    objects = await _objects(kube, request)
    holdings, unreadable = await _listing(kube, account)
    return request, select(holdings, objects, installation, request.wish, unreadable)


async def country_of(kube: Kube, namespace: str, pool: str | None) -> str | None:
    """The country of a pool's market; None: there is no such pool, or none is named."""
    if pool is None:
        return None
    try:
        found = NumberPool.parse(await kube.get(resource_of(NumberPool), namespace, pool))
    except NotFound:
        return None
    return found.spec.market.country


def _refuse_duplicate(account: CarrierAccount) -> None:
    for condition in account.status.conditions:
        if condition.reason == Reason.DUPLICATE_ACCOUNT:
            raise CannotAdopt(f"CarrierAccount {account.key}: {condition.message}")


async def adopt(kube: Kube, request: Request, holding: Holding) -> Made:
    """Make the number's object."""
    body = number_body(
        holding.number,
        request.account,
        request.namespace,
        request.wish.pool,
        request.deletion_policy,
        established=request.established,
    )
    try:
        await kube.create(PHONE_NUMBERS, request.namespace, body)
    except AlreadyExists:
        return Made.EXISTS
    return Made.CREATED


async def _with_pool(kube: Kube, request: Request, installation: str) -> Request:
    name = request.wish.pool
    if name is None:
        return request
    try:
        pool = NumberPool.parse(await kube.get(resource_of(NumberPool), request.namespace, name))
    except NotFound as error:
        raise CannotAdopt(f"NumberPool {request.namespace}/{name} does not exist.") from error
    want = pool_want(pool)
    return replace(
        request,
        wish=replace(request.wish, market=want.market),
        mark=Mark(installation, request.namespace, name) if installation else None,
        routing_profile=want.routing_profile,
        deletion_policy=pool.spec.deletion_policy,
    )


async def _objects(kube: Kube, request: Request) -> dict[E164, Object]:
    """The objects of the account's numbers, in all namespaces if the person may look there.

    If not, little is missed: what is managed in another namespace carries our mark.
    """
    try:
        return await _numbers_in(kube, None, request.account)
    except Forbidden:
        return await _numbers_in(kube, request.namespace, request.account)


async def _numbers_in(kube: Kube, namespace: str | None, account: AccountKey) -> dict[E164, Object]:
    records = [project_number(item) async for page in kube.pages(PHONE_NUMBERS, namespace) for item in page.items]
    return {
        record.number: Object(record.namespace, record.name, record.pool, record.observed)
        for record in sorted(records, key=lambda record: not record.observed)
        if record.account == account
    }


async def _listing(kube: Kube, account: CarrierAccount) -> tuple[list[Holding], list[Unreadable]]:
    holdings, unreadable = list[Holding](), list[Unreadable]()
    async with open_account(kube, account) as carrier:
        async for page in carrier.holdings():
            holdings += page.holdings
            unreadable += page.unreadable
    return holdings, unreadable
