"""What would be bought, routed and released if manifests were applied, and what would be refused. Changes nothing.

Every pool of the namespaces that the manifests are in, or claim from, is taken on to where it has no action left. The
services and its rules are those of `dryrun/simulation.py`; a carrier is asked only when one of its pools is short.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

from ringfleet.api import NumberOrder, NumberPool, ProxyService, RotationSet
from ringfleet.controllers.desired_number import going, number_want
from ringfleet.controllers.services import Services
from ringfleet.dryrun.operator_offers import Reach
from ringfleet.dryrun.orders import decided, fill, pool_at
from ringfleet.dryrun.result import AccountPreview, Bought, Changed, Note, PoolPreview, Preview, Released
from ringfleet.dryrun.server import Manifest, Rehearsed, rehearse
from ringfleet.dryrun.simulation import WhatIf, place_of, what_if
from ringfleet.kube.client import Json, Kube
from ringfleet.model import GONE, AccountKey, Money
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.number_order import order_state, order_want
from ringfleet.objects.number_pool import pool_want
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.proxy_service import proxy_want
from ringfleet.objects.rotation_set import pools_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.steps import Wait
from ringfleet.plan.number_pool.decide import PoolDecision
from ringfleet.plan.number_pool.plan import PoolPlan
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.removal import Way
from ringfleet.plan.phone_number.steps import Leave, Look, Route


async def preview(kube: Kube, manifests: Sequence[Manifest], namespace: str, reach: Reach | None = None) -> Preview:
    """What applying the manifests leads to. `kube` keeps no write; `namespace` is that of objects that name none.
    `reach`: how the operator is asked for offers of accounts whose Secrets the person may not read; None: it is not.

    Raises:
        KubeError: the cluster can't be read.
    """
    objects = await rehearse(kube, manifests, namespace)
    applied = [one.obj for one in objects if one.obj is not None]
    async with what_if(kube, _namespaces(objects), applied, reach) as after:
        secrets = {place_of(obj): _with_data(obj) for obj in applied if obj["kind"] == "Secret"}
        return await foresee(after, objects, secrets)


async def foresee(after: WhatIf, objects: tuple[Rehearsed, ...], secrets: Mapping[ObjectRef, Json]) -> Preview:
    """What becomes of the simulation's pools. `objects`: what was made of the manifests; `secrets`: those in them."""
    return await _Foresight(after, secrets).see(objects)


def _namespaces(objects: Iterable[Rehearsed]) -> tuple[str, ...]:
    """The namespaces that the objects are in, and those of the pools that they claim from."""
    found = {one.namespace for one in objects if one.namespace}
    for one in objects:
        if one.kind == "NumberClaim" and one.obj:
            found.add(one.obj["spec"].get("poolRef", {}).get("namespace") or one.namespace or "")
        if one.kind == "RotationSet" and one.obj:
            found |= {namespace for namespace, _ in pools_of(RotationSet.parse(one.obj))}
        if one.kind == "ProxyService" and one.obj:
            found |= {namespace for namespace, _ in proxy_want(ProxyService.parse(one.obj)).pools}
    return tuple(sorted(found - {""}))


def _with_data(secret: Json) -> Json:
    """A Secret as the API server holds it: what is written as `stringData` is in `data`."""
    written = {
        key: base64.b64encode(value.encode()).decode() for key, value in (secret.get("stringData") or {}).items()
    }
    return {**secret, "data": {**(secret.get("data") or {}), **written}}


