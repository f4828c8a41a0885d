"""A NumberOrder between its object and the values of `plan`, both ways. Pure; `now` is timezone-aware UTC.

First what is read from the object, then the status that is written to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import product

from ringfleet.api import NumberPool
from ringfleet.api.meta import APPROVED, ORDERED_FOR, POOL_UID, AccountRef
from ringfleet.api.number_order import (
    Approval,
    BundleRef,
    ForClaims,
    NumberOrder,
    NumberOrderSpec,
    NumberOrderStatus,
    OfferToken,
    OrderCost,
    OrderCounts,
    OrderItem,
    OrderMemory,
    OrderPhase,
    Source,
)
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
    Price,
    Query,
)
from ringfleet.model.asking import NOTHING, Ask, narrow
from ringfleet.model.kinds import kind_of
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import conditions
from ringfleet.objects.refs import account_key, market_of, money_of
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.items import UNRESOLVED, Item, has_handed_back
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.report import order_conditions
from ringfleet.plan.number_order.steps import Done, Step, Wait
from ringfleet.plan.number_pool.carriers import OrderIntent
from ringfleet.plan.number_pool.supply import ItemSeen, OrderSeen


def is_of_former_pool(order: NumberOrder, pool: NumberPool) -> bool:
    """Whether another pool of the name has made the order, which is gone. One that does not say who made it is taken
    for this pool's."""
    return order.metadata.annotations.get(POOL_UID) not in (None, pool.metadata.uid)


def chose_for_former_pool(order: NumberOrder, pool: NumberPool) -> bool:
    """Whether the order has chosen numbers, and for another pool of the name, which is gone. One that came back from a
    backup without status is another pool's, and may choose for this one."""
    uid = order.status.pool_uid or order.metadata.annotations.get(POOL_UID)
    return order.status.items is not None and uid not in (None, pool.metadata.uid)


def is_for_other_market(order: NumberOrder, pool: NumberPool) -> bool:
    """Whether what the order buys is no stock of the pool of today: its market was edited since, or another pool of the
    name has made the order."""
    return not kind_of(order_want(order).market).meets(market_of(pool.spec.market))


def order_intent(spec: NumberOrderSpec, namespace: str) -> OrderIntent:
    budget = money_of(spec.limits.budget, spec.limits.currency)
    return OrderIntent(
        spec.sequence, account_key(spec.account_ref, namespace), spec.count, budget, asked_for(spec.for_claims)
    )


def asked_for(spec: ForClaims | None) -> Ask:
    """What the claims ask that an order is made for; NOTHING beyond its market when it is for the stock."""
    if spec is None:
        return NOTHING
    ref = spec.compliance_bundle_ref
    bundle = ObjectRef(ref.namespace, ref.name) if ref else None
    place = spec.account_ref
    account = AccountKey(place.namespace, place.name) if place and place.namespace else None
    asked = Ask(frozenset(spec.capabilities), spec.area_codes, spec.area_code_required, spec.quotas_of, bundle)
    return replace(asked, account=account)


def for_claims(ask: Ask) -> ForClaims | None:
    """The same as it is written."""
    if ask == NOTHING:
        return None
    return ForClaims(
        capabilities=tuple(sorted(ask.capabilities)),
        area_codes=ask.area_codes,
        area_code_required=ask.required,
        quotas_of=ask.quotas_of,
        compliance_bundle_ref=BundleRef(**ask.bundle._asdict()) if ask.bundle else None,
        account_ref=AccountRef(name=ask.account.name, namespace=ask.account.namespace) if ask.account else None,
    )


def order_seen(order: NumberOrder) -> OrderSeen:
    state, want = order_state(order), order_want(order)
    handed_back = has_handed_back(state.items or ())
    return OrderSeen(
        sequence=order.spec.sequence,
        name=order.metadata.name,
        account=account_key(order.spec.account_ref, order.metadata.namespace),
        count=order.spec.count,
        chosen=state.items is not None,
        finished=state.recorded,
        items=tuple(
            ItemSeen(item.offer.number, item.state, item.price, item.offer.capabilities, item.offer.area_code)
            for item in state.items or ()
        ),
        budget=money_of(order.spec.limits.budget, order.spec.limits.currency),
        failure=state.failure if state.recorded or handed_back else None,
        handed_back=handed_back,
        message=state.message,
        completed_at=order.status.completed_at,
        unapproved=not want.approved,
        ask=asked_for(order.spec.for_claims),
        market=want.market,
        for_others=ORDERED_FOR in order.metadata.annotations,
    )


