"""The soak's judge finds what it is there to find; and a short soak agrees."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.controlplane.cluster import Cluster
from tests.soak.__main__ import minutes_of, run_on
from tests.soak.audit import Audit, Seen
from tests.soak.people import EVERYTHING, GIVE_BACK, KEEP, Freeze, People, Pool

PLACE, OTHER = ("one", KEEP), ("one", GIVE_BACK)
ONE, TWO, THREE = "+14155550001", "+14155550002", "+16285550003"


def bought(number: str, account: str = "first", at: int = 0) -> dict[str, Any]:
    return {
        "kind": "purchase",
        "number": number,
        "account": account,
        "at": f"2026-01-01T{at // 60:02}:{at % 60:02}:00Z",
    }


def given_back(number: str) -> dict[str, Any]:
    return {**bought(number), "kind": "release"}


def owned(number: str, reference: str | None = "rf/x/one/keep", suspended: bool = False) -> dict[str, Any]:
    return {"number": number, "account": "first", "reference": reference, "suspended": suspended}


def a_number(number: str, phase: str = "Available", **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "one", "name": number[1:]}
    return {"metadata": metadata, "spec": {"number": number, **spec}, "status": {"phase": phase}}


def a_claim(name: str, number: str | None) -> dict[str, Any]:
    status = {"phase": "Bound", "phoneNumber": {"number": number}} if number else {"phase": "Waiting"}
    return {"metadata": {"namespace": "one", "name": name}, "status": status}


def seen(**parts: Any) -> Seen:
    empty: dict[str, Any] = dict.fromkeys(Seen.__dataclass_fields__, ())
    return Seen(**{**empty, **{name: list(part) for name, part in parts.items()}})


@pytest.fixture
def people() -> People:
    found = People(None, Random(1), 10)  # type: ignore[arg-type]  # nothing is done to a world here
    found.pools = {PLACE: Pool(PLACE, "415", 2, 1), OTHER: Pool(OTHER, "628", 2, 0)}
    found.most_wished = {PLACE: 9, OTHER: 9}
    found.quotas, found.most_allowed = {"one": 3}, {"one": 3}
    return found


def test_what_is_as_it_should_be_is_no_fault(people: People) -> None:
    audit = Audit(people, 2)
    people.may_go.add(TWO)
    calm = seen(
        ledger=[bought(ONE), bought(TWO), given_back(TWO), bought(TWO), bought(THREE, "second")],
        owned=[owned(ONE), owned(TWO), owned(THREE)],
        numbers=[a_number(ONE), a_number(TWO, "Bound", claimRef={"uid": "1"}), a_number(THREE)],
        claims=[a_claim("a", TWO)],
    )
    people.claims = {("one", "a"): PLACE}
    assert (audit.faults(calm), audit.unsettled(calm)) == ([], [])


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        pytest.param({"ledger": [bought(ONE), bought(ONE)]}, f"{ONE} was bought twice", id="bought twice"),
        pytest.param(
            {"ledger": [bought(ONE), given_back(ONE)]}, f"{ONE} was given back, and nobody had asked", id="unasked"
        ),
        pytest.param(
            {"ledger": [bought(f"+1415555000{n}", "second", n * 29) for n in range(3)]},
            "the second account bought 3 numbers within an hour, 2 are allowed",
            id="too many an hour",
        ),
        pytest.param(
            {"numbers": [a_number(ONE, claimRef={"uid": "1"}), a_number(TWO, claimRef={"uid": "1"})]},
            "a claim holds 2 numbers",
            id="two numbers of a claim",
        ),
        pytest.param(
            {"claims": [a_claim("a", ONE), a_claim("b", ONE)]}, f"{ONE} is bound to 2 claims", id="two claims"
        ),
        pytest.param({"numbers": [a_number(ONE), a_number(ONE)]}, f"{ONE} has 2 objects", id="two objects"),
        pytest.param(
            {"owned": [owned(f"+1415555000{n}") for n in range(3)]},
            "pool one/keep holds 3 numbers, 2 are allowed",
            id="beyond the pool's limit",
        ),
        pytest.param(
            {"owned": [owned(one) for one in (ONE, TWO, THREE, "+16285550004")]},
            "one holds 4 numbers, its quota has allowed 3",
            id="beyond the quota",
        ),
        pytest.param({"owned": [owned(ONE, None)]}, f"{ONE} lost our mark, and nobody had deleted it", id="our mark"),
        pytest.param({"numbers": [a_number(ONE, "Lost")]}, f"{ONE} is called lost", id="lost"),
    ],
)
def test_each_fault_is_found(people: People, parts: dict[str, Any], fault: str) -> None:
    assert Audit(people, 2).faults(seen(**parts)) == [fault]


def test_what_nobody_has_wished_is_found(people: People) -> None:
    """One number is there and two are wished; one is claimed: two may be bought, and a third may not."""
    people.most_wished[PLACE] = 1
    audit = Audit(people, 9)
    audit.settle(seen(numbers=[a_number(ONE)]))
    people.most_wished[PLACE] = 2
    people.taken[PLACE] += 1
    assert audit.faults(seen(ledger=[bought("+14155550004"), bought("+14155550005")])) == []
    assert audit.faults(seen(ledger=[bought(f"+1415555000{n}") for n in (4, 5, 6)])) == [
        "pool one/keep has bought more than anybody wished"
    ]


def test_what_was_bought_while_all_was_looked_at_is_stock_and_no_second_purchase(people: People) -> None:
    """The ledger is read first: a number that was bought right after that is seen, and its entry only the next time."""
    people.most_wished[PLACE] = 1
    audit = Audit(people, 9)
    audit.settle(seen(numbers=[a_number(ONE)]))
    people.most_wished[PLACE] = 1
    assert audit.faults(seen(ledger=[bought(ONE)])) == []
    assert audit.faults(seen(ledger=[bought(ONE), bought("+14155550004")])) == [
        "pool one/keep has bought more than anybody wished"
    ]


@pytest.mark.parametrize("what", [EVERYTHING, "first", "one/keep"])
def test_what_moves_while_it_is_frozen_is_found(people: People, what: str) -> None:
    people.freezes[what] = Freeze(since=1)
    assert Audit(people, 9).faults(seen(ledger=[bought(ONE), bought(TWO)])) == [
        f"purchase of {TWO} while {what} was frozen"
    ]


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        pytest.param({"owned": [owned(ONE)]}, f"{ONE} is ours and has no object", id="lost by us"),
        pytest.param({"numbers": [a_number(ONE)]}, f"{ONE} has an object and is not ours", id="lost by the carrier"),
        pytest.param(
            {"owned": [owned(ONE, suspended=True)], "numbers": [a_number(ONE)]},
            f"{ONE} is suspended at the carrier",
            id="stopped",
        ),
        pytest.param({"claims": [a_claim("a", None)]}, "claim one/a is still there", id="a claim too many"),
        pytest.param({}, "pool one/keep has 0 free numbers, 1 are wished; it says None: None", id="short"),
    ],
)
def test_what_is_still_to_come_is_seen(people: People, parts: dict[str, Any], left: str) -> None:
    assert left in Audit(people, 9).unsettled(seen(**parts))


def saying(obj: dict[str, Any], *conditions: tuple[str, str, str], **status: Any) -> dict[str, Any]:
    """The same object with these conditions, by type, status and reason."""
    said = [{"type": type_, "status": word, "reason": reason} for type_, word, reason in conditions]
    metadata = {**obj["metadata"], "generation": 1}
    return {
        **obj,
        "metadata": metadata,
        "status": obj["status"] | status | {"conditions": said, "observedGeneration": 1},
    }


def an_order(**status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "one", "name": "keep-1"}, "spec": {}, "status": status}


def a_pool(target: int, available: int, **status: Any) -> dict[str, Any]:
    metadata = {"namespace": "one", "name": "keep"}
    spec = {"size": {"target": target}}
    return {"metadata": metadata, "spec": spec, "status": {"numbers": {"available": available}, **status}}


BOUND, COMPLETE, FULL = ("Ready", "True", "Bound"), ("Ready", "True", "Complete"), ("Ready", "True", "AtTarget")
WORKS, STOPPED = ("Ready", "True", "Routed"), ("Ready", "True", "Suspended")


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        pytest.param({"claims": [saying(a_claim("a", None), BOUND)]}, "it holds no number", id="bound to nothing"),
        pytest.param({"claims": [saying(a_claim("a", ONE), STOPPED)]}, "nobody has suspended it", id="not suspended"),
        pytest.param({"numbers": [saying(a_number(ONE, "Quarantined"), WORKS)]}, "it is Quarantined", id="quarantined"),
        pytest.param({"numbers": [saying(a_number(ONE, "Suspended"), WORKS)]}, "it is Suspended", id="stopped"),
        pytest.param(
            {"orders": [saying(an_order(items=[{"state": "PendingDocuments"}], completedAt="now"), COMPLETE)]},
            "not all of its numbers have their outcome",
            id="parked, and complete",
        ),
        pytest.param(
            {"orders": [saying(an_order(items=[{"state": "Failed"}] * 10, completedAt="now"), COMPLETE)]},
            "it has bought nothing",
            id="failed, and complete",
        ),
        pytest.param(
            {"orders": [saying(an_order(items=[{"state": "Provisioned"}], phase="Parked"), COMPLETE)]},
            "it is parked, and none of its numbers waits",
            id="parked for ever",
        ),
        pytest.param({"pools": [saying(a_pool(3, 0), FULL)]}, "none of its numbers is available", id="an empty pool"),
        pytest.param(
            {"pools": [saying(a_pool(3, 3), FULL, ("Reconciling", "True", "Ordering"))]},
            "it says that numbers are on order, and none is",
            id="orders that are none",
        ),
        pytest.param(
            {"pools": [saying(a_pool(3, 3), FULL, ("Frozen", "True", "Frozen"))]}, "it is frozen", id="frozen and ready"
        ),
        pytest.param(
            {"pools": [saying(a_pool(3, 0), ("Ready", "False", "AccountMissing"))]},
            "only a person ends AccountMissing, and it is not Stalled",
            id="kstatus",
        ),
    ],
)
def test_a_status_that_contradicts_itself_is_found(people: People, parts: dict[str, Any], fault: str) -> None:
    assert fault in "; ".join(Audit(people, 2).faults(seen(**parts)))


QUARANTINED = ("Ready", "False", "Quarantined"), ("Stalled", "True", "Quarantined")
PRICE = {"monthly": "2", "setup": "1", "currency": "USD"}


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        pytest.param(
            {
                "numbers": [saying(a_number(ONE, "Quarantined"), *QUARANTINED)],
                "claims": [saying(a_claim("a", ONE), BOUND)],
            },
            "claim one/a says True Bound, and its number says False Quarantined",
            id="a claim of a number that does not serve",
        ),
        pytest.param(
            {
                "numbers": [saying(a_number(ONE, "Bound"), WORKS, price=PRICE)],
                "claims": [saying(a_claim("a", ONE), BOUND)],
            },
            "claim one/a shows another price than its number",
            id="another price",
        ),
        pytest.param(
            {"numbers": [saying(a_number(ONE, "Available", suspend=True), WORKS)]},
            f"{ONE} says True Routed, and its spec.suspend is True",
            id="a number that is to be stopped",
        ),
        pytest.param(
            {"pools": [saying(a_pool(3, 3), ("Ready", "False", "Ordering"))]},
            "pool one/keep says False Ordering, and has 3 of 3 numbers",
            id="a pool that has all",
        ),
        pytest.param(
            {"pools": [saying(a_pool(3, 1), ("Ready", "False", "Ordering"))]},
            "pool one/keep says False Ordering, and only a limit can be in its way",
            id="a pool that says nothing of what is in its way",
        ),
        pytest.param(
            {"pools": [saying(a_pool(3, 3), FULL, ("Frozen", "True", "Frozen"))]},
            "one/keep says Frozen, and nobody has frozen it",
            id="thawed",
        ),
    ],
)
def test_what_is_said_otherwise_than_it_is_has_to_be_put_right_before_all_is_calm(
    people: People, parts: dict[str, Any], left: str
) -> None:
    assert left in Audit(people, 9).unsettled(seen(**parts))


@pytest.mark.parametrize(("text", "minutes"), [("10", 10), ("90s", 1.5), ("10m", 10), ("2h", 120)])
def test_a_length_is_read_as_a_person_writes_it(text: str, minutes: float) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_short_soak_agrees(cluster: Cluster, crds: None, installed: None) -> None:
    assert run_on(cluster, 0.5, 60, seed=3) == 0
