"""Who may send events: the carrier accounts of the cluster, and what each signs with.

The accounts are followed by a watch, so a stranger who tries names costs the API server nothing. A Secret is read by
its name and kept for a minute; the dispatcher needs `get` on those Secrets, and no more. While the API server is away,
what was read last still holds.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ringfleet.api import CarrierAccount, RoutingProfile
from ringfleet.carriers.registry import PROVIDERS
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.webhooks import Sender, accounts_unread, no_such_account
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import Forbidden, KubeError, NotFound
from ringfleet.kube.informer import Informer
from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.refs import SECRETS, resource_of
from ringfleet.objects.routing_profile import told_at

KEPT_SECONDS = 60.0
AGAIN_SECONDS = 10.0
"""After which a Secret is looked at again that could not be read."""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """What of a CarrierAccount is needed. `secret`: name and key of its Secret."""

    provider: str
    secret: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """What of a RoutingProfile is needed: the URL to which it sends messages, if to any, and who was told it."""

    target: str | None
    told: frozenset[AccountKey]


@dataclass(frozen=True, slots=True)
class Kept:
    secret: tuple[str, str]
    until: float
    secrets: tuple[str, ...]


class Senders:
    """See the module. `run` follows; `find` looks an account up. `clock`: seconds, for how long a Secret is kept."""

    def __init__(
        self,
        kube: Kube,
        clock: Callable[[], float],
        namespaces: Collection[str] | None = None,
        profiles_in: Collection[str] | None = None,
    ) -> None:
        """`namespaces`: those of the accounts, `profiles_in`: those of the routing profiles; None: all of them."""
        self._kube = kube
        self._clock = clock
        self._kept: dict[AccountKey, Kept] = {}
        self._turns: dict[AccountKey, asyncio.Lock] = {}
        self.accounts: Informer[AccountRecord] = Informer(
            kube, resource_of(CarrierAccount), _project, namespaces=namespaces
        )
        self._on_change: list[Callable[[], None]] = []
        self.accounts.store.subscribe(self._on_account)
        self.profiles: Informer[ProfileRecord] = Informer(
            kube, resource_of(RoutingProfile), _project_profile, namespaces=profiles_in
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        await asyncio.gather(self.accounts.run(), self.profiles.run(), self._tell_when_read())

    async def _tell_when_read(self) -> None:
        await self.accounts.synced.wait()
        self._tell()

    def _tell(self) -> None:
        for hear in self._on_change:
            hear()

    def target_of(self, key: AccountKey, profile: ObjectRef) -> str | None:
        """The URL to which the profile sends messages; None: it has none, or the account was not told it."""
        record = self.profiles.store.get(profile)
        return record.target if record and key in record.told else None

    async def find(self, key: AccountKey) -> Sender:
        """Raises Problem: the account is not there, or has nothing to check a signature with."""
        if not self.accounts.synced.is_set():
            raise accounts_unread()
        record = self.accounts.store.get(ObjectRef(key.namespace, key.name))
        if record is None:
            raise no_such_account(key)
        reader = PROVIDERS[record.provider].webhooks
        if record.secret is None or reader is None:
            raise Problem(
                "forbidden",
                f"CarrierAccount {key} takes no events: name the Secret that signs them in spec.webhookSecretRef.",
            )
        return Sender(reader, await self._secrets(key, record.secret))

    async def vouch(self, key: AccountKey) -> tuple[str, tuple[str, ...]]:
        """The same for another process: the provider whose webhooks they are, and the secrets. Raises Problem."""
        sender, record = await self.find(key), self.accounts.store.get(ObjectRef(key.namespace, key.name))
        if record is None:
            raise no_such_account(key)
        return record.provider, sender.secrets

    def keys(self) -> list[AccountKey] | None:
        """All accounts; None: they are not read yet."""
        if not self.accounts.synced.is_set():
            return None
        return [AccountKey(*ref) for ref, _ in self.accounts.store.items()]

    def on_change(self, hear: Callable[[], None]) -> None:
        """Call `hear` when an account comes, changes or goes, and when all are read."""
        self._on_change.append(hear)

    async def _secrets(self, key: AccountKey, secret: tuple[str, str]) -> tuple[str, ...]:
        """Those who ask at the same time wait for one look."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is None or kept.secret != secret or self._clock() >= kept.until:
                kept = await self._look(key, secret, kept)
                self._kept[key] = kept
        if not kept.secrets:
            name, field = secret
            raise Problem(
                "forbidden",
                f"CarrierAccount {key} takes no events: there is no text under {field!r} in Secret "
                f"{key.namespace}/{name} (spec.webhookSecretRef).",
            )
        return kept.secrets

    async def _look(self, key: AccountKey, secret: tuple[str, str], before: Kept | None) -> Kept:
        name, field = secret
        try:
            found = await self._kube.get(SECRETS, key.namespace, name)
        except NotFound:
            found = {}
        except Forbidden as error:
            raise Problem(
                "authority-unavailable",
                f"The dispatcher may not read Secret {key.namespace}/{name}: give its service account get on it.",
            ) from error
        except KubeError as error:
            if before is not None and before.secret == secret:
                return replace(before, until=self._clock() + AGAIN_SECONDS)  # a look that fails takes a while
            raise Problem(
                "authority-unavailable", "The API server can't be asked for the account's secret. Send the event again."
            ) from error
        return Kept(secret, self._clock() + KEPT_SECONDS, _lines(found.get("data") or {}, field))

    def _on_account(self, key: ObjectRef, _: AccountRecord | None, new: AccountRecord | None) -> None:
        if new is None:
            self._kept.pop(AccountKey(*key), None)
            self._turns.pop(AccountKey(*key), None)
        if self.accounts.synced.is_set():
            self._tell()