class _Foresight:
    """One look ahead: the simulation, the Secrets of the manifests, and the balances that were asked on the way."""

    def __init__(self, after: WhatIf, secrets: Mapping[ObjectRef, Json]) -> None:
        self._after = after
        self._services = after.services
        self._secrets = secrets
        self._balances: dict[AccountKey, Money] = {}

    async def see(self, objects: tuple[Rehearsed, ...]) -> Preview:
        pools = self._services.fleet.all(NumberPool)
        places = sorted(ObjectRef(*pool.key.split("/")) for pool in pools if not pool.metadata.deletion_timestamp)
        changed = _changed_numbers(self._services)
        seen = tuple([await self._see_pool(place, changed.pop(place, ())) for place in places])
        unpooled = tuple(one for some in changed.values() for one in some)
        return Preview(objects, seen, unpooled, tuple(self._accounts(seen)))

    async def _see_pool(self, place: ObjectRef, routed: tuple[Changed, ...]) -> PoolPreview:
        services, pool = self._services, pool_at(self._services, place)
        before, _ = await decided(services, pool)
        chosen = _chosen(services, place)
        released = planned_releases(services, place, before)
        if asked := self._may_order(place, before):
            for key in self._accounts_of(pool):
                if balance := await self._after.reach(key, self._secrets, place.namespace):
                    self._balances[key] = balance
        filling = await fill(self._after, place)
        bought = tuple(one for order in _orders(services, place) if order.key not in chosen for one in _bought(order))
        return PoolPreview(
            namespace=place.namespace,
            name=place.name,
            target=before.want.target,
            held=before.plan.supply.held,
            profile=before.want.routing_profile,
            bought=bought,
            routed=routed,
            released=released,
            served=tuple(filling.served),
            short=filling.last.plan.shortfall + _left_open(services, place, filling.stuck),
            notes=(*_notes(filling.last.plan, bought), *_unserved(services, place)),
            errors=tuple(dict.fromkeys(self._errors(pool, filling.stuck))) if asked else (),
        )

    def _may_order(self, place: ObjectRef, before: PoolDecision) -> bool:
        """Whether the carriers matter: numbers are short or on order, or will be, because claims take some at once; or
        what documents are asked for decides what claims may have."""
        claims = self._services.fleet.claims.by("pool", tuple(place))
        handed = any(self._services.claim_queue.assignment(claim) for claim in claims)
        to_ask = any(_bar(self._services, claim) is Reason.READING_REQUIREMENTS for claim in claims)
        return before.plan.shortfall > 0 or handed or to_ask or _has_open_orders(self._services, place)

    def _accounts_of(self, pool: NumberPool) -> tuple[AccountKey, ...]:
        """The accounts that the pool orders from, and those at which it has an order open."""
        orders = _orders(self._services, ObjectRef(pool.metadata.namespace, pool.metadata.name))
        opened = [order_want(order).account for order in orders if not order.status.done]
        return tuple(dict.fromkeys((*pool_want(pool).carriers, *opened)))

    def _errors(self, pool: NumberPool, stuck: Mapping[str, Wait]) -> Iterable[str]:
        for key in self._accounts_of(pool):
            seen = self._services.accounts.seen(key, pool.metadata.namespace)
            if seen.blocked and seen.blocked is not Reason.SUSPENDED:
                yield seen.message
        yield from (wait.message for wait in stuck.values() if wait.reason not in _BY_WISH)

    def _accounts(self, pools: Iterable[PoolPreview]) -> Iterable[AccountPreview]:
        """Each account that would be bought from, once for each currency that its offers are priced in."""
        spent: dict[tuple[AccountKey, str], list[Money]] = {}
        for one in (bought for pool in pools for bought in pool.bought):
            cost = one.offer.price.first_month
            spent.setdefault((one.account, cost.currency), []).append(cost)
        for key, currency in sorted(spent):
            if key in self._balances:
                spend, by_operator = Money.total(spent[key, currency], currency), key in self._after.by_operator
                yield AccountPreview(key, self._balances[key], spend, by_operator)


def planned_releases(services: Services, place: ObjectRef, decision: PoolDecision) -> tuple[Released, ...]:
    """The numbers that are on their way out or would be asked to go, with what still holds them. None while frozen."""
    if decision.release.record.frozen_since:
        return ()
    records = sorted(services.fleet.numbers.by("pool", tuple(place)), key=lambda record: record.number)
    found = ((record, _why_released(services, record, decision)) for record in records)
    return tuple(Released(record.number, record.account, why) for record, why in found if why)


def _why_released(services: Services, record: NumberRecord, decision: PoolDecision) -> str | None:
    if record.state.phase in GONE:
        return None
    if record.name in decision.release.ask:
        return "Surplus: its pool would ask it to go; the hold of the pool begins then."
    asked = going(services, record)
    if asked is None or asked.obstacle or asked.way is not Way.RELEASE:
        return None
    if record.name in decision.release.record.granted:
        return f"{asked.cause}: it may go now."
    return f"{asked.cause}: it goes after the hold of its pool and within its daily budget."


def _changed_numbers(services: Services) -> dict[ObjectRef, tuple[Changed, ...]]:
    """The numbers that would be told something else at their carrier, by pool; under "" those without one."""
    found: dict[ObjectRef, tuple[Changed, ...]] = {}
    for _, record in sorted(services.fleet.numbers.items(), key=lambda item: item[1].number):
        if changed := _changed(services, record):
            place = ObjectRef(record.namespace, record.pool or "")
            found[place] = (*found.get(place, ()), changed)
    return found


