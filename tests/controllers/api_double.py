"""An API server in memory, for unit tests of the controllers only: objects, versions and watches in dictionaries.

It stands in the place of `Transport`, below `Kube`: verbs, pace, retries, preconditions and the translation of errors
are the real ones. The stories stay on the real API server, and what is done here is held to that one by the table of
`test_api_double.py`, which both of them have to pass.

It knows which fields the status of each kind has, which conditions, and with which reasons, and ends a test that writes
another one, or conditions of which those who go by kstatus would conclude what is not so.

Left out, because one turn of a reconciler does not need it: schemas and defaults (but for that of a status), rights,
the life of namespaces, the garbage collector, dry runs, and every patch but the merge patch. What is asked for and left
out is refused. The pages of a list are of one version, and hold what there is when each is asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import NamedTuple, get_args, get_origin
from urllib.parse import unquote
from uuid import NAMESPACE_OID, uuid5

import orjson
from pydantic.alias_generators import to_camel

from ringfleet.api import KINDS
from ringfleet.api.conditions import conditions_of
from ringfleet.api.crds import UNSEEN
from ringfleet.api.meta import Part
from ringfleet.kube.client import MERGE_PATCH
from ringfleet.kube.errors import KubeError, Unavailable
from ringfleet.kube.transport import Json, Request, status_error
from tests.kstatus import contradictions

OLDEST = 1000
"""The version that the server begins with; it has forgotten all before."""
BOOKMARK_SECONDS = 60.0
"""How often a watch says that nothing has happened."""
_PATH = re.compile(r"(/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/([^/]+)(?=/))?/([^/]+)(?:/([^/]+))?(?:/([^/]+))?")
_SERVERS_OWN = (
    *("uid", "name", "namespace", "resourceVersion", "generation"),
    *("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"),
)
"""What of metadata nobody else writes."""
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

Act = Callable[[], Awaitable[object]]


class Place(NamedTuple):
    """One object; the collection's path is without its namespace."""

    collection: str
    namespace: str
    name: str


class Asked(NamedTuple):
    """What a request is about. `target` is `plural` or `plural/subresource`, as in RBAC."""

    verb: str
    target: str
    place: Place

    @property
    def is_ours(self) -> bool:
        """Whether it is of our own kinds: those have a generation, and a status that is written apart."""
        return self.place.collection.startswith("/apis/ringfleet.dev/")

    @property
    def of_status(self) -> bool:
        return self.target.endswith("/status")


class Change(NamedTuple):
    version: int
    type: str
    place: Place
    obj: Json


@dataclass
class Mishap:
    """Happens to a request of `verb` to `target` once `skip` of them have passed: before it is answered, or after it,
    when its reply is lost. The target "*" is every write."""

    verb: str
    target: str
    act: Act
    after: bool
    skip: int = 0

    def meets(self, asked: Asked) -> bool:
        if self.target == "*":
            return asked.verb in _VERBS.values() and asked.target != "events"
        return (self.verb, self.target) == (asked.verb, asked.target)


class Snapshot(NamedTuple):
    """What a server had at one version. Objects are replaced when they change, so they can be shared."""

    objects: dict[Place, Json]
    changes: list[Change]
    version: int


