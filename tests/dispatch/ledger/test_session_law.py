"""Which proxy number a participant gets: the seed's tables, the error classes, and the mathematics."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.dispatch.ledger.law.sessions import NOTHING_HELD, Held, choose, choose_all
from ringfleet.dispatch.ledger.session_types import (
    ANYWHERE,
    Bar,
    Exhaustion,
    ProxyNumber,
    Refused,
    Service,
    Wish,
)
from ringfleet.model import E164
from ringfleet.model.geography import whereabouts
from ringfleet.model.proxy import GeoLevel, NumberSelection
from ringfleet.model.rotation import Channel
from ringfleet.plan.sizing.formulas import proxy_size, proxy_size_offline

HOURS = 3600.0


def a_proxy(n: int = 1, area: str = "415", **changes: Any) -> ProxyNumber:
    number = f"+1{area}55501{n:02}"
    return replace(ProxyNumber(number, "shop/sandbox", places=whereabouts(E164(number)).places), **changes)


def a_service(*numbers: ProxyNumber, **changes: Any) -> Service:
    return Service("shop/rides", numbers, **{"level": GeoLevel.ANY, **changes})


def near(number: str) -> Wish:
    return Wish(whereabouts(E164(number)).places)


def holds(*numbers: ProxyNumber, bar: Bar = Bar.IN_USE) -> Held:
    return Held({one.number: bar for one in numbers})


class World:
    """Sessions of a service as they come and go. Participants are names; a session is its two."""

    def __init__(self, service: Service, quarantine: float = 0.0) -> None:
        self.service, self.quarantine, self.now = service, quarantine, 0.0
        self.load: Counter[str] = Counter()
        self.legs: dict[str, set[str]] = defaultdict(set)
        self.rests: dict[str, dict[str, float]] = defaultdict(dict)
        self.open: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def held(self, who: str) -> Held:
        rests = {number: Bar.RESTING for number, until in self.rests[who].items() if until > self.now}
        return Held(rests | dict.fromkeys(self.legs[who], Bar.IN_USE))

    def start(self, *people: str) -> list[str] | Refused:
        found = choose_all(self.service, [(ANYWHERE, self.held(who)) for who in people], self.load)
        if isinstance(found, Refused):
            return found
        numbers = tuple(one.number for one in found)
        for who, number in zip(people, numbers, strict=True):
            assert number not in self.legs[who], "two open sessions of one participant under one number"
            self.legs[who].add(number)
        self.load.update(set(numbers))
        self.open.append((people, numbers))
        return list(numbers)

    def end(self, place: int = 0) -> None:
        people, numbers = self.open.pop(place)
        for who, number in zip(people, numbers, strict=True):
            self.legs[who].remove(number)
            self.rests[who][number] = self.now + self.quarantine
        self.load.subtract(set(numbers))


# The seed's tables.


def test_one_number_pairs_two_people_once() -> None:
    world = World(a_service(a_proxy(1)))
    assert world.start("ann", "dan") == [a_proxy(1).number] * 2
    refused = world.start("ann", "dan")
    assert isinstance(refused, Refused)
    assert (int(refused.why), refused.bar) == (80206, Bar.IN_USE)


def test_a_driver_whose_rides_stay_open_needs_a_number_a_pairing() -> None:
    """One passenger after another within four hours: as many numbers for the driver as rides, one for each of them."""
    world = World(a_service(*(a_proxy(n) for n in range(3))))
    rides = [world.start(f"passenger {n}", "driver") for n in range(3)]
    assert all(isinstance(ride, list) for ride in rides)
    assert len({ride[1] for ride in rides if isinstance(ride, list)}) == 3
    assert isinstance(world.start("passenger 4", "driver"), Refused)


@pytest.mark.parametrize("providers", [1, 2, 3])
def test_a_customer_with_so_many_providers_at_once_needs_so_many_numbers(providers: int) -> None:
    enough = World(a_service(*(a_proxy(n) for n in range(providers))))
    assert all(isinstance(enough.start("ann", f"provider {n}"), list) for n in range(providers))
    assert isinstance(enough.start("ann", "one more"), Refused)


def test_the_providers_side_counts_alike() -> None:
    world = World(a_service(a_proxy(1), a_proxy(2)))
    assert all(isinstance(world.start(f"customer {n}", "provider"), list) for n in range(2))
    refused = world.start("customer 3", "provider")
    assert isinstance(refused, Refused)
    assert (refused.leg, int(refused.why)) == (1, 80206)


def test_a_session_that_has_ended_frees_its_numbers_after_the_quarantine() -> None:
    world = World(a_service(a_proxy(1)), quarantine=4 * HOURS)
    world.start("ann", "dan")
    world.end()
    world.now = 4 * HOURS - 1
    refused = world.start("ann", "dan")
    assert isinstance(refused, Refused)
    assert (refused.why, refused.bar) == (Exhaustion.NONE_COMPATIBLE, Bar.RESTING)
    assert isinstance(world.start("bob", "eve"), list), "for others it does not rest"
    world.now = 4 * HOURS
    assert isinstance(world.start("ann", "dan"), list)


# Classes.

US, DE = near("+12125550199"), near("+4930901820")
CALLS, TEXTS = frozenset({Channel.VOICE}), frozenset({Channel.SMS})
TWO = {Channel.VOICE, Channel.SMS}
REFUSALS: list[tuple[str, Service, Wish, Held, dict[str, int], int, Bar]] = [
    ("there is none", a_service(), US, NOTHING_HELD, {}, 80205, Bar.DRAINING),
    ("all drain", a_service(a_proxy(draining=True)), US, NOTHING_HELD, {}, 80205, Bar.DRAINING),
    (
        "none of the country",
        a_service(a_proxy(), level=GeoLevel.COUNTRY),
        DE,
        NOTHING_HELD,
        {},
        80203,
        Bar.OTHER_COUNTRY,
    ),
    ("none for calls", a_service(a_proxy(channels=TEXTS)), US, NOTHING_HELD, {}, 80201, Bar.NO_VOICE),
    ("none for texts", a_service(a_proxy(channels=CALLS)), US, NOTHING_HELD, {}, 80202, Bar.NO_MESSAGES),
    (
        "none in the area",
        a_service(a_proxy(area="415"), level=GeoLevel.AREA_CODE, strict=True),
        US,
        NOTHING_HELD,
        {},
        80206,
        Bar.ELSEWHERE,
    ),
    ("only reserved", a_service(a_proxy(reserved=True)), US, NOTHING_HELD, {}, 80207, Bar.RESERVED),
    ("in use", a_service(a_proxy()), US, holds(a_proxy()), {}, 80206, Bar.IN_USE),
    ("at rest", a_service(a_proxy()), US, holds(a_proxy(), bar=Bar.RESTING), {}, 80206, Bar.RESTING),
    ("full", a_service(a_proxy(), per_number=2), US, NOTHING_HELD, {a_proxy().number: 2}, 80208, Bar.FULL),
    (
        "one in use, and the other full",
        a_service(a_proxy(1), a_proxy(2), per_number=1),
        US,
        holds(a_proxy(1)),
        {a_proxy(2).number: 1},
        80208,
        Bar.FULL,
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=[case[0] for case in REFUSALS])
def test_a_refusal_has_the_class_whose_remedy_helps(
    case: tuple[str, Service, Wish, Held, dict[str, int], int, Bar],
) -> None:
    _, service, wish, held, load, why, bar = case
    refused = choose(service, wish, held, load)
    assert isinstance(refused, Refused)
    assert (int(refused.why), refused.bar) == (why, bar)


def test_a_session_goes_through_one_account() -> None:
    """A carrier shows only numbers of its own: one leg by one carrier and the other by another can't be connected."""
    service = a_service(a_proxy(1, account="shop/one"), a_proxy(2, account="shop/two"), a_proxy(3, account="shop/two"))
    found = choose_all(service, [(US, NOTHING_HELD), (US, holds(a_proxy(2)))], {})
    assert isinstance(found, list)
    assert len({one.account for one in found}) == 1
    refused = choose_all(service, [(US, holds(a_proxy(2), a_proxy(3)))], {}, account="shop/two")
    assert isinstance(refused, Refused)
    assert refused.excluded == ((Bar.OTHER_ACCOUNT, 1), (Bar.IN_USE, 2))


