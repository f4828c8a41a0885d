"""Carts and checkouts: from a searched number to an owned one.

A cart belongs to one token and reserves nothing: another buyer may take a staged number. A checkout takes all that is
in the cart, under a key that the client chose. The first call under a key freezes its batch::

    checkout(key), new     the whole cart becomes the batch
    checkout(key), known   the batch again: what failed and is still in the cart is tried again, the rest is as it was

So a repeated checkout never buys what was not there the first time, and never buys anything twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from ringfleet.simulator.accounts import Account
from ringfleet.simulator.clock import Clock
from ringfleet.simulator.errors import Code, Refused, invalid, not_found
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.money import format_cents
from ringfleet.simulator.review.bundles import Bundles
from ringfleet.simulator.selling.sales import WORDS, Outcome, Reason, Result, Sales
from ringfleet.simulator.selling.stock import Offer, Stock
from ringfleet.simulator.store import Row, Store

TOKEN_LIFE = 15 * 60.0
"""How long a select token can be put into a cart, in seconds of the exchange's clock."""


@dataclass(frozen=True, slots=True)
class CartItem:
    """One staged number at the price that was shown, in cents."""

    id: int
    token: str
    number: str
    reference: str | None
    monthly: int
    setup: int
    bundle: int | None


@dataclass(frozen=True, slots=True)
class Customer:
    """Who calls: the account that pays, and the basket (one a token) that its cart is in."""

    account: Account
    basket: str


class Carts:
    def __init__(self, store: Store, clock: Clock, stock: Stock, sales: Sales, bundles: Bundles, seed: int) -> None:
        self._store = store
        self._clock = clock
        self._stock = stock
        self._sales = sales
        self._bundles = bundles
        self._seed = seed

    def token_of(self, offer: Offer) -> str:
        """The select token of an offer that is shown now: opaque to clients, `sel_AREA_NUMBER_MINTED_CHECK` to us."""
        minted = f"{int(self._clock.now()):x}"
        digits = offer.number[1:]
        return f"sel_{offer.area_code or offer.country.lower()}_{digits}_{minted}_{self._check(digits, minted)}"

    def items(self, customer: Customer) -> list[CartItem]:
        rows = self._store.rows(f"{_SELECT_ITEM} WHERE basket = ? ORDER BY id", customer.basket)
        return [CartItem(*row) for row in rows]

    def stage(
        self,
        customer: Customer,
        token: str,
        number: str,
        monthly: int,
        setup: int,
        reference: str | None,
        bundle: int | None = None,
    ) -> tuple[CartItem, bool]:
        """Put a searched number into the cart; return the item, and whether it is new.

        `number`, `monthly` and `setup` are what the client saw. A number that is in the cart already stays as it is.
        A `bundle` that is not approved yet is given to the number, which then waits for it.
        """
        chosen = self._read_token(token)
        if number != chosen:
            raise invalid("snapshot.number", "is not the number of the select token")
        if staged := self._staged(customer, number):
            return staged, False
        self._sales.let_others_come(number, Operation.CART_ADD, customer.account.id)
        offer = self._stock.offer(number)
        if offer is None:
            raise Refused(Code.NUMBER_UNAVAILABLE, WORDS[Reason.NUMBER_UNAVAILABLE])
        if (offer.monthly, offer.setup) != (monthly, setup):
            raise Refused(Code.PRICE_CHANGED, f"the price is now {_price(offer)}")
        if bundle is not None:
            self._bundles.usable(customer.account.id, bundle, offer.country, offer.type)
        self._store.write(
            "INSERT INTO cart_items (basket, token, number, reference, monthly, setup, bundle) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            customer.basket,
            token,
            number,
            reference,
            monthly,
            setup,
            bundle,
        )
        item = self._staged(customer, number)
        assert item is not None
        return item, True

    def remove(self, customer: Customer, item_id: int) -> None:
        row = self._store.row(f"{_SELECT_ITEM} WHERE basket = ? AND id = ?", customer.basket, item_id)
        if row is None:
            raise not_found("cart item", f"with id {item_id} in this cart")
        self._store.write("DELETE FROM cart_items WHERE id = ?", item_id)

    def checkout(self, customer: Customer, key: str) -> list[Outcome]:
        """One outcome for each item of the batch of `key`, in the order in which they were staged."""
        recorded = self._recorded(customer.account.id, key)
        staged = {item.id: item for item in self.items(customer)}
        if not recorded and not staged:
            raise Refused(Code.CART_EMPTY, "there is nothing in the cart, and nothing was ever bought under this id")
        batch = recorded or [_wish(item) for item in staged.values()]
        outcomes = [self._conclude(customer, wish, staged.get(wish.cart_item), key) for wish in batch]
        self._record(customer.account.id, key, outcomes)
        return outcomes

    def _conclude(self, customer: Customer, wish: Outcome, item: CartItem | None, key: str) -> Outcome:
        if item is None or wish.outcome is not Result.FAILED:
            return wish
        self._sales.let_others_come(item.number, Operation.CHECKOUT, customer.account.id)
        outcome = self._sales.sell(customer.account.id, wish, item.reference, key, item.bundle)
        if outcome.outcome is not Result.FAILED:
            self._store.write("DELETE FROM cart_items WHERE id = ?", item.id)
        return outcome

    def _staged(self, customer: Customer, number: str) -> CartItem | None:
        row = self._store.row(f"{_SELECT_ITEM} WHERE basket = ? AND number = ?", customer.basket, number)
        return None if row is None else CartItem(*row)

    def _recorded(self, account: str, key: str) -> list[Outcome]:
        rows = self._store.rows(
            "SELECT cart_item, number, token, monthly, setup, outcome, reason, message, number_id, entry, renews_at, "
            "documents_deadline FROM order_items WHERE account = ? AND key = ? ORDER BY cart_item",
            account,
            key,
        )
        return [_outcome(row) for row in rows]

    def _record(self, account: str, key: str, outcomes: list[Outcome]) -> None:
        for done in outcomes:
            self._store.write(
                "INSERT OR REPLACE INTO order_items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                account,
                key,
                done.cart_item,
                done.number,
                done.token,
                done.monthly,
                done.setup,
                done.outcome,
                done.reason,
                done.message,
                done.number_id,
                done.entry,
                done.renews_at,
                done.documents_deadline,
            )

    def _read_token(self, token: str) -> str:
        match token.split("_"):
            case ["sel", _, digits, minted, check] if check == self._check(digits, minted):
                if int(minted, 16) + TOKEN_LIFE < self._clock.now():
                    raise Refused(Code.TOKEN_EXPIRED, "the select token has expired: search again")
                return f"+{digits}"
            case _:
                raise invalid("select_token", "was not given out by catalog/search")

    def _check(self, digits: str, minted: str) -> str:
        return blake2b(f"{self._seed}/{digits}/{minted}".encode(), digest_size=6).hexdigest()


_SELECT_ITEM = "SELECT id, token, number, reference, monthly, setup, bundle FROM cart_items"


def _outcome(row: Row) -> Outcome:
    columns = list(row)
    columns[5] = Result(columns[5])
    return Outcome(*columns)


def _wish(item: CartItem) -> Outcome:
    return Outcome(item.id, item.number, item.token, item.monthly, item.setup, Result.FAILED)


def _price(offer: Offer) -> str:
    return f"{format_cents(offer.monthly)} a month and {format_cents(offer.setup)} once"
