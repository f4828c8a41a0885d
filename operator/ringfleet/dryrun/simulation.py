"""The operator's view of the cluster as it would be after manifests were applied, in memory only.

::

    cluster, by list  --.
                         >-- one Services, whose queues never run  --> looks and plans, as the operator's (orders.py)
    manifests, dry run -'         ^                                            |
                                  '---- what would be written, as if it were <-'

The services are the operator's own, queue of claims and quotas included. Its connection keeps no write, and of a
carrier nothing is asked but its balance and its offers. All of it happens at one moment: the clock stands still.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count

from ringfleet.api import (
    CarrierAccount,
    ComplianceBundle,
    NumberClaim,
    NumberPool,
    NumberQuota,
    PhoneNumber,
    ProxyService,
    RotationSet,
    RoutingProfile,
)
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.carriers.errors import CarrierError, CredentialsRejected
from ringfleet.controllers.account_opening import identify, open_account
from ringfleet.controllers.carrier_account import turned_away_by
from ringfleet.controllers.carrier_clients import OpenAccount, not_reached
from ringfleet.controllers.fleet import INTENTS
from ringfleet.controllers.proxy_service import claims_of_service
from ringfleet.controllers.rotation_set import claims_to_make
from ringfleet.controllers.runtime import build_services
from ringfleet.controllers.services import Services
from ringfleet.controllers.triggers import follow, open_queue
from ringfleet.dryrun.offered_carrier import OfferedCarrier
from ringfleet.dryrun.operator_offers import OffersUnreachable, OperatorOffers, Reach
from ringfleet.kube.client import Json, Kube
from ringfleet.kube.errors import Forbidden, KubeError, NotFound
from ringfleet.model import AccountKey, Money
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.carrier_account import credentials_in
from ringfleet.objects.conditions import stamp
from ringfleet.objects.freeze import FREEZE_NAME
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.refs import CONFIG_MAPS, SECRETS, resource_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.settings import Settings

KINDS: tuple[type[ApiObject], ...] = (*INTENTS, PhoneNumber, NumberClaim)
"""The kinds that the view is made of."""
OF_BORROWERS: tuple[type[ApiObject], ...] = (NumberClaim, RoutingProfile, NumberQuota, ComplianceBundle)
"""What matters of a namespace whose claims hold, or may hold, numbers of another one."""

Objects = dict[type[ApiObject], dict[ObjectRef, Json]]


@asynccontextmanager
async def what_if(
    kube: Kube, namespaces: Iterable[str], laid_over: Iterable[Json], reach: Reach | None = None
) -> AsyncIterator[WhatIf]:
    """`namespaces` as the cluster has them, with the objects `laid_over` in place of those of their names. `reach` as
    of `WhatIf`.

    Raises:
        KubeError: the cluster can't be read.
    """
    objects = await _read(kube, frozenset(namespaces))
    for obj in laid_over:
        if model := next((kind for kind in KINDS if kind.__name__ == obj["kind"]), None):
            objects[model][place_of(obj)] = obj
    async with build_services(kube, Settings(installation="what-if", namespaces=())) as services:
        moment = services.clock()
        services.clock = lambda: moment
        follow(services)
        await _look_for_the_freeze(services)
        found = WhatIf(services, reach)
        for model, by_place in objects.items():
            for obj in by_place.values():
                found.take_in(model, obj)
        for rotation in services.fleet.all(RotationSet):
            for claim in claims_to_make(services, rotation):
                found.take_in(NumberClaim, claim)
        for service in services.fleet.all(ProxyService):
            for claim in claims_of_service(services, service):
                found.take_in(NumberClaim, claim)
        open_queue(services)
        services.found_going.clear()  # an operator that runs has seen them before
        yield found


async def _look_for_the_freeze(services: Services) -> None:
    """Whether everything is frozen. Who may not see that sees what would happen if it were not."""
    with suppress(NotFound, Forbidden):
        found = await services.kube.get(CONFIG_MAPS, services.settings.system_namespace, FREEZE_NAME)
        services.freeze_informer.observe(found)


async def _read(kube: Kube, namespaces: frozenset[str]) -> Objects:
    objects: Objects = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for namespace in sorted(namespaces):
            await _list(kube, kind, namespace, objects)
    with suppress(Forbidden):  # which accounts of others are the same ones at the carrier
        await _list(kube, CarrierAccount, None, objects)
    borrowers = _borrowers(objects)
    everywhere = (None,) if "*" in borrowers else sorted(borrowers - namespaces)
    for kind in OF_BORROWERS:
        for other in everywhere:
            with suppress(Forbidden):  # what may not be seen of others is left out, and nothing concluded from that
                await _list(kube, kind, other, objects)
    return objects


async def _list(kube: Kube, kind: type[ApiObject], namespace: str | None, objects: Objects) -> None:
    page = await kube.list_all(resource_of(kind), namespace)
    objects[kind] |= {place_of(obj): obj for obj in page.items}


def _borrowers(objects: Objects) -> set[str]:
    """The namespaces that claim, or may claim, from the pools; "*" for all."""
    holders = (obj["spec"].get("claimRef", {}).get("namespace") for obj in objects[PhoneNumber].values())
    let_in = (obj["spec"].get("allowedNamespaces", ()) for obj in objects[NumberPool].values())
    return {*filter(None, holders), *(namespace for some in let_in for namespace in some)}


def place_of(obj: Json) -> ObjectRef:
    return ObjectRef(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


class WhatIf:
    """See the module. What is known of numbers and claims is kept whole beside their slim records, to be written on."""

    def __init__(self, services: Services, reach: Reach | None = None) -> None:
        """`reach`: how the operator is asked where a Secret may not be read; None: it is not asked."""
        self.services = services
        self._operator = reach
        self.by_operator: set[AccountKey] = set()
        """The accounts whose offers the operator has told."""
        self._whole: dict[tuple[str, ObjectRef], Json] = {}
        self._versions = count(2**62)  # later than all that is stored, and in the order of the manifests

    def take_in(self, kind: type[ApiObject], obj: Json) -> None:
        """Let the services know an object. What was never stored gets what it would have got by that."""
        metadata = {
            "uid": f"what-if/{kind.__name__}/{'/'.join(place_of(obj))}",
            "generation": 1,
            "creationTimestamp": stamp(self.services.clock()),
            "resourceVersion": str(next(self._versions)),
        } | obj["metadata"]
        held = {**obj, "metadata": metadata}
        match kind.__name__:
            case "PhoneNumber":
                self._whole[kind.__name__, place_of(held)] = held
                self.services.fleet.learn("PhoneNumber", held)
            case "NumberClaim":
                self._whole[kind.__name__, place_of(held)] = held
                self.services.fleet.learn("NumberClaim", held)
            case name:
                self.services.fleet.learn(name, held)

    def write(self, obj: ApiObject) -> None:
        """Let the services know what would have been written of an object."""
        self._write(obj.__class__, obj.as_dict())

    def _write(self, kind: type[ApiObject], body: Json) -> None:
        version = str(next(self._versions))
        self.take_in(kind, {**body, "metadata": {**body["metadata"], "resourceVersion": version}})

    def serve_claims(self, pool: ObjectRef) -> list[str]:
        """Bind the claims that the queue has a number of this pool for; their keys."""
        return [claim.key for claim in self.services.fleet.claims.by("pool", tuple(pool)) if self._bind(claim)]

    def _bind(self, claim: ClaimRecord) -> bool:
        """The two writes that bind a claim to what it was handed. False when it was handed nothing."""
        handed = self.services.claim_queue.assignment(claim)
        if handed is None or self.services.claim_queue.obstacle(claim):
            return False
        place = ObjectRef(claim.pool.namespace, handed.name)
        number = self._whole["PhoneNumber", place]
        ref = {"namespace": claim.namespace, "name": claim.name, "uid": claim.uid}
        spec = {**number["spec"], "claimRef": ref, "lastClaimRef": None}
        status = {**number.get("status", {}), "phase": "Bound"}
        self._write(PhoneNumber, {**number, "spec": spec, "status": status})
        self.services.claim_queue.settle(claim)
        whole = self._whole["NumberClaim", ObjectRef(claim.namespace, claim.name)]
        bound = {"phase": "Bound", "phoneNumber": {"namespace": place.namespace, "name": place.name}}
        self._write(NumberClaim, {**whole, "status": {**whole.get("status", {}), **bound}})
        return True

    # Reaching accounts.

    async def reach(self, key: AccountKey, secrets: Mapping[ObjectRef, Json], namespace: str) -> Money | None:
        """Open the account and ask its balance, if that is not done yet; None when it can't be asked.

        Why it can't is what is then known of the account. `secrets` are those of the manifests; others are read with
        the rights of the connection. Where they don't reach, the operator is asked, for objects of `namespace`.
        """
        obj = await self._account(key)
        if obj is None or self.services.accounts.get(key) is not None:
            return None
        if obj.spec.suspend:
            self._block(key, Reason.SUSPENDED, "The account is suspended (spec.suspend).")
            return None
        place = ObjectRef(key.namespace, obj.spec.credentials_secret_ref.name)
        if self._operator and place not in secrets and (refused := await self._refused(place)):
            return await self._ask_operator(key, obj, namespace, self._operator, refused)
        credentials = await self._credentials(key, obj, secrets)
        return None if credentials is None else await self._ask(key, obj, credentials)

    async def _refused(self, place: ObjectRef) -> Forbidden | None:
        """Why the person may not read the Secret; None: that may be."""
        try:
            await self._secret(place)
        except Forbidden as error:
            return error
        except KubeError:  # who reads it next says why
            return None
        return None

    async def _ask_operator(
        self, key: AccountKey, obj: CarrierAccount, namespace: str, reach: Reach, refused: Forbidden
    ) -> Money | None:
        """Open the account as the operator tells its offers; None when it can't be asked."""
        operator = OperatorOffers(self.services.kube, namespace, reach)
        try:
            await operator.authorize()
        except OffersUnreachable as error:
            why = f"its Secret can't be read: {refused}; nor can the operator be asked for its offers: {error}"
            self._block(key, Reason.ACCOUNT_NOT_READY, why)
            return None
        allowed = frozenset(obj.spec.allowed_namespaces)
        account = OpenAccount(OfferedCarrier(obj, operator), "by the operator", allowed, not_reached(key))
        await self.services.accounts.open(key, account)
        self.by_operator.add(key)
        return await self._settle(key, obj, account)

    async def _credentials(
        self, key: AccountKey, obj: CarrierAccount, secrets: Mapping[ObjectRef, Json]
    ) -> Mapping[str, str] | None:
        """The account's credentials; None when they are missing, and the account says why."""
        place = ObjectRef(key.namespace, obj.spec.credentials_secret_ref.name)
        try:
            secret = secrets.get(place) or await self._secret(place)
        except KubeError as error:
            self._block(key, Reason.ACCOUNT_NOT_READY, f"its Secret can't be read: {error}")
            return None
        credentials = credentials_in(secret, obj)
        if isinstance(credentials, Condition):
            self._block(key, credentials.reason, credentials.message)
            return None
        return credentials

    async def _account(self, key: AccountKey) -> CarrierAccount | None:
        """The account's object; one in a namespace that was not listed is read now."""
        known = self.services.fleet.get(CarrierAccount, key.namespace, key.name)
        if known is not None:
            return known
        resource = resource_of(CarrierAccount)
        try:
            self.take_in(CarrierAccount, await self.services.kube.get(resource, key.namespace, key.name))
        except NotFound:
            return None
        except Forbidden as error:
            self._block(key, Reason.ACCOUNT_NOT_READY, f"it can't be read: {error}")
            return None
        return self.services.fleet.get(CarrierAccount, key.namespace, key.name)

    async def _secret(self, place: ObjectRef) -> Json | None:
        try:
            return await self.services.kube.get(SECRETS, *place)
        except NotFound:
            return None

    async def _ask(self, key: AccountKey, obj: CarrierAccount, credentials: Mapping[str, str]) -> Money | None:
        try:
            account = await open_account(self.services, key, obj, credentials)
        except CredentialsRejected as error:
            self._block(key, turned_away_by(error), str(error))
            return None
        return await self._settle(key, obj, account)

    async def _settle(self, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> Money | None:
        """Learn which account it is and what it has; None when it can't be asked."""
        try:
            await identify(self.services, obj, account)
            balance = await account.carrier.balance()
        except CarrierError as error:
            turned_away = turned_away_by(error) if isinstance(error, CredentialsRejected) else None
            reason = turned_away or Reason.CARRIER_UNAVAILABLE
            account.seen = AccountSeen(reason, f"CarrierAccount {key}: {error}")
            return None
        account.seen = AccountSeen()
        assert account.identity  # by `identify`
        # An account is not listed for a preview: its objects are believed.
        self.services.fleet.marked.learn(key, account.identity, {})
        return balance

    def _block(self, key: AccountKey, reason: Reason, message: str) -> None:
        self.services.accounts.block(key, reason, f"CarrierAccount {key}: {message}")
