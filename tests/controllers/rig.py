"""One operator's controllers between two doubles, and one turn: the only room of these tests that builds services.

::

    a test, as a person would --create, change, delete--> API double <--verbs-- the operator, one turn at a time
                                                              ^                    |
                                                 look(): learn all there is        '--calls--> carrier double

The operator knows what it was shown by `look`, and what it has written itself; so a test decides what its copy has not
seen yet. `running` is the other way: the queues run, and everything is followed by watches, as in a whole operator.
All of it is in virtual time, which begins at `NOW`.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial, wraps
from typing import Any, ParamSpec
from unittest.mock import patch

from ringfleet.api import CarrierAccount, NumberClaim, PhoneNumber, RoutingProfile
from ringfleet.api.meta import ACCOUNT_LABEL, CLAIM_FINALIZER, NUMBER_FINALIZER, ORDER_FINALIZER, POOL_LABEL
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.carriers.carrier import AccountSettings
from ringfleet.controllers.dispatcher_client import NotTaken, Reading, Taken, Unreadable
from ringfleet.controllers.fleet import INTENTS
from ringfleet.controllers.reconcile import reconcile
from ringfleet.controllers.runtime import build_services, relist, run_controllers
from ringfleet.controllers.services import Services
from ringfleet.controllers.triggers import follow, open_queue
from ringfleet.kube.client import Change, Kube
from ringfleet.kube.errors import KubeError, NotFound
from ringfleet.kube.events import EVENTS
from ringfleet.kube.informer import Informer
from ringfleet.kube.lease import LEASES
from ringfleet.kube.queue import WorkQueue
from ringfleet.kube.transport import Json
from ringfleet.model import E164, AccountKey, Holding
from ringfleet.model.refs import ObjectRef, Resource
from ringfleet.model.traffic import CarrierEvent
from ringfleet.objects.freeze import FREEZE_NAME
from ringfleet.objects.refs import Key, resource_of
from ringfleet.objects.routing_profile import content_hash, routing_of, told_notes, told_status
from ringfleet.plan.number_traffic import Heard, NumbersSeen, NumberTraffic
from ringfleet.plan.proxy_service.plan import SessionsSeen
from ringfleet.plan.rotation_set.seen import NumberUse, Usage
from ringfleet.plan.routing_profile import Told
from ringfleet.settings import Settings
from tests.controllers.api_double import ApiDouble
from tests.controllers.carrier_double import CarrierDouble
from tests.kube.virtual_time import now, run_in_virtual_time
from tests.plan.builders import NOW, digits

P = ParamSpec("P")

HERE = "shop"
"""The namespace of everything, unless an object says another one."""
INSTALLATION = "home"
TICK_S = 0.1
TICKS_OF_REST = 10
_KINDS: tuple[type[ApiObject], ...] = (*INTENTS, PhoneNumber, NumberClaim)
RESOURCES: dict[str, Resource] = {model.__name__: resource_of(model) for model in _KINDS}
RESOURCES |= {
    "Secret": Resource("", "v1", "secrets", "Secret"),
    "ConfigMap": Resource("", "v1", "configmaps", "ConfigMap"),
    "Namespace": Resource("", "v1", "namespaces", "Namespace"),
    "CustomResourceDefinition": Resource(
        "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition"
    ),
    "Event": EVENTS,
    "Lease": LEASES,
}
_CLUSTER_WIDE = {"Namespace", "CustomResourceDefinition"}


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The async `test` as a plain one, on a clock that jumps."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_in_virtual_time(test(*args, **kwargs))

    return run


def clock() -> datetime:
    return NOW + timedelta(seconds=now())


def later(seconds: float) -> str:
    """A time as Kubernetes writes it, so many seconds after the tests' beginning."""
    return f"{NOW + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Rig:
    """See the module. `story` is every write and every carrier call since it was last told, in their order.

    `carriers` are the doubles by the account's `namespace/name`; `opened`: what each was last opened with.
    """

    api: ApiDouble
    kube: Kube
    services: Services
    story: list[str]
    carriers: dict[str, CarrierDouble]
    opened: dict[str, AccountSettings]

    @property
    def carrier(self) -> CarrierDouble:
        return self.carriers[f"{HERE}/main"]

    def is_lost(self, number: E164) -> bool:
        """Whether the account `main` has lost the number."""
        return self.services.accounts.is_lost(AccountKey(HERE, "main"), number)

    def tell_news(self, holding: Holding) -> None:
        """What a sweep or an order does when the carrier says something new of a number."""
        self.services.pending_observations[ObjectRef(HERE, holding.number.digits)] = holding

    def has_news(self, number: E164) -> bool:
        return ObjectRef(HERE, number.digits) in self.services.pending_observations

    def tell_traffic(self, **uses: NumberUse) -> None:
        """Let there be a dispatcher, by which sets are used so: `n1` is the first of our numbers."""
        numbers = {digits(int(name.removeprefix("n"))): use for name, use in uses.items()}
        usage = Usage(clock(), clock().date(), sum(use.used for use in numbers.values()), numbers=numbers)
        self.services.dispatcher = TrafficDouble(Reading(usage))  # type: ignore[assignment]  # as far as it is asked

    def hear_numbers(self, accounts: Mapping[str, Heard] | None = None, **traffic: NumberTraffic) -> None:
        """Let there be a dispatcher that tells so of our numbers, and of these accounts that they are heard; `n1` is
        the first of our numbers."""
        main = AccountKey(HERE, "main")
        numbers = {(digits(int(name.removeprefix("n"))), main): one for name, one in traffic.items()}
        day = (clock() - timedelta(days=1)).date().isoformat()
        heard = {AccountKey(HERE, name): one for name, one in (accounts or {}).items()}
        self.services.dispatcher = TrafficDouble(numbers=NumbersSeen(day, numbers, heard))  # type: ignore[assignment]  # the same

    def tell_sessions(self, told: SessionsSeen | None) -> None:
        """Let there be a dispatcher that tells so of a proxy service; None: it does not answer."""
        self.services.dispatcher = TrafficDouble(sessions=told)  # type: ignore[assignment]  # the same

    # What people do.

    async def create(self, *objects: Json) -> None:
        """Create the objects, each with the status that it has."""
        for obj in objects:
            resource, namespace = RESOURCES[obj["kind"]], _namespace(obj)
            await self.kube.create(resource, namespace, obj)
            if obj.get("status"):
                self.api.leaves_older = True
                await self.kube.patch_status(resource, namespace, obj["metadata"]["name"], obj["status"])
                self.api.leaves_older = False
        self.story.clear()

    async def change(self, kind: str, name: str, body: Json) -> Json:
        """Merge `body` into an object; the operator has not seen it yet."""
        changed = await self.kube.patch(RESOURCES[kind], HERE, name, body)
        self.story.clear()
        return changed

    async def change_status(self, kind: str, name: str, status: Json) -> Json:
        """Merge `status` into an object's, as another operator would; the operator has not seen it yet."""
        changed = await self.kube.patch_status(RESOURCES[kind], HERE, name, status)
        self.story.clear()
        return changed

    async def delete(self, kind: str, name: str) -> None:
        await self.kube.delete(RESOURCES[kind], HERE, name)
        self.story.clear()

    async def find(self, kind: str, name: str, namespace: str = HERE) -> Json | None:
        """The object as the API server has it."""
        try:
            return await self.kube.get(RESOURCES[kind], namespace, name)
        except NotFound:
            return None

    async def status(self, kind: str, name: str) -> Json:
        found = await self.find(kind, name)
        assert found, f"there is no {kind} {name}"
        status: Json = found.get("status", {})
        return status

    async def says(self, kind: str, name: str, condition: str = "Ready") -> str | None:
        """Status and reason of a condition, such as `False NoStock`; None when the object does not have it."""
        conditions = (await self.status(kind, name)).get("conditions", ())
        found = (f"{one['status']} {one['reason']}" for one in conditions if one["type"] == condition)
        return next(found, None)

    async def names(self, kind: str) -> list[str]:
        page = await self.kube.list_all(RESOURCES[kind], HERE)
        return sorted(obj["metadata"]["name"] for obj in page.items)

    def told(self) -> list[str]:
        """The story since it was last told."""
        told, self.story[:] = list(self.story), []
        return told

    # What the operator does.

    async def look(self) -> None:
        """Let the operator learn all that there is now, and what is gone."""
        await self.look_at_intents()
        await self.look_at_numbers()
        await self.look_at_claims()
        await self.look_at_freeze()

    async def look_at_freeze(self) -> None:
        informer, here = self.services.freeze_informer, self.services.settings.system_namespace
        named = f"metadata.name={FREEZE_NAME}"
        page = await self.kube.list_all(RESOURCES["ConfigMap"], here, field_selector=named)
        informer.store.learn_list_ended(here, informer.store.learn_page(page.items), int(page.resource_version))

    async def look_at_intents(self) -> None:
        """Let it learn all that there is of these, as when their watch is ahead of the others."""
        await relist(self.services)

    async def look_at_numbers(self) -> None:
        await _relist(self.services.number_informer, self.kube, "PhoneNumber")

    async def look_at_claims(self) -> None:
        await _relist(self.services.claim_informer, self.kube, "NumberClaim")

    async def turn(self, kind: str, name: str, namespace: str = HERE) -> float | None:
        """One turn of one object; the seconds until it wants another."""
        return await reconcile(self.services, Key(kind, namespace, name))

    async def turn_all(self, *objects: tuple[str, ...]) -> None:
        """One turn of each object, by kind and name, all at the same time."""
        await asyncio.gather(*(self.turn(*one) for one in objects))

    async def begin(self) -> None:
        """What an operator does when it starts, and the first turn of every account; the story of it is forgotten."""
        follow(self.services)
        await self.look()
        open_queue(self.services)
        for account in self.services.fleet.all(CarrierAccount):
            await reconcile(self.services, Key("CarrierAccount", account.metadata.namespace, account.metadata.name))
        _empty_queues(self.services)
        self.story.clear()

    async def woken(self, seconds: float = 30.0) -> dict[str, float]:
        """Whom the queues would run within so many seconds from now, and when first, in tenths; nobody is run."""
        began, due = now(), dict[str, float]()

        async def note(key: Key) -> None:
            due.setdefault(f"{key.kind} {key.name}", round(now() - began, 1))

        await self._run_queues(note, seconds)
        return due

    async def settle(self, seconds: float = 60.0) -> None:
        """Run whoever is woken, for so long that nobody has anything left to do but wait."""
        await self.run_queues(seconds)
        self.story.clear()

    async def run_queues(self, seconds: float = 60.0) -> None:
        """The same, and the story of it is kept."""
        await self._run_queues(partial(reconcile, self.services), seconds)

    async def _run_queues(self, handler: Callable[[Key], Awaitable[float | None]], seconds: float) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await self.services.queues.run(handler, stop)

    async def run(self) -> None:
        """Run until it fails; see `running` for the other case."""
        await run_controllers(self.services, asyncio.Event())

    @asynccontextmanager
    async def running(self, *, misses_deletions: bool = False, misses: str = "") -> AsyncIterator[None]:
        """Run the whole of it: informers, queues, and a watch of intents in the place of Kopf's, who may miss some:
        deletions, or all of the kind `misses`."""
        stop, ready = asyncio.Event(), asyncio.Event()
        engine = asyncio.create_task(run_controllers(self.services, stop, ready))
        kinds = [model.__name__ for model in INTENTS if model.__name__ != misses]
        watches = [_follow_intent(self.services, kind, misses_deletions) for kind in kinds]
        followers = [asyncio.create_task(watch) for watch in watches]
        try:
            beginning = asyncio.create_task(ready.wait())
            await asyncio.wait({engine, beginning}, return_when=asyncio.FIRST_COMPLETED)
            while not (engine.done() or self.services.queues.intents.active or self.services.leadership.stands_by):
                await asyncio.sleep(0)
            if not engine.done():
                yield
        finally:
            stop.set()
            for task in (*followers, beginning):
                task.cancel()
            await engine  # a test must not pass over what has ended it

    async def until(self, happened: Callable[[], Awaitable[object]], within: float = 300.0) -> float:
        """Let virtual time pass until something has happened; how many seconds that took.

        Looks when something was written or a carrier was called, and now and then: nothing else is soon in a test.
        """
        began, looked = now(), (-1, -1)
        while True:
            moved = (self.api.version, len(self.story))
            if moved != looked or round((now() - began) / TICK_S) % TICKS_OF_REST == 0:
                looked = moved
                if await happened():
                    return now() - began
            assert now() < began + within, f"it has not happened within {within:g} virtual seconds"
            await asyncio.sleep(TICK_S)


