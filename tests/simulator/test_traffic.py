"""Calls and messages at the sandbox: who may make them, who answers, and what they do to a number."""

from __future__ import annotations

import pytest

from ringfleet.simulator.clock import DAY
from ringfleet.simulator.exchange import Exchange, open_exchange
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.traffic.notifications import Attempt
from ringfleet.simulator.traffic.reputation import SPREAD, THRESHOLD, answer_rate, threshold
from tests.simulator.phone import DAY as A_DAY
from tests.simulator.phone import buy, call, id_of, pass_time, people, standing, write
from tests.simulator.process import SimulatorProcess
from tests.simulator.shop import Shop

BUSY = THRESHOLD + SPREAD + 1


def test_a_call_says_what_became_of_it(shop: Shop) -> None:
    (number,) = buy(shop)
    outcomes = call(shop, number, people(40))
    assert {one["refused"] for one in outcomes} == {None}
    assert [one["velocity"] for one in outcomes] == list(range(1, 41))
    assert {one["attestation"] for one in outcomes} == {"A"}
    assert all((one["seconds"] > 0) == one["answered"] for one in outcomes)
    assert {one["answered"] for one in outcomes} == {True, False}
    assert standing(shop)[number]["calls"] == 40
    assert standing(shop)[number]["answered"] == sum(one["answered"] for one in outcomes)


