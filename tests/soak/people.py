"""What people do in the soak, and what they remember of it: that is the brute-force model.

It has no idea of how anything is done. It knows what was wished, and so what may happen at the carrier: which number
was asked to go, how many a pool may hold, what was frozen since which line of the exchange's ledger.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.cluster.stage import a_claim, a_pool, a_profile, a_quota
from tests.controlplane.api import Refused
from tests.soak.world import ACCOUNTS, World

Place = tuple[str, str]
AREA_CODES = ("415", "628", "212", "646", "312", "303")
KEEP, GIVE_BACK = "keep", "give-back"
"""The two pools of a tenant: numbers that are deleted in the first stay in the account, in the second they go."""
RELEASE = {"mode": "Manual", "hold": "2s", "maxPerDay": 10_000}
FROZEN = "ringfleet.dev/frozen"
EVERYTHING = "everything"


@dataclass
class Pool:
    """A pool as it is wished; `area_code` is its own, so that a number tells its pool."""

    place: Place
    area_code: str
    most: int
    target: int


@dataclass
class Freeze:
    """Since which line of the ledger it was acknowledged; None: it was not, yet."""

    since: int | None = None


@dataclass
class People:
    """See the module. `doings` counts what was done."""

    world: World
    dice: Random
    numbers: int
    pools: dict[Place, Pool] = field(default_factory=dict)
    claims: dict[Place, Place] = field(default_factory=dict)
    may_go: set[str] = field(default_factory=set)
    """Numbers that somebody has asked to be given back since they were bought."""
    let_go: set[str] = field(default_factory=set)
    """Numbers that somebody has deleted under Retain: our mark may come off."""
    suspended: set[str] = field(default_factory=set)
    quotas: dict[str, int] = field(default_factory=dict)
    most_allowed: dict[str, int] = field(default_factory=dict)
    """By tenant: the most numbers that its quota has allowed since the last checkpoint."""
    most_wished: dict[Place, int] = field(default_factory=dict)
    """By pool: the highest target since the last checkpoint."""
    taken: Counter[Place] = field(default_factory=Counter)
    """By pool: how many of its numbers may have been taken out of its stock since then: claimed, stopped, or let go."""
    freezes: dict[str, Freeze] = field(default_factory=dict)
    """What is frozen now: `everything`, an account's name, or `namespace/pool`."""
    doings: Counter[str] = field(default_factory=Counter)
    _serial: int = 0

    # Moving in.

    def move_in(self) -> None:
        """Two pools a tenant, with claims to come; together they hold no more than `numbers`."""
        codes = iter(AREA_CODES)
        share = self.numbers // (2 * len(self.world.tenants))
        for tenant in self.world.tenants:
            self.world.apply(tenant, a_profile("front-desk", "sip:pbx.example.com"))
            self._set_quota(tenant, 2 * share)
            for name in (KEEP, GIVE_BACK):
                pool = Pool((tenant, name), next(codes), share, self.dice.randint(share // 8, share // 3))
                self.pools[pool.place] = pool
                self.most_wished[pool.place] = pool.target
                self.world.apply(tenant, self._manifest(pool))

    def _manifest(self, pool: Pool) -> dict[str, Any]:
        accounts = ACCOUNTS if pool.place[1] == KEEP else tuple(reversed(ACCOUNTS))
        return a_pool(
            pool.place[1],
            pool.target,
            market={"country": "US", "type": "Geographic", "areaCodes": [pool.area_code]},
            carriers=[{"accountRef": {"name": name, "namespace": self.world.house}} for name in accounts],
            limits={"maxNumbers": pool.most},
            ordering={"batchSize": 25},
            reclaim={"cooldown": "2s"},
            release=RELEASE,
            deletionPolicy="Release" if pool.place[1] == GIVE_BACK else "Retain",
        )

    # Doing.

    def act(self) -> str:
        """One thing that a person does; its name."""
        deeds = (
            *(("scale", 6), ("claim", 8), ("unclaim", 5), ("suspend", 3), ("ask to go", 4), ("take back", 1)),
            *(("delete", 2), ("delete many", 1), ("profile", 2), ("quota", 2), ("freeze", 2), ("thaw", 3)),
        )
        (deed,) = self.dice.choices([name for name, _ in deeds], [weight for _, weight in deeds])
        with suppress(Refused):  # the API server is right to refuse some of it: what is bound is not deleted
            getattr(self, f"_{deed.replace(' ', '_')}")()
        self.doings[deed] += 1
        return deed

    def _scale(self) -> None:
        pool = self._any_pool()
        pool.target = self.dice.randint(0, pool.most // 2)
        self.most_wished[pool.place] = max(pool.target, self.most_wished[pool.place])
        self.world.cluster.api.scale("numberpool", pool.place[1], pool.target, pool.place[0])

    def wish_for_more(self) -> None:
        """A few more numbers than before, in a pool that has room for them."""
        roomy = [pool for _, pool in sorted(self.pools.items()) if pool.target + 6 <= pool.most // 2]
        if roomy:
            pool = self.dice.choice(roomy)
            pool.target += self.dice.randint(3, 6)
            self.most_wished[pool.place] = max(pool.target, self.most_wished[pool.place])
            self.world.cluster.api.scale("numberpool", pool.place[1], pool.target, pool.place[0])

    def _claim(self) -> None:
        pool = self._any_pool()
        for _ in range(self.dice.randint(1, max(2, pool.most // 20))):
            self._serial += 1
            place = (pool.place[0], f"claim-{self._serial}")
            self.world.apply(place[0], a_claim(place[1], poolRef={"name": pool.place[1]}))
            self.claims[place] = pool.place
            self.taken[pool.place] += 1

    def _unclaim(self) -> None:
        for place in self._some(sorted(self.claims)):
            del self.claims[place]
            self.world.cluster.api.delete("numberclaim", place[1], namespace=place[0], wait=False)

    def _suspend(self) -> None:
        for namespace, name, number in self._some(self._numbers("Available", "Bound", "Suspended"), 2):
            wish = number not in self.suspended
            self.taken[self.pool_of(number).place] += 1
            self.world.patch(namespace, "phonenumber", name, {"spec": {"suspend": wish}})
            (self.suspended.add if wish else self.suspended.discard)(number)

    def _ask_to_go(self) -> None:
        for namespace, name, number in self._some(self._numbers("Available"), 2):
            self.may_go.add(number)
            self.taken[self.pool_of(number).place] += 1
            self._note(namespace, name, "ringfleet.dev/release", number)

    def _take_back(self) -> None:
        """It may have gone by then, and so it may go until the next checkpoint."""
        for namespace, name, _ in self._some(self._numbers("Releasing"), 2):
            self._note(namespace, name, "ringfleet.dev/release", None)

    def _delete(self, many: int = 1) -> None:
        for namespace, name, number in self._some(self._numbers("Available", "Cooling"), many):
            self.taken[self.pool_of(number).place] += 1
            (self.may_go if self.pool_of(number).place[1] == GIVE_BACK else self.let_go).add(number)
            self.world.cluster.api.delete("phonenumber", name, namespace=namespace, wait=False)

    def _delete_many(self) -> None:
        self._delete(12)

    def _profile(self) -> None:
        tenant = self.dice.choice(self.world.tenants)
        self.world.apply(tenant, a_profile("front-desk", f"sip:pbx-{self.dice.randint(1, 3)}.example.com"))

    def _quota(self) -> None:
        tenant = self.dice.choice(self.world.tenants)
        self._set_quota(tenant, self.dice.randint(self.numbers // 6, self.numbers // len(self.world.tenants)))

    def _set_quota(self, tenant: str, limit: int) -> None:
        self.quotas[tenant] = limit
        self.most_allowed[tenant] = max(limit, self.most_allowed.get(tenant, 0))
        self.world.apply(tenant, a_quota("numbers", limits={"numbers": limit}))

    def _freeze(self) -> None:
        what = self.dice.choice([EVERYTHING, *ACCOUNTS, *("/".join(place) for place in sorted(self.pools))])
        if what not in self.freezes:
            self._write_freeze(what, "people: to see what happens")
            self.freezes[what] = Freeze()

    def _thaw(self) -> None:
        """Nobody thaws before it was seen to hold."""
        if held := sorted(name for name, freeze in self.freezes.items() if freeze.since is not None):
            self.thaw(self.dice.choice(held))

    def thaw(self, what: str) -> None:
        """End a freeze; who thaws has seen that it held (`audit.py`)."""
        self._write_freeze(what, None)
        del self.freezes[what]

    def _write_freeze(self, what: str, words: str | None) -> None:
        api, house = self.world.cluster.api, self.world.house
        if what == EVERYTHING and words:
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ringfleet-freeze"}}
            api.create({**body, "data": {"why": words}}, house)
        elif what == EVERYTHING:
            api.delete("configmap", "ringfleet-freeze", namespace=house)
        else:
            namespace, _, pool = what.rpartition("/")
            kind, where = ("numberpool", namespace) if namespace else ("carrieraccount", house)
            self.world.patch(where, kind, pool, {"metadata": {"annotations": {FROZEN: words}}})

    def acknowledge(self) -> None:
        """Let the numbers go that a pool's breaker holds: all of them were asked to go by somebody here."""
        for pool in self.world.list("numberpools"):
            since = pool.get("status", {}).get("release", {}).get("frozenSince")
            meta = pool["metadata"]
            if since and meta.get("annotations", {}).get("ringfleet.dev/acknowledge-release") != since:
                change = {"metadata": {"annotations": {"ringfleet.dev/acknowledge-release": since}}}
                self.world.patch(meta["namespace"], "numberpool", meta["name"], change)
                self.doings["acknowledge"] += 1

    # Choosing.

    def pool_of(self, number: str) -> Pool:
        return next(pool for pool in self.pools.values() if pool.area_code == number[2:5])

    def _any_pool(self) -> Pool:
        return self.pools[self.dice.choice(sorted(self.pools))]

    def _some(self, things: list[Any], most: int = 4) -> list[Any]:
        return self.dice.sample(things, min(len(things), self.dice.randint(1, most)))

    def _numbers(self, *phases: str) -> list[tuple[str, str, str]]:
        """Namespace, name and number of those in these phases, in one tenant."""
        found = self.world.list("phonenumbers", self.dice.choice(self.world.tenants))
        return sorted(
            (one["metadata"]["namespace"], one["metadata"]["name"], one["spec"]["number"])
            for one in found
            if one.get("status", {}).get("phase") in phases and "deletionTimestamp" not in one["metadata"]
        )

    def _note(self, namespace: str, name: str, annotation: str, value: str | None) -> None:
        self.world.patch(namespace, "phonenumber", name, {"metadata": {"annotations": {annotation: value}}})
