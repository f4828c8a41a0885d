"""What the dispatcher knows of the cluster: rotation sets, their claims and numbers, by watches of its own.

::

    RotationSet  --\\
    NumberClaim  ----> who is a member, of which set --> the roster of a day --> ledger.enlist
    PhoneNumber  --/
    ProxyService ----> the same claims and numbers --> what new sessions choose from

What is frozen is followed too: the ConfigMap that freezes everything, pools and accounts. Before it was looked for
nothing is picked; while the API server is away, what was frozen last stays so.

A member is the number of a claim that the set owns: the label alone, which anybody may write, makes none. While the API
server is away the copies stay, picks go on, and `age` says how old they are. Rosters are made anew when something has
changed, and when a day begins that nobody has asked about before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from heapq import nsmallest
from typing import Any

import structlog

from ringfleet.api import CarrierAccount, NumberClaim, NumberPool, PhoneNumber, ProxyService, RotationSet
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable
from ringfleet.dispatch.ledger.session_types import ProxyNumber, Service
from ringfleet.dispatch.ledger.types import Limit, Per, Roster, Terms
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError
from ringfleet.kube.informer import Informer
from ringfleet.model import E164, Capability
from ringfleet.model.geography import locate
from ringfleet.model.refs import ObjectRef
from ringfleet.model.rotation import Channel
from ringfleet.objects.freeze import FREEZE_NAME, freeze_of, freeze_of_all
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord, project_number
from ringfleet.objects.proxy_service import is_usable, proxy_want
from ringfleet.objects.refs import CARRIER_ACCOUNTS, CONFIG_MAPS, NUMBER_POOLS, resource_of
from ringfleet.objects.rotation_set import member_seen, rotation_want
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.proxy_service.plan import ProxyWant
from ringfleet.plan.rotation_set.calendar import Window, misnamed_zone, window
from ringfleet.plan.rotation_set.guardrails import RotationWant, everywhere_in
from ringfleet.plan.rotation_set.roster import Day, MemberSeen, Sender, ask_tiers, enlist, senders_of

RETRY_SECONDS = 1.0
"""After which a roster is written again that the ledger could not take in."""

log = structlog.get_logger(__name__)

NOBODY = Day((), ())


@dataclass(frozen=True, slots=True)
class AskParts:
    """What every ask to a set has alike, reckoned once: each of it would take a microsecond a pick."""

    set: str
    scopes: tuple[str, ...]
    sticky_ttl: float
    max_wait: float
    room_kept: float
    reply_window: float
    frequency: tuple[int, float] | None

    @classmethod
    def of(cls, want: RotationWant) -> AskParts:
        often = want.terms.frequency
        return cls(
            set=want.key,
            scopes=want.looks_in,
            sticky_ttl=want.sticky_ttl.total_seconds(),
            max_wait=want.max_wait.total_seconds(),
            room_kept=want.room_kept.total_seconds(),
            reply_window=want.reply_window.total_seconds(),
            frequency=(often.contacts, often.window.total_seconds()) if often.contacts else None,
        )


Seen = dict[tuple[str, E164], tuple[ClaimRecord, NumberRecord, MemberSeen]]
"""Members by the uid of the claim and the number, each with the records that say so."""


@dataclass(slots=True)
class SetView:
    """One set as picks need it. `day` is that of its roster in the ledger; None before the first. `fault`: what of the
    set makes no sense, so that nothing can be picked from it."""

    want: RotationWant
    fault: str | None = None
    day: date | None = None
    roster: Day = NOBODY
    attestations: Mapping[str, str | None] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()
    freeze: Freeze | None = None
    """What freezes its numbers, all of them; None: nobody has, or some may be picked."""
    seen: Seen = field(default_factory=dict)
    """Its members as they were seen last."""
    asks: AskParts = field(init=False)
    _tiers: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    _window: Window | None = None

    def __post_init__(self) -> None:
        self.asks = AskParts.of(self.want)

    def tiers(self, places: tuple[str, ...]) -> tuple[str, ...]:
        """Where numbers are looked for, for a recipient at `places`."""
        found = self._tiers.get(places)
        if found is None:
            found = self._tiers[places] = ask_tiers(self.want, places)
        return found

    def window(self, now: float) -> Window:
        """The windows of now; kept for the hour."""
        known = self._window
        if known is None or not known.now <= now < min(known.hour_ends, known.tomorrow):
            known = self._window = window(now, self.want.zone)
        return known

    @property
    def unfit(self) -> Counter[str]:
        """How many members are used for nobody, by reason."""
        return Counter(str(why) for _, why in self.roster.unfit)


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One proxy service as new sessions need it."""

    service: Service
    suspended: bool


