"""How an object in the cluster is named, and where the API server serves its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote


class ObjectRef(NamedTuple):
    """An object of a kind that goes without saying."""

    namespace: str
    """Where it lives; "" for what is cluster-wide."""
    name: str
    """What it is called there."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object as the API server addresses it. The core group is ""."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection, the object or the subresource; no namespace: cluster-wide."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{_segment(namespace)}" if namespace is not None else ""
        tail = "".join(f"/{_segment(part)}" for part in (self.plural, name, subresource) if part is not None)
        return root + within + tail


NAMESPACES = Resource("", "v1", "namespaces", "Namespace")


def _segment(text: str) -> str:
    """`text` as one segment of a path, so that a name out of a manifest can't reach another path."""
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} is not the name of a Kubernetes object")
    return quote(text, safe="")