class Fleet:
    """What events need of the inventory: whose a number is, and where an opt-out from it counts."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def is_known(self) -> bool:
        """Whether the inventory was read: before, nothing can be said of any number."""
        return self._inventory.synced_informers()

    def accounts_of(self, number: E164) -> Collection[AccountKey]:
        """The account that owns it; none while no PhoneNumber says so, and several when objects in several namespaces
        do, as after a copy of production: nobody here can say which of them is right."""
        return {record.account for record in self._inventory.numbers.store.by("number", number)}

    def scopes_of(self, number: E164) -> list[tuple[str, str]]:
        """Set and brand of each set that it is a member of."""
        return [want.scopes for want in self._inventory.sets_of(number)]

    def opt_out_words(self, number: E164) -> Collection[str]:
        """The words of its sets, beside those that hold everywhere. Of a number that is in none any more, those of
        every set: which it was in is not known."""
        sets = self._inventory.sets_of(number) or self._inventory.sets.store.values()
        return sorted({word for want in sets if want.messaging for word in want.messaging.opt_out_words})


def _project(obj: dict[str, Any]) -> AccountRecord:
    spec = CarrierAccount.parse(obj).spec
    ref = spec.webhook_secret_ref
    return AccountRecord(spec.provider, (ref.name, ref.key) if ref else None)


def _project_profile(obj: dict[str, Any]) -> ProfileRecord:
    profile = RoutingProfile.parse(obj)
    messaging = profile.spec.messaging
    target = messaging.webhook.url if messaging and messaging.webhook else None
    return ProfileRecord(target, frozenset(told_at(profile)))


def _lines(data: Mapping[str, str], field: str) -> tuple[str, ...]:
    """The secrets under a key of a Secret, one a line; none when it is not there or no text."""
    try:
        text = base64.b64decode(data[field], validate=True).decode()
    except (KeyError, binascii.Error, UnicodeDecodeError):
        return ()
    return tuple(line.strip() for line in text.splitlines() if line.strip())