@dataclass
class TrafficDouble:
    """What can be asked of `dispatcher_client.Dispatcher`, without a connection."""

    reading: Reading = field(default_factory=Reading)
    numbers: NumbersSeen | None = None
    sessions: SessionsSeen | None = None
    interval: float = 60.0
    numbers_interval: float = 300.0
    is_there: bool = True
    down: bool = False
    heard: dict[str, CarrierEvent] = field(default_factory=dict)
    """What it was told, by account and id, such as `shop/main SM1:message.received`."""
    batches: list[int] = field(default_factory=list)
    never: set[str] = field(default_factory=set)
    """The ids of the events that it never takes."""

    async def tell(self, account: AccountKey, events: Sequence[CarrierEvent]) -> Taken:
        if self.down:
            raise Unreadable("The dispatcher does not answer in time.")
        if any(event.id in self.never for event in events):
            raise NotTaken("The dispatcher answers 400 for the events.")
        told = {f"{account} {event.id}": event for event in events}
        new = len(told.keys() - self.heard.keys())
        self.heard |= told
        self.batches.append(len(events))
        return Taken(new)

    async def read_numbers(self, _: str) -> NumbersSeen:
        if self.numbers is None:
            raise Unreadable("The dispatcher does not answer in time.")
        return self.numbers

    async def read_sessions(self, *_: object) -> SessionsSeen:
        if self.sessions is None:
            raise Unreadable("The dispatcher does not answer in time.")
        return self.sessions

    async def read(self, *_: object) -> Reading:
        return self.reading

    def forget(self, *_: object) -> None: ...

    async def close(self) -> None: ...