class ApiDouble:
    """See the module. `story` keeps every write that took effect, in their order: `patch numberorders/status west-1`.

    Events are left out of it: they are a courtesy to people, and nothing is decided by them.
    """

    def __init__(self, story: list[str], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.story = story
        self._lists: Counter[str] = Counter()
        self._clock = clock
        self._objects: dict[Place, Json] = {}
        self._changes: list[Change] = []
        self._version = self._forgotten = OLDEST
        self._mishaps: list[Mishap] = []
        self._cuts = 0
        self.leaves_older = False
        """Whether what is written now is what an older version left: with fields that a status has no more."""
        self._garbled: set[str] = set()
        self._unwatched: dict[str, int] = {}
        self._news: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @property
    def version(self) -> int:
        """The newest: it becomes another with every write."""
        return self._version

    # What may go wrong.

    def meanwhile(self, verb: str, target: str, act: Act) -> None:
        """Let somebody else act just before the next such request is answered."""
        self._mishaps.append(Mishap(verb, target, act, after=False))

    def refuse(self, verb: str, target: str, code: int, times: int = 1, message: str = "") -> None:
        """Answer the next `times` such requests with an HTTP status, and do nothing."""
        self._mishaps += [Mishap(verb, target, _raises(_status(code, message)), after=False)] * times

    def lose_reply(self, verb: str, target: str) -> None:
        """Do what the next such request asks, and let its answer be lost on the way."""
        self._mishaps.append(Mishap(verb, target, _raises(_LOST), after=True))

    def break_write(self, nth: int, *, done: bool) -> None:
        """Let the nth write from now, the first being 0, not be answered, and be done all the same or not."""
        self._mishaps.append(Mishap("", "*", _raises(_LOST), after=done, skip=nth))

    def cut_watches(self) -> None:
        """Every watch that runs breaks off."""
        self._cuts += 1
        self._ring(*self._news)

    def garble(self, plural: str) -> None:
        """Every watch of a kind breaks off, and its next one begins with an event that nobody can understand."""
        self._garbled.add(plural)
        self.cut_watches()

    def refuse_watches(self, plural: str, code: int) -> None:
        """Answer every watch of a kind from now on with an HTTP status; those that run break off."""
        self._unwatched[plural] = code
        self.cut_watches()

    def forget(self) -> None:
        """Remember no version before the present one: who watches on from an older one must list again."""
        self._forgotten = self._version

    def snapshot(self) -> Snapshot:
        """All there is, as a snapshot of etcd keeps it."""
        return Snapshot(dict(self._objects), list(self._changes), self._version)

    def restore(self, snapshot: Snapshot) -> None:
        """Be as the server was then, its versions too; every watch breaks off."""
        self._objects, self._changes = dict(snapshot.objects), list(snapshot.changes)
        self._version = snapshot.version
        self._forgotten = min(self._forgotten, self._version)
        self.cut_watches()

    def lists_of(self, plural: str) -> int:
        """How often a kind has been listed whole; who asks for one object only wants the version."""
        return self._lists[plural]

    # The transport's part.

    async def call(self, request: Request, timeout: float) -> Json:
        """Answer one request."""
        await asyncio.sleep(0)  # like a real call, it lets others run
        asked = _asked(request)
        await self._happen(asked, after=False)
        try:
            reply = _copy(self._answer(request, asked))
        except _Refused as refused:
            raise status_error(str(request), refused.status) from None
        await self._happen(asked, after=True)
        return reply

    async def lines(self, request: Request, silence: float) -> AsyncGenerator[Json]:
        """A watch: what changed since its version, and what changes from then on, until its time is over."""
        query, collection = dict(request.query), _asked(request).place
        since, cuts = int(query["resourceVersion"]), self._cuts
        ends = asyncio.get_running_loop().time() + int(query["timeoutSeconds"])
        assert "labelSelector" not in query, f"not here: {query}"
        if since < self._forgotten:
            yield {"type": "ERROR", "object": _refused(410, "Expired", f"too old resource version: {since}").status}
            return
        plural = collection.collection.rpartition("/")[2]
        if code := self._unwatched.get(plural):
            raise _status(code)
        if plural in self._garbled:
            self._garbled.discard(plural)
            yield {"type": "MODIFIED", "object": {"metadata": {"name": "odd", "resourceVersion": "new"}}}
        while True:
            news, newest = self._news[collection.collection], self._version
            for change in self._changes_of(collection, since):
                since = change.version
                if not _is_named(change.place, query):
                    continue
                yield {"type": change.type, "object": _copy(change.obj)}
            since = max(since, newest)  # from a version that is still to come, nothing is told until then
            try:
                async with asyncio.timeout_at(min(ends, asyncio.get_running_loop().time() + BOOKMARK_SECONDS)):
                    await news.wait()
            except TimeoutError:
                if news.is_set():
                    continue
                if self._version >= since:
                    since = self._version
                    yield {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(since)}}}
                if asyncio.get_running_loop().time() >= ends:
                    return
            if self._cuts != cuts:
                raise Unavailable(f"{request}: the connection to the API server broke")

    # Answering.

    async def _happen(self, asked: Asked, after: bool) -> None:
        for mishap in [one for one in self._mishaps if one.after is after and one.meets(asked)]:
            if mishap.skip == 0:
                self._mishaps.remove(mishap)
                await mishap.act()
                return
            mishap.skip -= 1

    def _answer(self, request: Request, asked: Asked) -> Json:
        query = dict(request.query)
        if "dryRun" in query or (asked.verb == "delete" and "dryRun" in request.body):
            raise _refused(400, "BadRequest", f"not here: {query}")
        if asked.verb == "list":
            return self._list(query, asked.place)
        if asked.verb == "create":
            return self._create(asked, _copy(request.body))
        old = self._objects.get(asked.place)
        if old is None:
            raise _refused(404, "NotFound", f"{asked.target} {asked.place.name!r} not found")
        match asked.verb:
            case "get":
                return old
            case "delete":
                return self._delete(asked, old, request.body.get("preconditions", {}))
            case "patch" if request.content_type != MERGE_PATCH:
                raise _refused(415, "UnsupportedMediaType", f"no {request.content_type} here")
            case "patch":
                return self._update(asked, old, _copy(merged(old, request.body)))
        return self._update(asked, old, _copy(request.body))

    def _list(self, query: dict[str, str], place: Place) -> Json:
        wanted = [term.split("=") for term in query.get("labelSelector", "").split(",") if term]
        places = [there for there in self._objects if _lies_in(there, place) and _is_named(there, query)]
        items = [self._objects[there] for there in places if _has(self._objects[there], wanted)]
        if "continue" not in query and query.get("limit") != "1":
            self._lists[place.collection.rpartition("/")[2]] += 1
        version, begin = (int(part) for part in query.get("continue", f"{self._version} 0").split())
        end = begin + int(query.get("limit", len(items)))
        rest = {"continue": f"{version} {end}"} if end < len(items) else {}
        return {"metadata": {"resourceVersion": str(version)} | rest, "items": items[begin:end]}

    def _create(self, asked: Asked, body: Json) -> Json:
        place = asked.place._replace(name=body["metadata"]["name"])
        if place in self._objects:
            raise _refused(409, "AlreadyExists", f"{asked.target} {place.name!r} already exists")
        given = {key: value for key, value in body["metadata"].items() if key not in _SERVERS_OWN and value}
        metadata = given | {
            "name": place.name,
            "uid": str(uuid5(NAMESPACE_OID, f"{place} {self._version}")),
            "creationTimestamp": f"{self._clock():%Y-%m-%dT%H:%M:%SZ}",
        }
        metadata |= {"namespace": place.namespace} if place.namespace else {}
        metadata |= {"generation": 1} if asked.is_ours else {}
        kept = {key: value for key, value in body.items() if key != "status" or not asked.is_ours}
        kept |= {"status": dict(UNSEEN)} if asked.is_ours else {}
        return self._store("ADDED", asked, place, {**kept, "metadata": metadata})

    def _update(self, asked: Asked, old: Json, wished: Json) -> Json:
        _check(old, _part(wished["metadata"], "resourceVersion"))
        if any(wished["metadata"].get(key) != old["metadata"].get(key) for key in ("uid", "deletionTimestamp")):
            raise _refused(422, "Invalid", "metadata.uid and metadata.deletionTimestamp: field is immutable")
        new = _written(asked, old, wished)
        if asked.of_status and not self.leaves_older:
            _refuse_unknown(old, new["status"])
        guards, going = new["metadata"].get("finalizers", ()), "deletionTimestamp" in old["metadata"]
        if going and not set(guards) <= set(old["metadata"].get("finalizers", ())):
            raise _refused(422, "Invalid", "no new finalizers can be added if the object is being deleted")
        if new == old:
            return old
        if asked.is_ours and _wish(new) != _wish(old):
            new["metadata"]["generation"] += 1
        return self._store("DELETED" if going and not guards else "MODIFIED", asked, asked.place, new)

    def _delete(self, asked: Asked, old: Json, preconditions: dict[str, str]) -> Json:
        _check(old, preconditions)
        if not old["metadata"].get("finalizers"):
            self._store("DELETED", asked, asked.place, old)
            return {"kind": "Status", "status": "Success"}
        if "deletionTimestamp" in old["metadata"]:
            return old
        metadata = old["metadata"] | {
            "deletionTimestamp": f"{self._clock():%Y-%m-%dT%H:%M:%SZ}",
            "deletionGracePeriodSeconds": 0,
        }
        if asked.is_ours:
            metadata["generation"] += 1
        return self._store("MODIFIED", asked, asked.place, {**old, "metadata": metadata})

    def _store(self, type_: str, asked: Asked, place: Place, obj: Json) -> Json:
        self._version += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}}
        if type_ == "DELETED":
            self._objects.pop(place, None)
        else:
            self._objects[place] = stored
        self._changes.append(Change(self._version, type_, place, stored))
        if asked.target != "events":
            self.story.append(f"{asked.verb} {asked.target} {place.name}")
        self._ring(place.collection)
        return stored

    def _changes_of(self, collection: Place, since: int) -> Iterator[Change]:
        at = since - OLDEST  # each change has a version of its own, so the place in the list follows from it
        yield from (change for change in self._changes[at:] if _lies_in(change.place, collection))

    def _ring(self, *collections: str) -> None:
        """Wake whoever watches these."""
        for collection in collections:
            if news := self._news.pop(collection, None):
                news.set()


