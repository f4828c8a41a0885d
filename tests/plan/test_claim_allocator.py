"""Who gets which number: choices case by case, and the laws of the queue against a naive model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringfleet.model import AccountKey, Capability
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.claim_allocator import AreaCodeWish, ClaimWish, FreeNumber, Hand, RegionWish, Stock, Wish
from tests.examples import examples
from tests.plan.builders import MAIN, SPARE

VOICE, SMS = frozenset({Capability.VOICE}), frozenset({Capability.SMS})


def a_free(name: str = "1", area_code: str | None = None, region: str | None = None, **rest: Any) -> FreeNumber:
    return FreeNumber(name, area_code, region, **rest)


def a_claim(uid: str = "a", ticket: int = 1, *wishes: AreaCodeWish | RegionWish, **rest: Any) -> ClaimWish:
    return ClaimWish(uid, ticket, wishes, **rest)


def served(free: list[FreeNumber], *claims: ClaimWish) -> list[tuple[str, str]]:
    """Who was handed what, when all numbers were there first."""
    stock = Stock()
    for number in free:
        stock.offer(number)
    for claim in claims:
        stock.ask(claim)
    return [(hand.uid, hand.number.name) for hand in stock.serve()]


CITY = [a_free("1", "212", "New York"), a_free("2", "415", "San Francisco"), a_free("3", "628", "San Francisco")]


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        pytest.param(a_claim(), "1", id="any: the one that has been free for longest"),
        pytest.param(a_claim("a", 1, AreaCodeWish("628")), "3", id="its area code"),
        pytest.param(a_claim("a", 1, AreaCodeWish("999")), "1", id="any when there is none of its area code"),
        pytest.param(
            a_claim("a", 1, AreaCodeWish("999"), RegionWish("San Francisco")),
            "2",
            id="its wish when there is none of its area code",
        ),
        pytest.param(
            a_claim("a", 1, RegionWish("San Francisco"), AreaCodeWish("212")), "2", id="the first of its wishes"
        ),
        pytest.param(
            a_claim("a", 1, AreaCodeWish("628"), RegionWish("New York")),
            "3",
            id="its area code before its other wishes",
        ),
        pytest.param(a_claim(name="3"), "3", id="the one that it names"),
        pytest.param(
            a_claim("a", 1, AreaCodeWish("212"), name="2"), "2", id="the one that it names, whatever else it wishes"
        ),
        pytest.param(a_claim(name="9"), None, id="none but the one that it names"),
    ],
)
def test_a_claim_gets_the_best_number(claim: ClaimWish, number: str | None) -> None:
    assert served(CITY, claim) == ([("a", number)] if number else [])


@pytest.mark.parametrize("named", [None, "1"])
def test_capabilities_are_musts(named: str | None) -> None:
    talks, both = a_free("1", "415", capabilities=VOICE), a_free("2", capabilities=VOICE | SMS)
    texts = a_claim("a", 1, AreaCodeWish("415"), capabilities=SMS, name=named)
    assert served([talks], texts) == []
    assert served([talks, both], texts) == ([] if named else [("a", "2")])


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        pytest.param(a_claim(area_codes=("628",)), "14155550103", id="its area code"),
        pytest.param(
            a_claim("a", 1, AreaCodeWish("212"), AreaCodeWish("628"), area_codes=("212", "628")),
            "14155550103",
            id="the next of those that will do",
        ),
        pytest.param(a_claim(area_codes=("212",)), None, id="there is none of it"),
        pytest.param(a_claim(area_codes=("415",)), "14155550101", id="by its digits, where the carrier says none"),
        pytest.param(a_claim(area_codes=("628",), capabilities=SMS), None, id="it can't do what is a must too"),
        pytest.param(
            a_claim("a", 1, RegionWish("San Francisco"), area_codes=("628",)),
            "14155550103",
            id="no region instead of it",
        ),
        pytest.param(
            a_claim(name="14155550102", area_codes=("628",)), None, id="the number that it names is of another"
        ),
    ],
)
def test_an_area_code_can_be_a_must(claim: ClaimWish, number: str | None) -> None:
    free = [
        a_free("14155550101"),
        a_free("14155550102", "303", "San Francisco"),
        a_free("14155550103", "628", capabilities=VOICE),
    ]
    assert served(free, claim) == ([("a", number)] if number else [])


def test_claims_are_served_by_their_tickets_and_not_by_their_coming() -> None:
    assert served(CITY[:2], a_claim("late", 9), a_claim("b", 3), a_claim("a", 2)) == [("a", "1"), ("b", "2")]


def test_a_claim_that_nothing_fits_holds_up_nobody() -> None:
    assert served(CITY[:1], a_claim("picky", 1, capabilities=SMS), a_claim("b", 2)) == [("b", "1")]


def test_a_waiting_claim_knows_its_place() -> None:
    stock = Stock()
    for claim in (a_claim("c", 7), a_claim("a", 1), a_claim("b", 3)):
        stock.ask(claim)
    assert (stock.waiting, stock.place("c"), stock.place("nobody")) == (("a", "b", "c"), 3, None)
    stock.withdraw("a")
    assert (stock.waiting, stock.place("c")) == (("b", "c"), 2)


def test_a_claim_that_changes_its_wish_keeps_its_place_whatever_ticket_it_shows() -> None:
    stock = Stock()
    for claim in (a_claim("a", 1, name="1"), a_claim("b", 2), a_claim("a", 5)):
        stock.ask(claim)
    assert stock.waiting == ("a", "b")
    stock.offer(a_free("2"))
    assert stock.serve() == (Hand("a", a_free("2")),)


OURS, THEIRS, HOUSE = ("claim", "ours"), ("claim", "theirs"), ("tenant", "house")
RESTS = a_free("9", "212", people=(OURS, HOUSE), rests=True)


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        pytest.param(a_claim(people=(OURS,)), "9", id="what it had, before what is free"),
        pytest.param(a_claim("a", 1, AreaCodeWish("628"), people=(OURS,)), "9", id="what it had, before its wishes"),
        pytest.param(a_claim(people=(THEIRS, HOUSE)), "9", id="what its people had"),
        pytest.param(a_claim(people=(THEIRS,)), "1", id="not what others had"),
        pytest.param(a_claim("a", 1, AreaCodeWish("212"), people=(THEIRS,)), "1", id="not what others had, by a wish"),
        pytest.param(a_claim(people=(OURS,), capabilities=SMS), None, id="not what can't do what it must"),
        pytest.param(a_claim(people=(OURS,), name="2"), "2", id="the one that it names, whatever it had"),
        pytest.param(a_claim(people=(HOUSE,), name="9"), "9", id="what its people had, by its name"),
        pytest.param(a_claim(people=(THEIRS,), name="9"), None, id="not what others had, by its name"),
    ],
)
def test_what_rests_is_for_its_people_and_before_all_else(claim: ClaimWish, number: str | None) -> None:
    assert served([*CITY, RESTS], claim) == ([("a", number)] if number else [])


def test_a_claim_prefers_what_was_its_own_to_what_was_of_its_tenant_and_that_which_rests_no_more_too() -> None:
    own = a_free("7", people=(OURS, HOUSE))
    claim = a_claim(people=(OURS, HOUSE))
    other = a_free("8", people=(THEIRS, HOUSE), rests=True)
    assert served([CITY[0], other, own], claim) == [("a", "7")]


def test_what_comes_to_rest_is_handed_to_its_people_however_far_back_they_stand() -> None:
    stock = Stock()
    for claim in (a_claim("first", 1), a_claim("ours", 2, people=(OURS,)), a_claim("last", 3)):
        stock.ask(claim)
    stock.offer(RESTS)
    assert (stock.serve(), stock.waiting, stock.free) == ((Hand("ours", RESTS),), ("first", "last"), 0)
    stock.settle("ours")
    stock.offer(replace(RESTS, people=(), rests=False))
    assert [hand.uid for hand in stock.serve()] == ["first"]


def test_a_number_in_a_hand_is_not_free_until_it_is_settled_and_offered() -> None:
    stock = Stock()
    stock.offer(a_free("1"))
    stock.ask(a_claim("a", 1))
    stock.serve()
    stock.offer(a_free("1", "415"))
    stock.ask(a_claim("b", 2))
    assert (stock.serve(), stock.free, stock.hand("a")) == ((), 0, a_free("1"))
    stock.settle("a")
    assert (stock.serve(), stock.hand("a")) == ((), None)
    stock.offer(a_free("1", "415"))
    assert stock.serve() == (Hand("b", a_free("1", "415")),)


def test_a_claim_with_a_number_in_its_hand_does_not_queue_for_another() -> None:
    stock = Stock()
    stock.ask(a_claim("a", 1))
    stock.offer(a_free("1"))
    stock.serve()
    stock.ask(a_claim("a", 1))
    stock.offer(a_free("2"))
    assert (stock.waiting, stock.serve()) == ((), ())


def test_a_number_that_changes_is_found_under_what_it_is_now() -> None:
    stock = Stock()
    stock.offer(a_free("1", "415", "San Francisco"))
    stock.offer(a_free("1", "628"))
    for wish in (AreaCodeWish("415"), RegionWish("San Francisco")):
        stock.ask(a_claim("a", 1, wish))
    stock.offer(a_free("2", "415", "San Francisco"))
    assert (stock.free, stock.serve()) == (2, (Hand("a", a_free("2", "415", "San Francisco")),))


# Laws, against a model that looks through everything each time.

names = st.sampled_from([f"1415555010{n}" for n in range(1, 5)] + ["16285550101", "16285550102"])
uids = st.sampled_from("abcdefgh")
capabilities = st.sampled_from([frozenset(), VOICE, SMS, VOICE | SMS])
numbers = st.builds(
    FreeNumber,
    names,
    st.none() | st.sampled_from(["415", "628"]),
    st.none() | st.sampled_from(["north", "south"]),
    capabilities,
    st.sampled_from([(), (), (OURS,), (THEIRS,), (OURS, HOUSE), (THEIRS, HOUSE)]),
    st.booleans(),
)
wishes: st.SearchStrategy[Wish] = st.sampled_from(
    [AreaCodeWish("415"), AreaCodeWish("628"), RegionWish("north"), RegionWish("south")]
)


@st.composite
def claims(draw: st.DrawFn) -> ClaimWish:
    """A claim that may require an area code has those that will do among its wishes."""
    wished = tuple(draw(st.lists(wishes, max_size=3)))
    codes = tuple(wish.area_code for wish in wished if isinstance(wish, AreaCodeWish))
    return ClaimWish(
        draw(uids),
        draw(st.integers(1, 20)),
        wished,
        draw(capabilities),
        draw(st.none() | st.none() | names),
        draw(st.sampled_from([(), (), (OURS,), (THEIRS,), (OURS, HOUSE), (THEIRS, HOUSE)])),
        codes if draw(st.booleans()) else (),
    )


def could_have(claim: ClaimWish, number: FreeNumber) -> bool:
    theirs = not number.rests or bool(set(claim.people) & set(number.people))
    code = number.area_code or number.name[1:4]
    return (
        theirs
        and claim.name in (None, number.name)
        and claim.capabilities <= number.capabilities
        and (not claim.area_codes or code in claim.area_codes)
    )


def rank(claim: ClaimWish, number: FreeNumber) -> int:
    """How good the number is for the claim, the least is best: what its people had, the nearest of them first; then the
    place of the first wish that it fulfils, or of the required area code that only its digits tell."""
    had = [people in number.people for people in claim.people]
    if True in had:
        return had.index(True) - len(had)
    met = [wish in (AreaCodeWish(number.area_code or ""), RegionWish(number.region or "")) for wish in claim.wishes]
    if True in met and claim.name is None:
        return met.index(True)
    told_by_digits = claim.area_codes and claim.name is None and number.area_code is None
    return len(met) + (claim.area_codes.index(number.name[1:4]) if told_by_digits else 0)


class Desk(RuleBasedStateMachine):
    """Numbers and claims that come and go in any order; the free ones in `free` the way that they came."""

    def __init__(self) -> None:
        super().__init__()
        self.stock = Stock()
        self.free: dict[str, FreeNumber] = {}
        self.queue: dict[str, ClaimWish] = {}
        self.hands: dict[str, FreeNumber] = {}

    @rule(number=numbers)
    def offer(self, number: FreeNumber) -> None:
        self.stock.offer(number)
        if number in self.hands.values() or number.name in {held.name for held in self.hands.values()}:
            return
        if self.free.get(number.name) != number:
            self.free.pop(number.name, None)
            self.free[number.name] = number

    @rule(name=names)
    def withhold(self, name: str) -> None:
        self.stock.withhold(name)
        self.free.pop(name, None)

    @rule(claim=claims())
    def ask(self, claim: ClaimWish) -> None:
        self.stock.ask(claim)
        if claim.uid not in self.hands:
            before = self.queue.get(claim.uid, claim)
            self.queue[claim.uid] = replace(claim, ticket=before.ticket)

    @rule(uid=uids)
    def withdraw(self, uid: str) -> None:
        self.stock.withdraw(uid)
        self.queue.pop(uid, None)

    @rule(uid=uids)
    def settle(self, uid: str) -> None:
        self.stock.settle(uid)
        self.hands.pop(uid, None)

    @rule(uid=uids)
    def fail_to_write(self, uid: str) -> None:
        """What the claim held is free again."""
        number = self.hands.get(uid)
        self.settle(uid)
        if number:
            self.offer(number)

    @rule()
    def serve(self) -> None:
        before, hands = dict(self.free), self.stock.serve()
        for uid, claim in sorted(self.queue.items(), key=lambda each: (each[1].ticket, each[0])):
            fitting = [number for number in self.free.values() if could_have(claim, number)]
            if fitting:
                number = min(fitting, key=lambda one: rank(claim, one))  # called at once
                del self.free[number.name], self.queue[uid]
                self.hands[uid] = number
                assert hands[:1] == (Hand(uid, number),), (before, self.queue)
                hands = hands[1:]
        assert not hands

    @precondition(lambda self: self.queue)
    @rule()
    def look_for_its_place(self) -> None:
        waiting = sorted(self.queue.values(), key=lambda claim: (claim.ticket, claim.uid))
        assert [self.stock.place(claim.uid) for claim in waiting] == list(range(1, len(waiting) + 1))

    @invariant()
    def nothing_is_lost_and_nothing_is_twice(self) -> None:
        assert self.stock.free == sum(not number.rests for number in self.free.values())
        assert set(self.stock.waiting) == set(self.queue)
        assert {uid: self.stock.hand(uid) for uid in "abcdefgh" if self.stock.hand(uid)} == self.hands
        held = [number.name for number in self.hands.values()]
        assert len(held) == len(set(held))
        assert not set(held) & set(self.free)
        assert not set(self.hands) & set(self.queue)


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=examples(150), stateful_step_count=40)


@given(st.lists(numbers, max_size=8), st.lists(claims(), max_size=8))
def test_no_claim_waits_while_a_later_one_has_what_it_could_have_had(
    free: list[FreeNumber], asking: list[ClaimWish]
) -> None:
    stock = Stock()
    for number in free:
        stock.offer(number)
    asked = {claim.uid: claim for claim in reversed(asking)}
    for claim in asked.values():
        stock.ask(claim)
    hands = stock.serve()
    for hand in hands:
        assert could_have(asked[hand.uid], hand.number)
        for uid in stock.waiting:
            earlier = (asked[uid].ticket, uid) < (asked[hand.uid].ticket, hand.uid)
            assert not (earlier and could_have(asked[uid], hand.number))


class Musts(frozenset[Capability]):
    """Capabilities that count how often they are held against a number's."""

    compared = 0

    def __le__(self, other: object) -> bool:
        Musts.compared += 1
        return super().__le__(other)  # type: ignore[operator]  # as frozenset does


