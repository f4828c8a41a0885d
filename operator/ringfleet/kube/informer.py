"""A live copy of one kind of object, as slim records: list by pages, watch with bookmarks, list again when it must.

::

    list --------> watch --------> ...          ended by the server: watch on from the last version
      ^  ^           |  |                       connection broken:   wait a little, watch on
      |  '---410-----'  '--broken--> wait       410 Gone:            list again and compare, so that deletions that
      '------failed: wait                                            happened meanwhile are seen

An API server that comes back with an older history (etcd was restored from a snapshot) ends the informer: a watch from
a version that is still to come is not refused, it only tells nothing. So after a watch that broke, and with each list,
it is seen whether the server still knows all that it has told (`WentBack`).

Records are made by `project` as the objects come in, and the objects are let go: that is what keeps 10,000 of them at
about 1 KB each. What the copy believes, and in what order, is `kube.store`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from typing import Generic, TypeVar

import structlog

from ringfleet.kube.client import Change, Kube, WatchEvent
from ringfleet.kube.errors import Gone, KubeError, WentBack
from ringfleet.kube.store import Index, Store, version_of
from ringfleet.kube.transport import Json
from ringfleet.model.refs import ObjectRef, Resource
from ringfleet.rate import Backoff
from ringfleet.traces import way

T = TypeVar("T")

PAUSES = Backoff(first=0.2, longest=10.0)

log = structlog.get_logger(__name__)


class Informer(Generic[T]):
    """Follows `resource` in `namespaces` (None for all) while `run` runs. Look things up in `store`.

    `name`: only the objects of this name, which RBAC can grant by it.

    `synced` is set once every namespace has been listed; before that, an absent record means nothing.
    """

    def __init__(
        self,
        kube: Kube,
        resource: Resource,
        project: Callable[[Json], T | None],
        *,
        indexes: Mapping[str, Index[T]] | None = None,
        namespaces: Collection[str] | None = None,
        name: str | None = None,
        page: int = 500,
    ) -> None:
        scopes: Collection[str | None] = (None,) if namespaces is None else namespaces
        self.store: Store[T] = Store(project, indexes, scopes)
        self.synced = asyncio.Event()
        self.lists = 0
        self._kube = kube
        self._resource = resource
        self._page = page
        self._fields = name and f"metadata.name={name}"
        self._unsynced = set(scopes)
        self._failures: dict[str | None, int] = dict.fromkeys(scopes, 0)  # since the last event
        self._heard: dict[str | None, float] = dict.fromkeys(scopes, float("-inf"))
        self._alive: dict[str | None, float] = {}  # when its follower last heard something, or failed and went on

    def observe(self, obj: Json) -> None:
        """Take in the reply to a write of our own, so that the next look sees it."""
        self.store.learn(obj)

    async def list_again(self) -> None:
        """List all there is once more, beside the watch.

        Raises:
            KubeError: it can't be listed now.
        """
        for scope in self._heard:
            await self._list(scope)

    def age(self) -> float:
        """Seconds since the namespace heard of least recently was heard of; infinite before it was listed."""
        return asyncio.get_running_loop().time() - min(self._heard.values())

    def idle(self) -> float:
        """Seconds since the follower that did something least recently did it: heard of anything, or tried in vain."""
        now = asyncio.get_running_loop().time()
        return now - min(self._alive.values(), default=now)

    async def run(self) -> None:
        """Follow until cancelled.

        Raises:
            WentBack: the API server has forgotten what it has told; a group of them, one for each namespace.
        """
        self._alive = dict.fromkeys(self._heard, asyncio.get_running_loop().time())
        async with asyncio.TaskGroup() as group:
            for scope in self._heard:
                group.create_task(self._follow(scope), name=f"follow {self._resource.plural} in {scope or 'all'}")

    async def _follow(self, scope: str | None) -> None:
        listed, broke = False, False
        while True:
            try:
                if not listed:
                    await self._list(scope)
                    listed = True
                elif broke:
                    await self._look_back(scope)
                broke = False
                await self._watch(scope)
            except WentBack:
                raise
            except Gone:
                log.info("the watch fell behind: listing again", resource=self._resource.plural, namespace=scope)
                listed = False
            except KubeError as error:
                log.warning("not following", resource=self._resource.plural, namespace=scope, error=str(error))
                broke = True
            except Exception as error:  # a bug, or an event that nobody understands, must not end it
                told = {"resource": self._resource.plural, "namespace": scope, **way(error)}
                log.error("follower failed: listing again", **told)  # noqa: TRY400 - its message may quote an object
                listed = False
            self._alive[scope] = asyncio.get_running_loop().time()
            self._failures[scope] += 1
            await asyncio.sleep(PAUSES.delay(self._failures[scope]))

    async def _list(self, scope: str | None) -> None:
        """Take in all there is, and forget what is not there any more."""
        seen: set[ObjectRef] = set()
        version = 0
        listing = self._kube.pages(self._resource, scope, page=self._page, field_selector=self._fields)
        async with aclosing(listing) as pages:
            async for page in pages:
                version = int(page.resource_version)
                self.store.refuse_older(scope, version)
                seen |= self.store.learn_page(page.items)
                self._hear(scope)
        self.store.learn_list_ended(scope, seen, version)
        self.lists += 1
        self._unsynced.discard(scope)
        if not self._unsynced:
            self.synced.set()

    async def _look_back(self, scope: str | None) -> None:
        """See, by the shortest list, that the API server still knows all that it has told.

        Raises:
            WentBack: it does not.
        """
        async with aclosing(self._kube.pages(self._resource, scope, page=1, field_selector=self._fields)) as pages:
            self.store.refuse_older(scope, int((await anext(pages)).resource_version))

    async def _watch(self, scope: str | None) -> None:
        """Take in every change after what is known, until the server ends the watch."""
        known = str(self.store.progress(scope))
        async with aclosing(self._kube.watch(self._resource, scope, known, field_selector=self._fields)) as events:
            async for event in events:
                self._take(scope, event)
                self._failures[scope] = 0

    def _take(self, scope: str | None, event: WatchEvent) -> None:
        match event.change:
            case Change.ADDED | Change.MODIFIED:
                self.store.learn(event.obj)
            case Change.DELETED:
                self.store.learn_deleted(event.obj)
            case Change.BOOKMARK:
                pass
        self.store.learn_progress(scope, version_of(event.obj))
        self._hear(scope)

    def _hear(self, scope: str | None) -> None:
        self._heard[scope] = self._alive[scope] = asyncio.get_running_loop().time()
