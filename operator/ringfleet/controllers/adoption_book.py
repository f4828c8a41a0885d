"""What the pools ask to adopt, and what the sweeps of their accounts have made of it; see `adoption.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account.asking import Asked
from ringfleet.plan.number_pool.adoption import ELSEWHERE, AdoptionSeen

LIST_AGAIN = timedelta(minutes=1)
"""How soon a ConfigMap is read again: ConfigMaps are not watched."""


@dataclass(slots=True)
class Noted:
    """What a pool asks for, as it was read last."""

    asked: Asked
    accounts: tuple[AccountKey, ...]
    generation: int
    """Of the pool's object, by its metadata."""
    read_at: float
    """When the list was read, in monotonic seconds."""
    has_list: bool
    unread: Mapping[int, str] = field(default_factory=dict)
    trouble: str = ""
    version: int = 0
    """Counts what was asked for otherwise than before."""


@dataclass(slots=True)
class Result:
    """What one account's listing made of what one pool asks for."""

    version: int
    """Of what was asked."""
    adopted: set[E164] = field(default_factory=set)
    refused: dict[E164, str] = field(default_factory=dict)


Results = dict[ObjectRef, Result]


class AdoptionBook:
    """See the module."""

    def __init__(self) -> None:
        self._noted: dict[ObjectRef, Noted] = {}
        self._results: dict[AccountKey, Results] = {}
        self._tried: dict[AccountKey, dict[ObjectRef, int]] = {}
        """What the accounts' sweeps have begun with: the versions of what was asked."""

    def noted(self, pool: ObjectRef) -> Noted | None:
        return self._noted.get(pool)

    def note(self, pool: ObjectRef, noted: Noted) -> bool:
        """Keep what the pool asks for; whether that is news to its accounts."""
        before = self._noted.get(pool)
        same = before is not None and (before.asked, before.accounts) == (noted.asked, noted.accounts)
        noted.version = (before.version if before else 0) + (0 if same else 1)
        self._noted[pool] = noted
        return not same

    def forget(self, pool: ObjectRef) -> None:
        """The pool is gone, or asks for nothing any more."""
        self._noted.pop(pool, None)
        for results in self._results.values():
            results.pop(pool, None)

    def is_asked_anew(self, account: AccountKey) -> bool:
        """Whether a pool asks the account for something that no sweep of it has begun with."""
        return self._versions(account).items() - self._tried.get(account, {}).items() != set()

    def begin(self, account: AccountKey) -> tuple[tuple[Asked, ...], Results]:
        """What a sweep that begins now looks for, and where it writes what became of it."""
        versions = self._tried[account] = self._versions(account)
        asked = tuple(self._noted[pool].asked for pool in sorted(versions))
        return asked, {pool: Result(version) for pool, version in versions.items()}

    def end(self, account: AccountKey, results: Results) -> set[ObjectRef]:
        """Keep what a whole listing has shown; the pools that have to hear of it."""
        before, self._results[account] = self._results.get(account, {}), results
        return {pool for pool in results.keys() | before.keys() if before.get(pool) != results.get(pool)}

    def seen(self, pool: ObjectRef, again: float | None) -> AdoptionSeen | None:
        """How far it has come; None: the pool asks for nothing."""
        noted = self._noted.get(pool)
        if noted is None:
            return None
        results = {account: self._results.get(account, {}).get(pool) for account in noted.accounts}
        current = {account: one for account, one in results.items() if one and one.version == noted.version}
        adopted = {number for one in current.values() for number in one.adopted}
        refused = {number: why for one in current.values() for number, why in one.refused.items()}
        unlisted = tuple(sorted(str(account) for account in results if account not in current))
        rest = noted.asked.numbers - adopted - refused.keys()
        if not unlisted:
            refused |= dict.fromkeys(rest, ELSEWHERE)
        return AdoptionSeen(
            frozenset(adopted),
            {number: why for number, why in refused.items() if number not in adopted},
            rest if unlisted else frozenset(),
            unlisted,
            noted.unread,
            noted.trouble,
            again,
        )

    def _versions(self, account: AccountKey) -> dict[ObjectRef, int]:
        return {pool: noted.version for pool, noted in self._noted.items() if account in noted.accounts}