@asynccontextmanager
async def a_rig(*objects: Json, begun: bool = True, **settings: Any) -> AsyncIterator[Rig]:
    """A rig whose API server holds `objects`, all of them seen, every account open, and the queue of claims too.

    `begun` False: as an operator is that has connected and looked at nothing yet, for `running`.
    """
    story: list[str] = []
    api = ApiDouble(story, clock)
    carriers = {f"{HERE}/{name}": CarrierDouble(story, name) for name in ("main", "spare")}
    async with _a_rig_on(api, carriers, _settings(**settings)) as rig:
        await rig.create(*objects)
        if begun:
            await rig.begin()
        yield rig


@asynccontextmanager
async def restarted(rig: Rig, begun: bool = True) -> AsyncIterator[Rig]:
    """The operator's next process, between the same two doubles; `begun` as in `a_rig`."""
    async with _a_rig_on(rig.api, rig.carriers, rig.services.settings) as again:
        if begun:
            await again.begin()
        yield again


@asynccontextmanager
async def beside(rig: Rig, **settings: Any) -> AsyncIterator[Rig]:
    """Another operator, with settings of its own, between the same two doubles; for `running`."""
    async with _a_rig_on(rig.api, rig.carriers, _settings(**settings)) as other:
        yield other


_SETTINGS: dict[str, Any] = {"installation": INSTALLATION, "identity": "operator-0"}