# Which of those that may be given.


def test_the_legs_of_a_session_share_a_number_only_when_every_other_one_has_more_sessions() -> None:
    service, anybody = a_service(a_proxy(1), a_proxy(2)), [(US, NOTHING_HELD)] * 2
    for load, expected in ((1, [1, 2]), (2, [1, 1])):
        assert choose_all(service, anybody, {a_proxy(2).number: load}) == [a_proxy(n) for n in expected]


def test_a_number_is_looked_for_near_the_participant_first_and_wider_when_none_may_be_given() -> None:
    local, state, country = a_proxy(1, "212"), a_proxy(2, "315"), a_proxy(3, "415")
    service = a_service(country, state, local, level=GeoLevel.AREA_CODE)
    load = {local.number: 5}
    assert choose(service, US, NOTHING_HELD, load) == local
    assert choose(service, US, holds(local), load) == state
    assert choose(service, US, holds(local, state), load) == country


def test_a_reserved_number_goes_to_who_names_it() -> None:
    service = a_service(a_proxy(1, reserved=True), a_proxy(2))
    named = Wish(US.places, a_proxy(1).number)
    assert choose(service, US, NOTHING_HELD, {a_proxy(2).number: 50}) == a_proxy(2)
    assert choose(service, named, NOTHING_HELD, {}) == a_proxy(1, reserved=True)
    refused = choose(service, named, holds(a_proxy(1)), {})
    assert isinstance(refused, Refused)
    assert (int(refused.why), refused.bar) == (80206, Bar.IN_USE)


