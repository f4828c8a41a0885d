"""What a namespace may still have under its quotas, and whether its bills stop its numbers.

::

    used = the numbers that its pools hold or have on their way, unknown outcomes included (plan/number_pool/supply.py
    counts them),
           and those of other namespaces' pools that its claims hold, or are being bound to

A claim of another namespace's number is held to the numbers and the money before it is bound, and before one is ordered
for it; an order that is made for it is one of the day's of its own namespace too. An order that ended before it chose
anything is nobody's.

    Current <-- a person --> PastDue --(longer than the grace)--> suspended <-- Suspended: at once

Whose bills stop a number is who holds it: the namespace of its claim, or else that of its pool. While a namespace is
suspended, its pools order nothing and its claims are bound to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from ringfleet.model import Money
from ringfleet.model.policy import Billing
from ringfleet.plan.conditions import Condition, Reason, ready
from ringfleet.plan.number_pool.carriers import OrderIntent
from ringfleet.plan.number_pool.supply import NO_QUOTA, Room, Supply


@dataclass(frozen=True, slots=True)
class QuotaWant:
    """One NumberQuota's spec; a limit that is None is none."""

    name: str
    currency: str = "USD"
    numbers: int | None = None
    monthly_spend: Money | None = None
    orders_per_day: int | None = None
    billing: Billing = Billing.CURRENT
    grace: timedelta = timedelta(hours=168)
    enforced: bool = True


@dataclass(frozen=True, slots=True)
class Used:
    """What a namespace uses. `foreign`: what it spends in other currencies, which is no part of `spend`; an amount a
    currency, sorted."""

    numbers: int = 0
    spend: Money | None = None
    orders_today: int = 0
    foreign: tuple[Money, ...] = ()


def count_used(supplies: Iterable[Supply], borrowed: Iterable[Money | None], orders_today: int, currency: str) -> Used:
    """Add up the pools of the namespace, and the numbers that its claims hold elsewhere, by their monthly price."""
    supplies, prices = tuple(supplies), tuple(borrowed)
    amounts = [amount for supply in supplies for amount in (supply.committed, *supply.foreign)]
    amounts += [price for price in prices if price]
    others = sorted({amount.currency for amount in amounts if amount.amount} - {currency})
    numbers = sum(supply.held for supply in supplies) + len(prices)
    foreign = tuple(_total(amounts, other) for other in others)
    return Used(numbers, _total(amounts, currency), orders_today, foreign)


def _total(amounts: Iterable[Money], currency: str) -> Money:
    """What there is in one currency."""
    return Money.total((amount for amount in amounts if amount.currency == currency), currency)


def with_claims(used: Used, prices: Iterable[Money | None]) -> Used:
    """The same when its claims hold numbers of other namespaces at these monthly prices too; None is not known, and
    counts as a number only."""
    prices = tuple(prices)
    if used.spend is None:
        return replace(used, numbers=used.numbers + len(prices))
    amounts = [used.spend, *used.foreign, *(price for price in prices if price and price.amount)]
    others = sorted({amount.currency for amount in amounts} - {used.spend.currency})
    foreign = tuple(_total(amounts, other) for other in others)
    return Used(used.numbers + len(prices), _total(amounts, used.spend.currency), used.orders_today, foreign)


def without(used: Used, intent: OrderIntent, today: bool) -> Used:
    """The same without an order that is counted in full. `today`: it is one of the day's."""
    spend, budget = used.spend, intent.budget
    if spend is not None and budget is not None and budget.currency == spend.currency:
        spend -= budget
    return replace(used, numbers=used.numbers - intent.count, spend=spend, orders_today=used.orders_today - today)


def room_under(quotas: Iterable[tuple[QuotaWant, Used]]) -> Room:
    """What is left under all quotas of a namespace at once."""
    room = NO_QUOTA
    for want, used in quotas:
        if want.enforced:
            room = _narrow(room, want, used)
    return room


def _mixed(want: QuotaWant, spend: Money | None) -> str | None:
    """Why two limits can't be held at once; None when they can."""
    if spend is None or want.monthly_spend is None or spend.currency == want.monthly_spend.currency:
        return None
    return (
        f"NumberQuota {want.name!r} limits spec.limits.monthlySpend in {want.monthly_spend.currency}, and another one "
        f"of the namespace in {spend.currency}: no order can be held against both. Give them one currency."
    )