@cache
def _settings(**given: Any) -> Settings:
    """Read once, since they are frozen: reading them from the environment takes as long as all else of a rig."""
    return Settings(**_SETTINGS | given)


@asynccontextmanager
async def _a_rig_on(api: ApiDouble, carriers: dict[str, CarrierDouble], settings: Settings) -> AsyncIterator[Rig]:
    kube = Kube(api)  # type: ignore[arg-type]  # the double stands for the transport
    opened: dict[str, AccountSettings] = {}

    def open_double(_: str, how: AccountSettings) -> CarrierDouble:
        opened[how.name] = how
        return carriers[how.name]

    with patch("ringfleet.controllers.account_opening.open_carrier", open_double):
        async with build_services(kube, settings, clock, now) as services:
            yield Rig(api, kube, services, api.story, carriers, opened)


def _empty_queues(services: Services) -> None:
    """Forget who was woken, without letting time pass."""
    queues = services.queues
    queues.intents, queues.spanning, queues.claims = WorkQueue[Key](), WorkQueue[Key](), WorkQueue[Key](debounce=0.0)
    queues.lanes.clear()


async def _relist(informer: Informer[Any], kube: Kube, kind: str) -> None:
    page = await kube.list_all(RESOURCES[kind])
    informer.store.learn_list_ended(None, informer.store.learn_page(page.items), int(page.resource_version))
    assert len(informer.store) == len(page.items), f"a {kind} of the test is not understood"


async def _follow_intent(services: Services, kind: str, misses_deletions: bool) -> None:
    """What Kopf does with one kind, without Kopf."""
    while True:
        page = await services.kube.list_all(RESOURCES[kind])
        for obj in filter(partial(_is_served, services), page.items):
            services.fleet.learn(kind, obj)
            services.intent_watches.heard(kind)
        with suppress(KubeError):
            async with aclosing(services.kube.watch(RESOURCES[kind], None, page.resource_version)) as events:
                async for change, obj in events:
                    if change is Change.BOOKMARK or not _is_served(services, obj):
                        continue
                    if change is not Change.DELETED or not misses_deletions:
                        services.fleet.learn(kind, obj, deleted=change is Change.DELETED)
                        services.intent_watches.heard(kind)


def _is_served(services: Services, obj: Json) -> bool:
    served = services.settings.namespaces
    return not served or obj["metadata"]["namespace"] in served


def _namespace(obj: Json) -> str | None:
    return None if obj["kind"] in _CLUSTER_WIDE else obj["metadata"].get("namespace", HERE)