class _Refused(Exception):
    def __init__(self, status: Json) -> None:
        super().__init__(status["message"])
        self.status = status


def _refused(code: int, reason: str, message: str) -> _Refused:
    return _Refused({"kind": "Status", "code": code, "reason": reason, "message": message})


def _status(code: int, message: str = "") -> KubeError:
    return status_error("a test", {"code": code, "message": message or f"HTTP {code}, says the test"})


def _written(asked: Asked, old: Json, wished: Json) -> Json:
    """What of `wished` the request may write over `old`: the status or all the rest, and nothing of the server's own.
    What is empty in metadata is left out, as the server does."""
    if asked.of_status:
        status = wished.get("status", {})
        for condition in status.get("conditions", ()):
            told, said = conditions_of(old["kind"]), f"{condition['type']} {condition['reason']}"
            known = condition["type"] in told and condition["reason"] in told[condition["type"]].reasons
            assert known, f"kubectl explain {old['kind']} tells of no {said}"
        misleading = list(contradictions(old["kind"], status))
        assert not misleading, f"{old['kind']} {old['metadata']['name']}: {'; '.join(misleading)}"
        return {**old, "status": status}
    mine = {key: value for key, value in wished["metadata"].items() if key not in _SERVERS_OWN and value}
    new = {**wished, "metadata": mine | {key: old["metadata"][key] for key in _SERVERS_OWN if key in old["metadata"]}}
    return (
        {key: value for key, value in new.items() if key != "status"} | _part(old, "status") if asked.is_ours else new
    )


