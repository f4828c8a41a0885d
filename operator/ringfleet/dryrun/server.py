"""Applying manifests without applying them: the API server says what each object would be, or why it refuses it.

Defaults, CEL rules and admission are the API server's own, by a dry run. The run is made as the next `kubectl apply`
would make it, so that a field that the manifest no longer has goes::

    not there                          create
    last applied by client-side apply  a merge of the manifest, and of nulls for what it had before and has no more
    else                               server-side apply, as the manager that applied the object last
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from ringfleet.kube.client import Json, Kube
from ringfleet.kube.errors import Conflict, Forbidden, Invalid, KubeError, NotFound
from ringfleet.model.refs import Resource

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_REFUSALS = (Invalid, Forbidden, NotFound, Conflict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object as somebody wrote it. `source` is the file that it stands in. `unquoted`: the words, such as NO, that
    YAML made true or false of, by the path of their field."""

    source: str
    body: Json
    unquoted: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @property
    def name(self) -> str:
        return str(self._metadata.get("name", ""))

    @property
    def namespace(self) -> str | None:
        return self._metadata.get("namespace")

    def within(self, namespace: str | None) -> Json:
        """The object with its namespace said; None for a kind without namespaces."""
        return {**self.body, "metadata": {**self._metadata, **({"namespace": namespace} if namespace else {})}}

    @property
    def _metadata(self) -> Mapping[str, Any]:
        return self.body.get("metadata") or {}


class Fate(StrEnum):
    """What applying a manifest does to its object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What became of one manifest."""

    source: str
    """The file that the manifest stands in, as the user named it."""
    kind: str
    """The object's kind."""
    namespace: str | None
    """The object's namespace; None for a kind without namespaces."""
    name: str
    """The object's name."""
    fate: Fate
    """What applying the manifest would do to the object."""
    message: str = ""
    """Why the API server refuses the manifest, or why it can't be checked; empty when there is nothing to say."""
    obj: Json | None = None
    """The object as it would be; None when the manifest is refused."""


async def rehearse(kube: Kube, manifests: Sequence[Manifest], namespace: str) -> tuple[Rehearsed, ...]:
    """Ask the API server what applying the manifests would do, one after the other; nothing is kept.

    `namespace` is that of objects that name none.

    Raises:
        ValueError: `kube` was not opened for a dry run.
        KubeError: the API server can't be asked.
    """
    if not kube.dry_run:
        raise ValueError("manifests are rehearsed on a connection that keeps no write")
    rehearsal = _Rehearsal(kube, namespace, frozenset(one.name for one in manifests if one.kind == "Namespace"))
    return tuple([await rehearsal.apply(manifest) for manifest in manifests])


class _Rehearsal:
    """One run. `made_here`: the namespaces that the manifests themselves make, so that a dry run can't look into them.

    What the API server serves is asked once for each group and version.
    """

    def __init__(self, kube: Kube, namespace: str, made_here: frozenset[str]) -> None:
        self._kube = kube
        self._namespace = namespace
        self._made_here = made_here
        self._served: dict[str, list[Json]] = {}

    async def apply(self, manifest: Manifest) -> Rehearsed:
        namespace = manifest.namespace
        try:
            resource, namespaced = await self._find(manifest)
            namespace = (namespace or self._namespace) if namespaced else None
            fate, obj = await self._try(resource, namespace, manifest)
        except NotFound as error:
            if namespace in self._made_here:
                return _unchecked(manifest, namespace)
            return _refused(manifest, namespace, error)
        except _REFUSALS as error:
            return _refused(manifest, namespace, error)
        return Rehearsed(manifest.source, manifest.kind, namespace, manifest.name, fate, "", obj)

    async def _find(self, manifest: Manifest) -> tuple[Resource, bool]:
        """Where objects of the manifest's kind are served, and whether in namespaces."""
        api_version = str(manifest.body.get("apiVersion", ""))
        if not api_version or not manifest.kind or not manifest.name:
            raise Invalid("an object needs apiVersion, kind and metadata.name")
        if api_version not in self._served:
            self._served[api_version] = await self._kube.served(api_version)
        for one in self._served[api_version]:
            if one["kind"] == manifest.kind and "/" not in one["name"]:
                group, _, version = api_version.rpartition("/")
                return Resource(group, version, one["name"], manifest.kind), bool(one["namespaced"])
        raise NotFound(f"{api_version} has no kind {manifest.kind}")

    async def _try(self, resource: Resource, namespace: str | None, manifest: Manifest) -> tuple[Fate, Json]:
        body = manifest.within(namespace)
        try:
            present = await self._kube.get(resource, namespace, manifest.name)
        except NotFound:
            return Fate.CREATED, await self._kube.create(resource, namespace, body)
        applied = present["metadata"].get("annotations", {}).get(LAST_APPLIED)
        if applied:
            body["metadata"].setdefault("annotations", {})  # kubectl keeps its own there, and others may
            patch = overlay(body, orjson.loads(applied))
            obj = await self._kube.patch(resource, namespace, manifest.name, patch)
        else:
            obj = await self._kube.apply(resource, namespace, manifest.name, body, last_applier(present))
        return Fate.UNCHANGED if _said(obj) == _said(present) else Fate.CONFIGURED, obj


def _refused(manifest: Manifest, namespace: str | None, error: KubeError) -> Rehearsed:
    message = " ".join((_words(error), *_to_quote(manifest.unquoted, error.verbatim or str(error))))
    return Rehearsed(manifest.source, manifest.kind, namespace, manifest.name, Fate.REFUSED, message)


def _to_quote(unquoted: Mapping[str, str], refusal: str) -> Iterator[str]:
    """What to do about each word that YAML made true or false of, where the API server blames its field."""
    for path, text in unquoted.items():
        if f"{path}:" in refusal:
            read = "false" if text.lower() in {"n", "no", "off"} else "true"
            yield f'YAML reads {text} as {read}: quote it, {path.rpartition(".")[2]}: "{text}".'


def _words(error: KubeError) -> str:
    """What the API server said, without the request that it said it to."""
    told = error.verbatim or str(error)
    request, _, said = told.partition(": ")
    return said if request.startswith(("GET /", "POST /", "PATCH /")) else told


def _unchecked(manifest: Manifest, namespace: str | None) -> Rehearsed:
    """An object of a namespace that is made with it: taken as it is written, because nobody can check it yet."""
    body = manifest.within(namespace)
    message = f"not checked: namespace {namespace} is made by the same manifests"
    return Rehearsed(manifest.source, manifest.kind, namespace, manifest.name, Fate.CREATED, message, body)


def overlay(wanted: Json, before: Json) -> Json:
    """The merge patch (RFC 7386) that brings about `wanted` and removes what `before` said and `wanted` does not."""
    gone = {key: None for key in before if key not in wanted}
    nested = {
        key: overlay(value, before[key])
        for key, value in wanted.items()
        if isinstance(value, dict) and isinstance(before.get(key), dict)
    }
    return {**wanted, **nested, **gone}


def last_applier(obj: Json) -> str:
    """The field manager that applied the object last; kubectl's own when nobody did yet."""
    entries = obj["metadata"].get("managedFields", ())
    applied = [entry for entry in entries if entry["operation"] == "Apply" and not entry.get("subresource")]
    last = max(applied, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(last["manager"]) if last else "kubectl"


_BOOKKEEPING = frozenset({"managedFields", "resourceVersion", "generation"})


def _said(obj: Json) -> Json:
    """What an object says, without what the API server keeps about its being written."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _BOOKKEEPING}
    return {**obj, "metadata": metadata}
