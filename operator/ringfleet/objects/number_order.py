"""From objects to the values that plans are made of. No decision is taken here, and nothing is called.

One direction only: what the API server holds becomes `plan` and `model` values. The other way is `status.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal

import orjson

from ringfleet.api.market import Market as MarketSpec
from ringfleet.api.meta import APPROVED, AccountRef
from ringfleet.api.number_order import Approval, NumberOrder, NumberOrderSpec, OrderItem, Source
from ringfleet.api.number_pool import CarrierMemory as MemoryStatus
from ringfleet.api.number_pool import NumberPool, TopUpMode
from ringfleet.api.routing_profile import RoutingProfile
from ringfleet.model import (
    E164,
    AccountKey,
    Holding,
    HoldingStatus,
    ItemState,
    Limits,
    Mark,
    Market,
    Money,
    Offer,
    Outcome,
    Phase,
    Price,
    Query,
    Routing,
    SipTarget,
)
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order import UNRESOLVED, Item, OrderState, OrderWant
from ringfleet.plan.number_pool.plan import PoolWant
from ringfleet.plan.number_pool.supply import ItemSeen, NumberSeen, OrderSeen
from ringfleet.plan.number_pool.topup import CarrierMemory, OrderIntent, TopUp
from ringfleet.plan.phone_number.plan import RoutingWant


def account_key(ref: AccountRef, namespace: str) -> AccountKey:
    """The account that a reference means; its namespace is that of the object when left out."""
    return AccountKey(ref.namespace or namespace, ref.name)


def _market(spec: MarketSpec) -> Market:
    return Market(spec.country, spec.type, spec.area_codes, frozenset(spec.capabilities))


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)


def pool_want(pool: NumberPool) -> PoolWant:
    spec = pool.spec
    return PoolWant(
        name=pool.metadata.name,
        market=_market(spec.market),
        carriers=tuple(account_key(carrier.account_ref, pool.metadata.namespace) for carrier in spec.carriers),
        target=spec.size.target,
        minimum=spec.size.target if spec.size.min is None else spec.size.min,
        limits=_pool_limits(pool),
        batch_size=spec.ordering.batch_size,
        history=spec.ordering.history_limit,
        routing_profile=spec.routing_profile_ref.name if spec.routing_profile_ref else None,
        manual=spec.top_up.mode is TopUpMode.MANUAL,
        suspended=spec.suspend,
    )


def _pool_limits(pool: NumberPool) -> Limits:
    limits = pool.spec.limits
    return Limits(
        currency=limits.currency,
        max_numbers=limits.max_numbers,
        monthly_budget=_money(limits.monthly_budget, limits.currency),
        max_monthly=_money(limits.max_monthly_price, limits.currency),
        max_setup=_money(limits.max_setup_price, limits.currency),
    )


def top_up(pool: NumberPool) -> TopUp:
    status = pool.status.top_up
    if status is None:
        return TopUp()
    intent = order_intent(status.order, pool.metadata.namespace) if status.order else None
    carriers = tuple(_memory(memory) for memory in status.carriers)
    return TopUp(status.sequence, intent, status.ordered, carriers, bool(status.filling))


def order_intent(spec: NumberOrderSpec, namespace: str) -> OrderIntent:
    budget = _money(spec.limits.budget, spec.limits.currency)
    return OrderIntent(spec.sequence, account_key(spec.account_ref, namespace), spec.count, budget)


def _memory(memory: MemoryStatus) -> CarrierMemory:
    return CarrierMemory(
        AccountKey(memory.namespace, memory.name),
        memory.sequence,
        memory.failures,
        Reason(memory.reason) if memory.reason else None,
        memory.message or "",
        memory.next_attempt_time,
    )


def number_seen(record: NumberRecord, *, returning: bool = False) -> NumberSeen:
    """A number that was bound a moment ago counts as bound, although its own phase is a look behind.

    `returning`: it still shows that it leaves, and stays after all.
    """
    phase = record.state.phase
    if phase is Phase.AVAILABLE and record.claim:
        phase = Phase.BOUND
    return NumberSeen(record.number, phase, record.price, record.purchased_at, returning)


def order_seen(order: NumberOrder) -> OrderSeen:
    state = order_state(order)
    return OrderSeen(
        sequence=order.spec.sequence,
        name=order.metadata.name,
        account=account_key(order.spec.account_ref, order.metadata.namespace),
        count=order.spec.count,
        chosen=state.items is not None,
        finished=state.recorded,
        items=tuple(ItemSeen(item.offer.number, item.state, item.price) for item in state.items or ()),
        budget=_money(order.spec.limits.budget, order.spec.limits.currency),
        failure=state.failure if state.recorded else None,
        message=state.message,
        completed_at=order.status.completed_at,
    )


def order_want(order: NumberOrder) -> OrderWant:
    spec = order.spec
    currency = spec.limits.currency
    return OrderWant(
        name=order.metadata.name,
        account=account_key(spec.account_ref, order.metadata.namespace),
        market=_market(spec.market),
        count=spec.count,
        limits=Limits(
            currency=currency,
            max_monthly=_money(spec.limits.max_monthly_price, currency),
            max_setup=_money(spec.limits.max_setup_price, currency),
        ),
        budget=_money(spec.limits.budget, currency),
        approved=spec.approval is Approval.AUTOMATIC or order.metadata.annotations.get(APPROVED) == "true",
    )


def order_state(order: NumberOrder) -> OrderState:
    status = order.status
    return OrderState(
        items=None if status.items is None else tuple(_item(item, order) for item in status.items),
        key=status.key or "",
        attempts=status.attempts,
        next_attempt=status.next_attempt_time,
        last_error=status.last_error or "",
        from_catalog=status.source is Source.CATALOG,
        recorded=status.recorded,
        failure=Reason(status.failure) if status.failure else None,
        message=status.message or "",
    )


def _item(item: OrderItem, order: NumberOrder) -> Item:
    currency = order.spec.limits.currency
    nothing = Money.zero(currency)
    price = Price(_money(item.monthly, currency) or nothing, _money(item.setup, currency) or nothing)
    offer = Offer(
        number=E164(item.number),
        country=item.country or order.spec.market.country,
        type=item.type or order.spec.market.type,
        price=price,
        area_code=item.area_code,
        region=item.region,
        capabilities=frozenset(item.capabilities),
        needs_documents=bool(item.needs_documents),
        token=item.token or "",
    )
    if item.state in UNRESOLVED:
        return Item(offer, item.state)
    outcome = Outcome(
        number=offer.number,
        state=item.state,
        reason=item.reason or "",
        message=item.message or "",
        external_id=item.external_id,
        price=price,
        renews_at=item.renews_at,
        documents_deadline=item.documents_deadline,
    )
    return Item(offer, item.state, outcome)


def holding_of(item: Item, mark: Mark) -> Holding | None:
    """What the carrier holds for us after this item, as its answer to the purchase told it; None when it holds none."""
    outcome = item.outcome
    if outcome is None or outcome.external_id is None or item.state is ItemState.FAILED:
        return None
    documents = item.state is ItemState.PENDING_DOCUMENTS
    return Holding(
        number=item.offer.number,
        external_id=outcome.external_id,
        status=HoldingStatus.PENDING_DOCUMENTS if documents else HoldingStatus.ACTIVE,
        country=item.offer.country,
        type=item.offer.type,
        price=item.price,
        area_code=item.offer.area_code,
        region=item.offer.region,
        capabilities=item.offer.capabilities,
        mark=mark,
        renews_at=outcome.renews_at,
        documents_deadline=outcome.documents_deadline,
    )


def market_queries(market: Market) -> Iterator[Query]:
    """One search for each area code, the preferred one first; one for the whole market when it names none."""
    for area_code in market.area_codes or (None,):
        yield Query(market.country, market.type, area_code, market.capabilities)


def routing_of(profile: RoutingProfile, installation: str) -> Routing:
    """The profile as a carrier is told it."""
    voice, messaging = profile.spec.voice, profile.spec.messaging
    trunk = voice.sip_trunk if voice else None
    service = messaging.service if messaging else None
    return Routing(
        reference=f"{installation}-{profile.metadata.namespace}-{profile.metadata.name}",
        name=profile.key,
        sip_targets=tuple(SipTarget(target.uri, target.priority, target.weight) for target in trunk.targets)
        if trunk
        else (),
        voice_webhook=voice.webhook.url if voice and voice.webhook else None,
        voice_application=voice.application.id if voice and voice.application else None,
        agent=voice.agent.id if voice and voice.agent else None,
        messaging_webhook=messaging.webhook.url if messaging and messaging.webhook else None,
        messaging_service=service.id if service else None,
        campaign=service.campaign if service else None,
    )


def content_hash(profile: RoutingProfile) -> str:
    """A short digest of what the profile says, the same for the same words."""
    words = {"voice": _dump(profile.spec.voice), "messaging": _dump(profile.spec.messaging)}
    return hashlib.sha256(orjson.dumps(words, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def _dump(part: object) -> object:
    return part.as_dict() if hasattr(part, "as_dict") else None


def routing_want(name: str, profile: RoutingProfile | None) -> RoutingWant:
    """The wish to be routed by the profile of this name, which is missing when `profile` is None."""
    if profile is None:
        return RoutingWant(name, missing=True)
    return RoutingWant(name, content_hash(profile), held=profile.spec.suspend)
