"""The reference for `make bench-claims`: volumes that are there, and claims on them that Kubernetes itself binds.

PersistentVolumes without a provisioner, bound at once (Immediate) by kube-controller-manager's volume binder, to
PersistentVolumeClaims of the same storage class: the nearest thing that Kubernetes has to numbers and their claims.
"""

from __future__ import annotations

import asyncio

from ringfleet.kube.client import Kube
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from tests.cluster.load import Load, run_load
from tests.waiting import until

VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume")
VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
CLASS = "ringfleet-bench"  # names no StorageClass: nobody provisions, and binding is Immediate
SIZE = "1Gi"


class VolumeBinder:
    """Runs of volume claims. Each has volumes of its own: the binder would search among used ones, too."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._ours = f"ringfleet.dev/bench={namespace}"

    async def run(self, rate: float, count: int, spare: int = 0) -> Load:
        """Have `count` claims bound that come `rate` a second, out of `count + spare` volumes; then remove them all."""
        await self._make_volumes(count + spare)
        claims = [_a_claim(self._namespace, turn) for turn in range(count)]
        load = await run_load(self._kube, VOLUME_CLAIMS, self._namespace, claims, rate)
        await self._remove(VOLUME_CLAIMS)
        await self._remove(VOLUMES)
        return load

    async def _make_volumes(self, count: int) -> None:
        volumes = [_a_volume(self._namespace, turn) for turn in range(count)]
        await asyncio.gather(*(self._kube.create(VOLUMES, None, volume) for volume in volumes))
        await until(lambda: self._are_free(count), f"{count} volumes to be Available", timeout=120, interval=0.5)

    async def _are_free(self, count: int) -> bool:
        phases = [one.get("status", {}).get("phase") for one in await self._list(VOLUMES)]
        return phases == ["Available"] * count

    async def _remove(self, resource: Resource) -> None:
        items = [item["metadata"] for item in await self._list(resource)]
        await asyncio.gather(
            *(self._kube.delete(resource, item.get("namespace"), item["name"], uid=item["uid"]) for item in items)
        )
        await until(lambda: self._none_left(resource), f"the {resource.plural} to go", timeout=120, interval=0.5)

    async def _none_left(self, resource: Resource) -> bool:
        return not await self._list(resource)

    async def _list(self, resource: Resource) -> list[Json]:
        return (await self._kube.list_all(resource, label_selector=self._ours)).items


def _a_volume(namespace: str, turn: int) -> Json:
    return {
        "metadata": {"name": f"{namespace}-{turn}", "labels": {"ringfleet.dev/bench": namespace}},
        "spec": {
            "capacity": {"storage": SIZE},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "hostPath": {"path": "/nowhere"},
        },
    }


def _a_claim(namespace: str, turn: int) -> Json:
    return {
        "metadata": {"name": f"claim-{turn}", "labels": {"ringfleet.dev/bench": namespace}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": CLASS,
            "resources": {"requests": {"storage": SIZE}},
        },
    }
