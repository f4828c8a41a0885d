"""Which namespaces are being deleted. They are not watched: one is looked at when a deletion makes it matter.

`is_ending` says what the last look has shown, for whoever can't wait; `look` looks again when that is a while ago.
"""

from __future__ import annotations

from collections.abc import Callable

from ringfleet.kube.client import Kube
from ringfleet.kube.errors import NotFound
from ringfleet.model.refs import NAMESPACES

KEPT = 5.0
"""Seconds for which an answer holds, so that a thousand deleted numbers cost one look."""


class Namespaces:
    """See the module."""

    def __init__(self, kube: Kube, monotonic: Callable[[], float]) -> None:
        self._kube = kube
        self._monotonic = monotonic
        self._looks: dict[str, tuple[bool, float]] = {}

    def is_ending(self, namespace: str) -> bool:
        """Whether the namespace was being deleted when it was last looked at."""
        return self._looks.get(namespace, (False, 0.0))[0]

    async def look(self, namespace: str, *, live: bool = False) -> bool:
        """Whether the namespace is being deleted; `live`: as of now, whatever was seen before."""
        known = self._looks.get(namespace)
        if known is None or live or self._monotonic() >= known[1] + KEPT:
            known = self._looks[namespace] = (await self._is_deleted(namespace), self._monotonic())
        return known[0]

    async def _is_deleted(self, namespace: str) -> bool:
        """One that can't be found is not there for objects of ours either: whatever shows them is late."""
        try:
            found = await self._kube.get(NAMESPACES, None, namespace)
        except NotFound:
            return False
        return "deletionTimestamp" in found["metadata"]
