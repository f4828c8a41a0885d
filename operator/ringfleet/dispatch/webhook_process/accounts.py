"""Who may send events, as the webhook process knows it: from its dispatcher, which follows the accounts.

A stranger who tries names costs the dispatcher nothing: all names are known here. What signs an account's webhooks is
asked for, and kept for seconds only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from ringfleet.carriers.registry import PROVIDERS
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.webhook_process.lines import Lines
from ringfleet.dispatch.webhook_process.messages import Account, Ask, Down, Known, Vouched
from ringfleet.dispatch.webhooks import Sender, accounts_unread, no_such_account
from ringfleet.model import AccountKey

ASK_SECONDS: Final = 4.0
"""How long an answer is waited for. Carriers wait for 5 seconds and more."""
KEPT_SECONDS: Final = 5.0
"""How long what signs an account's webhooks is kept before the dispatcher, which keeps it too, is asked again."""


class Kept(NamedTuple):
    until: float
    vouched: Vouched


class Accounts:
    """See the module. `clock`: seconds."""

    def __init__(self, lines: Lines[Down], clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = lines
        self._clock = clock
        self._known: frozenset[Account] | None = None
        self._kept: dict[Account, Kept] = {}
        self._asked: dict[Account, asyncio.Future[Vouched]] = {}

    async def find(self, key: AccountKey) -> Sender:
        """Raises Problem."""
        account = (key.namespace, key.name)
        if self._known is None:
            raise accounts_unread()
        if account not in self._known:
            raise no_such_account(key)
        kept = self._kept.get(account)
        vouched = kept.vouched if kept and self._clock() < kept.until else await self._ask(account)
        if vouched.refusal is not None:
            raise vouched.refusal.problem()
        reader = PROVIDERS[vouched.provider].webhooks
        assert reader is not None, "the dispatcher vouches for nobody whose webhooks are not read"
        return Sender(reader, vouched.secrets)

    async def _ask(self, account: Account) -> Vouched:
        """Those who ask at the same time wait for one answer."""
        asked = self._asked.get(account)
        if asked is None:
            asked = self._asked[account] = asyncio.get_running_loop().create_future()
            self._lines.say(Ask(account))
        try:
            return await asyncio.wait_for(asyncio.shield(asked), ASK_SECONDS)
        except TimeoutError as error:
            self._asked.pop(account, None)
            raise unanswered() from error

    def learn(self, known: Known) -> None:
        self._known = None if known.accounts is None else frozenset(known.accounts)
        self._kept.clear()

    def vouch(self, vouched: Vouched) -> None:
        self._kept[vouched.account] = Kept(self._clock() + KEPT_SECONDS, vouched)
        asked = self._asked.pop(vouched.account, None)
        if asked is not None:
            asked.set_result(vouched)


def unanswered() -> Problem:
    return Problem("ledger-unavailable", "The dispatcher does not answer now. Send the event again.")
