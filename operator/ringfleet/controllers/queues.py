"""The keys that wait for a turn: in the central queue, in that of claims, or where a carrier may be awaited.

::

    pools, quotas, sets, counts --> intents     awaits no carrier
    profiles                    --> intents     each account is told them in its lane
    claims                      --> claims      so that nothing ever holds a claim up; keys only: which claim gets
                                                which number is the claim queue (`controllers/claim_queue.py`)
    accounts, orders, numbers   --> a lane for each account (`controllers/account_lane.py`)
    bundles                     --> spanning    they are filed at several accounts: each has a worker of its own
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from ringfleet.controllers.account_lane import Lane, Turnstile
from ringfleet.kube.queue import Handler, Later, WorkQueue
from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key
from ringfleet.settings import Settings

LONGEST_SLEEP = timedelta(hours=1)
"""No key sleeps for longer. A timer runs by a clock that stands still while a machine is suspended, and the hours of
objects by one that may be set: a look too early costs next to nothing, and sleeps on."""
CATALOG_DELAY = 10.0
"""Seconds until an account that has become usable, or has got a new pool, is searched for the memory's sake."""
POOL_DELAY = 0.5
"""Seconds in which the changes of a pool's numbers and claims, and of its own status, are gathered into one look at the
pool."""


def seconds_until(moment: datetime | None, now: datetime) -> float | None:
    """How long a key sleeps that is to be looked at then; None when it is not."""
    return None if moment is None else max(0.0, min(moment - now, LONGEST_SLEEP).total_seconds())


AccountOf = Callable[[Key], AccountKey | None]
"""The carrier account that an object is of: itself, that of a number or order; None for what is of none, or is gone."""

IdentityOf = Callable[[AccountKey], Hashable]
"""What all objects of one account at the carrier have in common; None: nobody knows which account it is."""


