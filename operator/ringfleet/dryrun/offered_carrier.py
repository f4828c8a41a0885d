"""A carrier account whose offers the operator tells: a plan needs no right to the account's Secret for it.

Only what a plan asks is answered: what is for sale, by the operator; the balance and the account's id, as its object's
status tells them. Nothing is ever called at the carrier from here.
"""

from __future__ import annotations

from ringfleet.api import CarrierAccount
from ringfleet.carriers.around import Around
from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.carriers.registry import PROVIDERS, open_carrier
from ringfleet.dryrun.operator_offers import OffersRefused, OffersUnreachable, OperatorOffers
from ringfleet.model import E164, AccountKey, Catalog, Holding, Market, Money, Query
from ringfleet.objects.carrier_account import settings_of
from ringfleet.objects.offers import MOST_ROWS, Wish


class OfferedCarrier(Around):
    """See the module."""

    def __init__(self, account: CarrierAccount, operator: OperatorOffers) -> None:
        super().__init__(_adapter(account))
        self._account = account
        self._operator = operator

    @property
    def registrar(self) -> None:
        """Nobody is asked for documents: what an offer says of them is all."""
        return

    @property
    def records(self) -> None:
        return

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        """At most MOST_ROWS offers; those in `exclude` are among what is asked for."""
        codes = (query.area_code,) if query.area_code else ()
        states, cities = (tuple(filter(None, (one,))) for one in (query.region, query.locality))
        market = Market(query.country, query.type, codes, query.capabilities, regions=states, localities=cities)
        wish, rows = Wish(market, query.contains, query.near), min(count + len(exclude), MOST_ROWS)
        key = AccountKey(self._account.metadata.namespace, self._account.metadata.name)
        try:
            (told,) = await self._operator.search([key], wish, rows)
        except (OffersUnreachable, OffersRefused) as error:
            raise CarrierUnavailable(f"the operator does not tell the offers of {key}: {error}") from error
        if told.answer is None:
            raise CarrierUnavailable(told.trouble)
        found = tuple(offer for offer in told.answer.offers if offer.number not in exclude)
        return Catalog(found, unreadable=told.answer.unreadable)

    async def find(self, number: E164) -> Holding | None:  # noqa: ARG002 - nobody is asked what the account holds
        return None

    async def balance(self) -> Money:
        said = self._account.status.balance
        if said is None:
            raise CarrierUnavailable("The account has not told its balance yet: see its conditions.")
        return Money(said.amount, said.currency)

    async def account_id(self) -> str | None:
        return self._account.status.account_id


def _adapter(account: CarrierAccount) -> Carrier:
    """The adapter, for what it can do; its credentials are none."""
    declared = PROVIDERS[account.spec.provider]
    ways = declared.one_of[0] if declared.one_of else ()
    nobody = {one.key: "unread" for one in (*declared.credentials, *ways)}
    return open_carrier(account.spec.provider, settings_of(account, nobody))
