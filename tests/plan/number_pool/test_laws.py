"""What holds of plan/ whatever happens: the pool comes to its target and rests there, and is never above a limit.

The laws are tried in `world.py` against stock that others snap up, refusals, parked documents, lost replies, crashes
between any two writes, carriers that go down, and views that lag.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import ceil
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import AccountKey, Capability, Limits, Offer
from ringfleet.model.asking import NOTHING, Ask
from ringfleet.plan.conditions import Reason, ready
from ringfleet.plan.number_pool.plan import CreateOrder, PoolSeen, PoolWant, StartOrder, match_on_demand, plan_pool
from ringfleet.plan.offer_choice import choose_offers
from tests.plan.builders import a_pool, an_ask, an_offer, an_order_want, dollars
from tests.plan.world import Dice, Shop, World, calm, live

ACCOUNTS = tuple(AccountKey("default", name) for name in ("first", "second", "third"))
FREE = Limits()

randoms = st.randoms(use_true_random=True)
dices = randoms.map(Dice)
steps = st.integers(0, 120)
any_limits = st.builds(
    Limits,
    max_numbers=st.none() | st.integers(0, 12),
    monthly_budget=st.none() | st.integers(0, 40).map(dollars),
    max_monthly=st.none() | st.integers(0, 4).map(dollars),
    max_setup=st.none() | st.integers(0, 2).map(dollars),
)
CALLS, TEXTS = frozenset({Capability.VOICE}), frozenset({Capability.VOICE, Capability.SMS})
MUSTS = an_ask(Capability.SMS), an_ask(codes="628", required=True), an_ask(Capability.SMS, codes="628", required=True)
claims = st.lists(st.sampled_from((NOTHING, an_ask(codes="628"), *MUSTS)), max_size=6).map(tuple)
free_or_limited = st.just(FREE) | any_limits


@st.composite
def offers(draw: st.DrawFn, first: int = 0, most: int = 15) -> list[Offer]:
    """Distinct numbers at all sorts of prices."""
    random = draw(randoms)
    codes = ("415", "628", "212", None)
    return [
        an_offer(
            first + n,
            random.randrange(5),
            random.randrange(3),
            area_code=random.choice(codes),
            capabilities=random.choice((CALLS, CALLS, TEXTS)),
        )
        for n in range(draw(st.integers(0, most)))
    ]


@st.composite
def pools(draw: st.DrawFn, limits: st.SearchStrategy[Limits]) -> PoolWant:
    target, carriers = draw(st.integers(0, 12) | st.just(12)), ACCOUNTS[: draw(st.integers(1, len(ACCOUNTS)))]
    shares = [Decimal(share) for share in ("0.34", "0.5", "0.6", "0.9") if Decimal(share) * len(carriers) >= 1]
    return a_pool(
        target,
        minimum=draw(st.integers(min(1, target), target)),
        carriers=carriers,
        batch_size=draw(st.integers(1, 6)),
        history=draw(st.integers(1, 4)),
        limits=draw(limits),
        max_share=draw(st.sampled_from([None, *shares])),
    )


@st.composite
def worlds(draw: st.DrawFn, limits: st.SearchStrategy[Limits] = free_or_limited) -> World:
    want = draw(pools(limits))
    stock = [draw(offers(first=100 * place)) for place in range(len(want.carriers))]
    return World(want, {account: Shop({o.number: o for o in stock[n]}) for n, account in enumerate(want.carriers)})


def assert_within_limits(world: World) -> None:
    want, limits = world.want, world.want.limits
    assert world.promised() <= want.target + len(world.on_demand)
    assert limits.max_numbers is None or world.promised() <= limits.max_numbers
    assert limits.monthly_budget is None or world.spent() <= limits.monthly_budget
    size = want.target + len(world.on_demand)
    for account in world.shops if want.max_share is not None else ():
        assert world.promised_by(account) <= ceil(want.max_share * size), "beyond its share"
    for shop in world.shops.values():
        assert all(times == 1 for times in shop.ledger.values()), "billed twice"
        for offer in shop.sold.values():
            assert limits.max_monthly is None or offer.price.monthly <= limits.max_monthly
            assert limits.max_setup is None or offer.price.setup <= limits.max_setup


def restock(world: World) -> None:
    """More of everything than the pool can want."""
    for place, shop in enumerate(world.shops.values()):
        for n in range(5_000 + 100 * place, 5_000 + 100 * place + world.want.target + len(world.on_demand)):
            for offer in (an_offer(n), an_offer(n + 2_000, area_code="628", capabilities=TEXTS)):
                shop.stock[offer.number] = offer


@given(worlds(), dices, steps)
def test_no_step_goes_beyond_target_maximum_budget_or_price_caps(world: World, dice: Dice, count: int) -> None:
    for _ in range(count):
        live(world, dice)
        assert_within_limits(world)


@given(worlds(limits=st.just(FREE)), dices, steps)
def test_the_pool_comes_to_exactly_its_target_whatever_went_wrong_before(world: World, dice: Dice, count: int) -> None:
    for _ in range(count):
        live(world, dice)
    restock(world)
    plan = calm(world)
    assert len(world.owned()) == world.want.target
    assert set(world.numbers) == set(world.owned())
    assert (plan.shortfall, plan.surplus, plan.supply.total) == (0, 0, world.want.target)
    assert plan.conditions == (ready(Reason.AT_TARGET, "The pool has the numbers that it asks for."),)


@given(worlds(), dices, steps, claims)
def test_no_step_goes_beyond_what_claims_want_ordered_beside_the_target(
    world: World, dice: Dice, count: int, on_demand: tuple[Ask, ...]
) -> None:
    world.want, world.on_demand = replace(world.want, history=1_000), on_demand
    for _ in range(count):
        world.turn_pool(dice, world.see_late(dice))
        live(world, dice)
        assert_within_limits(world)


@given(worlds(limits=st.just(FREE)), dices, steps, claims)
def test_every_claim_that_wants_an_order_finds_a_number_in_the_end(
    world: World, dice: Dice, count: int, on_demand: tuple[Ask, ...]
) -> None:
    world.on_demand = on_demand
    for _ in range(count):
        live(world, dice)
    restock(world)
    calm(world)
    unmet = match_on_demand(world.want, world.see(), world.now).unmet
    assert not unmet
    assert max(world.want.minimum, len(on_demand)) <= len(world.owned()) <= world.want.target + len(on_demand)


@given(worlds(limits=st.just(FREE)), dices, steps)
def test_a_pool_at_rest_plans_the_same_nothing_again(world: World, dice: Dice, count: int) -> None:
    for _ in range(count):
        live(world, dice)
    restock(world)
    plan = calm(world)
    world.wait(3600)
    assert world.plan() == replace(plan, top_up=world.top_up)
    assert world.plan().top_up == world.top_up


@given(worlds(), dices, steps)
def test_planning_twice_on_the_same_world_says_and_does_the_same(world: World, dice: Dice, count: int) -> None:
    for _ in range(count):
        live(world, dice)
    assert world.plan() == world.plan()


@given(worlds(), dices, steps, randoms)
def test_the_order_of_what_is_seen_does_not_matter(world: World, dice: Dice, count: int, random: Random) -> None:
    for _ in range(count):
        live(world, dice)
    seen = world.see()
    assert plan_pool(world.want, _shuffled(seen, random), world.now) == plan_pool(world.want, seen, world.now)


def _shuffled(seen: PoolSeen, random: Random) -> PoolSeen:
    def mixed(values: tuple) -> tuple:
        return tuple(random.sample(values, len(values)))

    top_up = replace(seen.top_up, carriers=mixed(seen.top_up.carriers))
    accounts = dict(mixed(tuple(seen.accounts.items())))
    return replace(seen, numbers=mixed(seen.numbers), orders=mixed(seen.orders), top_up=top_up, accounts=accounts)


@given(worlds(), dices, steps)
def test_views_that_lag_never_buy_beyond_the_limits(world: World, dice: Dice, count: int) -> None:
    world.want = replace(world.want, history=1_000)
    for _ in range(count):
        world.turn_pool(dice, world.see_late(dice))
        live(world, dice)
        assert_within_limits(world)


@given(worlds(), dices, steps)
def test_an_order_that_was_meant_before_a_crash_is_the_order_that_is_made_after_it(
    world: World, dice: Dice, count: int
) -> None:
    for _ in range(count):
        live(world, dice)
    started = world.plan()
    intents = [action.intent for action in started.actions if isinstance(action, StartOrder)]
    world.top_up = started.top_up
    again = [action for action in world.plan().actions if isinstance(action, StartOrder | CreateOrder)]
    assert again[: len(intents)] == [CreateOrder(intent) for intent in intents]


@given(offers(), st.integers(0, 8), any_limits, st.none() | st.integers(0, 20).map(dollars), randoms)
def test_a_choice_fits_count_caps_and_budget_in_whatever_order_offers_come(
    offered: list[Offer], count: int, limits: Limits, budget: object, random: Random
) -> None:
    want = an_order_want(count, limits=limits, budget=budget)
    twice = offered + [replace(offer, price=an_offer().price) for offer in offered[::2]]
    choice = choose_offers(want, twice)
    assert choose_offers(want, random.sample(twice, len(twice))) == choice
    taken = [offer.number for offer in choice.offers]
    assert len(taken) == len(set(taken)) <= count
    assert (choice.shortage is None) is (len(taken) == count)
    assert budget is None or sum(offer.price.first_month.amount for offer in choice.offers) <= budget.amount
    for offer in choice.offers:
        assert limits.max_monthly is None or offer.price.monthly <= limits.max_monthly
        assert limits.max_setup is None or offer.price.setup <= limits.max_setup
