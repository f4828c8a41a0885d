"""How an object's status is written: conditions with their times, and only what has changed.

Pure: the caller gives the old status and the time. A condition keeps its `lastTransitionTime` while its status stays,
so an object that is as it was makes an empty patch, and an empty patch is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from ringfleet.api.meta import Condition as ConditionStatus
from ringfleet.plan.conditions import Condition, with_stalled


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


def troubled(
    old: Iterable[Mapping[str, Any]],
    new: Iterable[Mapping[str, Any]],
    said: Iterable[Condition],
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """The conditions `new` with what is `said` of a lasting error in the place of Ready, Stalled, and Reconciling: an
    object that is reconciling is, for kstatus, not stalled."""
    kept = [dict(condition) for condition in new if condition["type"] not in _OF_PROGRESS]
    merged = [*kept, *merge_conditions(old, said, generation, now)]
    return sorted(merged, key=lambda condition: (condition["type"] != "Ready", condition["type"]))


_OF_PROGRESS = frozenset({"Ready", "Reconciling", "Stalled"})


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


def conditions(
    old: Iterable[ConditionStatus], said: Iterable[Condition], generation: int, now: datetime
) -> tuple[ConditionStatus, ...]:
    """The conditions to write, each keeping its time while its status stays."""
    merged = merge_conditions([condition.as_dict() for condition in old], with_stalled(said), generation, now)
    return tuple(ConditionStatus.model_validate(condition) for condition in merged)


class Recorded(Protocol):
    """What any slim record of an object tells of its conditions."""

    @property
    def generation(self) -> int: ...

    @property
    def status_current(self) -> bool: ...

    @property
    def conditions(self) -> tuple[ConditionSeen, ...]: ...


def condition_patch(record: Recorded, said: Iterable[Condition], now: datetime) -> dict[str, Any]:
    """The part of a status patch that brings the conditions, and the generation that they speak of, up to date."""
    patch: dict[str, Any] = {} if record.status_current else {"observedGeneration": record.generation}
    old = seen_as_dicts(record.conditions)
    new = merge_conditions(old, with_stalled(said), record.generation, now)
    if patch or not say_the_same(old, new):
        patch["conditions"] = new
    return patch


def _seen_as_dict(condition: ConditionSeen) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.since,
    }


def say_the_same(one: Iterable[Mapping[str, Any]], other: Iterable[Mapping[str, Any]]) -> bool:
    """Whether two lists of conditions agree, whatever generation they speak of."""
    return [_without_generation(condition) for condition in one] == [
        _without_generation(condition) for condition in other
    ]


def _without_generation(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in condition.items() if key != "observedGeneration"}


def seen_as_dicts(seen: Iterable[ConditionSeen]) -> list[dict[str, Any]]:
    """Conditions as a status has them, but for the generations that they speak of."""
    return [_seen_as_dict(condition) for condition in seen]


class ConditionSeen(NamedTuple):
    """One condition of an object's status; `since` is its lastTransitionTime."""

    type: str
    status: str
    reason: str
    message: str
    since: str


def parse_conditions(status: Mapping[str, Any]) -> tuple[ConditionSeen, ...]:
    """The conditions of a status, shared where they repeat."""
    return tuple(_condition(condition) for condition in status.get("conditions", ()))


def _condition(condition: Mapping[str, Any]) -> ConditionSeen:
    return _condition_of(*(condition[field] for field in ("type", "status", "reason", "message", "lastTransitionTime")))


@lru_cache(maxsize=65536)
def _condition_of(type_: str, status: str, reason: str, message: str, since: str) -> ConditionSeen:
    return ConditionSeen(type_, status, reason, message, since)


def parse_time(text: str | None) -> datetime | None:
    """A time of the API server's, shared where it repeats; None stays None."""
    return time_of(text) if text else None


@lru_cache(maxsize=65536)
def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)
