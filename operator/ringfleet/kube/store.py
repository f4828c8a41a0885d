"""Records of objects by key, with named indexes, kept true by resourceVersions. Pure: no clock, no I/O.

Three voices speak to a store: pages of a list, events of a watch, and writers that put in the reply to their own write
at once, so that the next look sees it. They overlap and come late, so the store's law is::

    a version never goes backwards    what is older than what is held, or than a deletion that was told, is ignored
    progress is complete              an unknown object that is not newer than `progress` has been deleted since

`progress` is how far everything is known: a list's version, then that of the watch's last event. A deletion is kept in
mind until progress has passed it, so no time has to be guessed for how long. Versions of one resource compare as
integers (Kubernetes KEP-5504).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import structlog

from ringfleet.kube.errors import WentBack
from ringfleet.kube.transport import Json
from ringfleet.model.refs import ObjectRef
from ringfleet.traces import way

T = TypeVar("T")

Index = Callable[[T], Iterable[Hashable]]


OnChange = Callable[[ObjectRef, T | None, T | None], None]

log = structlog.get_logger(__name__)


class Store(Generic[T]):
    """What is known of one kind of object. `project` makes the record of an object, None if it is of no interest.

    `scopes` are the namespaces that are listed and watched, each on its own; None for the whole cluster.
    """

    def __init__(
        self,
        project: Callable[[Json], T | None],
        indexes: Mapping[str, Index[T]] | None = None,
        scopes: Collection[str | None] = (None,),
    ) -> None:
        self._project = project
        self._indexes = dict(indexes or {})
        self._progress: dict[str | None, int] = dict.fromkeys(scopes, 0)
        self._held: dict[ObjectRef, tuple[int, T]] = {}
        self._absent: dict[
            ObjectRef, int
        ] = {}  # gone or of no interest, as of that version; until progress has passed it
        self._keys: dict[str, dict[Hashable, dict[ObjectRef, None]]] = {name: {} for name in self._indexes}
        self._subscribers: list[OnChange[T]] = []

    # Looking.

    def get(self, key: ObjectRef) -> T | None:
        held = self._held.get(key)
        return held[1] if held else None

    def by(self, index: str, value: Hashable) -> list[T]:
        """The records that `index` files under `value`."""
        return [self._held[key][1] for key in self._keys[index].get(value, ())]

    def each(self, index: str, value: Hashable) -> Iterator[T]:
        """The same one by one, for who may need only the first; nothing may change meanwhile."""
        return (self._held[key][1] for key in self._keys[index].get(value, ()))

    def count(self, index: str, value: Hashable) -> int:
        """How many records `index` files under `value`."""
        return len(self._keys[index].get(value, ()))

    def filed(self, index: str) -> list[Hashable]:
        """What `index` files records under."""
        return [value for value, keys in self._keys[index].items() if keys]

    def items(self) -> list[tuple[ObjectRef, T]]:
        return [(key, record) for key, (_, record) in self._held.items()]

    def values(self) -> list[T]:
        return [record for _, record in self._held.values()]

    def __len__(self) -> int:
        return len(self._held)

    def progress(self, scope: str | None = None) -> int:
        """The version up to which everything about `scope` is known; 0 before its first list."""
        return self._progress[scope]

    def refuse_older(self, scope: str | None, version: int) -> None:
        """A list of `scope` is of this version; lists are of the newest that there is.

        Raises:
            WentBack: more is known already, so it was told by a history that is no more.
        """
        if version < self._progress[scope]:
            where = f"of namespace {scope}" if scope else "of all namespaces"
            raise WentBack(
                f"the API server's history has gone back: a list {where} is of resourceVersion {version}, and "
                f"{self._progress[scope]} was told before. It was restored from an older backup, and whoever has read "
                "what came after that has to be started anew"
            )

    def subscribe(self, on_change: OnChange[T]) -> None:
        """Call `on_change(key, old, new)` whenever a record changes; old None: new here, new None: gone."""
        self._subscribers.append(on_change)

    # Learning.

    def learn(self, obj: Json) -> None:
        """Take in an object, from a watch or the reply to a write."""
        key, version = key_of(obj), version_of(obj)
        if version > self._told(key) and (key in self._held or version > self._progress[self._scope(key)]):
            self._change(key, version, obj)

    def learn_deleted(self, obj: Json) -> None:
        """Take in that an object was deleted; its version is that of the deletion."""
        key, version = key_of(obj), version_of(obj)
        if version >= self._told(key):
            self._set(key, version, None)

    def learn_page(self, items: Iterable[Json]) -> set[ObjectRef]:
        """Take in a page of a list, and return whose objects were on it."""
        seen = set()
        for obj in items:
            key, version = key_of(obj), version_of(obj)
            if version > self._told(key):
                self._change(key, version, obj)
            seen.add(key)
        return seen

    def learn_list_ended(self, scope: str | None, seen: Collection[ObjectRef], version: int) -> None:
        """A list of `scope` at `version` held exactly `seen`: what else is that old has been deleted unseen."""
        for key, (known, _) in list(self._held.items()):
            if known <= version and key not in seen and self._scope(key) == scope:
                self._set(key, version, None)
        self.learn_progress(scope, version)

    def learn_progress(self, scope: str | None, version: int) -> None:
        """Everything about `scope` up to `version` has been told."""
        self._progress[scope] = max(self._progress[scope], version)
        if self._absent:
            passed = self._progress
            self._absent = {key: since for key, since in self._absent.items() if since > passed[self._scope(key)]}

    # Keeping.

    def _scope(self, key: ObjectRef) -> str | None:
        return None if None in self._progress else key.namespace

    def _told(self, key: ObjectRef) -> int:
        """The newest version of `key` that was told, of being there or of being gone."""
        held = self._held.get(key)
        return held[0] if held else self._absent.get(key, 0)

    def _change(self, key: ObjectRef, version: int, obj: Json) -> None:
        try:
            record = self._project(obj)
        except Exception as error:
            # What is held stays: one object that nobody understands must not end the watch over all others. Its error
            # may quote it.
            log.error("object not understood", namespace=key.namespace, name=key.name, **way(error))  # noqa: TRY400
            return
        self._set(key, version, record)

    def _set(self, key: ObjectRef, version: int, new: T | None) -> None:
        old = self.get(key)
        if new is None:
            self._held.pop(key, None)
            self._absent[key] = version
        else:
            self._absent.pop(key, None)
            self._held[key] = (version, new)
        if old != new:
            self._file(key, old, new)
            self._tell(key, old, new)

    def _file(self, key: ObjectRef, old: T | None, new: T | None) -> None:
        for name, values_of in self._indexes.items():
            before = set(values_of(old)) if old is not None else set()
            after = set(values_of(new)) if new is not None else set()
            shelf = self._keys[name]
            for value in before - after:
                del shelf[value][key]
                if not shelf[value]:
                    del shelf[value]
            for value in after - before:
                shelf.setdefault(value, {})[key] = None

    def _tell(self, key: ObjectRef, old: T | None, new: T | None) -> None:
        for on_change in self._subscribers:
            try:
                on_change(key, old, new)
            except Exception as error:
                log.error("a subscriber failed", namespace=key.namespace, name=key.name, **way(error))  # noqa: TRY400


def key_of(obj: Json) -> ObjectRef:
    metadata = obj["metadata"]
    return ObjectRef(sys.intern(metadata.get("namespace", "")), metadata["name"])


def version_of(obj: Mapping[str, Any]) -> int:
    return int(obj["metadata"]["resourceVersion"])