class Inventory:
    """See the module. `run` follows; `view` looks a set up."""

    def __init__(
        self,
        kube: Kube,
        ledger: Ledger,
        clock: Clock,
        namespaces: Collection[str] | None = None,
        system_namespace: str = "ringfleet-system",
        supply: Collection[str] | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._views: dict[ObjectRef, SetView] = {}
        self._services: dict[ObjectRef, ServiceView] = {}
        self._dirty: set[ObjectRef] = set()
        self._senders: dict[ObjectRef, tuple[str, tuple[Sender, ...]]] = {}
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._taken = asyncio.Event()
        ledger.on_taken(self._taken.set)
        self.synced = asyncio.Event()
        self.sets: Informer[RotationWant] = Informer(
            kube, resource_of(RotationSet), _project_set, namespaces=namespaces
        )
        self.claims: Informer[ClaimRecord] = Informer(
            kube,
            resource_of(NumberClaim),
            _project_claim,
            namespaces=namespaces,
            indexes={"set": _set_of, "service": _service_of, "uid": lambda claim: [claim.uid]},
        )
        self.services: Informer[ProxyWant] = Informer(
            kube, resource_of(ProxyService), lambda obj: proxy_want(ProxyService.parse(obj)), namespaces=namespaces
        )
        self.numbers: Informer[NumberRecord] = Informer(
            kube,
            resource_of(PhoneNumber),
            project_number,
            namespaces=supply,
            indexes={
                "claim": lambda number: [number.claim.uid] if number.claim else [],
                "number": lambda number: [number.number],
                "namespace": lambda number: [number.namespace],
            },
        )
        self.freezes: Informer[Freeze] = Informer(
            kube, CONFIG_MAPS, freeze_of_all, namespaces=[system_namespace], name=FREEZE_NAME
        )
        self.frozen_pools: Informer[Freeze] = Informer(
            kube, NUMBER_POOLS, lambda obj: freeze_of(NumberPool.parse(obj)), namespaces=supply
        )
        self.frozen_accounts: Informer[Freeze] = Informer(
            kube, CARRIER_ACCOUNTS, lambda obj: freeze_of(CarrierAccount.parse(obj)), namespaces=supply
        )
        self._informers: tuple[Informer[Any], ...] = (
            *(self.sets, self.services, self.claims, self.numbers),
            *(self.freezes, self.frozen_pools, self.frozen_accounts),
        )
        for frozen in (self.frozen_pools, self.frozen_accounts):
            frozen.store.subscribe(self._on_freeze)
        self.sets.store.subscribe(self._on_set)
        self.services.store.subscribe(self._on_service)
        self.claims.store.subscribe(self._on_claim)
        self.numbers.store.subscribe(self._on_number)

    # Looking.

    def view(self, namespace: str, name: str) -> SetView | None:
        return self._views.get(ObjectRef(namespace, name))

    def service(self, namespace: str, name: str) -> ServiceView | None:
        """The proxy service with its numbers; made anew when something has changed. None: there is none that is
        known."""
        key = ObjectRef(namespace, name)
        view = self._services.get(key)
        if view is None and (want := self.services.store.get(key)) is not None and self.synced_informers():
            view = self._services[key] = ServiceView(service_of(want, self._numbers_of(want)), want.suspended)
        return view

    def freeze_of_everything(self) -> Freeze | None:
        """What keeps everybody from any number."""
        return next(iter(self.freezes.store.values()), None)

    def age(self) -> float:
        """Seconds since the API server was last heard of; infinite before it was."""
        return max(informer.age() for informer in self._informers)

    def freeze_of(self, view: SetView) -> Freeze | None:
        """What keeps every pick from the set."""
        return self.freeze_of_everything() or view.freeze

    def sets_of(self, number: E164) -> list[RotationWant]:
        """The sets that the number is a member of: one, when all is well."""
        claims = [
            claim
            for record in self.numbers.store.by("number", number)
            if record.claim
            for claim in self.claims.store.by("uid", record.claim.uid)
        ]
        keyed = [(claim, ObjectRef(claim.namespace, claim.rotation.name)) for claim in claims if claim.rotation]
        sets = [(claim, self.sets.store.get(key)) for claim, key in keyed]
        return [want for claim, want in sets if want is not None and claim.is_of(want.uid)]

    def owned_in(self, namespace: str, after: str, limit: int) -> list[tuple[str, str]]:
        """The numbers of a namespace that follow on `after`, each with the account that owns it, by number."""
        records = self.numbers.store.by("namespace", namespace)
        owned = {(str(record.number), str(record.account)) for record in records if record.number > after}
        return nsmallest(limit, owned)

    # Following.

    async def run(self) -> None:
        """Follow until cancelled. `synced` is set when everything is listed and every roster is in the ledger."""
        async with asyncio.TaskGroup() as group:
            for informer in self._informers:
                group.create_task(informer.run())
            group.create_task(self._list_when_taken())
            for informer in self._informers:
                await informer.synced.wait()
            while True:
                await self._enlist_dirty()
                if not self._dirty:
                    self.synced.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS if self._dirty else None):
                        await self._wake.wait()
                self._wake.clear()

    async def _list_when_taken(self) -> None:
        """Our copies may be older than those of who owned the ledger before: they count again when all was listed."""
        while True:
            await self._taken.wait()
            self._taken.clear()
            try:
                for informer in self._informers:
                    await informer.list_again()
            except KubeError as error:
                log.warning("the ledger is ours, and its rosters are the last ones: not listed", error=str(error))
                self._taken.set()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._ledger.trust_rosters()
            for key in self._views:
                self._soil(key)

    async def enter_day(self, view: SetView, day: date) -> None:
        """Have the roster of `day` in the ledger before anybody picks on it.

        Raises:
            LedgerUnavailable: it can't be written.
        """
        if view.day is None or view.day < day:
            async with self._turn:
                if view.day is None or view.day < day:
                    await self._enlist(view, day)

    async def _enlist_dirty(self) -> None:
        while self._dirty and self.synced_informers():
            key = self._dirty.pop()
            want = self.sets.store.get(key)
            if want is None:
                self._note_senders(key, "", ())
                view = self._views.pop(key, None)
                if view is not None and view.day is not None:
                    terms = replace(terms_of(view.want), limits=(), people="", zone="UTC")  # it binds nobody now
                    await self._try(key, Roster(view.want.key, view.day.toordinal(), (), terms))
                continue
            view = self._views.get(key)
            if view is None or view.want != want:
                view = self._views[key] = _anew(want, view)
            if view.fault is not None:
                log.warning("set not understood", set=want.key, fault=view.fault)
                continue
            async with self._turn:
                try:
                    await self._enlist(view, view.window(self._clock.now()).day)
                except LedgerUnavailable as error:
                    log.warning("roster not written", set=view.want.key, error=str(error))
                    self._dirty.add(key)
                    return

    def synced_informers(self) -> bool:
        """Whether everything was listed once: before, an absent record means nothing."""
        return all(informer.synced.is_set() for informer in self._informers)

    async def _try(self, key: ObjectRef, roster: Roster) -> None:
        try:
            await self._ledger.enlist(roster)
        except LedgerUnavailable as error:
            log.warning("roster not written", set=roster.set, error=str(error))
            self._dirty.add(key)

    async def _enlist(self, view: SetView, day: date) -> None:
        if view.day is not None:
            day = max(day, view.day)  # a zone to the west has the day before: the ledger goes by the one it has begun
        found = self._members(view)
        seen = [replace(member, frozen=True) if freeze else member for member, freeze in found]
        key = ObjectRef(view.want.namespace, view.want.name)
        self._note_senders(key, view.want.campaign, senders_of(view.want, seen))
        others = self._senders_beside(key, view.want.campaign)
        roster = enlist(view.want, seen, day, lambda number: locate(number).places, others, view.roster)
        accounts = frozenset(one.account for one in seen)
        view.accounts |= accounts  # while one roster takes the other's place, a pick may find a number of either
        terms = terms_of(view.want, self._heir_of(view.want))
        await self._ledger.enlist(Roster(view.want.key, day.toordinal(), roster.members, terms))
        view.day, view.roster, view.accounts = day, roster, accounts
        freezes = [freeze for _, freeze in found]
        view.freeze = freezes[0] if freezes and all(freezes) else None
        view.attestations = {one.number: one.attestation for one in seen}

    def _note_senders(self, key: ObjectRef, campaign: str, senders: tuple[Sender, ...]) -> None:
        """A campaign has so many numbers in all its sets: where those of one change, the others are looked at again."""
        before, now = self._senders.get(key, ("", ())), (campaign, senders if campaign else ())
        if before == now:
            return
        self._senders[key] = now
        for other, (of, _) in self._senders.items():
            if other != key and of and of in (before[0], campaign):
                self._soil(other)

    def _senders_beside(self, key: ObjectRef, campaign: str) -> list[Sender]:
        there = [
            senders for other, (of, senders) in self._senders.items() if campaign and of == campaign and other != key
        ]
        return [one for senders in there for one in senders]

    def _members(self, view: SetView) -> list[tuple[MemberSeen, Freeze | None]]:
        """The numbers that claims of the set hold, each with what freezes it."""
        want, before = view.want, view.seen
        labelled = self.claims.store.by("set", (want.namespace, want.name))
        claims = [claim for claim in labelled if claim.is_of(want.uid)]
        held = [(claim, number) for claim in claims for number in self.numbers.store.by("claim", claim.uid)]
        view.seen = {(claim.uid, number.number): _see(claim, number, before) for claim, number in held}
        return [(member, self._freeze_of_number(number)) for _, number, member in view.seen.values()]

    def _numbers_of(self, want: ProxyWant) -> list[ProxyNumber]:
        """The numbers that claims of the service hold. One that is frozen is given to nobody new."""
        labelled = self.claims.store.by("service", (want.namespace, want.name))
        claims = [claim for claim in labelled if claim.is_of_service(want.uid)]
        held = [(claim, number) for claim in claims for number in self.numbers.store.by("claim", claim.uid)]
        return [
            proxy_number(claim, number, want, frozen=self._freeze_of_number(number) is not None)
            for claim, number in sorted(held, key=lambda pair: pair[1].number)
        ]

    def _heir_of(self, want: RotationWant) -> tuple[str, ...]:
        """The sets of its brand that are no more and whose numbers it has: it is one of them, renamed."""
        brand = want.messaging.brand if want.messaging else None
        claims = [one for one in self.claims.store.by("set", (want.namespace, want.name)) if one.is_of(want.uid)]
        had = {
            one.last_claim for claim in claims for one in self.numbers.store.by("claim", claim.uid) if one.last_claim
        }
        names = {one.rotation for one in had if one.rotation and (one.namespace, one.tenant) == (want.namespace, brand)}
        gone = (name for name in names if self.sets.store.get(ObjectRef(want.namespace, name)) is None)
        return tuple(sorted(f"{want.namespace}/{name}" for name in gone))

    def _freeze_of_number(self, number: NumberRecord) -> Freeze | None:
        of_account = self.frozen_accounts.store.get(ObjectRef(number.account.namespace, number.account.name))
        return of_account or (self.frozen_pools.store.get(number.pool_ref) if number.pool_ref else None)

    # Hearing.

    def _on_set(self, key: ObjectRef, _: RotationWant | None, __: RotationWant | None) -> None:
        self._soil(key)

    def _on_freeze(self, _: ObjectRef, __: Freeze | None, ___: Freeze | None) -> None:
        """It comes seldom, and which sets it concerns is found out when their rosters are made."""
        for key in self._views:
            self._soil(key)
        self._services.clear()

    def _on_service(self, key: ObjectRef, _: ProxyWant | None, __: ProxyWant | None) -> None:
        self._services.pop(key, None)

    def _on_claim(self, _: ObjectRef, old: ClaimRecord | None, new: ClaimRecord | None) -> None:
        for claim in (old, new):
            if claim is not None and claim.service is not None:
                self._services.pop(ObjectRef(claim.namespace, claim.service.name), None)
            if claim is not None and claim.rotation is not None:
                self._soil(ObjectRef(claim.namespace, claim.rotation.name))

    def _on_number(self, _: ObjectRef, old: NumberRecord | None, new: NumberRecord | None) -> None:
        for record in (old, new):
            if record is not None and record.claim is not None:
                for claim in self.claims.store.by("uid", record.claim.uid):
                    if not self._is_the_same(claim, old, new):
                        self._on_claim(ObjectRef(claim.namespace, claim.name), None, claim)

    def _is_the_same(self, claim: ClaimRecord, old: NumberRecord | None, new: NumberRecord | None) -> bool:
        """Whether a change of the number is none for picks: most of what is written to numbers is their usage."""
        if old is None or new is None or (old.claim, old.pool_ref) != (new.claim, new.pool_ref):
            return False
        if claim.rotation is None:
            can, could = ((is_usable(claim, one), one.account, one.capabilities) for one in (new, old))
            return can == could
        return member_seen(claim, old) == member_seen(claim, new)

    def _soil(self, key: ObjectRef) -> None:
        self._dirty.add(key)
        self._wake.set()


