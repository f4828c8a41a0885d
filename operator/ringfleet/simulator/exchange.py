"""The exchange: one market, many accounts, one clock. Everything that the simulated carrier is, without a wire.

It only puts the nouns together; what they do is theirs: `stock` (what is for sale), `carts` and `sales` (buying),
`holdings` (what is owned), `accounts` (who, and the money), `clock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ringfleet.simulator.accounts import Accounts
from ringfleet.simulator.carts import Carts
from ringfleet.simulator.clock import Clock
from ringfleet.simulator.faults import Faults
from ringfleet.simulator.holdings import Holding, Holdings
from ringfleet.simulator.rules import Fault, Operation
from ringfleet.simulator.sales import Sales
from ringfleet.simulator.stock import Stock
from ringfleet.simulator.stock_change import StockChange
from ringfleet.simulator.store import Store

STOCK_SIZE = 2_000


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
    faults: Faults

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One call's time at the exchange: all of it is committed at the end, or none. Never await inside."""
        with self.store.transaction():
            self.holdings.settle()
            yield

    def listing(self, account: str, after: int, limit: int, number: str | None) -> Listing:
        """One page of what the account owns, oldest first: as the carrier shows it, which is not always the truth."""
        lag = self.faults.strike(Fault.LISTING_LAG, Operation.NUMBERS_LIST, account)
        bought_until = self.clock.now() - lag.seconds if lag else None
        held, total = self.holdings.page(account, after, limit + 1, number, bought_until)
        if self.faults.strike(Fault.TRUNCATED_LISTING, Operation.NUMBERS_LIST, account):
            return Listing(tuple(held[: min(limit, len(held)) // 2]), None, total)
        return Listing(tuple(held[:limit]), held[limit - 1].id if len(held) > limit else None, total)

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
    """
    store = Store(state)
    _keep_seed(store, state, seed)
    clock = Clock(store, real_time)
    accounts = Accounts(store, clock)
    shelves = Stock(store, clock, seed, stock_size, stock)
    holdings = Holdings(store, clock, accounts, shelves)
    sales = Sales(clock, accounts, shelves, holdings, faults)
    carts = Carts(store, clock, shelves, sales, seed)
    return Exchange(store, clock, accounts, shelves, holdings, sales, carts, faults)


def _keep_seed(store: Store, state: str, seed: int) -> None:
    kept = store.setting("seed")
    if kept is not None and kept != str(seed):
        raise WrongSeed(f"{state} was made with --seed {kept}: use that seed, or another file")
    store.keep_setting("seed", str(seed))