def _narrow(room: Room, want: QuotaWant, used: Used) -> Room:
    numbers, spend = room.numbers, room.spend
    if want.numbers is not None:
        left = max(0, want.numbers - used.numbers)
        numbers = left if numbers is None else min(numbers, left)
    if want.monthly_spend is not None and used.spend is not None:
        rest = want.monthly_spend - used.spend
        spend = rest if spend is None or (spend.currency == rest.currency and rest <= spend) else spend
    counts_orders = room.counts_orders or want.orders_per_day is not None
    return Room(numbers, spend, room.full or _full(want, used) or _mixed(want, room.spend), counts_orders)


def _full(want: QuotaWant, used: Used) -> str | None:
    """The limit that leaves no room for even one more, in a sentence."""
    return _full_of_numbers(want, used) or _full_of_orders(want, used)


def _full_of_orders(want: QuotaWant, used: Used) -> str | None:
    if want.orders_per_day is not None and used.orders_today >= want.orders_per_day:
        return _says(want, "spec.limits.ordersPerDay")
    return None


def _full_of_numbers(want: QuotaWant, used: Used) -> str | None:
    if want.numbers is not None and used.numbers >= want.numbers:
        return _says(want, "spec.limits.numbers")
    if want.monthly_spend is not None and used.spend is not None and want.monthly_spend <= used.spend:
        return _says(want, "spec.limits.monthlySpend")
    return None


def _says(want: QuotaWant, limit: str) -> str:
    return f"The namespace has used up {limit} of NumberQuota {want.name!r}: raise it, or wait."


Quotas = Iterable[tuple[QuotaWant, Used]]
"""The quotas of a namespace, each with what is used of it."""
Purse = tuple[Money, ...]
"""What a number may cost a month, by each limit: it has to meet all of them. Empty: whatever it costs."""


def full_for_claims(quotas: Quotas) -> str | None:
    """The limit that keeps a claim from any number more of another namespace; None when there is room."""
    return next((why for want, used in _enforced(quotas) if (why := _full_of_numbers(want, used))), None)


def full_for_orders(quotas: Quotas) -> str | None:
    """The limit that keeps another order from being started today, for claims of numbers of another namespace."""
    return next((why for want, used in _enforced(quotas) if (why := _full_of_orders(want, used))), None)


def purse_under(quotas: Quotas) -> Purse:
    """What one more number of another namespace may cost."""
    return tuple(
        want.monthly_spend - used.spend
        for want, used in _enforced(quotas)
        if want.monthly_spend is not None and used.spend is not None
    )


def too_dear(quotas: Quotas) -> str:
    """Why a claim goes without a number although its pool has some."""
    names = sorted(repr(want.name) for want, _ in _enforced(quotas) if want.monthly_spend is not None)
    return (
        "What its pool has, or may buy, costs more than is left of spec.limits.monthlySpend of NumberQuota "
        f"{', '.join(names)}, or has no price in that currency: raise the limit, or wait."
    )


def _enforced(quotas: Quotas) -> Iterable[tuple[QuotaWant, Used]]:
    return ((want, used) for want, used in quotas if want.enforced)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A claim that waits for a number of another namespace's pool, and wants one ordered for it. `price`:
    what such a number costs a month, as far as that is known. `at_most`: what it costs at most, by its pool's cap.
    `currency`: that in which its pool buys; None: it is not known."""

    uid: str
    price: Money | None = None
    at_most: Money | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class ForOrders:
    """What the quotas of a namespace leave for orders that are made for its claims."""

    refused: Mapping[str, str] = field(default_factory=dict)
    """For which claims nothing may be ordered, by uid, and which limit of numbers or money is in the way."""
    shares: tuple[Money, ...] = ()
    """By each limit of money, what is left when each of the others has what is set aside for it, shared by them."""
    set_aside: Mapping[str, Purse] = field(default_factory=dict)
    """What each of the others has for sure, by uid and by each limit of money."""

    def at_most(self, uid: str) -> Money | None:
        """What a number may cost a month that is ordered for the claim; None: no limit, or there is none for it. If
        each costs no more, all of the claims can be bound to theirs."""
        asides = self.set_aside.get(uid, ())
        purse = [aside + share for aside, share in zip(asides, self.shares, strict=True)] if asides else []
        return min(purse, key=lambda money: money.amount, default=None)


def plan_orders(quotas: Quotas, wanted: Iterable[Wanted]) -> ForOrders:
    """For which claims of a namespace a number may be ordered, and what it may cost. Room is reserved for the first
    ones first. What a pool buys in another currency than a limit of money is held against nothing, and refused.

    Of a price that is not known the price cap stands for it; where there is none, or it is more than is left, all that
    is left, so that one is ordered after another.
    """
    quotas, refused, set_aside = tuple(quotas), dict[str, str](), dict[str, Purse]()
    for one in wanted:
        price, left = one.price if one.price or not set_aside else one.at_most, purse_under(quotas)
        foreign = one.currency is not None and any(money.currency != one.currency for money in left)
        dear = foreign or (price is not None and not affords(left, price))
        if why := full_for_claims(quotas) or (too_dear(quotas) if dear else None):
            refused[one.uid] = why
        else:
            quotas = tuple((want, with_claims(used, (_set_aside(want, used, one),))) for want, used in quotas)
            pairs = zip(left, purse_under(quotas), strict=True)
            set_aside[one.uid] = tuple(before - after for before, after in pairs)
    shares = tuple(_share(money, len(set_aside)) for money in purse_under(quotas)) if set_aside else ()
    return ForOrders(refused, shares, set_aside)


def _share(left: Money, count: int) -> Money:
    """One of so many shares, in whole hundredths; nothing of nothing."""
    share = (left.amount / count).quantize(_HUNDREDTH, ROUND_DOWN)
    return Money(max(share, Decimal(0)), left.currency)


_HUNDREDTH = Decimal("0.01")


def _set_aside(want: QuotaWant, used: Used, one: Wanted) -> Money | None:
    if want.monthly_spend is None or used.spend is None:
        return one.price
    left = want.monthly_spend - used.spend
    if one.price is not None:
        return one.price
    known = one.at_most is not None and one.at_most.currency == left.currency
    return one.at_most if known and one.at_most and one.at_most <= left else left


def affords(left: Purse, price: Money | None) -> bool:
    """Whether a number of that monthly price is within a purse. A price that is not known is not."""
    return all(price is not None and price.currency == most.currency and price <= most for most in left)


@dataclass(frozen=True, slots=True)
class Bills:
    """How the bills stand. `stops`: why the namespace's numbers carry no traffic."""

    past_due_since: datetime | None = None
    suspended_since: datetime | None = None
    stops: str | None = None


