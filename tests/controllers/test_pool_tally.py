"""A pool's tally: whatever its numbers go through, it says what one would count anew; and a look walks only a few."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringfleet.api import NumberPool
from ringfleet.controllers.marked_numbers import MarkedNumbers
from ringfleet.controllers.number_pool import gather
from ringfleet.controllers.pool_tally import Bindings, PoolTallies
from ringfleet.controllers.runtime import number_informer
from ringfleet.kube.client import Kube
from ringfleet.kube.store import Store
from ringfleet.kube.transport import Json
from ringfleet.model import E164, AccountKey, Capability, Limits, Market, NumberType, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.number_pool import pool_view
from ringfleet.objects.phone_number import NumberRecord, number_seen
from ringfleet.plan.number_pool.on_demand import count_units
from ringfleet.plan.number_pool.supply import Lots, count_supply
from ringfleet.settings import Settings
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import HERE, HOUSE, a_claim, a_number, a_pool, a_rig, an_order, in_virtual_time, later
from tests.plan.builders import NOW, a_price, digits

WEST, EAST = ObjectRef(HERE, "west"), ObjectRef(HERE, "east")
MARKET = Market("US", NumberType.GEOGRAPHIC, (), frozenset({Capability.VOICE}))
NAMED = frozenset({digits(1), digits(2)})
SETTINGS = Settings(installation="home")
"""Read once, not in each example: that is from the environment."""
"""What the orders of a pool name, in the law."""

SPECS = st.fixed_dictionaries(
    {"poolRef": st.sampled_from([{"name": "west"}, {"name": "east"}, None])},
    optional={
        "claimRef": st.just({"namespace": HERE, "name": "desk", "uid": "u"}),
        "managementPolicy": st.just("Observe"),
        "suspend": st.just(True),
    },
)
STATUSES = st.fixed_dictionaries(
    {
        "phase": st.sampled_from([str(phase) for phase in Phase]),
        "capabilities": st.sampled_from([[], ["Voice"], ["SMS", "Voice"]]),
        "areaCode": st.sampled_from([None, "415", "628"]),
    },
    optional={
        "price": st.sampled_from([None, {"monthly": "3", "setup": "0", "currency": "USD"}]),
        "purchasedAt": st.sampled_from([later(0), later(-90 * 86400)]),
        "foreignMark": st.just("rf/other/shop/west"),
        "farewell": st.just({"cause": "Deleted", "since": later(-5), "notBefore": later(50)}),
    },
)
METAS = st.just({}) | st.sampled_from(
    [
        {},
        {"deletionTimestamp": later(0)},
        {"annotations": {"ringfleet.dev/release": digits(1)}},
        {"annotations": {"ringfleet.dev/quarantine": "spam"}},
    ]
)


class TallyMachine(RuleBasedStateMachine):
    """Numbers come, change, go, and are listed again with some of them gone; one number has objects in two places."""

    def __init__(self) -> None:
        super().__init__()
        nobody = Kube(ApiDouble([]))  # type: ignore[arg-type]  # the store is told by the rules
        self.store: Store[NumberRecord] = number_informer(nobody, SETTINGS).store
        self.tallies = PoolTallies(self.store)
        self.there: dict[ObjectRef, Json] = {}
        self.version = 1

    @rule(n=st.integers(1, 4), namespace=st.sampled_from([HERE, "elsewhere"]), spec=SPECS, status=STATUSES, meta=METAS)
    def somebody_writes(self, n: int, namespace: str, spec: Json, status: Json, meta: Json) -> None:
        self.version += 1
        obj = _an_object(n, namespace, self.version, spec, status, meta)
        self.there[_place(obj)] = obj
        self.store.learn(obj)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def somebody_deletes(self, data: st.DataObject) -> None:
        self.version += 1
        obj = self.there.pop(data.draw(st.sampled_from(sorted(self.there))))
        self.store.learn_deleted({"metadata": {**obj["metadata"], "resourceVersion": str(self.version)}})

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def a_relist_finds_some_gone(self, data: st.DataObject) -> None:
        self.version += 1
        kept = data.draw(st.sets(st.sampled_from(sorted(self.there))))
        self.there = {place: obj for place, obj in self.there.items() if place in kept}
        self.store.learn_list_ended(None, self.store.learn_page(self.there.values()), self.version)

    @invariant()
    def what_changes_have_counted_is_what_one_counts_anew(self) -> None:
        anew = PoolTallies(self.store)
        for pool in (WEST, EAST, ObjectRef("elsewhere", "west")):
            kept, fresh = self.tallies.of(pool), anew.of(pool)
            assert kept.lots == fresh.lots
            assert kept.apart.keys() == fresh.apart.keys()
            assert kept.free == fresh.free
            assert kept.untold.keys() == fresh.untold.keys()

    @invariant()
    def lots_and_single_numbers_together_are_the_pool(self) -> None:
        for pool in (WEST, EAST):
            whole = [record for record in self.store.values() if record.pool_ref == pool]
            for codes in ((), ("415",), ("628", "415555")):
                some, lots = self.tallies.beside(pool, NAMED, codes)
                self.are_the_pool(whole, some, lots)
                one_by_one = count_units(MARKET, map(number_seen, whole), (), NOW, frozenset(), codes, placed=True)
                counted = count_units(MARKET, map(number_seen, some), (), NOW, frozenset(), codes, lots, placed=True)
                assert counted == one_by_one

    def are_the_pool(self, whole: list[NumberRecord], some: list[NumberRecord], lots: Lots) -> None:
        assert len(some) + sum(lots.values()) == len(whole)
        assert min(lots.values(), default=1) > 0
        assert {one.number for one in whole if one.number in NAMED} <= {one.number for one in some}
        by_all = count_supply(Limits(), map(number_seen, whole), (), NOW)
        assert count_supply(Limits(), map(number_seen, some), (), NOW, lots=lots) == by_all
        claimed = sum(count for lot, count in lots.items() if lot.claimed) + sum(bool(one.claim) for one in some)
        assert claimed == sum(bool(one.claim) for one in whole)


TestTally = TallyMachine.TestCase


def _an_object(n: int, namespace: str, version: int, spec: Json, status: Json, meta: Json) -> Json:
    obj = a_number(n, status={key: value for key, value in status.items() if value is not None})
    for key, value in spec.items():
        obj["spec"].pop(key, None)
        obj["spec"] |= {key: value} if value is not None else {}
    for key in [key for key, value in status.items() if value is None]:
        obj["status"].pop(key)
    named = {"namespace": namespace, "uid": f"{namespace}-{n}", "resourceVersion": str(version), "generation": 1}
    return {**obj, "metadata": {**obj["metadata"], **named, "creationTimestamp": later(-9), **meta}}


def _place(obj: Json) -> ObjectRef:
    return ObjectRef(obj["metadata"]["namespace"], obj["metadata"]["name"])


@in_virtual_time
async def test_a_look_at_a_large_pool_walks_only_the_numbers_that_need_a_look_of_their_own() -> None:
    many = [a_number(n) for n in range(1, 301)]
    bought = [{"number": digits(n), "state": "Provisioned"} for n in (1, 2)]
    order = an_order(2, status={"done": True, "phase": "Complete", "items": bought, "completedAt": later(-60)})
    quarantined = a_number(301, "Quarantined", annotations={"ringfleet.dev/quarantine": "spam"})
    quarantined["metadata"]["annotations"] = quarantined["spec"].pop("annotations")
    async with a_rig(*HOUSE, a_pool(301), order, *many, quarantined) as rig:
        pool = rig.services.fleet.get(NumberPool, HERE, "west")
        assert pool
        facts = await gather(rig.services, pool, pool_view(pool, timedelta()))
        assert {seen.number for seen in facts.pool.numbers} == {digits(1), digits(2), digits(301)}
        assert sum(facts.pool.lots.values()) == 298
        assert (facts.release.size, facts.demand.free) == (301, 300)


@in_virtual_time
async def test_what_claims_must_have_makes_a_few_lots_and_no_walk() -> None:
    told, untold = [a_number(n) for n in range(1, 101)], [_untold(n) for n in range(101, 201)]
    texts = a_claim("texts", onNoStock="Order", capabilities=["SMS"])
    local = a_claim("local", onNoStock="Order", capabilities=["SMS"], areaCode="415", areaCodeRequired=True)
    far = a_claim("far", onNoStock="Order", areaCode="628", areaCodeRequired=True)
    for claims, lots in (
        ([], {"415": 100, None: 100}),
        ([texts], {"415": 100, None: 100}),
        ([texts, local], {"415": 200}),
        ([far], {"415": 100, "": 100}),
    ):
        async with a_rig(*HOUSE, a_pool(200), *told, *untold, *claims) as rig:
            pool = rig.services.fleet.get(NumberPool, HERE, "west")
            assert pool
            facts = await gather(rig.services, pool, pool_view(pool, timedelta()))
            assert len(facts.pool.on_demand) == len(claims)
            assert facts.pool.numbers == ()
            assert {lot.area_code: count for lot, count in facts.pool.lots.items()} == lots


def _untold(n: int) -> Json:
    number = a_number(n)
    number["status"].pop("areaCode")
    return number


def _a_claim_object(name: str, version: int, **status: Any) -> Json:
    named = {"namespace": HERE, "uid": name, "resourceVersion": str(version), "generation": 1}
    claim = a_claim(name, {"phase": "Bound", **status})
    return {**claim, "metadata": {**claim["metadata"], **named, "creationTimestamp": later(-9)}}


def test_bindings_are_told_since_a_moment_whatever_order_they_came_in() -> None:
    claims: Store[ClaimRecord] = Store(project_claim)
    bindings = Bindings(claims)
    for version, (name, at) in enumerate([("b", 20), ("a", 10), ("c", 20), ("d", 30)], 1):
        claims.learn(_a_claim_object(name, version, boundAt=later(at)))
    claims.learn_deleted(_a_claim_object("c", 9))
    moments = tuple(NOW + timedelta(seconds=at) for at in (10, 20, 30))
    assert bindings.since(WEST, None) == moments
    assert bindings.since(WEST, NOW + timedelta(seconds=20)) == moments[2:]
    assert bindings.since(EAST, None) == ()


# What the listings show without an object.


def test_what_a_listing_shows_without_an_object_is_kept_by_what_comes_and_goes() -> None:
    marked, there = MarkedNumbers(), {digits(1)}
    account = AccountKey(HERE, "main")
    marked.learn(account, None, {WEST: {digits(n): a_price() for n in (1, 2, 3)}})  # type: ignore[arg-type]
    assert marked.unrecorded(WEST, there.__contains__) == {digits(2): a_price(), digits(3): a_price()}
    marked.note_object_of_number(ObjectRef(HERE, digits(2).digits), there=True)
    marked.note_object_of_number(ObjectRef(HERE, digits(1).digits), there=False)
    marked.note_object_of_number(ObjectRef("elsewhere", digits(3).digits), there=True)
    marked.note_object_of_number(ObjectRef(HERE, digits(4).digits), there=False)
    assert marked.unrecorded(WEST, _nobody_asks) == {digits(1): a_price(), digits(3): a_price()}
    marked.forget(digits(3))
    assert marked.unrecorded(WEST, _nobody_asks) == {digits(1): a_price()}
    marked.learn(account, None, {WEST: {digits(5): a_price()}})  # type: ignore[arg-type]
    assert marked.unrecorded(WEST, there.__contains__) == {digits(5): a_price()}


def test_a_number_whose_price_the_carrier_does_not_say_is_kept_as_any_other() -> None:
    marked, of_west = MarkedNumbers(), ObjectRef(HERE, digits(1).digits)
    marked.learn(AccountKey(HERE, "main"), None, {WEST: {digits(1): None, digits(2): None}})  # type: ignore[arg-type]
    assert marked.unrecorded(WEST, lambda number: False) == {digits(1): None, digits(2): None}
    marked.note_object_of_number(of_west, there=True)
    assert marked.unrecorded(WEST, _nobody_asks) == {digits(2): None}
    marked.note_object_of_number(of_west, there=False)
    assert marked.unrecorded(WEST, _nobody_asks) == {digits(1): None, digits(2): None}


def _nobody_asks(number: E164) -> bool:
    raise AssertionError(f"{number} is looked up again although nothing has changed")
