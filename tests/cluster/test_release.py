"""Giving numbers back: what is never given back, what a person must say first, and exactly what then goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cluster.stage import Stage

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 200, "concurrency": 8}}
SOON = {"RINGFLEET_RELEASE_SETTLE": "PT2S"}
MANUAL = {"mode": "Manual", "hold": "1s", "maxPerDay": 10}


def open_pool(stage: Stage, count: int, **spec: Any) -> None:
    """A pool that is filled, and then wants no more: what goes is not ordered again."""
    stage.account(**OFTEN)
    stage.profile()
    stage.pool(target=count, **spec)
    stage.start_operator(**SOON)
    stage.wait_for(lambda: list(stage.phases().values()).count("Available") == count, f"{count} free numbers")
    stage.scale(0)


def released(stage: Stage) -> set[str]:
    """The numbers that the exchange has taken back."""
    return {entry["number"] for entry in stage.simulator.ledger(kind="release")}


def owned(stage: Stage) -> set[str]:
    return {held["number"] for held in stage.simulator.owned()}


def marks(stage: Stage) -> dict[str, str | None]:
    """The mark on each number at the carrier."""
    return {held["number"]: held["reference"] for held in stage.simulator.owned()}


def ask_to_go(stage: Stage, *numbers: str) -> None:
    for number in numbers:
        stage.annotate("phonenumber", number[1:], release=number)


def delete(stage: Stage, *numbers: str) -> None:
    stage.delete("phonenumber", *(number[1:] for number in numbers), wait=False)


def acknowledge(stage: Stage, pool: str = "us-west") -> None:
    frozen = stage.get("numberpool", pool)["status"]["release"]["frozenSince"]
    stage.annotate("numberpool", pool, acknowledge_release=frozen)


def count_phase(stage: Stage, phase: str) -> int:
    return list(stage.phases().values()).count(phase)


def free_since(stage: Stage) -> datetime:
    """When the last of the free numbers became free."""
    since = (one["status"].get("freeSince") for one in stage.list("phonenumbers"))
    return max(datetime.fromisoformat(moment) for moment in since if moment)


def said(stage: Stage, number: str, type_: str = "Ready") -> tuple[str, str]:
    condition = stage.condition("phonenumber", number[1:], type_)
    return (condition["reason"], condition["message"]) if condition else ("", "")


def test_exactly_the_asked_numbers_go_at_most_so_many_a_day(stage: Stage) -> None:
    open_pool(stage, 100, release={**MANUAL, "maxPerDay": 3})
    asked = sorted(stage.numbers())[10:15]
    ask_to_go(stage, *asked)
    stage.wait_for(lambda: count_phase(stage, "Released") == 3, "three to go today")
    granted = stage.get("numberpool", "us-west")["status"]["release"]["released"]
    assert released(stage) == {f"+{name}" for name in granted}
    assert released(stage) < set(asked)
    assert owned(stage) == stage.numbers() - released(stage)
    stage.wait_for(lambda: count_phase(stage, "Releasing") == 2, "the other two to wait for tomorrow")
    assert len(released(stage)) == 3


def test_a_number_that_was_asked_to_go_can_be_taken_back_until_it_goes(stage: Stage) -> None:
    open_pool(stage, 2, release={**MANUAL, "hold": "720h"})
    number = min(stage.numbers())
    stage.kubectl("annotate", f"pn/{number[1:]}", f"ringfleet.dev/release={number}")
    stage.wait_for(lambda: stage.phases()[number] == "Releasing", "the number to be on its way out")
    assert "farewell" in stage.get("phonenumber", number[1:])["status"]
    stage.kubectl("annotate", f"pn/{number[1:]}", "ringfleet.dev/release-")
    stage.wait_for(lambda: stage.phases()[number] == "Available", "the number to be back")
    assert "farewell" not in stage.get("phonenumber", number[1:])["status"]
    assert released(stage) == set()


def test_what_stands_against_a_release_is_said_and_holds_it(stage: Stage) -> None:
    open_pool(stage, 3, release=MANUAL)
    bound, protected, free = sorted(stage.numbers())
    stage.claim("holder", phoneNumberName=bound[1:])
    stage.wait_ready("holder", "numberclaim")
    stage.patch("phonenumber", protected[1:], protected=True)
    ask_to_go(stage, bound, protected)
    stage.wait_for(lambda: "holder holds it" in said(stage, bound, "ReleaseBlocked")[1], "the claim to be named")
    stage.wait_for(lambda: "it is protected" in said(stage, protected, "ReleaseBlocked")[1], "the protection")
    stage.patch("numberpool", "us-west", release={"mode": "Never"})
    ask_to_go(stage, free)
    stage.wait_for(lambda: "release.mode of its pool is Never" in said(stage, free, "ReleaseBlocked")[1], "the mode")
    assert released(stage) == set()
    assert owned(stage) == stage.numbers()


def test_fifty_deleted_at_once_stay_and_a_person_lets_them_go(stage: Stage) -> None:
    open_pool(stage, 60)
    before = marks(stage)
    victims = sorted(stage.numbers())[:50]
    delete(stage, *victims)
    stage.wait_reason("numberpool", "us-west", "ReleaseFrozen", "ReleaseFrozen")
    stage.wait_for(lambda: count_phase(stage, "Releasing") == 50, "all fifty to wait")
    stage.wait_for(lambda: all(said(stage, one)[0] == "ReleaseFrozen" for one in victims), "each to say why")
    assert marks(stage) == before
    stage.wait_event("us-west", "ReleaseFrozen")
    acknowledge(stage)
    stage.wait_for(lambda: len(stage.numbers()) == 10, "the fifty to be let go", timeout=120)
    after = marks(stage)
    assert {number for number, mark in after.items() if mark is None} == set(victims)
    assert released(stage) == set()


def test_a_number_deleted_under_retain_is_let_go_and_not_taken_back(stage: Stage) -> None:
    open_pool(stage, 3)
    number = min(stage.numbers())
    delete(stage, number)
    stage.wait_for(lambda: number not in stage.numbers(), "its object to go")
    assert marks(stage)[number] is None
    stage.wait_for(lambda: counts(stage) == {"owned": 3, "ours": 2, "unmanaged": 1, "orphans": 0}, "it to be counted")
    assert number not in stage.numbers()


def counts(stage: Stage) -> dict[str, int]:
    return dict(stage.get("carrieraccount", "sandbox")["status"].get("numbers", {}))


def test_a_number_deleted_under_release_is_given_back_after_its_hold(stage: Stage) -> None:
    open_pool(stage, 2, release=MANUAL, deletionPolicy="Release")
    number = min(stage.numbers())
    delete(stage, number)
    stage.wait_for(lambda: number not in stage.numbers(), "its object to go")
    assert released(stage) == {number}


def test_a_deleted_pool_retains_its_numbers_and_their_routing(stage: Stage) -> None:
    open_pool(stage, 3)
    before = stage.simulator.owned()
    stage.delete("numberpool", "us-west")
    stage.wait_for(lambda: {said(stage, one)[0] for one in stage.numbers()} == {"Routed"}, "all to be routed still")
    stage.wait_for(lambda: counts(stage).get("ours") == 3, "a sweep")
    assert stage.simulator.owned() == before
    number = min(stage.numbers())
    delete(stage, number)
    stage.wait_for(lambda: said(stage, number)[0] == "ReleaseFrozen", "the number to wait for a person")
    assert "pool" in said(stage, number)[1]
    stage.annotate("phonenumber", number[1:], acknowledge_release=number)
    stage.wait_for(lambda: number not in stage.numbers(), "the number to be let go")
    assert marks(stage)[number] is None


def test_a_pool_deleted_under_release_goes_when_its_numbers_have_gone(stage: Stage) -> None:
    open_pool(stage, 2, release=MANUAL, deletionPolicy="Release")
    stage.wait_for(lambda: stage.get("numberpool", "us-west")["metadata"].get("finalizers"), "the pool to be held")
    stage.delete("numberpool", "us-west", wait=False)
    stage.wait_reason("numberpool", "us-west", "ReleaseFrozen", "ReleaseFrozen")
    assert released(stage) == set()
    acknowledge(stage)
    stage.wait_for(lambda: not stage.list("numberpools"), "the pool to go")
    assert released(stage) == stage.numbers()
    assert set(stage.phases().values()) == {"Released"}


def test_what_was_deleted_while_the_operator_was_away_waits_for_a_person(stage: Stage) -> None:
    open_pool(stage, 40)
    (operator,) = stage.operators
    operator.kill()
    number = min(stage.numbers())
    delete(stage, number)
    stage.start_operator("operator-2", **SOON)
    condition = stage.wait_reason("numberpool", "us-west", "ReleaseFrozen", "ReleaseFrozen")
    assert "while the operator was away" in condition["message"]
    assert marks(stage)[number] is not None
    acknowledge(stage)
    stage.wait_for(lambda: number not in stage.numbers(), "the number to be let go")


def test_a_deleted_namespace_takes_no_number_with_it(stage: Stage) -> None:
    open_pool(stage, 4, release=MANUAL, deletionPolicy="Release")
    before = stage.simulator.owned()
    stage.cluster.delete_namespace(stage.namespace)
    stage.wait_for(lambda: count_phase(stage, "Releasing") == 4, "the deletions to be seen")
    condition = stage.wait_reason("numberpool", "us-west", "ReleaseFrozen", "ReleaseFrozen")
    assert f"namespace {stage.namespace} is being deleted" in condition["message"]
    stage.wait_for(lambda: {said(stage, one)[0] for one in stage.numbers()} == {"ReleaseFrozen"}, "each to say why")
    assert stage.simulator.owned() == before


def test_surplus_goes_by_itself_the_longest_idle_first_just_before_its_renewal(stage: Stage) -> None:
    """A fresh number renews in 720 hours, so with a hold of 719 the time to ask it is now."""
    automatic = {"mode": "Automatic", "hold": "24h", "maxPerDay": 2}
    stage.account(**OFTEN)
    stage.profile()
    stage.pool(target=4, limits={"maxNumbers": 4}, release=automatic, reclaim={"idleAfter": "1s", "cooldown": "1s"})
    stage.start_operator(**SOON)
    stage.wait_for(lambda: count_phase(stage, "Available") == 4, "four free numbers")
    numbers = sorted(stage.numbers())
    used, idle = numbers[:2], set(numbers[2:])
    stage.claim("one", phoneNumberName=used[0][1:])
    stage.claim("two", phoneNumberName=used[1][1:])
    stage.wait_for(lambda: len(stage.bound()) == 2, "two to be used")
    stage.scale(2)
    stage.wait_for(lambda: datetime.now(UTC) - free_since(stage) > timedelta(seconds=1), "the others to be idle longer")
    stage.delete("numberclaim", "one", "two")
    stage.wait_for(lambda: stage.get("numberpool", "us-west")["status"]["surplus"] == 2, "a surplus")
    assert count_phase(stage, "Releasing") == 0
    stage.patch("numberpool", "us-west", release={"hold": "719h"})
    stage.wait_for(lambda: {one for one, phase in stage.phases().items() if phase == "Releasing"} == idle, "the idle")
    assert released(stage) == set()
    stage.patch("numberpool", "us-west", release={"hold": "1s"})
    stage.wait_for(lambda: count_phase(stage, "Released") == 2, "the surplus to go")
    assert released(stage) == idle
    assert count_phase(stage, "Available") == 2


def test_surplus_is_taken_back_when_it_is_wanted_again(stage: Stage) -> None:
    stage.account(**OFTEN)
    stage.profile()
    automatic = {"mode": "Automatic", "hold": "719h", "maxPerDay": 2}
    stage.pool(target=3, release=automatic, reclaim={"idleAfter": "1s"})
    stage.start_operator(**SOON)
    stage.wait_for(lambda: count_phase(stage, "Available") == 3, "three free numbers")
    stage.scale(1)
    stage.wait_for(lambda: count_phase(stage, "Releasing") == 2, "the surplus to be on its way out")
    stage.scale(3)
    stage.wait_for(lambda: count_phase(stage, "Available") == 3, "the numbers to be back")
    assert len(stage.list("numberorders")) == 1
    assert sum(stage.bills().values()) == 3