@pytest.mark.parametrize("others", [(), (a_proxy(1, draining=True),)])
def test_a_named_number_that_is_not_the_services_or_leaves_it_is_not_given(others: tuple[ProxyNumber, ...]) -> None:
    refused = choose(a_service(a_proxy(2), *others), Wish(named=a_proxy(1).number), NOTHING_HELD, {})
    assert isinstance(refused, Refused)
    assert int(refused.why) == 80601


@pytest.mark.parametrize(
    ("selection", "had", "expected"),
    [
        (NumberSelection.PREFER_STICKY, [3, 2], 3),
        (NumberSelection.AVOID_STICKY, [3, 2], 1),
        (NumberSelection.AVOID_STICKY, [3, 2, 1], 1),
        (NumberSelection.AVOID_STICKY, [1, 3, 2], 2),
    ],
)
def test_the_numbers_that_a_participant_has_had_come_first_or_last(
    selection: NumberSelection, had: list[int], expected: int
) -> None:
    service = a_service(a_proxy(1), a_proxy(2), a_proxy(3), selection=selection)
    held = Held(had=[a_proxy(n).number for n in had])
    assert choose(service, US, held, {a_proxy(1).number: 2, a_proxy(3).number: 1}) == a_proxy(expected)


def test_the_number_of_before_is_not_given_when_it_may_not_be() -> None:
    service = a_service(a_proxy(1), a_proxy(2), per_number=2)
    before = Held({a_proxy(1).number: Bar.RESTING}, [a_proxy(1).number])
    assert choose(service, US, before, {a_proxy(2).number: 1}) == a_proxy(2)
    full = Held(had=[a_proxy(1).number])
    assert choose(service, US, full, {a_proxy(1).number: 2}) == a_proxy(2)


# Mathematics.


@given(
    most=st.integers(1, 4),
    legs=st.integers(2, 24),
    ceiling=st.integers(1, 5),
    seed=st.integers(0, 2**32),
    selection=st.sampled_from(NumberSelection),
    short=st.integers(0, 3),
)
def test_with_as_many_numbers_as_the_formula_says_no_session_is_refused(
    most: int, legs: int, ceiling: int, seed: int, selection: NumberSelection, short: int
) -> None:
    """D counts what rests, H the open legs. Whatever comes and goes: no collision, no refusal, no number over C. With
    `short` fewer numbers there are refusals, and neither of the others."""
    dice = random.Random(seed)
    size = max(0, proxy_size(most, legs, ceiling) - short)
    numbers = (a_proxy(n % 100, str(415 + n // 100)) for n in range(size))
    world = World(a_service(*numbers, per_number=ceiling, selection=selection), quarantine=3.0)
    people = [f"p{n}" for n in range(6)]
    for _ in range(60):
        world.now += 1.0
        pair = dice.sample(people, 2)
        if world.open and dice.random() < 0.4:
            world.end(dice.randrange(len(world.open)))
        elif 2 * len(world.open) + 2 <= legs and all(len(world.held(who).barred) < most for who in pair):
            started = world.start(*pair)
            assert short or isinstance(started, list)
        assert max(world.load.values(), default=0) <= ceiling
        assert sum(world.load.values()) <= 2 * len(world.open)


def _simulated(first_fit: bool) -> tuple[int, int]:
    """A twentieth of what the design has simulated (72 sessions of a participant at most, 40,588 legs, 100 a number,
    406 numbers): how many sessions the fullest number has, and how many were refused."""
    most, legs, ceiling = 18, 2_030, 20
    size = proxy_size_offline(most, legs, ceiling)
    numbers = [f"+1{4150000000 + n}" for n in range(size)]
    dice, load = random.Random(7), Counter(dict.fromkeys(numbers, 0))
    service = a_service(*(ProxyNumber(one) for one in numbers), per_number=legs if first_fit else ceiling)
    held: dict[int, dict[str, Bar]] = defaultdict(dict)
    refused = 0
    for leg in range(legs):
        who = leg // most if leg % 3 else dice.randrange(legs // most)
        who = who if len(held[who]) < most else leg // most
        if first_fit:
            number = next(one for one in numbers if one not in held[who])
        else:
            found = choose(service, ANYWHERE, Held(held[who]), load)
            if isinstance(found, Refused):
                refused += 1
                continue
            number = found.number
        held[who][number] = Bar.IN_USE
        load[number] += 1
    return max(load.values()), refused


def test_the_least_loaded_keeps_every_number_at_the_ceiling_where_first_fit_would_not() -> None:
    """At the size that would do if all sessions were known beforehand. The whole size, which ends with 100 sessions on
    the fullest of 406 numbers and none refused, takes ten seconds of a processor."""
    assert _simulated(first_fit=True)[0] > 5 * 20
    assert _simulated(first_fit=False) == (20, 0)
