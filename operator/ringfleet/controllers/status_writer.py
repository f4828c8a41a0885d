"""How objects are written: what has changed of a status, and finalizers; then it is learnt, and told as events.

While an error of an object lasts, it is said in every status that is written, whatever else the turn would say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from ringfleet.api.meta import Resource as ApiObject
from ringfleet.api.meta import Status
from ringfleet.controllers.fleet import Fleet
from ringfleet.controllers.lasting_errors import LastingErrors
from ringfleet.kube.client import Kube
from ringfleet.kube.events import EventRecorder, EventType, Regarding
from ringfleet.kube.transport import Json
from ringfleet.model.refs import ObjectRef, Resource
from ringfleet.objects.conditions import (
    ConditionSeen,
    changed_conditions,
    merge_patch,
    say_the_same,
    seen_as_dicts,
    troubled,
)
from ringfleet.objects.refs import NUMBER_CLAIMS, PHONE_NUMBERS, Key, resource_of
from ringfleet.plan.conditions import Reason

BINDER = "ringfleet-operator"
"""The field manager of whoever says who holds a number, and by which id the carrier knows it: every other is refused by
manifests/base/admission.yaml."""


class Written(Protocol):
    """What a slim record tells of the object that it was made of."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def uid(self) -> str: ...

    @property
    def resource_version(self) -> str: ...

    @property
    def generation(self) -> int: ...

    @property
    def conditions(self) -> tuple[ConditionSeen, ...]: ...


class StatusWriter:
    """See the module. Every write carries the resourceVersion of what it was decided on."""

    def __init__(
        self, kube: Kube, fleet: Fleet, events: EventRecorder, errors: LastingErrors, clock: Callable[[], datetime]
    ) -> None:
        self._kube = kube
        self._fleet = fleet
        self._events = events
        self._errors = errors
        self._clock = clock

    async def write(self, obj: ApiObject, status: Status) -> None:
        """Write what has changed of an intent's status.

        Raises:
            Conflict: somebody else wrote in between; the key runs again with what they wrote.
        """
        resource, meta = resource_of(obj.__class__), obj.metadata
        old, new = obj.status.as_dict(), status.as_dict()
        before = old.get("conditions", ())
        said = self._with_error(
            Key(resource.kind, meta.namespace, meta.name), before, new.get("conditions", ()), meta.generation
        )
        if said:
            new["conditions"] = said
        patch = merge_patch(old, new)
        if not patch:
            return
        reply = await self._kube.patch_status(resource, meta.namespace, meta.name, patch, meta.resource_version)
        self._fleet.learn(resource.kind, reply)
        await self._tell(Regarding.of(resource, reply), before, new.get("conditions", ()))

    async def patch(self, resource: Resource, record: Written, patch: Json) -> Json | None:
        """Merge `patch` into the status of a number or a claim; the object as it is then. None: while an error of it
        lasts, it says all that already.

        Raises:
            Conflict: the same.
        """
        old = seen_as_dicts(record.conditions)
        key = Key(resource.kind, record.namespace, record.name)
        said = self._with_error(key, old, patch["conditions"], record.generation) if "conditions" in patch else None
        if said:
            patch = {field: value for field, value in patch.items() if field != "conditions"}
            patch |= {} if say_the_same(old, said) else {"conditions": said}
            if not patch:
                return None
        version = record.resource_version
        reply = await self._kube.patch_status(resource, record.namespace, record.name, patch, version, BINDER)
        self._fleet.learn(resource.kind, reply)
        if "conditions" in patch:
            await self._tell(Regarding.of(resource, reply), old, reply["status"].get("conditions", ()))
        return reply

    async def say_error(self, key: Key) -> None:
        """Write the lasting error of an object on it, and leave all else of its status as it is.

        Raises:
            KubeError: not even that can be written.
        """
        found = self._fleet.store(key.kind).get(ObjectRef(key.namespace, key.name))
        if found is None:
            return
        if isinstance(found, ApiObject):
            meta, resource = found.metadata, resource_of(found.__class__)
            old = [condition.as_dict() for condition in found.status.conditions]
            generation, version = meta.generation, meta.resource_version
        else:
            resource = PHONE_NUMBERS if key.kind == PHONE_NUMBERS.kind else NUMBER_CLAIMS
            old, generation, version = seen_as_dicts(found.conditions), found.generation, found.resource_version
        said = self._with_error(key, old, old, generation)
        if said is None or say_the_same(old, said):
            return
        patch = {"observedGeneration": generation, "conditions": said}
        reply = await self._kube.patch_status(resource, key.namespace, key.name, patch, version)
        self._fleet.learn(key.kind, reply)
        await self._tell(Regarding.of(resource, reply), old, said)

    def _with_error(
        self, key: Key, old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]], generation: int
    ) -> list[dict[str, Any]] | None:
        """The conditions `new` with the object's lasting error over them; None: it has none."""
        trouble = self._errors.of(*key)
        return troubled(old, new, trouble.conditions, generation, self._clock()) if trouble else None

    async def set_finalizers(
        self, resource: Resource, namespace: str, name: str, finalizers: tuple[str, ...], resource_version: str
    ) -> None:
        """Let deletion wait for these, and for no others.

        Raises:
            Conflict: the same.
            NotFound: it is gone.
        """
        body = {"metadata": {"finalizers": list(finalizers)}}
        self._fleet.learn(resource.kind, await self._kube.patch(resource, namespace, name, body, resource_version))

    async def set_finalizers_of(self, obj: ApiObject, finalizers: tuple[str, ...]) -> None:
        """The same, of an intent."""
        meta = obj.metadata
        resource = resource_of(obj.__class__)
        await self.set_finalizers(resource, meta.namespace, meta.name, finalizers, meta.resource_version)

    async def announce(
        self, resource: Resource, record: Written, reason: Reason, note: str, weight: EventType = EventType.WARNING
    ) -> None:
        """Say in an event what is about to happen to a number or a claim and no condition will show, or what a
        condition said when there was no time for an event."""
        regarding = Regarding(resource, record.namespace, record.name, record.uid)
        await self._events.record(regarding, weight, reason, note)

    async def _tell(self, regarding: Regarding, old: Any, new: Any) -> None:
        changed = changed_conditions(old, new)
        told = {one["reason"] for one in changed if one["type"] == "Ready"}
        for condition in changed:
            if condition["type"] == "Stalled" and condition["reason"] in told:
                continue  # Ready tells it already
            if weight := weight_of(condition):
                await self._events.record(regarding, weight, condition["reason"], condition["message"])