def _see(claim: ClaimRecord, number: NumberRecord, before: Seen) -> tuple[ClaimRecord, NumberRecord, MemberSeen]:
    """The same as before, where both records are: most numbers of a large set are."""
    known = before.get((claim.uid, number.number))
    if known is not None and known[0] is claim and known[1] is number:
        return known
    return claim, number, member_seen(claim, number)


def service_of(want: ProxyWant, numbers: Iterable[ProxyNumber]) -> Service:
    """The service as the law of sessions knows it."""
    return Service(
        key=want.key,
        numbers=tuple(numbers),
        channels=want.channels,
        level=want.level,
        strict=want.strict,
        per_number=want.bounds.per_number,
        selection=want.selection,
        ttl=want.ttl.total_seconds(),
        longest=want.longest.total_seconds(),
        quarantine=want.quarantine.total_seconds(),
        retention=want.retention.total_seconds(),
        scopes=(everywhere_in(want.namespace),),
    )


def proxy_number(claim: ClaimRecord, number: NumberRecord, want: ProxyWant, *, frozen: bool) -> ProxyNumber:
    """A number that a claim of the service holds."""
    assert claim.service is not None
    leaves = claim.service.draining or claim.deleting
    return ProxyNumber(
        number=str(number.number),
        account=str(number.account),
        channels=frozenset(one for one in Channel if Capability(one.value) in (number.capabilities or {*Capability})),
        places=locate(number.number).places,
        reserved=number.number in want.reserved,
        draining=leaves or frozen or not is_usable(claim, number),
    )


