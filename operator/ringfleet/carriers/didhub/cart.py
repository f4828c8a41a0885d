"""Buying at DIDHub: one cart a token, one checkout a key.

The cart is shared by all that use the token, and a checkout takes whatever lies in it. So one purchase at a time holds
it, and looks twice: before staging and before checking out. The first checkout of a key freezes its batch; the same key
again only reads the record::

    clear the cart of what is not this purchase's
        |
        | resumed, and some number is bought already?
        |------------- yes --> empty the cart --> checkout: reads the record ---.
        v no                                                                    |
    stage every number --> look: exactly ours? --> last look of the caller --> checkout: buys --> one outcome a number
                                                                                |
                       take what failed out of the cart; all of it, when the caller's last look stopped it <-'

Left of a checkout an error is a CarrierUnavailable or RequestRejected: this try bought nothing. From it on, what is not
known is OutcomeUnknown, and the caller comes back with the same purchase, `resumed=True`.

Two processes that carry out the same purchase at once help each other: what one has staged counts for both, both commit
the same key, and the second reads what the first has bought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

import structlog

from ringfleet.carriers.carrier import LastLook
from ringfleet.carriers.didhub import wire
from ringfleet.carriers.didhub.wire import CartItem
from ringfleet.carriers.errors import CarrierError, CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.model import E164, Holding, ItemState, Mark, Outcome, Purchase, outcome_of

log = structlog.get_logger(__name__)

LOOKS = 3

Items = Mapping[E164, CartItem]
Outcomes = Mapping[E164, Outcome]


class Cart:
    """The one cart of an account's token."""

    def __init__(self, account: str, http: AccountClient, find: Callable[[E164], Awaitable[Holding | None]]) -> None:
        """`account` is for messages; `find` looks a number up in the account."""
        self._account = account
        self._http = http
        self._find = find
        self._turn = asyncio.Lock()

    async def buy(self, purchase: Purchase, last_look: LastLook) -> tuple[Outcome, ...]:
        """One outcome for each number of `purchase`, in its order; one purchase after the other."""
        async with self._turn:
            ours = await self._clear(purchase)
            if purchase.resumed and await self._any_bought(_missing(purchase, ours)[:LOOKS], purchase.mark):
                await self._take_out(ours.values())
                if record := await self._checkout(purchase):
                    return await self._settle(purchase, record, {})
                ours = {}
            return await self._buy(purchase, ours, last_look)

    async def _buy(self, purchase: Purchase, ours: Items, last_look: LastLook) -> tuple[Outcome, ...]:
        refused = await self._stage(purchase, ours)
        staged = await self._verify(purchase, refused)
        if not staged and not purchase.resumed:
            return await self._nothing_staged(purchase, refused)
        await self._look_last(staged, last_look)
        outcomes = await self._settle(purchase, await self._checkout(purchase), refused)
        await self._tidy(staged, outcomes)
        return outcomes

    async def _clear(self, purchase: Purchase) -> Items:
        """Take out what another purchase has left in the cart; return what is there of this one."""
        items = await self._items()
        ours = {item.number: item for item in items if item.number and _belongs(item, purchase)}
        others = [item for item in items if item not in ours.values()]
        if others:
            log.warning("took another order's items out of the cart", account=self._account, items=len(others))
            await self._take_out(others)
        return ours

    async def _any_bought(self, numbers: Iterable[E164], mark: Mark) -> bool:
        """Whether the account holds one of `numbers` under our mark: then the purchase has a record."""
        for number in numbers:
            holding = await self._find(number)
            if holding is not None and holding.mark == mark:
                return True
        return False

    async def _stage(self, purchase: Purchase, ours: Items) -> Outcomes:
        """Put what is missing into the cart, one by one; return the refused numbers with the reason of each."""
        refused: dict[E164, Outcome] = {}
        for offer in purchase.offers:
            if offer.number in ours:
                continue
            try:
                staging = wire.staging(offer, purchase.mark, purchase.bundle)
                await self._http.call(Call("POST", wire.path("cart items"), json=staging))
            except RequestRejected as error:
                refused[offer.number] = wire.failed(offer.number, error.code, str(error))
        return refused

    async def _verify(self, purchase: Purchase, refused: Outcomes) -> Items:
        """The last look before money moves: the cart holds what was staged, once each, and nothing else.

        Raises:
            CarrierUnavailable: something else uses the cart at the same time. This try has bought nothing.
        """
        items = await self._items()
        wanted = [offer.number for offer in purchase.offers if offer.number not in refused]
        if sorted(str(item.number) for item in items) != sorted(wanted):
            raise CarrierUnavailable(
                f"{self._account}: the cart was changed by someone else while order {purchase.key} was staged; "
                "nothing was bought; if this goes on, give each program that buys a DIDHub token of its own"
            )
        return {item.number: item for item in items if item.number}

    async def _look_last(self, staged: Items, last_look: LastLook) -> None:
        """Let the caller stop it; then nothing stays in the cart that somebody else's checkout would pay for."""
        try:
            await last_look()
        except Exception:
            with suppress(CarrierError):  # the next purchase takes out what is left
                await self._take_out(staged.values())
            raise

    async def _nothing_staged(self, purchase: Purchase, refused: Outcomes) -> tuple[Outcome, ...]:
        """Every number was refused, so there is nothing to check out; unless they are gone because we have them."""
        if await self._any_bought(list(refused)[:1], purchase.mark):
            raise OutcomeUnknown(f"{self._account}: numbers of order {purchase.key} are bought already: look them up")
        return tuple(refused[offer.number] for offer in purchase.offers)

    async def _checkout(self, purchase: Purchase) -> Outcomes:
        """Commit the cart under the purchase's key, or read what the key has committed; empty when there is neither.

        The point of no return: it goes out once, and whatever leaves a doubt is OutcomeUnknown.
        """
        try:
            reply = await self._http.call(
                Call("POST", wire.path("checkout"), safe=False, json={"client_checkout_id": purchase.key})
            )
        except RequestRejected as error:
            if error.code == "cart_empty":
                return {}
            raise
        try:
            outcomes = [wire.parse_outcome(row) for row in Fields(reply, "checkout").items("items")]
        except CarrierUnavailable as error:
            raise OutcomeUnknown(f"{self._account}: order {purchase.key} was sent, but {error}") from error
        return {outcome.number: outcome for outcome in sorted(outcomes, key=_bought_last)}

    async def _settle(self, purchase: Purchase, record: Outcomes, refused: Outcomes) -> tuple[Outcome, ...]:
        """One outcome for each number: the record's, or that of a number which the record does not know."""
        outcomes: list[Outcome] = []
        try:
            for offer in purchase.offers:
                known = record.get(offer.number)
                outcomes.append(known or await self._unrecorded(purchase, offer.number, refused))
        except OutcomeUnknown:
            raise
        except CarrierError as error:
            raise OutcomeUnknown(f"{self._account}: order {purchase.key} was sent, but {error}") from error
        return tuple(outcomes)

    async def _unrecorded(self, purchase: Purchase, number: E164, refused: Outcomes) -> Outcome:
        """Refused at staging, now or by an earlier try; or bought nevertheless by another process's checkout."""
        if not purchase.resumed and number not in refused:
            raise OutcomeUnknown(f"{self._account}: the reply to order {purchase.key} does not tell of all its numbers")
        holding = await self._find(number) if purchase.resumed else None
        if holding is not None and holding.mark == purchase.mark:
            return outcome_of(holding)
        return refused.get(number) or wire.failed(number, "", "The order was committed without this number.")

    async def _tidy(self, staged: Items, outcomes: Iterable[Outcome]) -> None:
        """Take the failed items out of the cart. All outcomes are known by now, and no error here may hide them."""
        failed = [outcome.number for outcome in outcomes if outcome.state is ItemState.FAILED]
        try:
            await self._take_out(staged[number] for number in failed if number in staged)
        except CarrierError as error:
            log.warning("failed items stay in the cart until the next order", account=self._account, error=str(error))

    async def _items(self) -> list[CartItem]:
        cart = Fields(await self._http.call(Call("GET", wire.path("cart"))), "cart")
        return [wire.parse_cart_item(row) for row in cart.items("items")]

    async def _take_out(self, items: Iterable[CartItem]) -> None:
        for item in items:
            try:
                await self._http.call(Call("DELETE", wire.path("cart item", item.id)))
            except RequestRejected as error:
                if error.code != "not_found":
                    raise


def _belongs(item: CartItem, purchase: Purchase) -> bool:
    """The very offer of the purchase under its mark; the same number from another order is not it."""
    offers = {offer.number: offer.token for offer in purchase.offers}
    known = item.number is not None and offers.get(item.number) == item.token
    return known and item.reference == str(purchase.mark)


def _missing(purchase: Purchase, ours: Items) -> list[E164]:
    return [offer.number for offer in purchase.offers if offer.number not in ours]


def _bought_last(outcome: Outcome) -> bool:
    """Sorts failures first, so that of two rows about one number the one that cost money counts."""
    return outcome.state is not ItemState.FAILED