def test_claims_that_nothing_fits_do_not_look_at_each_free_number() -> None:
    """They are looked at with each number that comes: hundreds of them, before thousands that are of no use."""
    stock = Stock()
    for n in range(500):
        stock.offer(a_free(str(n), "415", capabilities=VOICE))
    for n in range(50):
        stock.ask(a_claim(f"c{n}", n, AreaCodeWish("415"), capabilities=Musts(SMS)))
    Musts.compared = 0
    assert stock.serve() == ()
    assert Musts.compared <= 50 * 2
    stock.offer(a_free("right", capabilities=SMS))
    assert [hand.number.name for hand in stock.serve()] == ["right"]


def test_nor_do_those_that_must_have_an_area_code_which_none_of_them_begins_with() -> None:
    stock = Stock()
    for n in range(500):
        stock.offer(a_free(f"1415555{n:04}", capabilities=VOICE))
    for n in range(50):
        stock.ask(a_claim(f"c{n}", n, capabilities=Musts(VOICE), area_codes=("628",)))
    Musts.compared = 0
    assert stock.serve() == ()
    assert Musts.compared <= 50 * 2
    stock.offer(a_free("16285550101", capabilities=VOICE))
    assert [hand.number.name for hand in stock.serve()] == ["16285550101"]


ACME, BOLT = ObjectRef("acme", "papers"), ObjectRef("bolt", "papers")


@pytest.mark.parametrize(
    ("registered", "bundle", "accounts", "taken"),
    [
        pytest.param(None, None, None, True, id="the pool's, for whom the pool's will do"),
        pytest.param(None, ACME, {MAIN}, True, id="the pool's, and it can be registered anew"),
        pytest.param(None, ACME, {SPARE}, False, id="the pool's, where it can't be registered anew"),
        pytest.param(ACME, None, None, False, id="a tenant's, for somebody else"),
        pytest.param(ACME, ACME, {SPARE}, True, id="the tenant's own"),
        pytest.param(ACME, BOLT, {MAIN}, True, id="a tenant's, and it can be registered to another's"),
        pytest.param(ACME, BOLT, {SPARE}, False, id="a tenant's, and it can't"),
    ],
)
def test_a_number_goes_to_nobody_in_whose_documents_it_can_not_be(
    registered: ObjectRef | None, bundle: ObjectRef | None, accounts: set[AccountKey] | None, *, taken: bool
) -> None:
    stock = Stock()
    stock.offer(FreeNumber("14155550001", account=MAIN, registered=registered))
    stock.ask(ClaimWish("u1", 1, bundle=bundle, accounts=None if accounts is None else frozenset(accounts)))
    assert bool(stock.serve()) is taken
