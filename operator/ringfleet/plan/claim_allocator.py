"""One pool's free numbers and the claims that wait for them: who gets which number. Pure, and never awaited in between.

::

    offer(number) --> free ---.                     serve() hands out: the claims by rising ticket, each the first
                              +--> serve() --> hands    of the free numbers that it may have:
    ask(claim) ----> queue ---'                             its named number, or
                                                            what was its people's before, then
                                                            its area code, then its wishes in order, then any
                                                            (of these area codes only, where it requires one)

A number that rests is offered too, and only its people are handed it (`plan/former_holder.py`).

A number that was handed out is neither free nor lost: it is in the claim's hand until the write that binds it has
answered. `settle` ends that; what the number is then comes back by `offer`. So a number is never in two hands, which is
what keeps one process from binding it twice; between processes the number's resourceVersion does (promise 4).

First come, first served, by tickets that the API server's own order gives. A claim whose musts no free number meets
waits aside and does not hold up the ones behind it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ringfleet.model import E164, AccountKey, Capability, Money
from ringfleet.model.numbering import area_code_of
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.former_holder import People
from ringfleet.plan.number_quota import Purse, affords

_Kind = tuple[frozenset[Capability], Money | None, AccountKey | None]


@dataclass(frozen=True, slots=True)
class FreeNumber:
    """A number that may be assigned. `name` is that of its object."""

    name: str
    area_code: str | None = None
    region: str | None = None
    capabilities: frozenset[Capability] = frozenset()
    people: tuple[People, ...] = ()
    """Whose it was before, the nearest first."""
    rests: bool = False
    """Whether nobody but its people may have it yet."""
    monthly: Money | None = None
    """What it costs a month; None: that is not known."""
    account: AccountKey | None = None
    """Its carrier account; None: that does not matter."""
    registered: ObjectRef | None = None
    """The ComplianceBundle of a claim that it is still registered to: nobody else may use it under that. None: it is
    registered to its pool's, or needs no documents."""

    @property
    def kind(self) -> _Kind:
        """What it can do, what it costs and whose it is, as many others."""
        return self.capabilities, self.monthly, self.account

    def has_one_of(self, codes: tuple[str, ...]) -> bool:
        """Whether its area code is one of these. Where the carrier says none its digits tell, as when it is ordered."""
        return area_code_of(E164(f"+{self.name}"), self.area_code, codes) is not None


@dataclass(frozen=True, slots=True)
class AreaCodeWish:
    area_code: str


@dataclass(frozen=True, slots=True)
class RegionWish:
    region: str


Wish = AreaCodeWish | RegionWish


@dataclass(frozen=True, slots=True)
class ClaimWish:
    """What a claim asks of its pool. `ticket` orders the queue; `name` asks for that very number and no other.
    `people`: whom it is of, the nearest first; `area_codes`: of which it must have one, any when empty. `bundle`: the
    ComplianceBundle of its tenant that its number is to be registered to, None: the pool's; `accounts`: where that can
    be done, None: at any."""

    uid: str
    ticket: int
    wishes: tuple[Wish, ...] = ()
    capabilities: frozenset[Capability] = frozenset()
    name: str | None = None
    people: tuple[People, ...] = ()
    area_codes: tuple[str, ...] = ()
    bundle: ObjectRef | None = None
    accounts: frozenset[AccountKey] | None = None
    account: AccountKey | None = None
    """The carrier account of which its number must be; None: of any."""

    def takes(self, number: FreeNumber) -> bool:
        """Whether the number has all that it must, and does not rest for others."""
        if number.rests and set(number.people).isdisjoint(self.people):
            return False
        if not self.capabilities <= number.capabilities or not self._may_use(number):
            return False
        if self.account not in (None, number.account):
            return False
        return not self.area_codes or number.has_one_of(self.area_codes)

    def _may_use(self, number: FreeNumber) -> bool:
        """Whether the number is registered to the right bundle, or can be."""
        if number.registered and number.registered == self.bundle:
            return True
        return number.registered is None if self.accounts is None else number.account in self.accounts


@dataclass(frozen=True, slots=True)
class Hand:
    """A number that was given to a claim and is still to be written."""

    uid: str
    number: FreeNumber


