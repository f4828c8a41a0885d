"""What a plan foresees, as values: what each pool would buy, route, release and serve, and what stands against it."""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.dryrun.server import Fate, Rehearsed
from ringfleet.model import E164, AccountKey, Money, Offer


@dataclass(frozen=True, slots=True)
class Bought:
    """One number that would be bought. `approval`: its order would first wait for a person."""

    offer: Offer
    account: AccountKey
    order: str
    approval: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """One number that we hold and that would be told something else at its carrier: `step` is Route, Unroute, ..."""

    number: E164
    account: AccountKey
    step: str
    profile: str | None


@dataclass(frozen=True, slots=True)
class Released:
    """One number that would be given back, and why."""

    number: E164
    account: AccountKey
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that stands against a pool's wishes: a reason of `plan/conditions.py`, and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PoolPreview:
    """One pool. `held` is what it has now, `short` what it would still miss in the end.

    `served` are the waiting claims that would get a number (`namespace/name`). `errors` say why the preview is not all
    that would happen: what it needed to know could not be found out.
    """

    namespace: str
    name: str
    target: int
    held: int
    profile: str | None
    bought: tuple[Bought, ...] = ()
    routed: tuple[Changed, ...] = ()
    released: tuple[Released, ...] = ()
    served: tuple[str, ...] = ()
    short: int = 0
    notes: tuple[Note, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        return len(self.bought) + len(self.routed) + len(self.released) + len(self.served)


@dataclass(frozen=True, slots=True)
class AccountPreview:
    """One account that would be bought from. `spend` is the first month of what would be bought, setups included."""

    account: AccountKey
    balance: Money
    spend: Money

    @property
    def covered(self) -> bool:
        """Whether the balance pays for it; a balance in another currency is not held against it."""
        return self.spend.currency != self.balance.currency or self.spend <= self.balance


@dataclass(frozen=True, slots=True)
class Preview:
    """The whole plan. `unpooled` are numbers that are in no pool that is previewed."""

    objects: tuple[Rehearsed, ...]
    pools: tuple[PoolPreview, ...]
    unpooled: tuple[Changed, ...] = ()
    accounts: tuple[AccountPreview, ...] = ()

    @property
    def changes(self) -> bool:
        applied = any(one.fate in (Fate.CREATED, Fate.CONFIGURED) for one in self.objects)
        return applied or bool(self.unpooled) or any(pool.changes for pool in self.pools)

    @property
    def refused(self) -> tuple[Rehearsed, ...]:
        return tuple(one for one in self.objects if one.fate is Fate.REFUSED)

    @property
    def failed(self) -> bool:
        """Whether something is refused, or could not be found out."""
        return bool(self.refused) or any(pool.errors for pool in self.pools)
