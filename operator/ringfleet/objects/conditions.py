"""How an object's status is written: conditions with their times, and only what has changed.

Pure: the caller gives the old status and the time. A condition keeps its `lastTransitionTime` while its status stays,
so an object that is as it was makes an empty patch, and an empty patch is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ringfleet.plan.conditions import Condition


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it: RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def merge_conditions(
    old: Iterable[Mapping[str, Any]], new: Iterable[Condition], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """The condition list to write: the new ones, sorted by type with Ready first; any other is gone."""
    before = {condition["type"]: condition for condition in old}
    merged = [_merge(before.get(condition.type), condition, generation, now) for condition in new]
    return sorted(merged, key=lambda condition: (condition["type"] != "Ready", condition["type"]))


def _merge(before: Mapping[str, Any] | None, new: Condition, generation: int, now: datetime) -> dict[str, Any]:
    status = "True" if new.status else "False"
    since = before["lastTransitionTime"] if before and before["status"] == status else stamp(now)
    return {
        "type": new.type,
        "status": status,
        "reason": str(new.reason),
        "message": new.message,
        "lastTransitionTime": since,
        "observedGeneration": generation,
    }


def changed_conditions(old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The conditions whose status or reason is new: what an event may tell of."""
    before = {_gist(condition) for condition in old}
    return [condition for condition in new if _gist(condition) not in before]


def _gist(condition: Mapping[str, Any]) -> tuple[str, str, str]:
    return condition["type"], condition["status"], condition["reason"]


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7396) from `old` to `new`: empty when they agree, null for what is gone."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key in old and old[key] == value:
            continue
        if isinstance(value, Mapping) and isinstance(old.get(key), Mapping):
            patch[key] = merge_patch(old[key], value)
        else:
            patch[key] = value
    return patch