def _refuse_unknown(old: Json, status: Json) -> None:
    """End the test if the status has a field that its kind does not have, beside those that an older version left."""
    fields, before = status_fields(old["kind"]), old.get("status", {})
    changed = {name: value for name, value in status.items() if name not in before or before[name] != value}
    if unknown := list(_unknown(changed, fields, "status")):
        older = set(_unknown(before, fields, "status"))
        unknown = [path for path in unknown if path not in older]
    assert not unknown, f"{old['kind']} has no {unknown[0]}"


Fields = Mapping[str, "Fields | None"]
"""The fields of a part by their names in JSON, each with its own; None: whatever is in it is let in."""


@cache
def status_fields(kind: str) -> Fields:
    """Those of a kind's status, as its schema has them, of which making the schema takes longer than most tests."""
    model = next(one for one in KINDS if one.model_fields["kind"].default == kind)
    found = _fields_in(model.model_fields["status"].annotation)
    assert found
    return found


def _fields_in(annotation: object) -> Fields | None:
    """Those of the part that the annotation speaks of, also as a list or with None."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        fields = annotation.model_fields.items()
        return {field.alias or to_camel(name): _fields_in(field.annotation) for name, field in fields}
    if get_origin(annotation) in (dict, Mapping):
        return None
    return next((found for one in get_args(annotation) if (found := _fields_in(one)) is not None), None)


def _unknown(value: object, fields: Fields | None, path: str) -> Iterator[str]:
    """The fields that nobody knows: the server refuses a write with them."""
    if isinstance(value, list):
        for one in value:
            yield from _unknown(one, fields, path)
    elif isinstance(value, dict) and fields is not None:
        for name, inner in value.items():
            if name in fields:
                yield from _unknown(inner, fields[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"


def _check(old: Json, claimed: dict[str, str]) -> None:
    """Refuse a write that was meant for another version, or for another object of the name."""
    for field, claim in claimed.items():
        if claim != old["metadata"][field]:
            raise _refused(409, "Conflict", f"the {field} is {old['metadata'][field]}, not {claim}")


_LOST = Unavailable("no answer from the API server in time")


def _raises(error: Exception) -> Act:
    async def act() -> None:
        raise error

    return act


def _asked(request: Request) -> Asked:
    return _asked_by(request.method, request.path)


@lru_cache(maxsize=10_000)
def _asked_by(method: str, path: str) -> Asked:
    found = _PATH.fullmatch(path)
    assert found, f"no path of the API server's: {path}"
    root, namespace, plural, name, subresource = (unquote(part or "") for part in found.groups())
    verb = _VERBS.get(method) or ("get" if name else "list")
    target = f"{plural}/{subresource}" if subresource else plural
    return Asked(verb, target, Place(f"{root}/{plural}", namespace, name))


def _copy(obj: object) -> Json:
    """Through JSON and back, as on a wire: nobody holds a part of what is stored."""
    copy: Json = orjson.loads(orjson.dumps(obj))
    return copy


def _lies_in(place: Place, collection: Place) -> bool:
    return place.collection == collection.collection and collection.namespace in ("", place.namespace)


def _is_named(place: Place, query: dict[str, str]) -> bool:
    """Whether the object is the one that a field selector asks for; of fields, only `metadata.name` is there."""
    field, _, name = query.get("fieldSelector", f"{_NAME}={place.name}").partition("=")
    if field != _NAME:
        raise _refused(400, "BadRequest", f"not here: {query}")
    return place.name == name


_NAME = "metadata.name"


def _has(obj: Json, wanted: list[list[str]]) -> bool:
    labels = obj["metadata"].get("labels", {})
    return all(labels.get(name) == value for name, value in wanted)


def _part(obj: Json, key: str) -> Json:
    return {key: obj[key]} if key in obj else {}


def _wish(obj: Json) -> Json:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def merged(old: object, patch: object) -> object:
    """The JSON merge patch of RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    before = old if isinstance(old, dict) else {}
    kept = {key: value for key, value in before.items() if key not in patch}
    return kept | {key: merged(before.get(key), value) for key, value in patch.items() if value is not None}
