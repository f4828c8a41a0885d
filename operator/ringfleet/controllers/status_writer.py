"""How objects are written: what has changed of a status, and finalizers; then it is learnt, and told as events."""

from __future__ import annotations

from typing import Any, Protocol

from ringfleet.api.meta import Resource as ApiObject
from ringfleet.api.meta import Status
from ringfleet.controllers.fleet import Fleet
from ringfleet.kube.client import Kube
from ringfleet.kube.events import EventRecorder, EventType, Regarding
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from ringfleet.objects.conditions import ConditionSeen, changed_conditions, merge_patch
from ringfleet.objects.refs import resource_of
from ringfleet.plan.conditions import Reason


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
    def conditions(self) -> tuple[ConditionSeen, ...]: ...


class StatusWriter:
    """See the module. Every write carries the resourceVersion of what it was decided on."""

    def __init__(self, kube: Kube, fleet: Fleet, events: EventRecorder) -> None:
        self._kube = kube
        self._fleet = fleet
        self._events = events

    async def write(self, obj: ApiObject, status: Status) -> None:
        """Write what has changed of an intent's status.

        Raises:
            Conflict: somebody else wrote in between; the key runs again with what they wrote.
        """
        old, new = obj.status.as_dict(), status.as_dict()
        patch = merge_patch(old, new)
        if not patch:
            return
        resource, meta = resource_of(obj.__class__), obj.metadata
        reply = await self._kube.patch_status(resource, meta.namespace, meta.name, patch, meta.resource_version)
        self._fleet.learn(resource.kind, reply)
        await self._tell(Regarding.of(resource, reply), old.get("conditions", ()), new.get("conditions", ()))

    async def patch(self, resource: Resource, record: Written, patch: Json) -> Json:
        """Merge `patch` into the status of a number or a claim; the object as it is then.

        Raises:
            Conflict: the same.
        """
        reply = await self._kube.patch_status(resource, record.namespace, record.name, patch, record.resource_version)
        self._fleet.learn(resource.kind, reply)
        if "conditions" in patch:
            old = [{"type": one.type, "status": one.status, "reason": one.reason} for one in record.conditions]
            await self._tell(Regarding.of(resource, reply), old, reply["status"].get("conditions", ()))
        return reply

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

    async def announce(self, resource: Resource, record: Written, reason: Reason, note: str) -> None:
        """Say in an event what is about to happen to a number or a claim, and no condition will show."""
        regarding = Regarding(resource, record.namespace, record.name, record.uid)
        await self._events.record(regarding, EventType.WARNING, reason, note)

    async def _tell(self, regarding: Regarding, old: Any, new: Any) -> None:
        for condition in changed_conditions(old, new):
            if condition["type"] == "Reconciling" or condition["reason"] in _QUIET:
                continue
            good = (condition["type"] in _WISHED) is (condition["status"] == "True")
            weight = EventType.NORMAL if good else EventType.WARNING
            await self._events.record(regarding, weight, condition["reason"], condition["message"])


_WISHED = frozenset({"Ready", "Complete", "ComplianceReady"})
"""The conditions that are good when they are true."""
_QUIET = frozenset(
    {
        Reason.ORDERING,
        Reason.SEARCHING,
        Reason.SUBMITTING,
        Reason.ROUTING,
        Reason.PROBING,
        Reason.WAITING_FOR_PURCHASE_LOCK,
        Reason.ACCOUNT_NOT_READY,
        Reason.BOUND,
        Reason.ROUTED,
        Reason.UNROUTED_BY_WISH,
        Reason.COOLING,
        Reason.GROWING,
    }
)
