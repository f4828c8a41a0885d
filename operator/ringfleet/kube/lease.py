"""A lock that outlives us: a coordination.k8s.io Lease, held by name, taken over when its holder falls silent.

::

    absent or free ----acquire----> held by us ----release----> free
                                     ^      |
                                     '------'  renew; or acquire by the same holder, at once, after a crash too
    held by another: `HeldByOther`, until its record has not changed for the whole duration

How long a record has not changed is measured on OUR monotonic clock, from when we first saw that very record, as
client-go does: nobody's wall clock is trusted. Every step is a write under a resourceVersion, so of two that try at
once, one succeeds. A lease can't fence anybody else's API: a holder that was silent for too long may still be acting.
So what it guards must be safe to do twice all the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ringfleet.kube.client import Kube
from ringfleet.kube.errors import AlreadyExists, Conflict, NotFound
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource

LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")


@dataclass(frozen=True, slots=True)
class Held:
    """We hold the lease. `until` is when that ends unless it is renewed, on the lock's own monotonic clock."""

    namespace: str
    name: str
    holder: str
    duration: float
    until: float
    lease: Json


@dataclass(frozen=True, slots=True)
class HeldByOther:
    """Another holds the lease, or nobody does any more ("").

    `seconds_left` is when it can be taken if its holder stays silent; `annotations` say what it is held for.
    """

    holder: str
    seconds_left: float
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One very record, and since when we have been seeing it."""

    uid: str
    spec: Json
    since: float


class LeaseLock:
    """Takes leases, and remembers since when it has seen those of others. One a process, for any number of leases."""

    def __init__(self, kube: Kube, clock: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._clock = clock
        self._sightings: dict[tuple[str, str], _Sighting] = {}

    async def acquire(
        self,
        namespace: str,
        name: str,
        holder: str,
        duration: float,
        annotations: Mapping[str, str] | None = None,
        owners: Sequence[Json] = (),
    ) -> Held | HeldByOther:
        """Take or renew the lease `name` for `duration` seconds, for `holder`: a name that no other process has.

        `annotations` say what it is held for. `owners` are the ownerReferences of a lease that has to be made.
        """
        while True:
            asked_at = self._clock()
            found = await self._find(namespace, name, owners)
            if other := self._kept_by_other(found, namespace, name, holder, duration):
                return other
            try:
                lease = await self._write(namespace, name, _taken(found, holder, duration, annotations or {}))
            except (Conflict, AlreadyExists, NotFound):
                continue  # somebody was faster: look who
            return Held(namespace, name, holder, duration, asked_at + duration, lease)

    async def renew(self, held: Held) -> Held | HeldByOther:
        """Hold on for another duration, unless the lease was lost in between."""
        asked_at = self._clock()
        lease = await self._rewrite(held, lambda lease: _taken(lease, held.holder, held.duration, {}))
        if isinstance(lease, HeldByOther):
            return lease
        return Held(held.namespace, held.name, held.holder, held.duration, asked_at + held.duration, lease)

    async def release(self, held: Held) -> None:
        """Let go at once. A lease that was lost meanwhile is left alone."""
        await self._rewrite(held, _freed)

    async def _rewrite(self, held: Held, change: Callable[[Json], Json]) -> Json | HeldByOther:
        """Write over the lease for as long as it is ours; somebody's new label costs another round, no more."""
        lease = held.lease
        try:
            while _tenure(lease) == _tenure(held.lease):
                try:
                    return await self._write(held.namespace, held.name, change(lease))
                except Conflict:
                    lease = await self._kube.get(LEASES, held.namespace, held.name)
        except NotFound:
            return HeldByOther("", 0.0, {})
        other = self._kept_by_other(lease, held.namespace, held.name, held.holder, held.duration)
        return other or HeldByOther("", 0.0, {})

    async def _find(self, namespace: str, name: str, owners: Sequence[Json]) -> Json:
        """The lease, or what is to be created in its place."""
        try:
            return await self._kube.get(LEASES, namespace, name)
        except NotFound:
            return {"metadata": {"name": name, "ownerReferences": list(owners)}}

    async def _write(self, namespace: str, name: str, lease: Json) -> Json:
        if "resourceVersion" in lease["metadata"]:
            return await self._kube.replace(LEASES, namespace, name, lease)
        return await self._kube.create(LEASES, namespace, lease)

    def _kept_by_other(
        self, lease: Json, namespace: str, name: str, holder: str, duration: float
    ) -> HeldByOther | None:
        """Who keeps us from taking `lease`; None when nobody does, or has been silent for long enough."""
        spec = lease.get("spec") or {}
        current = spec.get("holderIdentity") or ""
        if current in ("", holder):
            return None
        seen = self._sightings.get((namespace, name))
        uid = lease["metadata"]["uid"]
        if seen is None or (seen.uid, seen.spec) != (uid, spec):
            seen = self._sightings[namespace, name] = _Sighting(uid, spec, self._clock())
        patience = max(duration, float(spec.get("leaseDurationSeconds") or 0))
        left = seen.since + patience - self._clock()
        return HeldByOther(current, left, lease["metadata"].get("annotations") or {}) if left > 0 else None


def _taken(lease: Json, holder: str, duration: float, annotations: Mapping[str, str]) -> Json:
    """`lease` as it is while `holder` holds it. Its times are for people; nothing is decided by them."""
    before = lease.get("spec") or {}
    ours_already = before.get("holderIdentity") == holder
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {
        **before,
        "holderIdentity": holder,
        "leaseDurationSeconds": max(1, math.ceil(duration)),
        "acquireTime": before.get("acquireTime", now) if ours_already else now,
        "renewTime": now,
        "leaseTransitions": before.get("leaseTransitions", 0) + (not ours_already),
    }
    metadata = lease["metadata"]
    return {
        **lease,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **annotations}},
        "spec": spec,
    }


def _freed(lease: Json) -> Json:
    return {**lease, "spec": {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}}


def _tenure(lease: Json) -> tuple[str, str, int]:
    """What stays the same while one holder holds the lease without a gap."""
    spec = lease["spec"]
    return lease["metadata"]["uid"], spec.get("holderIdentity") or "", spec.get("leaseTransitions") or 0