def order_want(order: NumberOrder) -> OrderWant:
    spec = order.spec
    currency = spec.limits.currency
    return OrderWant(
        name=order.metadata.name,
        account=account_key(spec.account_ref, order.metadata.namespace),
        market=narrow(market_of(spec.market), asked_for(spec.for_claims)),
        count=spec.count,
        limits=Limits(
            currency=currency,
            max_monthly=money_of(spec.limits.max_monthly_price, currency),
            max_setup=money_of(spec.limits.max_setup_price, currency),
        ),
        budget=money_of(spec.limits.budget, currency),
        numbers=tuple(map(E164, spec.numbers or ())),
        approved=spec.approval is Approval.AUTOMATIC or order.metadata.annotations.get(APPROVED) == "true",
    )


def items_by_number(order: NumberOrder) -> Mapping[str, OrderItem]:
    """The items as they are written, to be looked up one by one."""
    return {item.number: item for item in order.status.items or ()}


def item_of(order: NumberOrder, number: E164, items: Mapping[str, OrderItem]) -> Item | None:
    """What the order has of one number; None: it does not name it. `items`: all of them, by their numbers: the others
    are not read, as every number of a hundred asks."""
    found = items.get(number)
    if found is None:
        return None
    tokens = {offer.number: offer.token for offer in order.status.memory.tokens if offer.number == number}
    return _item(found, order, tokens)


def order_state(order: NumberOrder) -> OrderState:
    status = order.status
    tokens = {offer.number: offer.token for offer in status.memory.tokens}
    return OrderState(
        items=None if status.items is None else tuple(_item(item, order, tokens) for item in status.items),
        key=status.key or "",
        attempts=status.attempts,
        next_attempt=status.next_attempt_time,
        last_error=status.last_error or "",
        from_catalog=status.source is Source.CATALOG,
        recorded=status.done,
        failure=Reason.read(status.failure),
        message=status.message or "",
        bundle=status.bundle,
        chosen_for=status.pool_uid or "",
        sent_to=status.memory.sent_to or "",
        early=frozenset(map(E164, status.memory.recorded)),
        abandoned_at=status.abandoned_at,
    )


def _item(item: OrderItem, order: NumberOrder, tokens: Mapping[str, str]) -> Item:
    currency = item.currency or order.spec.limits.currency
    nothing = Money.zero(currency)
    price = Price(money_of(item.monthly, currency) or nothing, money_of(item.setup, currency) or nothing)
    offer = Offer(
        number=E164(item.number),
        country=item.country or order.spec.market.country,
        type=item.type or order.spec.market.type,
        price=price,
        area_code=item.area_code,
        region=item.region,
        capabilities=frozenset(item.capabilities),
        needs_documents=bool(item.needs_documents),
        token=tokens.get(item.number, ""),
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
        routing=item.routing,
    )
    return Item(offer, item.state, outcome)


def holding_of(item: Item, mark: Mark, bundle: str | None = None) -> Holding | None:
    """What the carrier holds for us after this item, as its answer to the purchase told it; None when it holds none.
    `bundle`: the carrier's id of the bundle that it was bought with, if it needs documents."""
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
        bundle=bundle if item.offer.needs_documents else None,
        routing=outcome.routing,
        renews_at=outcome.renews_at,
        documents_deadline=outcome.documents_deadline,
    )


def market_queries(market: Market) -> Iterator[Query]:
    """One search for each area code, the preferred one first; one for the whole market when it names none. Those that
    are wished come before. Of each, one search for every state and city, in the same way."""
    codes = dict.fromkeys((*market.wished, *(market.area_codes or (None,))))
    for area_code, region, locality in product(codes, market.regions or (None,), market.localities or (None,)):
        yield Query(market.country, market.type, area_code, market.capabilities, region, locality)


