"""The verbs: get, list, create, patch, delete, watch, on JSON objects. Every call to the API server goes through here.

Writes of the whole process share one pace (a token bucket and a number at once): a thousand numbers becoming ready
must not drown the API server. Reads are repeated when they fail. A write is repeated only when it certainly was not
processed (`NotProcessed`); any other failure of a write is `Unavailable`: it may have happened, and our callers look at
the world again anyway, because they are level-triggered.

Writes are strict: a field that the schema does not know is refused, not dropped. A promise that is not stored is none.

A connection may be opened for a dry run: then every write of it is checked, defaulted and answered by the API server,
and none is kept.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ringfleet.kube.config import Credentials, credentials_of, load_configuration
from ringfleet.kube.errors import NotProcessed, Unavailable
from ringfleet.kube.transport import Json, Request, Transport, status_error
from ringfleet.model.refs import Resource
from ringfleet.rate import Backoff, TokenBucket

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML
STRICT = (("fieldValidation", "Strict"),)
DRY_RUN = (("dryRun", "All"),)

RETRIES = Backoff(first=0.1, longest=5.0)
LONGEST_WAIT = 10.0  # seconds; an API server that wants to be left alone for longer is the caller's business
WATCH_SECONDS = (240, 300)  # the server ends a watch after a while; spread, so that watches don't end together
_SERVICE_SECONDS = 60.0  # a service behind the proxy may ask others before it answers
_SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
_SERVICES = Resource("", "v1", "services", "Service")
SILENCE_SECONDS = 90.0  # bookmarks come about every minute


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process allows itself. `attempts` counts the first try; `timeout` is in seconds, for one try."""

    writes_per_second: float = 400.0
    burst: int = 800
    writes_at_once: int = 64
    timeout: float = 30.0
    attempts: int = 4


class Page(NamedTuple):
    """One page of a list. `resource_version` is the whole list's: a watch from there misses nothing."""

    items: list[Json]
    resource_version: str


