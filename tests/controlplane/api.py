"""The tests' own client of the API server: what a story looks at, waits for and puts in place, without a process each.

    api.get("numberpool", "us-west", "shop")     -> GET                  a connection for each thread that asks, kept
    api.apply(manifest, "shop")                  -> server-side apply
    wait_until(lambda: api.get(...)...)          -> GET, and again when a watch of that collection has moved

It shares no code with the product's client. Kinds are named as kubectl names them: plural, singular, short name or
kind, with `.group` where that is needed; what the server serves is asked once, and again for a name that is not known.

A look during `tests.waiting.wait_until` opens a watch on the collection that it looked at. What the watch says is not
read: that it says something wakes the waiter, which looks again. So does that it begins, for what came and went between
a look and its watch. The watches of all waiters run in one thread.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import httpx
import yaml

from tests.clients import Clients
from tests.waiting import Source, note, wait_until

Json = dict[str, Any]

TIMEOUT_S = 60.0
RECONNECT_S = 0.2
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
FIELD_MANAGER = "tests"
STRICT = {"fieldValidation": "Strict"}


class Refused(RuntimeError):
    """The API server said no; `complaint` is its sentence, `code` the HTTP status (0: not known)."""

    def __init__(self, doing: str, complaint: str, code: int = 0) -> None:
        super().__init__(f"{doing}: {complaint}")
        self.complaint = complaint
        self.code = code


NOT_FOUND, LATER = 404, 429


@dataclass(frozen=True, slots=True)
class Kind:
    """Where objects of one kind are. The core group is ""."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = ("namespaces", namespace) if namespace is not None and self.namespaced else ()
        parts = [part for part in (*within, self.plural, name, subresource) if part is not None]
        return "/".join([root, *(quote(part, safe="") for part in parts)])


@dataclass(frozen=True, slots=True)
class Login:
    """Where the API server is, whom to trust for it (PEM), and who we are: a token, or a client certificate (PEM)."""

    url: str
    authority: str | None
    token: str | None
    certificate: str | None
    key: str | None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority)
        if self.certificate and self.key:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:  # ssl takes no key from memory
                pair.write(self.certificate + "\n" + self.key)
                pair.flush()
                context.load_cert_chain(pair.name)
        return context


def login(kubeconfig: Path) -> Login:
    """Read a kubeconfig of one context with its data in it, as `kubectl config view --raw --flatten` writes it."""

    text = kubeconfig.read_text()
    config = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    (cluster,) = (one["cluster"] for one in config["clusters"])
    (user,) = (one["user"] for one in config["users"])
    pem = {key: base64.b64decode(value).decode() for key, value in {**cluster, **user}.items() if key.endswith("-data")}
    return Login(
        cluster["server"],
        pem.get("certificate-authority-data"),
        user.get("token"),
        pem.get("client-certificate-data"),
        pem.get("client-key-data"),
    )