def order_status(
    order: NumberOrder, want: OrderWant, state: OrderState, step: Step, now: datetime
) -> NumberOrderStatus:
    said = order_conditions(want, state, step)
    old = order.status
    return NumberOrderStatus(
        observed_generation=order.metadata.generation,
        conditions=conditions(old.conditions, said, order.metadata.generation, now),
        phase=_phase(state, step),
        key=state.key or None,
        source=None if state.items is None else Source.CATALOG if state.from_catalog else Source.LIVE,
        items=None if state.items is None else tuple(_order_item(item) for item in state.items),
        counts=_counts(state),
        cost=_cost(want, state),
        attempts=state.attempts,
        next_attempt_time=state.next_attempt,
        last_error=state.last_error or None,
        failure=state.failure,
        message=state.message or None,
        started_at=old.started_at or now,
        completed_at=old.completed_at or (now if state.recorded else None),
        memory=OrderMemory(
            tokens=tuple(_tokens(state)),
            sent_to=state.sent_to or None,
            recorded=() if state.recorded else tuple(sorted(state.early)),
        ),
        bundle=state.bundle,
        pool_uid=state.chosen_for or None,
        abandoned_at=state.abandoned_at,
    )


def _phase(state: OrderState, step: Step) -> OrderPhase:
    if isinstance(step, Wait) and step.reason == "AwaitingApproval":
        return OrderPhase.AWAITING_APPROVAL
    if state.items is None:
        return OrderPhase.SEARCHING
    if not isinstance(step, Done):
        return OrderPhase.SUBMITTING
    states = {item.state for item in state.items}
    if ItemState.PENDING_DOCUMENTS in states:
        return OrderPhase.PARKED
    needed_none = not states and state.failure is None
    return OrderPhase.COMPLETE if needed_none or ItemState.PROVISIONED in states else OrderPhase.FAILED


def _order_item(item: Item) -> OrderItem:
    offer, outcome = item.offer, item.outcome
    monthly, setup = item.price.monthly, item.price.setup
    priced = item.state is not ItemState.FAILED or bool(monthly.amount or setup.amount)
    return OrderItem(
        number=offer.number,
        state=item.state,
        monthly=monthly.amount if priced else None,
        setup=setup.amount if priced and setup.currency == monthly.currency else None,
        currency=item.price.monthly.currency,
        country=offer.country,
        type=offer.type,
        area_code=offer.area_code,
        region=offer.region,
        capabilities=tuple(sorted(offer.capabilities)),
        needs_documents=offer.needs_documents or None,
        external_id=outcome.external_id if outcome else None,
        routing=outcome.routing if outcome else None,
        reason=(outcome.reason or None) if outcome else None,
        message=(outcome.message or None) if outcome else None,
        renews_at=outcome.renews_at if outcome else None,
        documents_deadline=outcome.documents_deadline if outcome else None,
    )


def _tokens(state: OrderState) -> Iterator[OfferToken]:
    offers = (item.offer for item in state.items or ())
    return (OfferToken(number=offer.number, token=offer.token) for offer in offers if offer.token)


def _counts(state: OrderState) -> OrderCounts:
    by_state = Counter(item.state for item in state.items or ())
    return OrderCounts(
        pending=by_state[ItemState.PENDING] + by_state[ItemState.SUBMITTING],
        provisioned=by_state[ItemState.PROVISIONED],
        pending_documents=by_state[ItemState.PENDING_DOCUMENTS],
        failed=by_state[ItemState.FAILED],
        unknown=by_state[ItemState.UNKNOWN],
    )


def _cost(want: OrderWant, state: OrderState) -> OrderCost | None:
    """What is billed in the order's currency. What the carrier bills in another one than it has offered in stands with
    the item, and is not added: the number is bought, so its outcome must be written whatever it costs."""
    if state.items is None:
        return None
    currency = want.limits.currency
    counted = [item.price for item in state.items if item.state is not ItemState.FAILED]
    monthly = Money.total((price.monthly for price in counted if price.monthly.currency == currency), currency)
    setup = Money.total((price.setup for price in counted if price.setup.currency == currency), currency)
    return OrderCost(monthly=monthly.amount, setup=setup.amount, currency=currency)
