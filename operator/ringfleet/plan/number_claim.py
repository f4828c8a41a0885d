"""What a claim may have, and what it says of itself.

::

    new --+-- barred (suspended, no pool, not let in, quota)   -> Waiting, outside the queue, until that is lifted
          '-- asks (plan/claim_allocator.py) --+-- handed a number -> Bound, when the number's claimRef is written
                                               '-- nothing fits    -> Waiting in the queue; or Failed, by onNoStock;
                                                                      PoolCannotServe, where the pool can never give
                                                                      what the claim must have: nothing is ordered

Bound is decided by one fact alone, a number whose claimRef names the claim's uid. A claim that has one is never given
another, whatever else is wished by then (promise 4).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ringfleet.model import AccountKey, Market
from ringfleet.model.asking import Ask, Traits, can_give
from ringfleet.model.policy import OnNoStock
from ringfleet.plan.compliance_bundle.selection import AwaitBundle
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.phone_number.spam_label import advice_to_replace


@dataclass(frozen=True, slots=True)
class ClaimWant:
    """A NumberClaim's spec, as far as being served goes. `pool` is `namespace/name`; `named` asks for that number."""

    namespace: str
    pool: str
    pool_namespace: str
    on_no_stock: OnNoStock = OnNoStock.WAIT
    named: str | None = None
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class ClaimWorld:
    """What else a claim depends on. `quota` says which limit keeps it from one more number, None when none does.

    `named_exists`: the number that it asks for by name is in the pool. `misspelt`: which of the area codes that it
    wishes can be none in the pool's country, and what to write; None when all can be. `refused`: why the API server has
    refused to bind it; None when it has not.
    """

    pool_exists: bool = True
    let_in: bool = True
    quota: str | None = None
    named_exists: bool = True
    misspelt: str | None = None
    refused: str | None = None
    frozen: str | None = None
    """Why nothing is bound, by a person's word; None: the claim's pool is not frozen."""
    documents: AwaitBundle | None = None
    """Why the tenant's own bundle lets the claim have no number; None: it does, or the claim has none."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps the number that a claim holds from serving it."""

    reason: Reason
    """The reason, as the number's PhoneNumber gives it, or as follows from the routing that the claim asks for."""
    message: str
    """The sentence that goes with it."""
    goes_on: bool = False
    """Whether something is being done about it just now."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Why a claim is not even in the queue."""

    reason: Reason
    message: str


def bar_claim(want: ClaimWant, world: ClaimWorld) -> Bar | None:
    """What keeps an unbound claim out of the queue; None when nothing does."""
    if want.suspended:
        return Bar(Reason.SUSPENDED, "The claim is suspended (spec.suspend): it is not served.")
    if not world.let_in:
        return Bar(
            Reason.POOL_NOT_ALLOWED,
            f"NumberPool {want.pool} does not let in claims of namespace {want.namespace}, or does not exist: "
            "its owner can add the namespace to its spec.allowedNamespaces.",
        )
    if not world.pool_exists:
        return Bar(
            Reason.POOL_MISSING,
            f"NumberPool {want.pool} (spec.poolRef) does not exist: create it, or correct the name.",
        )
    if world.frozen:
        return Bar(Reason.FROZEN, world.frozen)
    if world.quota:
        return Bar(Reason.QUOTA_EXCEEDED, world.quota)
    if not world.named_exists:
        return Bar(
            Reason.NUMBER_MISSING,
            f"NumberPool {want.pool} has no number {want.named} (spec.phoneNumberName): claim another one.",
        )
    if world.misspelt:
        return Bar(Reason.INVALID_SPEC, f"The claim wishes an area code that can be none: {world.misspelt}.")
    if world.documents:
        return Bar(world.documents.reason, world.documents.message)
    if world.refused:
        return Bar(Reason.BINDING_REFUSED, world.refused)
    return None


def why_unservable(
    want: ClaimWant, ask: Ask, market: Market, named: Traits | None, carriers: Collection[AccountKey] = ()
) -> str | None:
    """Why the pool can never give the claim what it must have; None: it may. `market`: the pool's; `carriers`: those it
    orders from; `named`: what the number has that the claim asks for by name, None when there is none, or it is not
    known yet.

    It still waits in the queue, at no cost: a number that the pool has had from before may fit.
    """
    if want.named:
        return _why_unfit(want.named, ask, named) if named and not ask.is_met_by(named) else None
    if ask.account not in (None, *carriers):
        return (
            f"NumberPool {want.pool} does not order from CarrierAccount {ask.account} (spec.carriers), and the claim "
            "takes only a number of it (spec.accountRef): nothing is ordered for it. Correct the name, claim from "
            "another pool, or let this one order there."
        )
    if can_give(market, ask):
        return None
    listed = ", ".join(market.area_codes)
    why = f"orders only area codes {listed} (spec.market.areaCodes)" if listed else "orders numbers without area codes"
    return (
        f"NumberPool {want.pool} {why}, and the claim takes only {_any_of(ask.must_codes)} (spec.areaCodeRequired): "
        "nothing is ordered for it. Claim from another pool, or add an area code to this one."
    )


