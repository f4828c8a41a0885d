"""How a carrier account is opened: its credentials are read, its client is made, and the carrier says which it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from ringfleet.api import CarrierAccount, ComplianceBundle, NumberOrder
from ringfleet.api.meta import ACCEPT_ACCOUNT
from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.catalog import CatalogMemory
from ringfleet.carriers.metered import MeteredCarrier
from ringfleet.carriers.pace import Place
from ringfleet.carriers.registry import open_carrier
from ringfleet.carriers.remembered import RememberingCarrier
from ringfleet.carriers.short_marks import ShortMarks
from ringfleet.controllers.carrier_clients import CatalogNotes, OpenAccount, fingerprint, not_reached
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import wake_users
from ringfleet.kube.errors import NotFound
from ringfleet.model import GONE, AccountKey, ItemState
from ringfleet.objects.carrier_account import credentials_in, settings_of, standing_of
from ringfleet.objects.catalog import Seal
from ringfleet.objects.compliance_bundle import filing_records
from ringfleet.objects.refs import SECRETS
from ringfleet.plan.carrier_account.identity import BY_CREDENTIALS, Identity, first_of, is_another
from ringfleet.plan.conditions import Condition, Reason


async def read_credentials(services: Services, obj: CarrierAccount) -> Mapping[str, str] | Condition:
    """The account's credentials, or the condition that says what is missing."""
    try:
        secret = await services.kube.get(SECRETS, obj.metadata.namespace, obj.spec.credentials_secret_ref.name)
    except NotFound:
        secret = None
    return credentials_in(secret, obj)


async def open_account(
    services: Services, key: AccountKey, obj: CarrierAccount, credentials: Mapping[str, str]
) -> OpenAccount:
    """The account's open client; a new one when its settings or any of its credentials have changed."""
    spec, settings = obj.spec, settings_of(obj, credentials)
    print_ = fingerprint(spec.provider, repr(sorted(credentials.items())), repr(settings))
    account = services.accounts.get(key)
    if account is None or account.fingerprint != print_:
        told = partial(services.meter.carrier_called, spec.provider.value)
        place = Place(settings.requests_per_second, settings.concurrency)
        opened = open_carrier(spec.provider, replace(settings, place=place))
        carrier: Carrier = MeteredCarrier(opened, told, services.monotonic)
        if length := opened.abilities.mark_length:
            carrier = ShortMarks(carrier, length, services.installation, services.fleet.marks)
        catalog, notes = _catalog(services, account, Seal.of(obj, credentials))
        account = OpenAccount(
            RememberingCarrier(carrier, catalog),
            print_,
            frozenset(),
            not_reached(key),
            credentials=fingerprint(repr(sorted(credentials.items()))),
            opened_at=services.monotonic(),
            place=place,
            catalog=catalog,
            catalog_notes=notes,
        )
        if counted := obj.status.numbers:
            account.last_owned, account.doubted = counted.owned, counted.shrunk_to
        await services.accounts.open(key, account)
    account.catalog.ttl = spec.catalog.cache_ttl
    if account.allowed_namespaces != frozenset(spec.allowed_namespaces):
        account.allowed_namespaces = frozenset(spec.allowed_namespaces)
        wake_users(services, key)
    return account


def _catalog(services: Services, before: OpenAccount | None, seal: Seal) -> tuple[CatalogMemory, CatalogNotes]:
    """What the new client remembers: all that the one `before` did, if that was of the same account."""
    if before and before.catalog_notes.seal == seal:
        return before.catalog, before.catalog_notes
    return CatalogMemory(clock=services.clock), CatalogNotes(seal)


async def identify(services: Services, obj: CarrierAccount, account: OpenAccount) -> None:
    """Ask the carrier, until it has told, which account this is; whoever is one with it, or was, is woken. One that is
    another account than before is not identified (`changed_from`).

    Not every carrier tells that before the account has something. Until then it is known by its credentials, so that
    others of them are noticed only once it has told.

    Raises:
        CarrierError: the carrier can't be asked.
    """
    if account.identity is None or account.account_id is None:
        account.account_id = account.account_id or await account.carrier.account_id()
        if account.identity is None and changed_from(services, obj, account):
            return
        identity = standing_of(obj, account.account_id or f"{BY_CREDENTIALS}{account.credentials}").identity
        if identity != account.identity:
            _know(services, account, identity)
    rank(services, AccountKey(obj.metadata.namespace, obj.metadata.name))


def _know(services: Services, account: OpenAccount, identity: Identity) -> None:
    """From now on the account is this one. What was listed of it by its credentials is listed anew."""
    account.identity, account.swept_at = identity, None
    account.at_carrier = services.accounts.identities.at_carrier(identity)
    account.place.move(account.at_carrier.pace)


def changed_from(services: Services, obj: CarrierAccount, account: OpenAccount) -> str | None:
    """The id of the account at the carrier that the object has opened until now, when its client opens another one,
    something of the object is at the old one, and no person has accepted that; else None."""
    before = obj.status.account_id
    if not is_another(before, account.account_id, obj.metadata.annotations.get(ACCEPT_ACCOUNT)):
        return None
    return before if _has_something(services, AccountKey(obj.metadata.namespace, obj.metadata.name)) else None


def _has_something(services: Services, key: AccountKey) -> bool:
    """Whether the account holds, or may hold, what was bought or filed through the object."""
    if any(record.state.phase not in GONE for record in services.fleet.numbers.each("account", key)):
        return True
    if any(_may_have_bought(order) for order in services.fleet.orders_at(key)):
        return True
    bundles = (filing_records(bundle) for bundle in services.fleet.all(ComplianceBundle))
    return any(ref[0] == key and record.is_there for records in bundles for ref, record in records.items())


def _may_have_bought(order: NumberOrder) -> bool:
    """Whether the order has not ended, and the carrier has heard of it."""
    items = order.status.items or ()
    return not order.status.done and any(item.state not in (ItemState.PENDING, ItemState.FAILED) for item in items)


def rank(services: Services, key: AccountKey) -> None:
    """Note whether the account is the one that works, of those that are one at the carrier; the others look anew. One
    that was deleted during its turn is none of them."""
    fresh = services.fleet.get(CarrierAccount, key.namespace, key.name)
    concerned = services.accounts.learn(fresh) if fresh else services.accounts.identities.forget(key)
    for other in concerned:
        services.queues.wake_account(other)


def may_be_duplicate(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> bool:
    """Whether an older account at this endpoint has not been identified yet: it may be this very one, and is waited for
    a while, so that of two that are made together the wrong one buys nothing first."""
    if obj.status.account_id is not None or services.monotonic() > account.opened_at + _WAIT_FOR_OLDER:
        return False
    mine = standing_of(obj, "")
    others = (standing_of(other, "") for other in services.fleet.all(CarrierAccount) if other.status.account_id is None)
    return any(
        other.identity == mine.identity
        and first_of((mine, other)) != key
        and services.accounts.seen(other.account, other.account.namespace).blocked is Reason.ACCOUNT_NOT_READY
        for other in others
    )


_WAIT_FOR_OLDER = 30.0
"""Seconds for which an account that nobody has identified before waits for the older ones at its endpoint."""