class Queues:
    """See the module. `delay` is in seconds."""

    def __init__(self, settings: Settings, account_of: AccountOf, identity_of: IdentityOf = lambda _: None) -> None:
        self.intents = WorkQueue[Key](workers=settings.workers)
        self.spanning = WorkQueue[Key](workers=_ALL_OF_THEM)
        self.claims = WorkQueue[Key](workers=settings.claim_workers, debounce=0.0)
        self.lanes: dict[Hashable, Lane] = {}
        self.naming: defaultdict[str, Turnstile] = defaultdict(Turnstile)
        """Of each namespace, lets one order that names its numbers choose at a time, at whatever account: no money is
        set aside for it before, so that two would see the same room."""
        self._settings = settings
        self._account_of = account_of
        self._identity_of = identity_of
        self._running: set[Key] = set()
        self._start: Callable[[WorkQueue[Key], asyncio.Event], object] | None = None

    def __iter__(self) -> Iterator[WorkQueue[Key]]:
        return chain.from_iterable(self.by_name().values())

    def by_name(self) -> dict[str, list[WorkQueue[Key]]]:
        """All queues; those of the lanes together."""
        lanes = self.lanes.values()
        return {
            "intents": [self.intents],
            "spanning": [self.spanning],
            "claims": [self.claims],
            "errands": [lane.errands for lane in lanes],
            "numbers": [lane.numbers for lane in lanes],
        }

    async def run(self, handler: Handler[Key], stop: asyncio.Event) -> None:
        """Run the keys of all queues, and of lanes that come later, until `stop` is set; see `WorkQueue.run`."""
        async with asyncio.TaskGroup() as group:
            self._start = lambda queue, end: group.create_task(queue.run(self._at_home(queue, handler), end))
            try:
                for queue in (self.intents, self.spanning, self.claims):
                    self._start(queue, stop)
                for lane in tuple(self.lanes.values()):
                    self._start_lane(lane)
                await stop.wait()
            finally:
                self._start = None
                for lane in self.lanes.values():
                    lane.ended.set()

    def _start_lane(self, lane: Lane) -> None:
        if self._start:
            lane.ended = asyncio.Event()
            self._start(lane.errands, lane.ended)
            self._start(lane.numbers, lane.ended)

    def _leave(self, identity: Hashable) -> None:
        """End a lane that has no key any more: accounts come and go, and each would leave two queues behind."""
        lane = self.lanes.get(identity)
        if lane and lane.at_rest and self._start:
            del self.lanes[identity]
            lane.ended.set()

    def _at_home(self, queue: WorkQueue[Key], handler: Handler[Key]) -> Handler[Key]:
        """The handler for the keys of one queue. A key whose account has become known meanwhile, as another one than
        before, goes on in that one's lane; in no two lanes it runs at once."""

        async def handle(key: Key) -> float | None:
            if key in self._running:
                return _RUNS_ELSEWHERE
            if self._moves(queue, key, 0.0):
                return None
            self._running.add(key)
            try:
                delay = await handler(key)
            finally:
                self._running.discard(key)
            return None if delay is not None and self._moves(queue, key, delay) else delay

        return handle

    def _moves(self, queue: WorkQueue[Key], key: Key, delay: float) -> bool:
        """Put the key where it belongs, if that is another queue. One whose object is gone ends where it is."""
        home = self._queue_of(key)
        if home is None or home is queue:
            return False
        home.add(key, delay)
        return True

    def lane(self, account: AccountKey) -> Lane:
        """The lane of an account, from its first key on."""
        identity = self._identity_of(account) or account
        lane = self.lanes.get(identity)
        if lane is None:
            settings = self._settings
            lane = Lane(settings.account_workers, settings.number_workers, partial(self._leave, identity))
            self.lanes[identity] = lane
            self._start_lane(lane)
        return lane

    def add(self, key: Key, delay: float = 0.0, *, at_once: bool = False) -> None:
        """Put a key where it belongs. An order or a number that is not there any more has nothing left to do."""
        if queue := self._queue_of(key):
            queue.add(key, delay, at_once=at_once)

    def _queue_of(self, key: Key) -> WorkQueue[Key] | None:
        if key.kind == "NumberClaim":
            return self.claims
        if key.kind in SPANNING:
            return self.spanning
        if key.kind not in IN_LANES:
            return self.intents
        account = self._account_of(key)
        return self.lane(account).queue_of(key.kind) if account else None

    def wake(self, kind: str, namespace: str, name: str, delay: float = 0.0) -> None:
        """Let an object have a turn."""
        self.add(Key(kind, namespace, name), delay)

    def wake_pool(self, pool: ObjectRef) -> None:
        """Soon: what happens to its numbers and claims meanwhile is seen in the same look."""
        self.wake("NumberPool", pool.namespace, pool.name, POOL_DELAY)

    def wake_number(self, record: NumberRecord, delay: float = 0.0) -> None:
        key = Key("PhoneNumber", record.namespace, record.name)
        self.lane(record.account).numbers.add(key, delay)

    def wake_claim(self, claim: ClaimRecord) -> None:
        """At once: somebody waits for it."""
        self.claims.add(Key("NumberClaim", claim.namespace, claim.name), at_once=True)

    def wake_order(self, namespace: str, name: str) -> None:
        """At once: it takes over from another one."""
        self.add(Key("NumberOrder", namespace, name), at_once=True)

    def wake_account(self, key: AccountKey) -> None:
        self.wake("CarrierAccount", key.namespace, key.name)

    def wake_requirements(self, key: AccountKey) -> None:
        """Have the account's carrier asked what it requires in the markets that somebody wants to know of. At once: a
        pool waits."""
        self.add(Key("Requirements", key.namespace, key.name), at_once=True)

    def wake_untold(self, key: AccountKey) -> None:
        """Have the account told the routing profiles that it is to know. At once: their numbers wait."""
        self.add(Key("Profiles", key.namespace, key.name), at_once=True)

    def wake_records(self, key: AccountKey) -> None:
        """Have what the account's carrier lists of messages and calls read, as far as it is due."""
        self.add(Key("Records", key.namespace, key.name))

    def wake_catalog(self, key: AccountKey) -> None:
        """Have the account searched for what its pools would search, and what it gave kept. Later: orders go first, and
        what they search is remembered too."""
        self.add(Key("Catalog", key.namespace, key.name), CATALOG_DELAY)


_RUNS_ELSEWHERE = Later(1.0)
"""Seconds until a key is looked at again that still runs in the lane that its account had before."""
IN_LANES = frozenset({"CarrierAccount", "Catalog", "NumberOrder", "PhoneNumber", "Profiles", "Records", "Requirements"})
"""The kinds whose turns await the carrier of one account."""
SPANNING = frozenset({"ComplianceBundle"})
"""The kinds whose turns may await the carriers of several accounts."""
_ALL_OF_THEM = 1_000
"""So many that each has a worker: it waits for one carrier or another, and never for its like."""
