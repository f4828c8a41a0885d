"""Events on objects, as `kubectl describe` shows them: one when something happened, not sixty while it lasts.

The same reason and sentence about the same object, again within ten minutes, is the same Event: it is only counted,
and its count is written at the 10th, the 100th, the 1000th time. Events are a courtesy to people. Whatever goes wrong
with one is logged and never reaches the caller.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from ringfleet.kube.client import Kube
from ringfleet.kube.errors import AlreadyExists, Forbidden, KubeError, NotFound
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource

EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
CONTROLLER = "ringfleet.dev/operator"
WINDOW = 600.0  # seconds
REMEMBERED = 4096  # events; the ones not heard of for longest are forgotten first
ENDING_SECONDS = 60.0
"""How long no event is made in a namespace that was found to be ending."""
_ENDING = "because it is being terminated"
LONGEST_NOTE = 1024  # bytes, the API server's limit
LONGEST_NAME = 200

log = structlog.get_logger(__name__)


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an event is about."""

    resource: Resource
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, resource: Resource, obj: Json) -> Regarding:
        metadata = obj["metadata"]
        return cls(resource, metadata.get("namespace", ""), metadata["name"], metadata["uid"])


@dataclass(frozen=True, slots=True)
class _Happening:
    """What makes two events the same."""

    regarding: Regarding
    type: EventType
    reason: str
    action: str
    note: str

    @property
    def namespace(self) -> str:
        return self.regarding.namespace or "default"

    @property
    def name(self) -> str:
        """The same happening has the same name, whoever records it: a restart does not tell it again."""
        said = "\0".join((self.regarding.uid, self.type, self.reason, self.action, self.note))
        return f"{self.regarding.name[:LONGEST_NAME].rstrip('-.')}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class _Seen:
    count: int
    at: float


class EventRecorder:
    """Records events as `instance` (the pod's name)."""

    def __init__(self, kube: Kube, instance: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._instance = instance
        self._clock = clock
        self._seen: OrderedDict[_Happening, _Seen] = OrderedDict()
        self._ending: dict[str, float] = {}  # since when a namespace is known to take nothing new

    async def record(
        self, regarding: Regarding, type: EventType, reason: str, note: str, action: str = "Reconcile"
    ) -> None:
        """Say that `reason` (CamelCase) happened to an object; `note` is the sentence, `action` what was being done."""
        happening = _Happening(regarding, type, reason, action, _cut(note))
        if self._ends(happening.namespace):
            return
        count = self._count(happening)
        try:
            if count == 1:
                await self._create(happening)
            elif _is_power_of_ten(count):
                await self._recount(happening, count)
        except KubeError as error:
            if isinstance(error, Forbidden) and _ENDING in str(error):
                self._ending[happening.namespace] = self._clock()
                return
            log.warning("event not recorded", reason=reason, name=regarding.name, error=str(error))

    def _ends(self, namespace: str) -> bool:
        """Whether the namespace is being deleted, as far as we know; after a while it may be another one."""
        since = self._ending.get(namespace)
        if since is not None and self._clock() - since >= ENDING_SECONDS:
            del self._ending[namespace]
        return namespace in self._ending

    def _count(self, happening: _Happening) -> int:
        """How often it has happened without a pause of `WINDOW`."""
        now = self._clock()
        seen = self._seen.pop(happening, None)
        count = seen.count + 1 if seen and now - seen.at < WINDOW else 1
        self._seen[happening] = _Seen(count, now)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return count

    async def _create(self, happening: _Happening) -> None:
        try:
            await self._kube.create(EVENTS, happening.namespace, _event(happening, self._instance))
        except AlreadyExists:  # it happened before, more than ten minutes ago or to the process before us
            await self._recount(happening, 2)

    async def _recount(self, happening: _Happening, count: int) -> None:
        series = {"series": {"count": count, "lastObservedTime": _micro_time()}}
        try:
            await self._kube.patch(EVENTS, happening.namespace, happening.name, series)
        except NotFound:  # the API server forgets events after an hour
            await self._kube.create(EVENTS, happening.namespace, _event(happening, self._instance))


def _event(happening: _Happening, instance: str) -> Json:
    regarding = happening.regarding
    return {
        "metadata": {"name": happening.name, "namespace": happening.namespace},
        "eventTime": _micro_time(),
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "action": happening.action,
        "reason": happening.reason,
        "regarding": {
            "apiVersion": regarding.resource.api_version,
            "kind": regarding.resource.kind,
            "namespace": regarding.namespace,
            "name": regarding.name,
            "uid": regarding.uid,
        },
        "note": happening.note,
        "type": happening.type.value,
    }


def _cut(note: str) -> str:
    """`note` within the API server's limit, which is in bytes."""
    cut = note.encode()[:LONGEST_NOTE].decode(errors="ignore")
    return cut if cut == note else cut[:-3] + "..."


def _is_power_of_ten(count: int) -> bool:
    return str(count).rstrip("0") == "1"


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