Shelf = OrderedDict[str, FreeNumber]
"""Free numbers by name, the one that has been free for longest first."""
_BARE: Shelf = OrderedDict()


class Stock:
    """The free numbers and the queue of one pool.

    `_returning`: the claims in the queue that may get what was their people's before; each is looked at once for it, so
    that numbers which rest cost the queue nothing.
    """

    def __init__(self) -> None:
        self._free: Shelf = OrderedDict()
        self._resting: Shelf = OrderedDict()
        self._formerly: dict[People, Shelf] = {}
        self._waiting_people: dict[People, set[str]] = {}
        self._returning: set[str] = set()
        self._kinds: Counter[_Kind] = Counter()
        """How many of all these can do the same and cost the same: there are few kinds, and many of each."""
        self._by_area: dict[str, Shelf] = {}  # "": those of which the carrier says none
        self._by_digits: dict[str, Shelf] = {}
        """Of those the ones that begin with an area code, kept for each that a claim has required."""
        self._by_region: dict[str, Shelf] = {}
        self._queue: list[tuple[int, str]] = []
        self._claims: dict[str, ClaimWish] = {}
        self._hands: dict[str, FreeNumber] = {}
        self._held: set[str] = set()

    # What there is.

    @property
    def free(self) -> int:
        return len(self._free)

    def formerly(self, people: tuple[People, ...]) -> int:
        """How many numbers were these people's, and may be theirs again."""
        return len({name for one in people for name in self._formerly.get(one, _BARE)})

    @property
    def waiting(self) -> tuple[str, ...]:
        """The uids of the claims that wait, the next one to be served first."""
        return tuple(uid for _, uid in self._queue)

    def hand(self, uid: str) -> FreeNumber | None:
        """What the claim was given and has not settled yet."""
        return self._hands.get(uid)

    def waits(self, uid: str) -> bool:
        """Whether the claim stands in the queue."""
        return uid in self._claims

    def place(self, uid: str) -> int | None:
        """The claim's place in the queue, from 1; None when it does not wait."""
        claim = self._claims.get(uid)
        return bisect_left(self._queue, (claim.ticket, uid)) + 1 if claim else None

    # What comes and goes.

    def offer(self, number: FreeNumber) -> None:
        """The number is free. One that is in a hand stays there."""
        if number.name in self._held or self._find(number.name) == number:
            return
        self.withhold(number.name)
        self._kinds[number.kind] += 1
        for shelf in self._shelves(number):
            shelf[number.name] = number
        for people in number.people:
            self._formerly.setdefault(people, OrderedDict())[number.name] = number
            self._returning |= self._waiting_people.get(people, set())

    def withhold(self, name: str) -> None:
        """The number is not free (any more)."""
        number = self._find(name)
        if number is None:
            return
        self._kinds[number.kind] -= 1
        if not self._kinds[number.kind]:
            del self._kinds[number.kind]
        for shelf in self._shelves(number):
            del shelf[name]
        for people in number.people:
            del self._formerly[people][name]
            if not self._formerly[people]:
                del self._formerly[people]

    def _find(self, name: str) -> FreeNumber | None:
        return self._free.get(name) or self._resting.get(name)

    def _shelves(self, number: FreeNumber) -> Iterator[Shelf]:
        """Where it stands for those who are not its people."""
        if number.rests:
            yield self._resting
            return
        yield self._free
        yield self._by_area.setdefault(number.area_code or "", OrderedDict())
        if number.area_code is None:
            yield from (shelf for code, shelf in self._by_digits.items() if number.has_one_of((code,)))
        if number.region:
            yield self._by_region.setdefault(number.region, OrderedDict())

    def ask(self, claim: ClaimWish) -> None:
        """Let the claim wait for a number; asking again with another wish keeps the ticket that it has."""
        if claim.uid in self._hands:
            return
        before = self._claims.get(claim.uid)
        if before is None:
            insort(self._queue, (claim.ticket, claim.uid))
        else:
            self._forget_people(before)
        self._claims[claim.uid] = replace(claim, ticket=before.ticket) if before else claim
        for people in claim.people:
            self._waiting_people.setdefault(people, set()).add(claim.uid)
        if any(people in self._formerly for people in claim.people):
            self._returning.add(claim.uid)

    def withdraw(self, uid: str) -> None:
        """The claim waits no more."""
        claim = self._claims.pop(uid, None)
        if claim is not None:
            del self._queue[bisect_left(self._queue, (claim.ticket, uid))]
            self._forget_people(claim)

    def _forget_people(self, claim: ClaimWish) -> None:
        self._returning.discard(claim.uid)
        for people in claim.people:
            waiting = self._waiting_people[people]
            waiting.discard(claim.uid)
            if not waiting:
                del self._waiting_people[people]

    def settle(self, uid: str) -> None:
        """The claim's hand is empty again: what it held was written, or can't be. It does not wait until it asks."""
        number = self._hands.pop(uid, None)
        if number is not None:
            self._held.discard(number.name)

    # Who gets what.

    def serve(self, purse_of: Callable[[str], Purse] = lambda _: ()) -> tuple[Hand, ...]:
        """Give the free numbers to the waiting claims, in the order of their tickets. `purse_of`: what the number of a
        claim, by its uid, may cost; what is handed out is not taken off it."""
        hands = []
        for uid in self._asking():
            served = self._free or uid in self._returning
            number = self._choose(self._claims[uid], purse_of(uid)) if served else None
            if number is None:
                self._returning.discard(uid)
                continue
            self.withdraw(uid)
            self.withhold(number.name)
            self._hands[uid] = number
            self._held.add(number.name)
            hands.append(Hand(uid, number))
            if not (self._free or self._returning):
                break
        return tuple(hands)

    def _asking(self) -> tuple[str, ...]:
        """The claims that there may be something for, in the order of the queue."""
        if self._free:
            return self.waiting
        return tuple(sorted(self._returning, key=lambda uid: (self._claims[uid].ticket, uid)))

    def has_for(self, claim: ClaimWish, purse: Purse = ()) -> bool:
        """Whether there is a number that the claim could be handed, were it its turn."""
        return self._choose(claim, purse) is not None

    def _choose(self, claim: ClaimWish, purse: Purse) -> FreeNumber | None:
        if claim.name is not None:
            named = self._named(claim, claim.name)
            return named if named and fits(claim, named, purse) else None
        if not any(_may_be_of_use(claim, kind, purse) for kind in self._kinds):
            return None  # most often: a claim that waits, while all that is free, or rests, is of no use to it
        numbers = (number for shelf in self._shelves_for(claim) for number in shelf.values())
        return next((number for number in numbers if fits(claim, number, purse)), None)

    def _named(self, claim: ClaimWish, name: str) -> FreeNumber | None:
        resting = self._resting.get(name)
        return resting if resting and set(resting.people) & set(claim.people) else self._free.get(name)

    def _shelves_for(self, claim: ClaimWish) -> Iterator[Shelf]:
        """Where the claim looks, the best first. One that requires an area code looks through no others."""
        yield from (self._formerly.get(people, _BARE) for people in claim.people)
        yield from (self._shelf(wish) for wish in claim.wishes)
        for code in claim.area_codes:
            yield self._by_area.get(code, _BARE)
            yield self._that_begin_with(code)
        if not claim.area_codes:
            yield self._free

    def _that_begin_with(self, code: str) -> Shelf:
        """Most often a claim waits because there are none: all others are looked at once, and not at each serving."""
        if code not in self._by_digits:
            untold = self._by_area.get("", _BARE).items()
            self._by_digits[code] = OrderedDict((name, one) for name, one in untold if one.has_one_of((code,)))
        return self._by_digits[code]

    def _shelf(self, wish: Wish) -> Shelf:
        match wish:
            case AreaCodeWish(area_code):
                return self._by_area.get(area_code, _BARE)
            case RegionWish(region):
                return self._by_region.get(region, _BARE)


def _may_be_of_use(claim: ClaimWish, kind: _Kind, purse: Purse) -> bool:
    able, price, account = kind
    return claim.capabilities <= able and affords(purse, price) and claim.account in (None, account)


def fits(claim: ClaimWish, number: FreeNumber, purse: Purse) -> bool:
    """Whether the claim may have the number, for what it costs."""
    return claim.takes(number) and affords(purse, number.monthly)
