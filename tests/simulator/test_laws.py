"""Laws of the exchange that hold whatever customers do. No wire; the clock is in the test's hand."""

from __future__ import annotations

import sqlite3
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ringfleet.simulator.accounts import Kind
from ringfleet.simulator.clock import DAY, MONTH
from ringfleet.simulator.errors import Refused
from ringfleet.simulator.exchange import Exchange, open_exchange
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.faults.rules import Fault, Operation, parse_flag
from ringfleet.simulator.selling.carts import Customer
from ringfleet.simulator.selling.holdings import DOCUMENTS_DUE
from ringfleet.simulator.selling.sales import Result
from ringfleet.simulator.selling.stock_change import StockChange
from tests.examples import examples

CUSTOMERS = ("ann", "bob")
KEYS = st.sampled_from(["k1", "k2", "k3"])
WHO = st.sampled_from(CUSTOMERS)
BAD_LUCK = ("snapped_up:probability=0.2", "partial_failure:probability=0.3", "pending_documents:probability=0.3")


class Market(RuleBasedStateMachine):
    """Two customers, nine numbers, little money, bad luck."""

    @initialize(seed=st.integers(0, 5))
    def open(self, seed: int) -> None:
        self.time = 0.0
        self.exchange = an_exchange(seed, lambda: self.time, *BAD_LUCK)
        self.batches: dict[tuple[str, str], dict[str, Result]] = {}

    def teardown(self) -> None:
        if hasattr(self, "exchange"):
            self.exchange.close()

    @rule(who=WHO, place=st.integers(0, 8), country=st.sampled_from(["US", "DE"]))
    def stage(self, who: str, place: int, country: str) -> None:
        code = {"US": "415", "DE": "30"}[country]
        offers = self.exchange.stock.offers(country, "geographic", code, frozenset(), "", 9)
        if place >= len(offers):
            return
        offer = offers[place]
        try:
            with self.exchange.turn():
                token = self.exchange.carts.token_of(offer)
                self.exchange.carts.stage(self.customer(who), token, offer.number, offer.monthly, offer.setup, None)
        except Refused:
            assert self.exchange.stock.offer(offer.number) is None

    @rule(who=WHO, key=KEYS)
    def checkout(self, who: str, key: str) -> None:
        try:
            with self.exchange.turn():
                outcomes = self.exchange.carts.checkout(self.customer(who), key)
        except Refused:
            assert (who, key) not in self.batches
            return
        results = {outcome.number: outcome.outcome for outcome in outcomes}
        before = self.batches.setdefault((who, key), results)
        assert results.keys() == before.keys()
        assert all(results[number] == was for number, was in before.items() if was is not Result.FAILED)
        self.batches[who, key] = results

    @rule(who=WHO)
    def release_the_oldest(self, who: str) -> None:
        with self.exchange.turn():
            held, _ = self.exchange.holdings.page(who, 0, 1)
            for holding in held:
                self.exchange.holdings.release(who, holding.id)

    @rule()
    def approve(self) -> None:
        with self.exchange.turn():
            self.exchange.sales.approve_documents(None)

    @rule(days=st.integers(1, 40))
    def wait(self, days: int) -> None:
        self.time += days * DAY
        with self.exchange.turn():
            pass

    @invariant()
    def every_number_has_one_owner_and_is_billed_once_for_each_time_it_was_bought(self) -> None:
        owned = [held.number for held in self.exchange.holdings.everyone()]
        ledger = self.exchange.accounts.ledger()
        bought = [entry.number for entry in ledger if entry.kind == Kind.PURCHASE]
        released = [entry.number for entry in ledger if entry.kind == Kind.RELEASE]
        assert len(owned) == len(set(owned))
        assert sorted(owned + released) == sorted(bought)

    @invariant()
    def the_ledger_adds_up_to_the_balance(self) -> None:
        for account in self.exchange.accounts.all():
            spent = sum(entry.amount for entry in self.exchange.accounts.ledger(account.id))
            assert account.balance == account.opening - spent

    @invariant()
    def nothing_owned_is_offered(self) -> None:
        for held in self.exchange.holdings.everyone():
            assert self.exchange.stock.offer(held.number) is None

    def customer(self, who: str) -> Customer:
        return Customer(self.exchange.accounts.find(who), basket=who)