# Objects. Each builder gives a whole one; a test names only what matters.

MARKET = {"country": "US", "type": "Geographic", "areaCodes": ["415"]}
READY_NOW = {"type": "Ready", "status": "True", "reason": "NoRoutingWanted", "message": "No routing is wanted."}


def an_object(kind: str, name: str, spec: Json, status: Json | None = None, **metadata: object) -> Json:
    return {"kind": kind, "metadata": {"name": name, **metadata}, "spec": spec, "status": status or {}}


def a_secret(name: str = "token", **data: str) -> Json:
    encoded = {key: b64encode(value.encode()).decode() for key, value in (data or {"token": "tok"}).items()}
    return {"kind": "Secret", "metadata": {"name": name}, "data": encoded}


def an_account(name: str = "main", **spec: object) -> Json:
    return an_object("CarrierAccount", name, {"provider": "DIDHub", "credentialsSecretRef": {"name": "token"}, **spec})


def a_pool(target: int = 2, name: str = "west", status: Json | None = None, **spec: object) -> Json:
    wish = {"market": MARKET, "carriers": [{"accountRef": {"name": "main"}}], "size": {"target": target}, **spec}
    return an_object("NumberPool", name, wish, status)


def an_order(count: int = 2, sequence: int = 1, status: Json | None = None, **spec: object) -> Json:
    """An order as its pool creates it."""
    wish = {
        "poolRef": {"name": "west"},
        "accountRef": {"name": "main", "namespace": HERE},
        "sequence": sequence,
        "market": MARKET,
        "count": count,
        **spec,
    }
    labels = {POOL_LABEL: "west", ACCOUNT_LABEL: "main"}
    return an_object("NumberOrder", f"west-{sequence}", wish, status, labels=labels, finalizers=[ORDER_FINALIZER])


def a_number(n: int = 1, phase: str = "Available", status: Json | None = None, **spec: object) -> Json:
    """A number that is settled: nothing is to be done about it, and it is free when it is available."""
    known = {
        "phase": phase,
        "externalId": f"did-{n}",
        "areaCode": "415",
        "capabilities": ["Voice"],
        "price": {"monthly": "2", "setup": "1", "currency": "USD"},
        "observedGeneration": 1,
        "conditions": [{**READY_NOW, "lastTransitionTime": later(-3600)}],
        **({"freeSince": later(-3600)} if phase == "Available" else {}),
    }
    wish = {"number": digits(n), "accountRef": {"name": "main", "namespace": HERE}, "poolRef": {"name": "west"}, **spec}
    labels = {POOL_LABEL: "west", ACCOUNT_LABEL: "main"}
    return an_object(
        "PhoneNumber", digits(n).digits, wish, known | (status or {}), labels=labels, finalizers=[NUMBER_FINALIZER]
    )


def a_claim(name: str = "desk", status: Json | None = None, guarded: bool = False, **spec: object) -> Json:
    finalizers = [CLAIM_FINALIZER] if guarded else []
    return an_object("NumberClaim", name, {"poolRef": {"name": "west"}, **spec}, status, finalizers=finalizers)


def a_profile(name: str = "sip", **spec: object) -> Json:
    trunk = {"sipTrunk": {"targets": [{"uri": "sip:pbx.example.com"}]}}
    return an_object("RoutingProfile", name, {"voice": trunk, **spec})


def a_told_profile(name: str = "sip", account: str = "main", **spec: object) -> Json:
    """A profile that an account was told as it is; the carrier double holds it only when a test puts it there."""
    profile = a_profile(name, **spec)
    parsed = RoutingProfile.parse({**profile, "metadata": {"name": name, "namespace": HERE, "uid": "any"}})
    told = Told(f"at-carrier/{name}", content_hash(routing_of(parsed, INSTALLATION)))
    there = {AccountKey(HERE, account): told}
    accounts = [one.as_dict() for one in told_status(there)]
    return {**profile, "status": {"accounts": accounts, "memory": told_notes(there).as_dict()}}


def a_quota(name: str = "month", **limits: object) -> Json:
    return an_object("NumberQuota", name, {"limits": limits})


def a_set(size: int = 2, name: str = "calls", **spec: object) -> Json:
    wish = {"channel": "Voice", "pools": [{"name": "west"}], "size": size, "ramp": {"days": 0}, **spec}
    return an_object("RotationSet", name, wish)


def a_service(name: str = "rides", **spec: object) -> Json:
    return an_object("ProxyService", name, {"channels": ["Voice"], "pools": [{"name": "west"}], **spec})


HOUSE = (a_secret(), an_account())
"""What every turn but the account's own takes for granted."""
