"""What a controller works with: one of each for a process, built once, by `Services`.

::

    fleet          what is known                        status        how a status is written
    queues         who waits for a turn                 accounts      open carrier accounts
    claim_queue    which claim gets which free number   quotas        what tenants use, and may use
    namespaces     which are being deleted              dispatcher    what the dispatchers tell of traffic
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ringfleet.controllers.adoption_book import AdoptionBook
from ringfleet.controllers.carrier_clients import Accounts
from ringfleet.controllers.claim_bundles import ClaimBundles
from ringfleet.controllers.claim_queue import ClaimQueue
from ringfleet.controllers.dispatcher_client import Dispatcher
from ringfleet.controllers.emergency_addresses import EmergencyAddresses
from ringfleet.controllers.fleet import INTENTS, Fleet
from ringfleet.controllers.intent_watches import IntentWatches
from ringfleet.controllers.lasting_errors import LastingErrors
from ringfleet.controllers.leadership import Leadership
from ringfleet.controllers.meter import Meter, Unmetered
from ringfleet.controllers.namespaces import Namespaces
from ringfleet.controllers.needy_numbers import NeedyNumbers
from ringfleet.controllers.queues import Queues
from ringfleet.controllers.quota_usage import Quotas
from ringfleet.controllers.status_writer import StatusWriter
from ringfleet.controllers.traffic_book import TrafficBook
from ringfleet.kube.client import Kube
from ringfleet.kube.events import EventRecorder
from ringfleet.kube.informer import Informer
from ringfleet.kube.lease import LeaseLock
from ringfleet.model import AccountKey, Holding
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key
from ringfleet.plan.answer_rate import Trend
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.rotation_set.seen import HealthSeen
from ringfleet.settings import Settings


@dataclass(slots=True)
class Services:
    """See the module. It holds; what is done with it is done by functions."""

    kube: Kube
    settings: Settings
    installation: str
    """The id in our marks at carriers."""
    number_informer: Informer[NumberRecord]
    claim_informer: Informer[ClaimRecord]
    freeze_informer: Informer[Freeze]
    clock: Callable[[], datetime]
    """The time, in UTC."""
    monotonic: Callable[[], float]
    """Seconds that only grow, for delays."""

    accounts: Accounts = field(default_factory=Accounts)
    adoption: AdoptionBook = field(default_factory=AdoptionBook)
    """What the pools ask to adopt, and what the sweeps made of it."""
    meter: Meter = field(default_factory=Unmetered)
    """What counts what is done, for whoever looks at metrics."""
    errors: LastingErrors = field(default_factory=LastingErrors)
    """What has failed again and again, and is said on the objects."""
    pending_observations: dict[ObjectRef, Holding] = field(default_factory=dict)
    """The carrier's latest word on numbers, by their object, which does not say it yet."""
    health: dict[ObjectRef, HealthSeen] = field(default_factory=dict)
    """The dispatcher's latest word on them."""
    traffic: TrafficBook = field(default_factory=TrafficBook)
    """What the dispatcher has told of the numbers of each namespace."""
    trends: dict[Key, Trend] | None = None
    """How the numbers of each set, pool and account are received as a whole; None: nothing was read that is fresh."""
    needy: NeedyNumbers = field(default_factory=NeedyNumbers)
    """The numbers that had something to do when they were last looked at."""
    found_going: set[str] = field(default_factory=set)
    """The uids of numbers that were asked to go while no operator looked; the breaker counts them."""
    moving: Counter[AccountKey | ObjectRef] = field(default_factory=Counter)
    """For how many purchases and releases of an account, or of a pool, a carrier is called at this moment, which no
    freeze stops any more."""
    gone_orders: dict[str, int] = field(default_factory=dict)
    """By the uid of a pool, the sequence of its last order, when that was looked for live and is gone."""
    arrivals: dict[str, datetime] = field(default_factory=dict)
    """When a claim, by uid, was first seen: its time to bind counts from then."""
    untold: set[str] = field(default_factory=set)
    """The uids of claims that were bound, of which no event tells yet: it follows when no other is being bound."""
    put_off: dict[Key, float] = field(default_factory=dict)
    """Whose turn gives way to the bindings of claims, and since when, by `monotonic`; see `after_rush.py`."""

    fleet: Fleet = field(init=False)
    intent_watches: IntentWatches = field(init=False)
    queues: Queues = field(init=False)
    status: StatusWriter = field(init=False)
    leases: LeaseLock = field(init=False)
    leadership: Leadership = field(init=False)
    quotas: Quotas = field(init=False)
    claim_bundles: ClaimBundles = field(init=False)
    emergency: EmergencyAddresses = field(init=False)
    claim_queue: ClaimQueue = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    namespaces: Namespaces = field(init=False)

    def __post_init__(self) -> None:
        numbers, claims, settings = self.number_informer.store, self.claim_informer.store, self.settings
        freezes = self.freeze_informer.store
        self.fleet = Fleet(settings.namespaces, self.installation, numbers, claims, freezes, self.clock)
        self.fleet.same_account = self.accounts.identities.same_as
        self.intent_watches = IntentWatches((model.__name__ for model in INTENTS), self.monotonic)
        self.queues = Queues(settings, self.fleet.account_of, self.accounts.identities.of)
        events = EventRecorder(self.kube, settings.identity)
        self.status = StatusWriter(self.kube, self.fleet, events, self.errors, self.clock)
        self.leases = LeaseLock(self.kube, self.monotonic)
        self.leadership = Leadership(self.leases, settings, self.monotonic)
        self.quotas = Quotas(self.fleet, self.clock)
        wake_claim, wake_pool = self.queues.wake_claim, self.queues.wake_pool
        self.emergency = EmergencyAddresses(self.fleet, self.kube, self.installation)
        self.claim_bundles = ClaimBundles(self.fleet, self.accounts, self.clock)
        self.claim_queue = ClaimQueue(
            self.fleet, self.quotas, self.claim_bundles, wake_claim, wake_pool, self.clock, self.monotonic
        )
        self.namespaces = Namespaces(self.kube, self.monotonic)
        self.dispatcher = Dispatcher(settings, self.clock, self.monotonic)
