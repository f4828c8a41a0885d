"""Numbers that the carrier stops showing: when they are lost, when it is not believed, and how they come back."""

from __future__ import annotations

from tests.cluster.stage import OperatorProcess, Stage
from tests.cluster.test_sweep import buy_by_hand, counts, open_pool


def test_a_number_that_the_carrier_shows_no_more_is_lost_and_replaced_and_comes_back_by_itself(stage: Stage) -> None:
    open_listed_pool(stage, 6)
    number = first_number(stage)
    move_away(stage, number)
    said = stage.wait_reason("phonenumber", number[1:], "Lost")
    assert "ask the carrier" in said["message"]
    assert phases(stage)[number] == "Lost"
    stage.wait_event(number[1:], "Lost")
    stage.wait_for(lambda: pool_counts(stage) == (6, 1), "the pool to have ordered another")
    move_back(stage, number)
    stage.wait_ready(number[1:], "phonenumber")
    stage.wait_for(lambda: pool_counts(stage) == (7, 0), "the pool to count both")
    assert sum(stage.bills().values()) == 7


def test_a_number_that_was_lost_is_still_lost_after_a_restart_and_comes_back(stage: Stage) -> None:
    operator = open_listed_pool(stage, 6)
    stage.patch("numberpool", "us-west", suspend=True)
    number = first_number(stage)
    move_away(stage, number)
    stage.wait_reason("phonenumber", number[1:], "Lost")
    operator.kill()
    stage.start_operator("operator-2")
    wait_for_listings(stage, 2)
    assert phases(stage)[number] == "Lost"
    move_back(stage, number)
    stage.wait_ready(number[1:], "phonenumber")


def test_a_number_that_only_the_listing_leaves_out_is_asked_for_and_kept(stage: Stage) -> None:
    open_listed_pool(stage, 6)
    number = first_number(stage)
    stage.simulator.set_faults({"fault": "short_listing", "number": number})
    stage.wait_for(lambda: counts(stage)["owned"] == 5, "the listing to leave it out")
    stage.simulator.control("POST", "calls")
    stage.wait_for(lambda: len(listings(stage)) >= 6, "enough listings for a loss and the look-up after them")
    assert phases(stage) == dict.fromkeys(stage.numbers(), "Available")
    assert len(stage.numbers()) == 6
    assert stage.condition("carrieraccount", "sandbox", "ListingShrunk") is None


def test_an_empty_listing_is_a_fault_of_the_carrier_however_often_it_comes_and_over_a_restart(stage: Stage) -> None:
    operator = open_listed_pool(stage, 3)
    stage.simulator.set_faults({"fault": "empty_listing"})
    stage.wait_reason("carrieraccount", "sandbox", "ListingShrunk", "ListingShrunk")
    stage.wait_event("sandbox", "ListingShrunk")
    operator.kill()
    stage.start_operator("operator-2")
    wait_for_listings(stage, 4)
    assert (counts(stage)["owned"], counts(stage)["shrunkTo"]) == (3, 0)
    assert stage.condition("carrieraccount", "sandbox", "ListingShrunk") is not None
    assert phases(stage) == dict.fromkeys(stage.numbers(), "Available")
    stage.simulator.set_faults()
    stage.wait_gone("carrieraccount", "sandbox", "ListingShrunk")
    assert "shrunkTo" not in counts(stage)
    assert sum(stage.bills().values()) == 3


def test_a_person_who_really_gave_half_of_the_numbers_away_says_so_by_their_count(stage: Stage) -> None:
    open_listed_pool(stage, 6)
    stage.patch("numberpool", "us-west", suspend=True)
    gone = sorted(stage.numbers())[:3]
    move_away(stage, *gone)
    stage.wait_reason("carrieraccount", "sandbox", "ListingShrunk", "ListingShrunk")
    assert (counts(stage)["owned"], counts(stage)["shrunkTo"]) == (6, 3)
    stage.annotate("carrieraccount", "sandbox", accept_listing="3")
    stage.wait_gone("carrieraccount", "sandbox", "ListingShrunk")
    assert counts(stage)["owned"] == 3
    lost = dict.fromkeys(gone, "Lost")
    kept = dict.fromkeys(stage.numbers() - set(gone), "Available")
    stage.wait_for(lambda: phases(stage) == lost | kept, "the three to be lost")


def test_a_number_bought_just_now_is_not_missed_while_the_listing_lags_behind(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "listing_lag", "seconds": 3600})
    open_pool(stage, target=2)
    stage.wait_ready()
    wait_for_listings(stage, 4)
    assert phases(stage) == dict.fromkeys(stage.numbers(), "Available")
    assert sum(stage.bills().values()) == 2


def test_numbers_that_are_not_ours_are_never_missed(stage: Stage) -> None:
    open_listed_pool(stage, 5)
    theirs = buy_by_hand(stage, None)
    stage.wait_for(lambda: counts(stage)["unmanaged"] == 1, "the other number to be counted")
    move_away(stage, theirs)
    stage.wait_for(lambda: counts(stage)["unmanaged"] == 0, "the other number to be gone")
    assert len(stage.numbers()) == 5
    assert set(phases(stage).values()) == {"Available"}


def open_listed_pool(stage: Stage, target: int) -> OperatorProcess:
    """A pool whose numbers a listing has shown."""
    operator = open_pool(stage, target=target)
    stage.wait_ready()
    stage.wait_for(lambda: counts(stage).get("owned") == target, "a listing to show all numbers")
    return operator


def move_away(stage: Stage, *numbers: str) -> None:
    """Port the numbers to somebody else's account."""
    stage.simulator.control("POST", "accounts", {"token": "elsewhere", "id": "elsewhere"})
    stage.simulator.control("POST", "numbers/move", {"numbers": numbers, "account": "elsewhere"})


def move_back(stage: Stage, *numbers: str) -> None:
    stage.simulator.control("POST", "numbers/move", {"numbers": numbers, "account": "sandbox"})


def wait_for_listings(stage: Stage, count: int) -> None:
    """Wait until the account has been listed so many times from now on."""
    stage.simulator.control("POST", "calls")
    stage.wait_for(lambda: len(listings(stage)) > count, f"{count} listings", timeout=120)


def listings(stage: Stage) -> list[str]:
    """The last calls that listed numbers, or looked one up."""
    calls = stage.simulator.control("GET", "calls?last=10000")["last"]
    return [call["target"] for call in calls if call["operation"] == "numbers_list"]


def first_number(stage: Stage) -> str:
    return min(stage.numbers())


def phases(stage: Stage) -> dict[str, str | None]:
    return stage.phases()


def pool_counts(stage: Stage) -> tuple[int, int]:
    """How many numbers the pool has available, and how many it has lost."""
    numbers = stage.get("numberpool", "us-west")["status"]["numbers"]
    return numbers["available"], numbers["lost"]