def test_talk_is_billed_by_the_minute_begun_and_a_call_that_nobody_answers_costs_nothing(shop: Shop) -> None:
    (number,) = buy(shop)
    outcomes = call(shop, number, people(30))
    minutes = [-(-one["seconds"] // 60) for one in outcomes if one["answered"]]
    billed = [entry["amount"] for entry in shop.simulator.ledger(shop.account, "call")]
    assert billed == [f"0.{count:02d}" for count in minutes]


def test_a_number_that_is_not_the_accounts_cannot_call(shop: Shop) -> None:
    neighbour = Shop(shop.simulator, f"{shop.account}-neighbour")
    (theirs,) = buy(neighbour)
    neighbour.close()
    assert refusals(call(shop, theirs, people(1)) + call(shop, "+14155550100", people(1))) == ["not_owned", "not_owned"]


def test_a_suspended_number_cannot_call_or_write_until_it_is_resumed(shop: Shop) -> None:
    (number,) = buy(shop)
    shop.call("POST", f"/numbers/{id_of(shop, number)}/suspend")
    assert refusals(call(shop, number, people(1)) + write(shop, number, people(1))) == ["suspended", "suspended"]
    shop.call("POST", f"/numbers/{id_of(shop, number)}/resume")
    assert refusals(call(shop, number, people(1))) == [None]


def test_a_number_that_is_not_active_yet_cannot_call(shop: Shop) -> None:
    shop.simulator.set_faults({"fault": "slow_activation", "seconds": 60})
    bought = shop.simulator.control("POST", "numbers", {"account": shop.account})
    assert refusals(call(shop, bought["items"][0]["number"], people(1))) == ["activating"]


def test_a_number_that_is_routed_nowhere_cannot_call(shop: Shop) -> None:
    (number,) = buy(shop)
    shop.call("PATCH", f"/numbers/{id_of(shop, number)}", {"routing_profile_id": None})
    assert refusals(call(shop, number, people(1))) == ["unrouted"]


def test_a_refused_call_leaves_no_trace(shop: Shop) -> None:
    (number,) = buy(shop)
    shop.call("POST", f"/numbers/{id_of(shop, number)}/suspend")
    call(shop, number, people(5))
    assert standing(shop)[number]["velocity"] == 0
    assert shop.simulator.ledger(shop.account, "call") == []


def test_a_call_is_signed_as_the_number_is_attested(shop: Shop) -> None:
    (number,) = buy(shop)
    shop.simulator.control("POST", "numbers/attestation", {"numbers": [number], "attestation": "C"})
    assert [one["attestation"] for one in call(shop, number, people(1))] == ["C"]
    assert shop.get(f"/numbers/{id_of(shop, number)}")["attestation"] == "C"


def test_a_busy_number_is_labelled_and_people_answer_it_less(shop: Shop) -> None:
    calm, busy = buy(shop, 2)
    call(shop, calm, people(75))
    outcomes = call(shop, busy, people(400))
    assert standing(shop)[calm]["label"] is None
    assert standing(shop)[busy]["label"] == "Spam Likely"
    labelled_from = next(index for index, one in enumerate(outcomes) if one["label"])
    assert THRESHOLD - SPREAD <= labelled_from <= THRESHOLD + SPREAD
    assert rate(outcomes[labelled_from:]) < rate(outcomes[:75]) / 2


def test_a_label_goes_after_a_week_of_rest_and_not_before(shop: Shop) -> None:
    (number,) = buy(shop)
    call(shop, number, people(BUSY))
    pass_time(shop.simulator, 6.5 * A_DAY)
    call(shop, number, people(20))  # few calls do not keep it
    assert standing(shop)[number]["label"] == "Spam Likely"
    pass_time(shop.simulator, 0.6 * A_DAY)
    assert standing(shop)[number]["label"] is None
    assert {one["label"] for one in call(shop, number, people(20, first=100))} == {None}


def test_a_labelled_number_that_stays_busy_keeps_its_label(shop: Shop) -> None:
    (number,) = buy(shop)
    call(shop, number, people(BUSY))
    pass_time(shop.simulator, 4 * A_DAY)
    call(shop, number, people(100))
    pass_time(shop.simulator, 4 * A_DAY)
    assert standing(shop)[number]["label"] == "Spam Likely"


def test_velocity_is_of_the_last_24_hours(shop: Shop) -> None:
    (number,) = buy(shop)
    call(shop, number, people(10))
    pass_time(shop.simulator, A_DAY - 60)
    call(shop, number, people(3))
    assert standing(shop)[number]["velocity"] == 13
    pass_time(shop.simulator, 120)
    assert standing(shop)[number]["velocity"] == 3


@pytest.mark.parametrize("at", ["2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "soon"])
def test_a_call_is_now_or_was_today(shop: Shop, at: str) -> None:
    (number,) = buy(shop)
    with pytest.raises(AssertionError, match=r"422 .*at: "):
        call(shop, number, people(1), at=at)


def test_messages_are_delivered_less_from_a_labelled_number(shop: Shop) -> None:
    calm, busy = buy(shop, 2)
    call(shop, busy, people(BUSY))
    fine = [one["delivered"] for one in write(shop, calm, people(100), text="hello")]
    poor = [one["delivered"] for one in write(shop, busy, people(100), text="hello")]
    assert sum(fine) > 90
    assert sum(poor) < 60
    assert len(shop.simulator.ledger(shop.account, "message")) == 200


@pytest.mark.parametrize("kind", ["call", "message"])
def test_a_person_reaches_a_number_that_is_routed_only(shop: Shop, kind: str) -> None:
    (number,) = buy(shop)
    inbound = {"kind": kind, "from": people(1)[0], "to": number, "text": "STOP"}
    assert shop.simulator.control("POST", "traffic/inbound", inbound)["refused"] is None
    shop.call("PATCH", f"/numbers/{id_of(shop, number)}", {"routing_profile_id": None})
    assert shop.simulator.control("POST", "traffic/inbound", inbound)["refused"] == "unrouted"
    assert standing(shop)[number]["velocity"] == 0


def test_the_same_seed_lets_the_same_people_answer() -> None:
    assert answers(3) == answers(3) != answers(4)


def test_every_number_has_a_threshold_of_its_own_near_the_common_one() -> None:
    thresholds = [threshold(1, number) for number in people(500)]
    assert min(thresholds) == THRESHOLD - SPREAD
    assert max(thresholds) == THRESHOLD + SPREAD


def test_the_answer_rate_never_rises_with_velocity_and_falls_with_a_label() -> None:
    rates = [answer_rate(velocity, False) for velocity in range(1000)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == rates[50] > rates[300] == rates[999]
    assert all(answer_rate(velocity, True) < rate for velocity, rate in enumerate(rates))


def test_the_traffic_of_a_killed_simulator_is_all_there() -> None:
    with SimulatorProcess() as simulator:
        shop = Shop(simulator, "caller")
        (number,) = buy(shop)
        call(shop, number, people(BUSY))
        before = standing(shop)
        simulator.kill()
        simulator.start()
        assert standing(shop) == before
        shop.close()


def answers(seed: int) -> list[bool]:
    exchange = open_exchange(":memory:", Faults(seed), seed, real_time=lambda: 100 * DAY)
    number = own(exchange)
    with exchange.turn():
        told = [exchange.traffic.call("ann", Attempt(number, peer, 100 * DAY)).ok for peer in people(60)]
    exchange.close()
    return told


def own(exchange: Exchange) -> str:
    with exchange.turn():
        exchange.accounts.open("token", "ann", None, None)
        number = "+14152000010"
        exchange.store.write(
            "INSERT INTO numbers (number, account, country, type, capabilities, monthly, setup, purchased_at, "
            "renews_at, active_at) VALUES (?, 'ann', 'US', 'geographic', 'voice,sms', 0, 0, 0, 4e9, 0)",
            number,
        )
        profile = exchange.holdings.put_profile("ann", "desk", {})
        exchange.store.write("UPDATE numbers SET profile = ?", profile.id)
    return number


def refusals(outcomes: list[dict[str, object]]) -> list[object]:
    return [one["refused"] for one in outcomes]


def rate(outcomes: list[dict[str, object]]) -> float:
    return sum(bool(one["answered"]) for one in outcomes) / len(outcomes)