def judge_bills(want: QuotaWant, before: Bills, now: datetime) -> Bills:
    """What the billing state means now. `before` is what the status remembers; whole seconds are enough."""
    now = now.replace(microsecond=0)
    if want.billing is Billing.CURRENT or not want.enforced:
        return Bills()
    why = f"NumberQuota {want.name!r} says that the bills of the namespace are not paid (spec.billing)."
    if want.billing is Billing.SUSPENDED:
        return Bills(before.past_due_since, before.suspended_since or now, why)
    since = before.past_due_since or now
    if now < since + want.grace:
        return Bills(since)
    return Bills(since, before.suspended_since or now, why)


def unpaid_message(want: QuotaWant) -> str:
    """Why nothing is bought for a namespace, nor bound to its claims."""
    return (
        f"The bills of the namespace are not paid (spec.billing of NumberQuota {want.name!r}): its pools order "
        "nothing, and its claims get no number, until they are."
    )


def quota_conditions(want: QuotaWant, used: Used, bills: Bills) -> tuple[Condition, ...]:
    """What a quota says of itself. A limit that is used up is held, and bills are as spec.billing says: that is as it
    is wished."""
    apart = _counted_apart(want, used)
    return (_standing(want, used, bills), *((apart,) if apart else ()))


def _standing(want: QuotaWant, used: Used, bills: Bills) -> Condition:
    if bills.stops:
        message = (
            "The bills are not paid: every number that the namespace holds is suspended, its pools order nothing, and "
            "its claims get no number. Set spec.billing to Current."
        )
        return ready(Reason.BILLING_SUSPENDED, message)
    if bills.past_due_since:
        message = (
            "The bills are past due: after spec.grace every number that the namespace holds is suspended, its pools "
            "order nothing, and its claims get no number."
        )
        return ready(Reason.PAST_DUE, message)
    if not want.enforced:
        return ready(Reason.SUSPENDED, "The quota is suspended (spec.suspend): its limits are not held.")
    if full := _full(want, used):
        return ready(Reason.QUOTA_EXCEEDED, full)
    return ready(Reason.WITHIN_LIMITS, "The namespace is within its limits.")


def _counted_apart(want: QuotaWant, used: Used) -> Condition | None:
    """What a limit of money does not hold, because nothing is converted."""
    if want.monthly_spend is None or not used.foreign:
        return None
    message = (
        f"What is priced in {', '.join(one.currency for one in used.foreign)} is counted apart, in "
        f"status.used.otherCurrencies, and not held against spec.limits.monthlySpend, which is in {want.currency}. "
        "Limit it by the pools' limits.monthlyBudget in that currency, or by spec.limits.numbers."
    )
    return Condition("OtherCurrencies", True, Reason.OTHER_CURRENCY, message)
