"""Whether what objects say of themselves is so: every condition against the rest of the object, against the objects
that it tells of, and against what people have wished (`people.py`).

What stands in one status was written at once, so that nothing excuses a contradiction in it (`contradicted`). What one
object says of another one may be a moment old; but when all is calm, it has to be so (`untold`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.kstatus import contradictions

Json = dict[str, Any]

SERVES = {"Available", "Bound", "Cooling"}
OPEN = {"Pending", "Submitting", "Unknown"}
FULL = {"MaxNumbersReached", "QuotaExceeded"}
"""Why a pool has fewer numbers than it wishes, and may not have more."""


def said(obj: Json, type_: str = "Ready") -> Json | None:
    return next((one for one in obj.get("status", {}).get("conditions", ()) if one["type"] == type_), None)


def words(obj: Json, type_: str = "Ready") -> str | None:
    """Status and reason of a condition, such as `False NoStock`; None when the object does not have it."""
    condition = said(obj, type_)
    return f"{condition['status']} {condition['reason']}" if condition else None


def _name(obj: Json) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _is_current(obj: Json) -> bool:
    return bool(obj.get("status", {}).get("observedGeneration") == obj["metadata"].get("generation"))


# At any moment.


def contradicted(kind: str, objects: Iterable[Json]) -> Iterator[str]:
    """Where a status contradicts itself."""
    for obj in objects:
        lies = [*contradictions(kind, obj.get("status", {})), *_OF_KIND.get(kind, _nothing)(obj)]
        yield from (f"{kind} {_name(obj)} says {words(obj)}, and {lie}" for lie in lies)


def _nothing(_: Json) -> Iterator[str]:
    yield from ()


def _of_claim(claim: Json) -> Iterator[str]:
    status = claim["status"]
    if words(claim) == "True Bound" and (status.get("phase") != "Bound" or "phoneNumber" not in status):
        yield "it holds no number"
    if words(claim) == "True Suspended" and _is_current(claim) and not claim.get("spec", {}).get("suspend"):
        yield "nobody has suspended it"


def _of_number(number: Json) -> Iterator[str]:
    if (words(number) or "").startswith("True "):
        wished = {"Suspended"} if words(number) == "True Suspended" else SERVES
        if (phase := number["status"].get("phase")) not in wished:
            yield f"it is {phase}"


def _of_order(order: Json) -> Iterator[str]:
    status = order["status"]
    states = Counter(item["state"] for item in status.get("items", ()))
    if words(order) == "True Complete":
        if states.keys() & {*OPEN, "PendingDocuments"}:
            yield f"not all of its numbers have their outcome: {dict(states)}"
        if "completedAt" not in status:
            yield "it is not done"
        if states and states.keys() == {"Failed"}:
            yield "it has bought nothing"
    if status.get("phase") == "Parked" and not states["PendingDocuments"]:
        yield "it is parked, and none of its numbers waits for documents"


def _of_pool(pool: Json) -> Iterator[str]:
    status, wished = pool["status"], pool.get("spec", {}).get("size", {}).get("target", 0)
    available = status.get("numbers", {}).get("available", 0)
    if words(pool) == "True AtTarget" and _is_current(pool) and wished and not available:
        yield "none of its numbers is available"
    if said(pool, "Frozen") and words(pool) != "False Frozen":
        yield "it is frozen"
    if said(pool, "Exhausted") and available:
        yield f"it says that it is exhausted, and {available} are available"
    ordering = words(pool, "Reconciling") == "True Ordering"
    if ordering and not status.get("inFlight") and not status.get("shortfall"):
        yield "it says that numbers are on order, and none is, nor is to be"


_OF_KIND = {
    "NumberClaim": _of_claim,
    "PhoneNumber": _of_number,
    "NumberOrder": _of_order,
    "NumberPool": _of_pool,
}


# When all is calm.


def untold(
    numbers: Mapping[str, Json], claims: Iterable[Json], pools: Iterable[Json], accounts: Iterable[Json]
) -> Iterator[str]:
    """What is said otherwise than it is, by number, or not yet. Nothing is frozen, and nothing on its way."""
    for number, obj in sorted(numbers.items()):
        suspended = bool(obj["spec"].get("suspend"))
        if said(obj) and (words(obj) == "True Suspended") is not suspended:
            yield f"{number} says {words(obj)}, and its spec.suspend is {suspended}"
    for claim in claims:
        yield from _untold_by_claim(claim, numbers)
    for pool in pools:
        yield from _untold_by_pool(pool)
    for obj in (*pools, *accounts):
        if said(obj, "Frozen"):
            yield f"{_name(obj)} says Frozen, and nobody has frozen it"


def _untold_by_claim(claim: Json, numbers: Mapping[str, Json]) -> Iterator[str]:
    told = claim["status"].get("phoneNumber")
    number = numbers.get(told["number"]) if told else None
    if told is None or number is None or said(claim) is None or said(number) is None:
        return
    serves = words(number) != "True Suspended" and (words(number) or "").startswith("True ")
    if (words(claim) == "True Bound") is not serves:
        yield f"claim {_name(claim)} says {words(claim)}, and its number says {words(number)}"
    for what in ("price", "region"):
        if told.get(what) != number["status"].get(what):
            yield f"claim {_name(claim)} shows another {what} than its number"


def _untold_by_pool(pool: Json) -> Iterator[str]:
    ready = said(pool)
    if ready is None or not _is_current(pool):
        return
    wished, available = pool["spec"]["size"]["target"], pool["status"]["numbers"]["available"]
    if (ready["status"] == "True") is not (available >= wished):
        yield f"pool {_name(pool)} says {words(pool)}, and has {available} of {wished} numbers"
    if ready["status"] != "True" and ready["reason"] not in FULL:
        yield f"pool {_name(pool)} says {words(pool)}, and only a limit can be in its way"