class Api:
    """One user's way to the API server.

    `user` is another one to act as: `system:serviceaccount:NAMESPACE:NAME`; `groups`: those of that user, instead of
    the ones that a service account has of itself. What a user patches is managed by the last word of its name.
    """

    def __init__(self, kubeconfig: Path, user: str | None = None, groups: tuple[str, ...] = ()) -> None:
        self._login = login(kubeconfig)
        self._managed = STRICT | ({"fieldManager": user.rpartition(":")[2]} if user else {})
        acting = [("Impersonate-User", user)] if user else []
        headers = [*self._login.headers().items(), *acting, *(("Impersonate-Group", group) for group in groups)]
        known = {"base_url": self._login.url, "verify": self._login.trust(), "headers": headers}
        self._clients = Clients(lambda: httpx.Client(**known, timeout=TIMEOUT_S, trust_env=False))
        self._kinds: dict[str, Kind] = {}
        self._watches: dict[str, _Watch] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        self.forget()
        self._clients.close()

    def forget(self, namespace: str | None = None) -> None:
        """End the watches of a namespace, or all."""
        with self._lock:
            gone = [path for path in self._watches if namespace is None or f"/namespaces/{namespace}/" in path]
            for path in gone:
                self._watches.pop(path).close()

    # Looking.

    def get(self, what: str, name: str, namespace: str | None = None) -> Json:
        """One object. Raises Refused (`code` 404 when there is none)."""
        kind = self.kind(what)
        self._note(kind, namespace)
        return self.request("GET", kind.path(namespace, name))

    def find(self, what: str, name: str, namespace: str | None = None) -> Json | None:
        """The same; None when there is none."""
        try:
            return self.get(what, name, namespace)
        except Refused as refused:
            if refused.code != NOT_FOUND:
                raise
            return None

    def list(self, what: str, namespace: str | None = None, **query: str) -> list[Json]:
        """All objects of a kind, of a namespace or of all. `query`: `labelSelector`, `fieldSelector`.

        As kubectl does, each says its kind.
        """
        kind = self.kind(what)
        self._note(kind, namespace)
        listed = self.request("GET", kind.path(namespace), query=query)
        said = {"apiVersion": listed["apiVersion"], "kind": listed["kind"].removesuffix("List")}
        return [said | item for item in listed["items"]]

    def changes(self, what: str, namespace: str, seconds: int) -> list[Json]:
        """What happens to a collection from now on, as a watch tells it, until the server ends the watch."""
        path = self.kind(what).path(namespace)
        version = self.request("GET", path)["metadata"]["resourceVersion"]
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        patience = httpx.Timeout(TIMEOUT_S, read=seconds + TIMEOUT_S)
        with (
            self._clients.borrowed() as client,
            client.stream("GET", path, params=query, timeout=patience) as reply,
        ):
            return [json.loads(line) for line in reply.raise_for_status().iter_lines()]

    def text(self, path: str) -> str:
        """What is at a path that is no object, such as `/metrics`."""
        with self._clients.borrowed() as client:
            return client.get(path).raise_for_status().text

    # Acting.

    def create(self, manifest: Mapping[str, Any], namespace: str | None = None, *, dry_run: bool = False) -> Json:
        kind, _, where = self._address(manifest, namespace)
        return self.request("POST", kind.path(where), manifest, query=STRICT | _dry(dry_run))

    def apply(self, *manifests: Mapping[str, Any], namespace: str | None = None, dry_run: bool = False) -> None:
        """Server-side apply, each in the order given; a manifest's own namespace goes before `namespace`."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true", **STRICT, **_dry(dry_run)}
        for manifest in manifests:
            kind, name, where = self._address(manifest, namespace)
            self.request("PATCH", kind.path(where, name), manifest, query=query, content_type=APPLY_PATCH)

    def patch(
        self,
        what: str,
        name: str,
        change: Mapping[str, Any],
        namespace: str | None = None,
        subresource: str | None = None,
    ) -> Json:
        """Merge `change` into an object or its subresource."""
        path = self.kind(what).path(namespace, name, subresource)
        return self.request("PATCH", path, change, query=self._managed, content_type=MERGE_PATCH)

    def json_patch(self, what: str, name: str, operations: list[Json], namespace: str | None = None) -> Json:
        path = self.kind(what).path(namespace, name)
        return self.request("PATCH", path, operations, query=self._managed, content_type=JSON_PATCH)

    def annotate(self, what: str, name: str, namespace: str | None = None, **notes: str | None) -> None:
        """Set annotations `ringfleet.dev/<word>`, `_` for `-`; None takes one off."""
        said = {f"ringfleet.dev/{word.replace('_', '-')}": text for word, text in notes.items()}
        self.patch(what, name, {"metadata": {"annotations": said}}, namespace)

    def scale(self, what: str, name: str, replicas: int, namespace: str | None = None) -> None:
        self.patch(what, name, {"spec": {"replicas": replicas}}, namespace, "scale")

    def delete(self, what: str, *names: str, namespace: str | None = None, wait: bool = True) -> None:
        """Delete objects, and return when they are gone, as kubectl does; not `wait`: when it is asked for."""
        kind = self.kind(what)
        for name in names:
            self.request("DELETE", kind.path(namespace, name))
        for name in names if wait else ():
            wait_until(lambda name=name: self.find(what, name, namespace) is None, f"{what}/{name} to be gone")

    def token(self, namespace: str, service_account: str, seconds: int, audience: str | None = None) -> str:
        """A bearer token of a service account, asked for with TokenRequest."""
        spec: Json = {"expirationSeconds": seconds} | ({"audiences": [audience]} if audience else {})
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = self.kind("serviceaccounts").path(namespace, service_account, "token")
        return str(self.request("POST", path, request)["status"]["token"])

    def may(self, account: str, verb: str, what: str, namespace: str, name: str = "", subresource: str = "") -> bool:
        """Whether the service account `account` (`NAMESPACE:NAME`) may do that in `namespace`."""
        kind = self.kind(what)
        attributes = {"group": kind.group, "resource": kind.plural, "verb": verb, "namespace": namespace}
        home = account.partition(":")[0]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated"]
        spec = {
            "user": f"system:serviceaccount:{account}",
            "groups": groups,
            "resourceAttributes": {**attributes, "name": name, "subresource": subresource},
        }
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    # The wire.

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """One call. Raises Refused with what the API server said.

        "Later" is no answer: a server that has just been given kinds says it of calls that it has not begun with, and
        kubectl does not show it either.
        """
        headers = {"Content-Type": content_type} if body is not None else {}
        content = json.dumps(body).encode() if body is not None else None
        target = f"{path}?{urlencode(query)}" if query else path

        def send() -> httpx.Response | None:
            with self._clients.borrowed() as client:
                reply = client.request(method, target, content=content, headers=headers)
            return None if reply.status_code == LATER and "Retry-After" in reply.headers else reply

        reply = wait_until(send, f"an answer to {method} {path}")
        said: Json = reply.json() if "json" in reply.headers.get("Content-Type", "") else {"message": reply.text}
        if not reply.is_success:
            raise Refused(f"{method} {path}", str(said.get("message")), reply.status_code)
        return said

    def kind(self, what: str) -> Kind:
        """The kind of this name. Raises LookupError when the server serves none."""
        name = what.lower()
        if name not in self._kinds:
            self._kinds = self._discover()
        try:
            return self._kinds[name]
        except KeyError:
            raise LookupError(f"the API server serves no {what}") from None

    def _discover(self) -> dict[str, Kind]:
        """Every name of every kind; of two kinds of one name, the core's and ours go first, as with kubectl."""
        found: dict[str, Kind] = {}
        for root in ("/api", "/apis"):
            with self._clients.borrowed() as client:
                reply = client.get(root, headers={"Accept": DISCOVERY})
            for group in reply.raise_for_status().json()["items"]:
                name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    for resource in version["resources"]:
                        _enter(found, name, version["version"], resource)
        return found

    def _address(self, manifest: Mapping[str, Any], namespace: str | None) -> tuple[Kind, str, str | None]:
        group = manifest["apiVersion"].rpartition("/")[0]
        kind = self.kind(f"{manifest['kind']}.{group}" if group else manifest["kind"])
        metadata = manifest["metadata"]
        return kind, metadata["name"], metadata.get("namespace", namespace) if kind.namespaced else None

    def _note(self, kind: Kind, namespace: str | None) -> None:
        """Tell a waiter, if there is one, what was looked at."""
        note(lambda: self._watch(kind.path(namespace)))

    def _watch(self, path: str) -> _Watch:
        with self._lock:
            if path not in self._watches:
                self._watches[path] = _Watch(self._login, path)
            return self._watches[path]


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _enter(found: dict[str, Kind], group: str, version: str, resource: Json) -> None:
    kind = Kind(
        group, version, resource["resource"], resource["responseKind"]["kind"], resource["scope"] == "Namespaced"
    )
    names = {kind.plural, resource.get("singularResource"), kind.kind.lower(), *resource.get("shortNames", ())}
    for name in filter(None, names):
        found.setdefault(name, kind)
        found.setdefault(f"{name}.{group}", kind)


class _Watch(Source):
    """One collection, watched from `begin` until `close`."""

    def __init__(self, login: Login, path: str) -> None:
        super().__init__()
        self._login = login
        self._path = path
        self._lock = threading.Lock()
        self._task: Future[None] | None = None

    def begin(self) -> None:
        with self._lock:
            if self._task is None:
                self._task = asyncio.run_coroutine_threadsafe(self._run(), watching_loop())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        trust = self._login.trust()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S)
        async with aiohttp.ClientSession(self._login.url, headers=self._login.headers(), timeout=timeout) as session:
            while True:
                with suppress(aiohttp.ClientError, OSError):
                    async with session.get(self._path, params={"watch": "1"}, ssl=trust) as reply:
                        self.changed()  # what has gone between the look and now is not told
                        async for _ in reply.content.iter_any():
                            self.changed()
                self.changed()  # whatever ended it: the waiter looks for itself
                await asyncio.sleep(RECONNECT_S)


_thread_lock = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


def watching_loop() -> asyncio.AbstractEventLoop:
    """The event loop of all watches of this process, started with the first."""
    with _thread_lock:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="watches", daemon=True).start()
            _loops.append(loop)
        return _loops[0]