class Change(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchEvent(NamedTuple):
    """One line of a watch. A bookmark's object carries nothing but its resourceVersion."""

    change: Change
    obj: Json


class Kube:
    """A connection to one API server, to be opened with `connect` and shared by the whole process.

    `reads` and `writes` count the requests sent, by (verb, resource), the verb and `plural/subresource` as in RBAC.
    """

    def __init__(self, transport: Transport, limits: Limits = Limits(), dry_run: bool = False) -> None:
        self.limits = limits
        self.dry_run = dry_run
        self.reads: Counter[tuple[str, str]] = Counter()
        self.writes: Counter[tuple[str, str]] = Counter()
        self._transport = transport
        self._bucket = TokenBucket(limits.writes_per_second, limits.burst)
        self._places = asyncio.Semaphore(limits.writes_at_once)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        kubeconfig: Path | None = None,
        context: str | None = None,
        limits: Limits = Limits(),
        dry_run: bool = False,
    ) -> AsyncIterator[Kube]:
        """Log in as `kube.config` says. No call is made yet. `dry_run`: the API server keeps no write.

        Raises:
            NotConfigured: nothing says which API server, or the file or its certificates can't be read.
        """
        load = partial(load_configuration, kubeconfig, context)
        transport = Transport(await load(), load)
        try:
            yield cls(transport, limits, dry_run)
        finally:
            await transport.close()

    async def credentials(self) -> Credentials:
        """What this connection logs in with, for another client in the process."""
        return await credentials_of(self._transport.configuration)

    # Reads.

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Json:
        return await self._read("get", resource, Request("GET", resource.path(namespace, name)))

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page: int = 500,
    ) -> AsyncGenerator[Page]:
        """A list, `page` objects at a time, all of one resourceVersion. No namespace: all of them.

        Raises:
            Gone: the reader was slower than the API server's memory (5 minutes). Begin again.
        """
        query = {"limit": str(page)} | _selectors(label_selector, field_selector)
        path = resource.path(namespace)
        while True:
            reply = await self._read("list", resource, Request("GET", path, tuple(query.items())))
            metadata = reply["metadata"]
            yield Page(reply.get("items") or [], metadata["resourceVersion"])
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]

    async def list_all(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> Page:
        """The whole list as one page. For lists that are known to be short."""
        items: list[Json] = []
        version = ""
        pages = self.pages(resource, namespace, label_selector=label_selector, field_selector=field_selector)
        async with aclosing(pages):
            async for page in pages:
                items += page.items
                version = page.resource_version
        return Page(items, version)

    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        resource_version: str,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        silence: float = SILENCE_SECONDS,
    ) -> AsyncGenerator[WatchEvent]:
        """Every change after `resource_version`, and bookmarks, until the server ends the stream (about 5 minutes).

        Raises:
            Gone: `resource_version` is too old. List again.
            Unavailable: the connection broke, or nothing came for `silence` seconds. Watch on from the last version.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),  # noqa: S311 - spread, not secrecy
        } | _selectors(label_selector, field_selector)
        request = Request("GET", resource.path(namespace), tuple(query.items()))
        self.reads["watch", resource.plural] += 1
        async with aclosing(self._transport.lines(request, silence)) as lines:
            async for line in lines:
                if line["type"] == "ERROR":
                    raise status_error(f"watch {request.path}", line["object"])
                yield WatchEvent(Change(line["type"]), line["object"])

    async def served(self, api_version: str) -> list[Json]:
        """The APIResources of a group and version (`v1`, `apps/v1`): what can be asked for, and by which plural.

        Raises:
            NotFound: no such group or version is served.
        """
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        group, _, version = api_version.rpartition("/")
        reply = await self._read("get", Resource(group, version, "", ""), Request("GET", path))
        return list(reply.get("resources") or [])

    # Writes.

    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        """Create `body`; its apiVersion and kind are filled in.

        Raises:
            AlreadyExists: an object of that name is there.
        """
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        return await self._write("create", resource, None, Request("POST", resource.path(namespace), STRICT, body))

    async def issue_token(self, namespace: str, account: str, audience: str, seconds: int) -> str:
        """A token of a ServiceAccount that is good for this audience alone, for so long."""
        spec = {"audiences": [audience], "expirationSeconds": seconds}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        request = Request("POST", _SERVICE_ACCOUNTS.path(namespace, account, "token"), (), body)
        return str((await self._transport.call(request, self.limits.timeout))["status"]["token"])

    async def post_to_service(
        self, namespace: str, service: str, path: str, body: Json, headers: tuple[tuple[str, str], ...]
    ) -> Json:
        """What a service answers that is asked through the API server's proxy. `service`: its name, a colon, its port's
        name. The API server takes `Authorization` off: the service never sees our credentials."""
        target = _SERVICES.path(namespace, service, "proxy") + path
        request = Request("POST", target, (), body, headers=headers)
        return await self._transport.call(request, _SERVICE_SECONDS)

    async def replace(
        self, resource: Resource, namespace: str | None, name: str, body: Json, subresource: str | None = None
    ) -> Json:
        """Put `body` in the object's place. With `metadata.resourceVersion` in it, only over that very version.

        Raises:
            Conflict: the object is of another version.
        """
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        path = resource.path(namespace, name, subresource)
        return await self._write("update", resource, subresource, Request("PUT", path, STRICT, body))

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Json,
        resource_version: str | None = None,
        subresource: str | None = None,
        manager: str | None = None,
    ) -> Json:
        """Merge `body` into the object (RFC 7386: null removes, a list replaces the list). `manager` is the field
        manager that writes it; None: the one that the API server makes of our user agent.

        Raises:
            Conflict: `resource_version` was given and the object is of another.
        """
        if resource_version is not None:
            body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": resource_version}}
        query = (*STRICT, ("fieldManager", manager)) if manager else STRICT
        request = Request("PATCH", resource.path(namespace, name, subresource), query, body, MERGE_PATCH)
        return await self._write("patch", resource, subresource, request)

    async def patch_status(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        status_patch: Json,
        resource_version: str | None = None,
        manager: str | None = None,
    ) -> Json:
        """Merge `status_patch` into the object's status; the rest as `patch`."""
        body = {"status": status_patch}
        return await self.patch(resource, namespace, name, body, resource_version, "status", manager)

    async def apply(self, resource: Resource, namespace: str | None, name: str, body: Json, manager: str) -> Json:
        """Apply `body` as the field manager `manager`: what it says holds, what it said before and says no more goes.

        Fields that other managers own are taken over. The object is created when it is not there.
        """
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        query = (*STRICT, ("fieldManager", manager), ("force", "true"))
        request = Request("PATCH", resource.path(namespace, name), query, body, APPLY_PATCH)
        return await self._write("patch", resource, None, request)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> Json:
        """Delete the object; with `uid` or `resource_version`, only that very one.

        Raises:
            Conflict: the object is another one, or another version of it.
        """
        conditions = {"uid": uid, "resourceVersion": resource_version}
        body: Json = {"preconditions": {key: value for key, value in conditions.items() if value is not None}}
        if self.dry_run:  # where a DELETE has a body, the API server does not read the query
            body["dryRun"] = ["All"]
        return await self._write("delete", resource, None, Request("DELETE", resource.path(namespace, name), (), body))

    # How both are sent.

    async def _read(self, verb: str, resource: Resource, request: Request) -> Json:
        async def send() -> Json:
            self.reads[verb, resource.plural] += 1
            return await self._transport.call(request, self.limits.timeout)

        return await self._insist(request, send)

    async def _write(self, verb: str, resource: Resource, subresource: str | None, request: Request) -> Json:
        target = f"{resource.plural}/{subresource}" if subresource else resource.plural
        if self.dry_run:
            request = replace(request, query=request.query + DRY_RUN)

        async def send() -> Json:
            await asyncio.sleep(self._bucket.reserve(asyncio.get_running_loop().time()))
            async with self._places:
                self.writes[verb, target] += 1
                return await self._transport.call(request, self.limits.timeout)

        return await self._insist(request, send)

    async def _insist(self, request: Request, send: Callable[[], Awaitable[Json]]) -> Json:
        """Send, and send again while that is safe and of use."""
        failures = 0
        while True:
            try:
                return await send()
            except Unavailable as error:
                failures += 1
                wait = max(RETRIES.delay(failures), error.retry_after or 0.0)
                safe = request.reads or isinstance(error, NotProcessed)
                if not safe or failures >= self.limits.attempts or wait > LONGEST_WAIT:
                    raise
            await asyncio.sleep(wait)


def _selectors(label_selector: str | None, field_selector: str | None) -> dict[str, str]:
    selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in selectors.items() if value}


__all__ = ["Change", "Json", "Kube", "Limits", "Page", "Resource", "WatchEvent"]
