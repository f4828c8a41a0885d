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
    """What one pool has, and what the operator would do for it."""

    namespace: str
    """The pool's namespace."""
    name: str
    """The pool's name."""
    target: int
    """How many numbers the pool is to have available."""
    held: int
    """How many numbers the pool holds now."""
    profile: str | None
    """The name of the pool's RoutingProfile; None: its numbers are not routed."""
    bought: tuple[Bought, ...] = ()
    """The numbers that would be bought."""
    routed: tuple[Changed, ...] = ()
    """The numbers of the pool whose routing would be changed at the carrier."""
    released: tuple[Released, ...] = ()
    """The numbers that would be given back."""
    served: tuple[str, ...] = ()
    """The waiting claims that would get a number, as `namespace/name`."""
    short: int = 0
    """How many numbers the pool would still miss in the end."""
    notes: tuple[Note, ...] = ()
    """What stands against the pool's wishes."""
    errors: tuple[str, ...] = ()
    """Why the preview may not be all that would happen: what it needed to know and could not find out, a sentence
    each."""

    @property
    def changes(self) -> int:
        return len(self.bought) + len(self.routed) + len(self.released) + len(self.served)


@dataclass(frozen=True, slots=True)
class AccountPreview:
    """One account that would be bought from. `spend` is the first month of what would be bought, setups included."""

    account: AccountKey
    balance: Money
    spend: Money
    by_operator: bool = False
    """Whether the operator has told the offers, for a person who may not read the account's Secret; the balance is then
    that of the account's status."""

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
