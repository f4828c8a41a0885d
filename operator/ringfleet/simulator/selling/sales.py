"""Selling one number: who gets it, what is billed, and why not.

A number is billed in the same transaction that gives it away, whether it is active at once or waits for documents. With
an approved bundle of its market it does not wait.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from ringfleet.simulator.accounts import Accounts, Kind
from ringfleet.simulator.clock import Clock
from ringfleet.simulator.errors import Code, Refused
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.review.bundles import Bundles
from ringfleet.simulator.selling.holdings import Holding, Holdings
from ringfleet.simulator.selling.stock import Stock


class Result(StrEnum):
    PROVISIONED = "provisioned"
    PENDING_DOCUMENTS = "pending_documents"
    FAILED = "failed"


class Reason(StrEnum):
    NUMBER_UNAVAILABLE = "number_unavailable"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARRIER_ERROR = "carrier_error"
    BUNDLE_MISSING = "bundle_missing"


WORDS = {
    Reason.NUMBER_UNAVAILABLE: "another buyer has taken this number",
    Reason.INSUFFICIENT_FUNDS: "the account's balance does not cover the first month and the set-up",
    Reason.CARRIER_ERROR: "the upstream carrier failed to activate this number",
    Reason.BUNDLE_MISSING: "numbers of this market are sold with an approved bundle only",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item of a checkout. `number_id` and `entry` (of the ledger) are there when it was bought."""

    cart_item: int
    number: str
    token: str
    monthly: int
    setup: int
    outcome: Result
    reason: str | None = None
    message: str | None = None
    number_id: int | None = None
    entry: int | None = None
    renews_at: float | None = None
    documents_deadline: float | None = None


class Sales:
    def __init__(
        self, clock: Clock, accounts: Accounts, stock: Stock, holdings: Holdings, bundles: Bundles, faults: Faults
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._stock = stock
        self._holdings = holdings
        self._bundles = bundles
        self._faults = faults

    def sell(
        self,
        account: str,
        wish: Outcome,
        reference: str | None,
        key: str | None,
        bundle: int | None = None,
        waits: bool = True,
    ) -> Outcome:
        """Sell the wished number at the wished price, or say why not. `waits`: without its documents it is sold, too,
        and waits for them."""
        offer = self._stock.offer(wish.number)
        if offer is None:
            return _failed(wish, Reason.NUMBER_UNAVAILABLE)
        if self._accounts.find(account).balance < wish.monthly + wish.setup:
            return _failed(wish, Reason.INSUFFICIENT_FUNDS)
        if self._strikes(Fault.PARTIAL_FAILURE, account, wish.number):
            return _failed(wish, Reason.CARRIER_ERROR)
        offer = replace(offer, monthly=wish.monthly, setup=wish.setup)
        wanted = offer.documents or self._strikes(Fault.PENDING_DOCUMENTS, account, wish.number)
        documents = wanted and not self._bundles.opens(account, bundle, offer.country, offer.type)
        if documents and not waits:
            return _failed(wish, Reason.BUNDLE_MISSING)
        held = self._holdings.add(account, offer, reference, self._active_at(account, wish.number), documents, bundle)
        return replace(
            wish,
            outcome=Result.PENDING_DOCUMENTS if documents else Result.PROVISIONED,
            reason=None,
            message=None,
            number_id=held.id,
            entry=self._accounts.bill(account, wish.number, Kind.PURCHASE, wish.monthly + wish.setup, key),
            renews_at=held.renews_at,
            documents_deadline=held.documents_deadline,
        )

    def buy(
        self,
        account: str,
        number: str,
        reference: str | None,
        key: str | None = None,
        bundle: int | None = None,
        prices: tuple[int, int] | None = None,
        waits: bool = True,
    ) -> Outcome:
        """Buy one named number without a cart, at these prices (of a month, and once), else at its own now."""
        offer = self._stock.offer(number)
        monthly, setup = prices or ((offer.monthly, offer.setup) if offer else (0, 0))
        wish = Outcome(0, number, "", monthly, setup, Result.FAILED)
        return self.sell(account, wish, reference, key, bundle, waits)

    def let_others_come(self, number: str, operation: Operation, account: str) -> None:
        """The moment in which another buyer may take the number that `account` is about to ask for."""
        wanted = self._faults.strike(Fault.SNAPPED_UP, operation, account, number)
        if wanted and self._stock.offer(number):
            self._stock.take(number)

    def attach(self, account: str, number_id: int, bundle: int) -> Holding:
        """Give a number its bundle: one that waits is active as soon as that is approved, now or later."""
        held = self._holdings.get(account, number_id)
        if self._faults.strike(Fault.ATTACH_REFUSED, Operation.BUNDLE_ATTACH, account, held.number):
            raise Refused(Code.BUNDLE_STATE, f"the bundle can't be used for {held.number}")
        if held.bundle != bundle:
            self._bundles.usable(account, bundle, held.country, held.type)
            self._holdings.attach(account, number_id, bundle)
            self.settle()
        return self._holdings.get(account, number_id)

    def settle(self) -> None:
        """Open the numbers whose bundles have been approved."""
        for held in self._holdings.approved():
            self._holdings.approve_documents(held, self._active_at(held.account, held.number))

    def approve_documents(self, numbers: Collection[str] | None) -> list[str]:
        """Approve the documents of these numbers, or of all that wait for any; return those that waited."""
        waiting = [held for held in self._holdings.waiting() if numbers is None or held.number in numbers]
        for held in waiting:
            self._holdings.approve_documents(held, self._active_at(held.account, held.number))
        return [held.number for held in waiting]

    def _active_at(self, account: str, number: str) -> float:
        slow = self._faults.strike(Fault.SLOW_ACTIVATION, Operation.CHECKOUT, account, number)
        return self._clock.now() + (slow.seconds if slow else 0)

    def _strikes(self, fault: Fault, account: str, number: str) -> bool:
        return self._faults.strike(fault, Operation.CHECKOUT, account, number) is not None


def _failed(wish: Outcome, reason: Reason) -> Outcome:
    return replace(wish, outcome=Result.FAILED, reason=reason, message=WORDS[reason])
