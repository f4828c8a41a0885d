"""The judgement: the exchange's ledger, the cluster, and what people remember (`people.py`) have to agree.

`Audit.faults` are those that no moment excuses: bought twice, given back unasked, bound twice, over a limit, moved
while frozen, said and contradicted in one status. `unsettled` is what is still to come, and what is said otherwise than
it is (`truth.py`): if that has no end although the weather is fair, it is a fault.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.soak.people import EVERYTHING, People, Place
from tests.soak.truth import contradicted, untold
from tests.soak.world import ACCOUNTS, World

Json = dict[str, Any]

AT_REST = {"Available", "Bound", "Suspended", "Cooling", "Quarantined"}
GONE = {"Released", "Lost"}
HOUR = 3600.0


@dataclass(frozen=True)
class Seen:
    """All there is, at about one moment; the ledger is read first, so that what it has is nowhere earlier."""

    ledger: list[Json]
    owned: list[Json]
    numbers: list[Json]
    claims: list[Json]
    pools: list[Json]
    orders: list[Json]
    accounts: list[Json]

    @property
    def held(self) -> dict[str, Json]:
        """The numbers that the cluster says are ours, by number."""
        return {one["spec"]["number"]: one for one in self.numbers if phase(one) not in GONE}


def look(world: World) -> Seen:
    kinds = ("phonenumbers", "numberclaims", "numberpools", "numberorders")
    ledger, owned = world.ledger(), world.owned()
    numbers, claims, pools, orders = (world.list(kind) for kind in kinds)
    return Seen(ledger, owned, numbers, claims, pools, orders, world.list("carrieraccounts", world.house))


def phase(obj: Json) -> str:
    found: str = obj.get("status", {}).get("phase") or ""
    return found


def condition(obj: Json, type_: str) -> Json | None:
    return next((one for one in obj.get("status", {}).get("conditions", ()) if one["type"] == type_), None)


def key_of(obj: Json) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


class Audit:
    """See the module. `rate`: how many numbers the second account may sell in an hour."""

    def __init__(self, people: People, rate: int) -> None:
        self._people = people
        self._rate = rate
        self._read = 0
        self._ours: set[str] = set()
        self._may_still_hold: dict[str, int] = {}
        self._stock: Counter[Place] = Counter()
        self._queue: Counter[Place] = Counter()
        self._bought: Counter[Place] = Counter()
        self._early: set[str] = set()
        """Numbers that were stock already when all was last calm, and that the ledger, read before, did not have."""
        self.bought = self.given_back = 0

    # Faults.

    def faults(self, seen: Seen) -> list[str]:
        """What no moment excuses."""
        return [
            *self._of_ledger(seen),
            *self._of_wishes(),
            *self._of_rate(seen),
            *self._of_bindings(seen),
            *self._of_limits(seen),
            *self._of_marks(seen),
            *_contradicted(seen),
        ]

    def _of_ledger(self, seen: Seen) -> Iterator[str]:
        """Read what is new: bought is only what we do not own, given back what was asked, and nothing while frozen."""
        for line, entry in enumerate(seen.ledger[self._read :], self._read):
            number, kind = entry["number"], entry["kind"]
            if kind in ("purchase", "release") and (freeze := self._held_by(line, entry)):
                yield f"{kind} of {number} while {freeze} was frozen"
            if kind == "purchase":
                if number in self._ours:
                    yield f"{number} was bought twice"
                self._ours.add(number)
                self._bought[self._people.pool_of(number).place] += number not in self._early
                self._early.discard(number)
                self.bought += 1
            if kind == "release":
                if number not in self._people.may_go:
                    yield f"{number} was given back, and nobody had asked"
                self._ours.discard(number)
                self._people.may_go.discard(number)
                self._people.suspended.discard(number)
                self.given_back += 1
        self._read = len(seen.ledger)

    def _held_by(self, line: int, entry: Json) -> str | None:
        names = (EVERYTHING, entry["account"], "/".join(self._people.pool_of(entry["number"]).place))
        freezes = ((name, self._people.freezes.get(name)) for name in names)
        return next((name for name, one in freezes if one and one.since is not None and line >= one.since), None)

    def _of_wishes(self) -> Iterator[str]:
        """Since the last checkpoint no pool has bought more than its stock lacked, and what was taken out of it."""
        for place, most in sorted(self._people.most_wished.items()):
            lacked = max(0, most - self._stock[place]) + self._queue[place] + self._people.taken[place]
            if self._bought[place] > lacked:
                yield f"pool {'/'.join(place)} has bought more than anybody wished"

    def _of_rate(self, seen: Seen) -> Iterator[str]:
        times = [_seconds(one) for one in seen.ledger if (one["kind"], one["account"]) == ("purchase", "second")]
        first = 0
        for last, at in enumerate(times):
            while times[first] <= at - HOUR:
                first += 1
            if last - first + 1 > self._rate:
                yield f"the second account bought {last - first + 1} numbers within an hour, {self._rate} are allowed"
                return

    def _of_bindings(self, seen: Seen) -> Iterator[str]:
        uids = Counter(one["spec"]["claimRef"]["uid"] for one in seen.numbers if "claimRef" in one["spec"])
        yield from (f"a claim holds {count} numbers" for count in uids.values() if count > 1)
        bound = Counter(one["status"]["phoneNumber"]["number"] for one in seen.claims if phase(one) == "Bound")
        yield from (f"{number} is bound to {count} claims" for number, count in bound.items() if count > 1)
        objects = Counter(one["spec"]["number"] for one in seen.numbers)
        yield from (f"{number} has {count} objects" for number, count in objects.items() if count > 1)

    def _of_limits(self, seen: Seen) -> Iterator[str]:
        """By the truth, which is the exchange's: numbers with our mark."""
        marked = Counter(self._people.pool_of(one["number"]).place for one in seen.owned if one["reference"])
        for place, pool in sorted(self._people.pools.items()):
            if marked[place] > pool.most:
                yield f"pool {'/'.join(place)} holds {marked[place]} numbers, {pool.most} are allowed"
        for tenant, limit in sorted(self._people.most_allowed.items()):
            has = sum(count for (namespace, _), count in marked.items() if namespace == tenant)
            if has > max(limit, self._may_still_hold.get(tenant, 0)):
                yield f"{tenant} holds {has} numbers, its quota has allowed {limit}"

    def _of_marks(self, seen: Seen) -> Iterator[str]:
        bare = sorted(one["number"] for one in seen.owned if not one["reference"])
        yield from (f"{one} lost our mark, and nobody had deleted it" for one in bare if one not in self._people.let_go)
        yield from (f"{one['spec']['number']} is called lost" for one in seen.numbers if phase(one) == "Lost")

    # Freezes.

    def acknowledge_freezes(self, seen: Seen) -> None:
        """Note since which line of the ledger the cluster says of a freeze that nothing moves any more."""
        said = {key_of(one) for one in seen.pools if condition(one, "Frozen")}
        accounts = {one["metadata"]["name"] for one in seen.accounts if condition(one, "Frozen")}
        all_said = len(said) == len(seen.pools) and len(accounts) == len(ACCOUNTS)
        for name, freeze in self._people.freezes.items():
            if freeze.since is None and (name in said | accounts or (name == EVERYTHING and all_said)):
                freeze.since = len(self._people.world.ledger())  # read after it was said
                self._people.doings["freeze acknowledged"] += 1

    # What is to come.

    def unsettled(self, seen: Seen) -> list[str]:
        """What has to change before all is calm."""
        marked = {one["number"] for one in seen.owned if one["reference"]}
        held = seen.held
        return [
            *(f"{number} is ours and has no object" for number in sorted(marked - held.keys())),
            *(f"{number} has an object and is not ours" for number in sorted(held.keys() - marked)),
            *self._numbers(seen),
            *(f"order {key_of(one)} is not done" for one in seen.orders if "completedAt" not in one.get("status", {})),
            *self._claims(seen),
            *self._pools(seen),
            *untold(held, seen.claims, seen.pools, seen.accounts),
        ]

    def _numbers(self, seen: Seen) -> Iterator[str]:
        stopped = {one["number"] for one in seen.owned if one["suspended"]}
        for number, one in sorted(seen.held.items()):
            going = "deletionTimestamp" in one["metadata"] or (is_asked(one) and "claimRef" not in one["spec"])
            if going or phase(one) not in AT_REST - {"Cooling"}:
                yield f"{number} is {phase(one)}{' and goes' if going else ''}"
            elif (number in stopped) is not bool(one["spec"].get("suspend")):
                yield f"{number} is {'' if number in stopped else 'not '}suspended at the carrier"

    def _claims(self, seen: Seen) -> Iterator[str]:
        free = Counter(self._people.pool_of(number).place for number, one in seen.held.items() if is_free(one))
        wished = {"/".join(place): pool for place, pool in self._people.claims.items()}
        there = {key_of(one): one for one in seen.claims}
        yield from (f"claim {name} is gone" for name in sorted(wished.keys() - there.keys()))
        yield from (f"claim {name} is still there" for name in sorted(there.keys() - wished.keys()))
        for name, claim in sorted(there.items()):
            if phase(claim) != "Bound" and name in wished and free[wished[name]]:
                yield f"claim {name} waits although {free[wished[name]]} numbers are free"

    def _pools(self, seen: Seen) -> Iterator[str]:
        """A pool has as many free numbers as it wishes, unless the model knows why it can't."""
        says = {key_of(one): condition(one, "Ready") or {} for one in seen.pools}
        free = Counter(self._people.pool_of(number).place for number, one in seen.held.items() if is_free(one))
        held = Counter(self._people.pool_of(number).place for number in seen.held)
        for name, pool in sorted(self._people.pools.items()):
            tenant = sum(count for (namespace, _), count in held.items() if namespace == name[0])
            full = held[name] >= pool.most or tenant >= self._people.quotas[name[0]]
            if free[name] < pool.target and not full:
                said = says.get("/".join(name), {})
                yield (
                    f"pool {'/'.join(name)} has {free[name]} free numbers, {pool.target} are wished; it says "
                    f"{said.get('reason')}: {said.get('message')}"
                )

    def settle(self, seen: Seen) -> None:
        """All is calm: what was asked and not done by now is not to be done any more."""
        held = seen.held
        kept = {number for number, one in held.items() if is_asked(one)}
        self._people.may_go &= kept
        self._people.suspended = {number for number, one in held.items() if one["spec"].get("suspend")}
        tenants: defaultdict[str, int] = defaultdict(int)
        for number in held:
            tenants[self._people.pool_of(number).place[0]] += 1
        self._may_still_hold = dict(tenants)
        self._people.most_allowed = dict(self._people.quotas)
        self._people.most_wished = {place: pool.target for place, pool in self._people.pools.items()}
        self._people.taken.clear()
        self._bought.clear()
        self._early = set(held) - self._ours
        self._stock = Counter(self._people.pool_of(number).place for number, one in held.items() if is_free(one))
        self._queue = Counter(self._people.claims[_place(one)] for one in seen.claims if phase(one) != "Bound")


def _contradicted(seen: Seen) -> Iterator[str]:
    """What an object says, and what stands beside that in the same status."""
    yield from contradicted("PhoneNumber", seen.numbers)
    yield from contradicted("NumberClaim", seen.claims)
    yield from contradicted("NumberPool", seen.pools)
    yield from contradicted("NumberOrder", seen.orders)
    yield from contradicted("CarrierAccount", seen.accounts)


def is_asked(one: Json) -> bool:
    """Whether somebody has asked for the number to be given back."""
    return "ringfleet.dev/release" in one["metadata"].get("annotations", {})


def is_free(one: Json) -> bool:
    return phase(one) == "Available" and "claimRef" not in one["spec"] and not is_asked(one)


def _place(obj: Json) -> Place:
    return (obj["metadata"]["namespace"], obj["metadata"]["name"])


def _seconds(entry: Json) -> float:
    return datetime.fromisoformat(entry["at"]).timestamp()


def first(things: Iterable[str], count: int = 5) -> str:
    """The first few of many, for a line."""
    listed = list(things)
    return "; ".join(listed[:count]) + (f"; and {len(listed) - count} more" if len(listed) > count else "")