def misfit_message(want: ClaimWant) -> str:
    """What is said of a number that the claim names, and that is of another market than its pool."""
    return (
        f"PhoneNumber {want.named} (spec.phoneNumberName) is not of the market of NumberPool {want.pool}, so that the "
        "pool gives it to no claim: claim another number, or move it to a pool of its market."
    )


def _why_unfit(number: str, ask: Ask, has: Traits) -> str:
    lacks = sorted(ask.capabilities - has.capabilities)
    if lacks:
        what = f"has no {' and no '.join(lacks)}"
    elif ask.account not in (None, has.account):
        what = f"is not of CarrierAccount {ask.account}"
    else:
        what = f"is not of area code {_any_of(ask.must_codes)}"
    return f"PhoneNumber {number} (spec.phoneNumberName) {what}, which the claim must have: claim another number."


def _any_of(codes: tuple[str, ...]) -> str:
    return " or ".join(codes)


def waiting_conditions(want: ClaimWant, bar: Bar | None, unservable: str | None = None) -> tuple[Condition, ...]:
    """What an unbound claim says of itself. One that failed is at its end, and says so as kstatus wants it.
    `unservable`: why its pool can never serve it; None: it may."""
    if bar and want.suspended:
        return (ready(Reason.SUSPENDED, bar.message),)
    if bar and bar.reason in _PASSING:
        return (not_ready(bar.reason, bar.message), reconciling(bar.reason, bar.message))
    if bar:
        return (not_ready(bar.reason, bar.message),)
    if unservable:
        return (not_ready(Reason.POOL_CANNOT_SERVE, unservable),)
    if want.on_no_stock is OnNoStock.FAIL:
        message = f"No number of NumberPool {want.pool} fitted when it was asked for, and spec.onNoStock is Fail."
        return (not_ready(Reason.NO_STOCK, message), stalled(Reason.NO_STOCK, message))
    if want.named:
        message = f"PhoneNumber {want.named} is not free: it is bound, rests or is stopped. The claim waits for it."
        return (not_ready(Reason.NUMBER_NOT_FREE, message), reconciling(Reason.NUMBER_NOT_FREE, message))
    ordered = _ORDERED if want.on_no_stock is OnNoStock.ORDER else ""
    message = f"No free number of NumberPool {want.pool} fits: the claim waits in the queue.{ordered}"
    return (not_ready(Reason.WAITING_FOR_NUMBER, message), reconciling(Reason.WAITING_FOR_NUMBER, message))


_PASSING = frozenset({Reason.WAITING_FOR_BUNDLE, Reason.READING_REQUIREMENTS})
"""What keeps a claim out of the queue, and ends by itself."""
_ORDERED = " The pool orders one that does; where it can't, its conditions say why."


def bound_conditions(
    number: str,
    suspended: bool,
    refused: str | None,
    left_alone: str | None = None,
    hindrance: Hindrance | None = None,
    label: str | None = None,
) -> tuple[Condition, ...]:
    """What a bound claim says of itself: it is ready when its number serves it, and else says why in the words of its
    number. `label`: the spam label that is shown for it, of which the claim's people are told. `refused`: why the
    number could not be written where writeTo says. `left_alone`: the PhoneNumber that it holds, when that does not
    stand for the number (any more)."""
    said = _service(number, suspended, refused, left_alone, hindrance)
    if label is None or left_alone:
        return said
    return (*said, Condition("ReplaceAdvised", True, Reason.SPAM_LABELLED, advice_to_replace(number, label)))


def _service(
    number: str, suspended: bool, refused: str | None, left_alone: str | None, hindrance: Hindrance | None
) -> tuple[Condition, ...]:
    if left_alone:
        message = (
            f"PhoneNumber {left_alone}, which it holds, is not the number's: the number belongs to another object or "
            "installation, as that PhoneNumber says. Delete this claim and make another one."
        )
        return (not_ready(Reason.NUMBER_TAKEN, message),)
    if hindrance and hindrance.reason is Reason.LOST:
        message = (
            f"The carrier shows {number}, which it holds, no more: see its PhoneNumber. Wait until it comes back, or "
            "delete this claim and make another one."
        )
        return (not_ready(Reason.LOST, message),)
    if refused:
        return (not_ready(Reason.WRITE_REFUSED, refused), stalled(Reason.WRITE_REFUSED, refused))
    if suspended and hindrance is None:
        message = f"It holds {number}, whose traffic is about to be stopped (spec.suspend)."
        return (not_ready(Reason.SUSPENDED, message), reconciling(Reason.SUSPENDED, message))
    if suspended and hindrance and hindrance.reason is Reason.SUSPENDED and not hindrance.goes_on:
        message = f"It holds {number}, which is suspended with it (spec.suspend): no call or message gets through."
        return (ready(Reason.SUSPENDED, message),)
    if hindrance:
        message = f"It holds {number}, whose PhoneNumber is not ready: {hindrance.message}"
        goes_on = (reconciling(hindrance.reason, message),) if hindrance.goes_on else ()
        return (not_ready(hindrance.reason, message), *goes_on)
    return (ready(Reason.BOUND, f"It holds {number}."),)