Market.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=30, deadline=None)
TestMarket = Market.TestCase


def an_exchange(seed: int, clock: object, *flags: str) -> Exchange:
    assert callable(clock)
    faults = Faults(seed, [parse_flag(flag) for flag in flags])
    small = [StockChange("DE", "geographic", "30", size=3)]
    exchange = open_exchange(":memory:", faults, seed, stock_size=6, stock=small, real_time=clock)
    with exchange.turn():
        for who in CUSTOMERS:
            exchange.accounts.open(f"token-{who}", who, balance=1500, currency=None)
    return exchange


def test_a_kept_number_is_billed_every_month_and_an_undocumented_one_is_let_go() -> None:
    now = [0.0]
    exchange = an_exchange(1, lambda: now[0])
    with exchange.turn():
        kept = exchange.stock.offers("US", "geographic", "415", frozenset(), "", 1)[0]
        waiting = exchange.stock.offers("DE", "geographic", "30", frozenset(), "", 1)[0]
        exchange.sales.buy("ann", kept.number, None)
        exchange.sales.buy("ann", waiting.number, None)
    now[0] = max(2 * MONTH, DOCUMENTS_DUE)
    with exchange.turn():
        pass
    lines = [(entry.number, entry.kind, entry.amount) for entry in exchange.accounts.ledger("ann")]
    assert lines == [
        (kept.number, "purchase", 199),
        (waiting.number, "purchase", 229),
        (waiting.number, "release", 0),
        (kept.number, "monthly", 199),
        (kept.number, "monthly", 199),
    ]


def test_the_ledger_can_only_grow() -> None:
    exchange = an_exchange(1, lambda: 0.0)
    with exchange.turn():
        exchange.accounts.bill("ann", "+14155550123", Kind.PURCHASE, 199)
    for change in ("UPDATE ledger SET amount = 0", "DELETE FROM ledger"):
        with pytest.raises(sqlite3.IntegrityError, match="the ledger only grows"), exchange.turn():
            exchange.store.write(change)


def test_an_error_inside_a_turn_leaves_no_trace() -> None:
    exchange = an_exchange(1, lambda: 0.0)
    offer = exchange.stock.offers("US", "geographic", "415", frozenset(), "", 1)[0]
    with pytest.raises(ZeroDivisionError), exchange.turn():
        _buy_and_break(exchange, offer.number)
    assert (exchange.holdings.everyone(), exchange.accounts.ledger()) == ([], [])


def test_a_script_strikes_the_named_calls_and_a_probability_about_its_share() -> None:
    faults = Faults(1, [parse_flag("reply_lost:operations=checkout:script=0,0,1")])
    assert [_struck(faults, "checkout") for _ in range(5)] == [False, False, True, False, False]
    assert not _struck(faults, "search")
    faults = Faults(1, [parse_flag("reply_lost:probability=0.25")])
    assert 200 <= sum(_struck(faults, "search") for _ in range(1000)) <= 300


def test_what_befalls_a_call_does_not_depend_on_the_calls_of_others() -> None:
    alone, crowded = (Faults(1, [parse_flag("reply_lost:probability=0.5")]) for _ in range(2))
    serial = count()
    pattern = []
    for _ in range(50):
        _struck(crowded, "search", account=f"other-{next(serial)}")
        pattern.append(_struck(crowded, "search"))
    assert pattern == [_struck(alone, "search") for _ in range(50)]


def _buy_and_break(exchange: Exchange, number: str) -> None:
    exchange.sales.buy("ann", number, None)
    raise ZeroDivisionError


def _struck(faults: Faults, operation: str, account: str = "ann") -> bool:
    return faults.strike(Fault.REPLY_LOST, Operation(operation), account) is not None
