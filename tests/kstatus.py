"""What tools that wait for an object (Flux, `kustomize`-based appliers) conclude from its status: kstatus.

`compute` is what `Compute` of sigs.k8s.io/cli-utils does (pkg/kstatus/status: status.go, generic.go, util.go) with a
kind that it has no rules of its own for, which are all custom ones. Its rules, in their order:

    metadata.deletionTimestamp is set                          Terminating
    status.observedGeneration is there and another one         InProgress
    the conditions, in the order of the list:
        Reconciling is True                                    InProgress
        Stalled is True                                        Failed
    Ready is False or Unknown                                  InProgress
    Ready is True, or there is nothing of all that             Current
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from ringfleet.kube.transport import Json
from ringfleet.plan.conditions import NEEDS_A_PERSON


class Word(StrEnum):
    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"


def compute(obj: Json) -> Word:
    """See the module."""
    meta, status = obj["metadata"], obj.get("status") or {}
    if meta.get("deletionTimestamp"):
        return Word.TERMINATING
    if "observedGeneration" in status and status["observedGeneration"] != meta["generation"]:
        return Word.IN_PROGRESS
    conditions = status.get("conditions") or ()
    for condition in conditions:
        match condition["type"], condition["status"]:
            case "Reconciling", "True":
                return Word.IN_PROGRESS
            case "Stalled", "True":
                return Word.FAILED
    ready = next((one["status"] for one in conditions if one["type"] == "Ready"), "True")
    return Word.CURRENT if ready == "True" else Word.IN_PROGRESS


AT_WORK = {
    ("PhoneNumber", "Suspended"): "its traffic is being stopped, or resumed",
    ("NumberClaim", "Suspended"): "the same, of the number that it holds",
    ("NumberOrder", "Suspended"): "what was sent is looked up",
    ("NumberOrder", "Frozen"): "what was sent is looked up",
    ("NumberOrder", "QuotaExceeded"): "what was sent is looked up",
    ("NumberOrder", "PoolMissing"): "what was sent is looked up",
    ("NumberOrder", "AccountDeleted"): "what was sent is looked up",
    ("NumberOrder", "AccountChanged"): "what was sent is looked up",
    ("NumberPool", "NumberTaken"): "other numbers are ordered in a moment",
}
"""Where something goes on although the reason is one that elsewhere only a person ends."""
AT_ITS_END = {
    ("NumberClaim", "NoStock"): "it asked once only (onNoStock: Fail)",
    ("PhoneNumber", "PendingDocuments"): "there is no bundle, or it was rejected",
}
"""Where nothing goes on although the reason is one that elsewhere ends by itself. An order that has ended is not tried
again, whatever it ended for."""


def contradictions(kind: str, status: Json) -> Iterator[str]:
    """Where the conditions of a status would mislead whoever goes by kstatus."""
    said = {
        one["type"]: one for one in status.get("conditions") or () if one["status"] == "True" or one["type"] == "Ready"
    }
    ready, going, stuck = said.get("Ready"), said.get("Reconciling"), said.get("Stalled")
    if going and stuck:
        yield "it is Reconciling and Stalled"
    if ready is None:
        return
    if stuck and ready["status"] == "True":
        yield "it is Ready and Stalled"
    reason, alone = ready["reason"], ready["status"] == "False" and stuck is None
    goes_on = going is not None and (going["reason"] != reason or (kind, reason) in AT_WORK)
    if alone and reason in NEEDS_A_PERSON and not goes_on:
        yield f"only a person ends {reason}, and it is not Stalled"
    ended = kind == "NumberOrder" or stuck is None or (kind, stuck["reason"]) in AT_ITS_END
    if stuck and not ended and stuck["reason"] not in {*NEEDS_A_PERSON, "ReconcileFailed"}:
        yield f"it is Stalled for {stuck['reason']}, which ends by itself"