def terms_of(want: RotationWant, heir_of: tuple[str, ...] = ()) -> Terms:
    """What the ledger's owner has to know of the set."""
    messaging = want.messaging if want.channel is Channel.SMS else None
    units = messaging.segments if messaging else 1
    limits, people, zone = _limits(want), want.people, want.zone
    return Terms(want.looks_in, limits, units, people, zone, heir_of, want.scopes[1])


def _limits(want: RotationWant) -> tuple[Limit, ...]:
    """Those of its brand, and of its campaign: the set's own, when it names none."""
    messaging = want.messaging if want.channel is Channel.SMS else None
    if messaging is None:
        return ()
    brand = f"{want.namespace}/{messaging.brand}"
    campaign = f"campaign:{brand}/{messaging.campaign}" if messaging.campaign else f"set:{want.key}"
    return (
        *((Limit(f"brand:{brand}", Per.DAY, messaging.daily_limit),) if messaging.daily_limit else ()),
        *((Limit(campaign, Per.MINUTE, messaging.per_minute),) if messaging.per_minute else ()),
    )


def _anew(want: RotationWant, before: SetView | None) -> SetView:
    """The view of a set that has changed. Its members are the same until they are enlisted again."""
    misnamed = misnamed_zone(want)
    fault = f"{misnamed} is no time zone, such as Europe/Berlin" if misnamed else None
    if before is None:
        return SetView(want, fault)
    return SetView(want, fault, before.day, before.roster, before.attestations, before.accounts, before.freeze)


def _project_set(obj: dict[str, Any]) -> RotationWant:
    return rotation_want(RotationSet.parse(obj))


def _project_claim(obj: dict[str, Any]) -> ClaimRecord | None:
    claim = project_claim(obj)
    return claim if claim.rotation is not None or claim.service is not None else None


def _service_of(claim: ClaimRecord) -> list[tuple[str, str]]:
    return [(claim.namespace, claim.service.name)] if claim.service else []


def _set_of(claim: ClaimRecord) -> list[tuple[str, str]]:
    return [(claim.namespace, claim.rotation.name)] if claim.rotation else []