def weight_of(condition: Mapping[str, Any]) -> EventType | None:
    """How an event tells of a condition that has changed: as a warning where somebody should look; None: not at all."""
    if condition["type"] == "Reconciling" or condition["reason"] in _QUIET:
        return None
    good = (condition["type"] in _WISHED) is (condition["status"] == "True")
    return EventType.NORMAL if good or condition["reason"] in _WAITING else EventType.WARNING


_WISHED = frozenset({"Ready", "Complete", "ComplianceReady", "EmergencyAddressReady"})
"""The conditions that are good when they are true."""
_WAITING = frozenset(
    {
        Reason.ACTIVATING,
        Reason.ADOPTING,
        Reason.PENDING_DOCUMENTS,
        Reason.FILING,
        Reason.IN_REVIEW,
        Reason.WAITING_FOR_BUNDLE,
        Reason.WAITING_FOR_NUMBER,
        Reason.NUMBER_NOT_FREE,
        Reason.PURCHASE_RATE_REACHED,
        Reason.SHARE_REACHED,
        Reason.RELEASING,
        Reason.RELEASED,
        Reason.RAMPING,
    }
)
"""What is no more than a step on the way, and is waited for."""
_QUIET = frozenset(
    {
        Reason.ORDERING,
        Reason.SEARCHING,
        Reason.SUBMITTING,
        Reason.ROUTING,
        Reason.PROBING,
        Reason.READING_REQUIREMENTS,
        Reason.READING_PRICES,
        Reason.WAITING_FOR_PURCHASE_LOCK,
        Reason.WAITING_FOR_LISTING,
        Reason.ACCOUNT_NOT_READY,
        Reason.BOUND,
        Reason.ROUTED,
        Reason.UNROUTED_BY_WISH,
        Reason.COOLING,
        Reason.GROWING,
    }
)