def _changed(services: Services, record: NumberRecord) -> Changed | None:
    if services.fleet.claim_is_missing(record):  # it may wish for a routing of its own
        return None
    want = number_want(services, record)
    routing = None if want.observed else want.routing
    if routing and routing.external_id and not (routing.told or routing.missing or routing.held):
        # Its profile changes at the carrier, in one call for all numbers: what they lead to changes with it.
        return Changed(record.number, record.account, Route.__name__, routing.profile)
    step = plan_number(want, record.state, None, AccountSeen()).step
    if step is None or isinstance(step, Look | Leave):
        return None
    return Changed(record.number, record.account, type(step).__name__, getattr(step, "profile", None))


def _orders(services: Services, place: ObjectRef) -> list[NumberOrder]:
    return sorted(services.fleet.orders_for(*place), key=lambda order: order.spec.sequence)


def _has_open_orders(services: Services, place: ObjectRef) -> bool:
    return any(not order.status.done for order in _orders(services, place))


def _chosen(services: Services, place: ObjectRef) -> frozenset[str]:
    """The orders that have their numbers already: these are on their way, whatever is applied."""
    return frozenset(order.key for order in _orders(services, place) if order.status.items is not None)


def _bought(order: NumberOrder) -> Iterable[Bought]:
    want = order_want(order)
    for item in order_state(order).items or ():
        yield Bought(item.offer, want.account, order.metadata.name, approval=not want.approved)


def _left_open(services: Services, place: ObjectRef, stuck: Mapping[str, Wait]) -> int:
    """How many numbers the orders want that could not choose any."""
    orders = [order for order in _orders(services, place) if order.metadata.name in stuck]
    return sum(order.spec.count for order in orders if order.status.items is None)


def _unserved(services: Services, place: ObjectRef) -> Iterable[Note]:
    """What claims must have that the pool can never give, or may not as their documents stand, and which claims."""
    found: dict[tuple[Reason, str], list[str]] = {}
    for claim in services.claim_queue.waiting(place):
        if why := services.claim_queue.unservable(claim):
            found.setdefault((Reason.POOL_CANNOT_SERVE, why), []).append(claim.key)
    for claim in services.fleet.claims.by("pool", tuple(place)):
        bar = None if claim.bound else services.claim_queue.bar(claim)
        if bar and bar.reason in _OF_DOCUMENTS:
            found.setdefault((bar.reason, bar.message), []).append(claim.key)
    for (reason, why), keys in sorted(found.items()):
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        yield Note(reason, f"NumberClaim {', '.join(sorted(keys)[:_NAMED])}{more}: {why}")


def _bar(services: Services, claim: ClaimRecord) -> Reason | None:
    """What keeps a claim without a number out of the queue; None: nothing does."""
    bar = None if claim.bound else services.claim_queue.obstacle(claim)
    return bar.reason if bar else None


_OF_DOCUMENTS = frozenset(
    {
        *(Reason.AMBIGUOUS_BUNDLE, Reason.BUNDLE_MISSING, Reason.WAITING_FOR_BUNDLE),
        *(Reason.DOCUMENTS_REJECTED, Reason.READING_REQUIREMENTS),
    }
)


_NAMED = 3
"""So many claims are named where more are meant."""


_BY_WISH = frozenset({Reason.SUSPENDED, Reason.FROZEN, Reason.PURCHASE_RATE_REACHED})
"""What an order waits for by a person's own word, which is no error of the plan."""
_EXPECTED = frozenset({Reason.ORDERING, Reason.PENDING_DOCUMENTS, Reason.AT_TARGET, Reason.BELOW_LOW_WATERMARK})
"""What is no news in a plan: that numbers are on order, or that so many are `short`."""


def _notes(plan: PoolPlan, bought: tuple[Bought, ...]) -> Iterable[Note]:
    """What the pool would say of itself, each reason once; that numbers are on order is no news here."""
    told: dict[str, str] = {}
    if bought or plan.shortfall:  # else what a carrier once refused is history
        told |= {memory.reason: memory.message for memory in plan.top_up.carriers if memory.reason}
    for condition in plan.conditions:
        if condition.reason not in _EXPECTED:
            told.setdefault(condition.reason, condition.message)
    if any(one.approval for one in bought):
        told[Reason.AWAITING_APPROVAL] = (
            "topUp.mode is Manual: each order waits for kubectl ringfleet approve norder/NAME."
        )
    return (Note(reason, message) for reason, message in told.items())
