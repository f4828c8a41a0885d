"""One account at the sandbox carrier, the adapter on it, and what really happened there."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from ringfleet.carriers.abilities import BundleTime
from ringfleet.carriers.carrier import AccountSettings, Carrier
from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.carriers.registry import open_carrier
from ringfleet.model import E164, Holding, Mark, NumberType, Offer, Outcome, Purchase, Query
from tests.simulator.process import SimulatorProcess

MARK = Mark("inst-1", "shop", "us")
US_415 = Query("US", NumberType.GEOGRAPHIC, "415")
TRIES = 60

_serial = count(1)

Opening = tuple[str, Mapping[str, str]]
"""Where an account's API is, and what opens it."""


def _didhub(url: str, _: str, token: str) -> Opening:
    return url, {"token": token}


def _twilio(url: str, account: str, token: str) -> Opening:
    sid = "AC" + hashlib.md5(account.encode(), usedforsecurity=False).hexdigest()
    return f"{url}/twilio/{{product}}", {"accountSid": sid, "authToken": token}


def _telnyx(url: str, _: str, token: str) -> Opening:
    return f"{url}/telnyx", {"apiKey": token}


OPENINGS: Mapping[str, Callable[[str, str, str], Opening]] = {"DIDHub": _didhub, "Twilio": _twilio, "Telnyx": _telnyx}
"""By provider: of the simulator's URL, the account's id and its token."""


class Customer:
    """`settings` say where the account is; `carrier` is the adapter that is tested."""

    def __init__(self, sandbox: SimulatorProcess, provider: str) -> None:
        self.id = f"customer-{next(_serial)}"
        self.sandbox = sandbox
        self.provider = provider
        self.token = f"tok_{self.id}"
        """What the sandbox knows the account by."""
        endpoint, credentials = OPENINGS[provider](sandbox.url, self.id, self.token)
        self.settings = AccountSettings(
            f"shop/{self.id}",
            endpoint,
            credentials,
            requests_per_second=1000,
            concurrency=8,
            timeout=10,
            lag=0.0,
        )
        self.carrier = self.another()

    def with_token(self, token: str) -> Mapping[str, str]:
        """The account's credentials, with another token in them."""
        return {key: token if value == self.token else value for key, value in self.settings.credentials.items()}

    @property
    def sold_by(self) -> int:
        """How many numbers the carrier sells in one call, and so all or none of them."""
        return self.carrier.abilities.bulk

    async def __aenter__(self) -> Customer:
        self.sandbox.control("POST", "accounts", {"token": self.token, "id": self.id, "balance": "1000.00"})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.carrier.__aexit__()

    def another(self, **changes: Any) -> Carrier:
        """A second adapter on the same account, as another process would have."""
        return open_carrier(self.provider, replace(self.settings, **changes))

    def in_turn(self) -> Carrier:
        """The same as `another`, which makes one call at a time: what happens to the n-th number can be foretold."""
        return self.another(concurrency=1)

    @property
    def sells_before_documents(self) -> bool:
        """Whether the carrier sells a number that needs documents before it has them."""
        return self.carrier.abilities.bundle in (BundleTime.AFTER_ORDER, BundleTime.EITHER)

    async def purchase(self, key: str, count: int, query: Query = US_415, mark: Mark = MARK) -> Purchase:
        """The first `count` offers of `query`, under a key that is this account's own."""
        catalog = await self.carrier.search(query, count)
        assert len(catalog.offers) >= count
        return Purchase(f"{self.id}-{key}", catalog.offers[:count], mark)

    async def listed(self) -> list[Holding]:
        return [holding async for page in self.carrier.holdings() for holding in page]

    def billed(self) -> Counter[E164]:
        """How often each number was billed, by the exchange's ledger."""
        return Counter(E164(entry["number"]) for entry in self.sandbox.ledger(self.id, "purchase"))

    def bill(self) -> list[dict[str, Any]]:
        return self.sandbox.ledger(self.id, "purchase")

    def calls(self, operation: str) -> int:
        """How often the operation was called since the test began, by all customers."""
        return self.sandbox.calls().get(operation, 0)


async def buy_to_the_end(carrier: Carrier, purchase: Purchase) -> tuple[Outcome, ...]:
    """Buy as the engine does: after any doubt the same purchase again, resumed, after a pause that grows and varies.

    Two processes that fill one cart at once would disturb each other for ever if they tried again in step.
    """
    for failures in range(TRIES):
        try:
            return await carrier.buy(purchase)
        except (CarrierUnavailable, OutcomeUnknown):
            purchase = replace(purchase, resumed=True)
            await asyncio.sleep(random.uniform(0, 0.02 * 2 ** min(failures, 5)))
    raise AssertionError(f"{purchase.key} has no outcome after {TRIES} tries")


def numbers(things: tuple[Offer, ...] | tuple[Outcome, ...] | list[Holding]) -> list[E164]:
    return [thing.number for thing in things]
