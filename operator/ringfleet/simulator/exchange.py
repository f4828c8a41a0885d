"""The exchange: one market, many accounts, one clock. Everything that the simulated carrier is, without a wire.

It only puts the nouns together; what they do is theirs: `stock` (what is for sale), `carts` and `sales` (buying),
`holdings` (what is owned), `papers` and `bundles` (what is filed, and its review), `traffic` and `reputation` (calls,
and what they do to a number), `records` (what else an account has made), `webhooks` (what customers are told),
`accounts` (who, and the money), `clock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ringfleet.simulator.accounts import Accounts
from ringfleet.simulator.clock import Clock
from ringfleet.simulator.defaults import STOCK_SIZE
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.records import Records
from ringfleet.simulator.review.bundles import Bundles
from ringfleet.simulator.review.documents import Papers
from ringfleet.simulator.selling.carts import Carts
from ringfleet.simulator.selling.holdings import Holding, Holdings
from ringfleet.simulator.selling.sales import Sales
from ringfleet.simulator.selling.stock import Stock
from ringfleet.simulator.selling.stock_change import StockChange
from ringfleet.simulator.store import Store
from ringfleet.simulator.traffic.history import History
from ringfleet.simulator.traffic.notifications import Tidings
from ringfleet.simulator.traffic.reputation import Labels
from ringfleet.simulator.traffic.traffic import Traffic
from ringfleet.simulator.traffic.webhooks import Webhooks


class WrongSeed(ValueError):
    """The state file belongs to a market of another seed; with this one its numbers would not exist."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page, the id behind which the next one begins (None: it says that it is the last), and the total of all."""

    holdings: tuple[Holding, ...]
    next: int | None
    total: int


@dataclass(frozen=True, slots=True)
class Exchange:
    store: Store
    clock: Clock
    accounts: Accounts
    stock: Stock
    holdings: Holdings
    sales: Sales
    carts: Carts
    papers: Papers
    bundles: Bundles
    records: Records
    webhooks: Webhooks
    labels: Labels
    traffic: Traffic
    history: History
    faults: Faults

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One call's time at the exchange: all of it is committed at the end, or none. Never await inside."""
        with self.store.transaction():
            self.settle()
            yield

    def settle(self) -> None:
        """Bring everything up to now: a review that was decided before a deadline comes before it."""
        self.bundles.settle()
        self.sales.settle()
        self.holdings.settle()
        self.traffic.settle()

    def listing(self, account: str, after: int, limit: int, number: str | None) -> Listing:
        """One page of what the account owns, oldest first: as the carrier shows it, which is not always the truth."""
        if number is None and self.faults.strike(Fault.EMPTY_LISTING, Operation.NUMBERS_LIST, account):
            return Listing((), None, 0)
        bought_until = self.shown_until(account)
        left_out = self._left_out(account) if number is None else ()
        held, total = self.holdings.page(account, after, limit + 1, number, bought_until, left_out)
        if self.faults.strike(Fault.TRUNCATED_LISTING, Operation.NUMBERS_LIST, account):
            return Listing(tuple(held[: min(limit, len(held)) // 2]), None, total)
        return Listing(tuple(held[:limit]), held[limit - 1].id if len(held) > limit else None, total)

    def shown_until(self, account: str) -> float | None:
        """Until when a number must have been bought for a listing to show it, by the fault that makes listings lag;
        None: all are shown."""
        lag = self.faults.strike(Fault.LISTING_LAG, Operation.NUMBERS_LIST, account)
        return self.clock.now() - lag.seconds if lag else None

    def _left_out(self, account: str) -> list[int]:
        """The ids of the numbers that the listing does not show, by the fault that leaves them out."""
        if not self.faults.threatens(Fault.SHORT_LISTING):
            return []
        owned = [held for held in self.holdings.everyone() if held.account == account]
        operation = Operation.NUMBERS_LIST
        return [held.id for held in owned if self.faults.strike(Fault.SHORT_LISTING, operation, account, held.number)]

    def close(self) -> None:
        self.store.close()


def open_exchange(
    state: str,
    faults: Faults,
    seed: int = 1,
    stock_size: int = STOCK_SIZE,
    stock: Iterable[StockChange] = (),
    real_time: Callable[[], float] = time.time,
) -> Exchange:
    """Open the exchange whose state is in the file `state`, or a new one in memory for `:memory:`.

    Raises:
        WrongSeed: the file was made with another seed.
        StateTooNew: the file was written by a newer simulator.
    """
    store = Store(state)
    _keep_seed(store, state, seed)
    clock = Clock(store, real_time)
    accounts = Accounts(store, clock)
    shelves = Stock(store, clock, seed, stock_size, stock)
    holdings = Holdings(store, clock, accounts, shelves)
    papers = Papers(store, accounts)
    bundles = Bundles(store, clock, accounts, papers, faults)
    sales = Sales(clock, accounts, shelves, holdings, bundles, faults)
    carts = Carts(store, clock, shelves, sales, bundles, seed)
    webhooks = Webhooks(store, clock, faults)
    labels = Labels(store, seed)
    traffic = Traffic(store, clock, accounts, holdings, labels, Tidings(holdings, webhooks), seed)
    return Exchange(
        store,
        clock,
        accounts,
        shelves,
        holdings,
        sales,
        carts,
        papers,
        bundles,
        Records(store, clock),
        webhooks,
        labels,
        traffic,
        History(store, clock),
        faults,
    )


def _keep_seed(store: Store, state: str, seed: int) -> None:
    kept = store.setting("seed")
    if kept is not None and kept != str(seed):
        raise WrongSeed(f"{state} was made with --seed {kept}: use that seed, or another file")
    store.keep_setting("seed", str(seed))
