"""`NumberPool`: numbers kept ready to be assigned, the market they come from, and what they may cost."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, ValidationError

from ringfleet.api.compliance_bundle import KeyRef
from ringfleet.api.market import AreaCode, Market, Region, is_region
from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    AccountRef,
    Amount,
    Column,
    Currency,
    Duration,
    ListType,
    LocalRef,
    MicroTime,
    NamespaceList,
    Part,
    Quantity,
    Resource,
    Rule,
    Scale,
    ServiceLevel,
    Share,
    Status,
    Time,
    each_once,
    short_name,
)
from ringfleet.api.number_order import NumberOrderSpec
from ringfleet.model import Capability
from ringfleet.model.policy import DeletionPolicy, ReleaseMode


class PoolCarrier(Part):
    """One account that the pool may order from."""

    account_ref: AccountRef
    """CarrierAccount that the pool may order from."""
    preference: Annotated[int, Field(ge=1, le=100)] | None = None
    """Rank of the account among those of the pool: 1 is asked before 2. Of accounts with one preference the cheaper one
    is asked first: the one where a number costs less in its first twelve months, setup included, on the average of
    those that the order would take there, by what its search has shown in the last fifteen minutes. An account that
    offers nothing within limits, or in limits.currency, comes last among them: prices in two currencies are not
    compared (condition PriceUnknown). Give one to every account, or to none: then the order of the list counts."""


class SizeMode(StrEnum):
    FIXED = "Fixed"
    """The target is size.target."""
    FORECAST = "Forecast"
    """Target and low watermark follow burn rate and lead time. The target is never below size.target, and
    spec.limits hold."""


class StockShare(Part):
    """The share of the free numbers that are of one place."""

    rules = (
        Rule("has(self.areaCode) != has(self.region)", "name exactly one place for each share: areaCode or region"),
    )

    area_code: AreaCode | None = None
    """An area code of spec.market."""
    region: Region | None = None
    """A state of the US or a province of Canada, such as CA: all of its area codes that no share before it has."""
    percent: Annotated[int, Field(ge=1, le=100)]
    """Share of size.target, in percent, to one number."""

    @property
    def place(self) -> str:
        return self.area_code or self.region or ""


class Size(Part):
    """How many numbers are kept ready to be assigned, and when more are ordered.

    Supply (status.supply) counts the numbers that are available, that are on their way, and that were asked to go only
    just now or are held (ReleaseFrozen), so that nothing is bought in place of one that may yet stay. When supply
    falls under `min` (the low watermark), numbers are ordered up to `target`. Lowering the target orders nothing, and
    releases nothing by itself: the surplus shows in the status, and goes only with release.mode Automatic.
    `kubectl scale numberpool NAME --replicas=N` sets the target, which counts free numbers; status.replicas counts the
    same.
    """

    rules = (
        Rule(
            "!has(self.min) || self.min <= self.target",
            "size.min (the low watermark) must not be above size.target: lower size.min or raise size.target",
            '"size.min (the low watermark, %d) must not be above size.target (%d): lower size.min or raise size.target"'
            ".format([self.min, self.target])",
            ".min",
        ),
        Rule(
            "!has(self.shares) || self.shares.map(one, one.percent).sum() <= 100",
            "the shares of all places are more than 100 percent together: lower some of them",
            at=".shares",
        ),
        Rule(
            "!has(self.shares) || self.shares.all(one, !has(one.areaCode) || self.shares.exists_one(other, "
            "has(other.areaCode) && other.areaCode == one.areaCode))",
            "an area code has two shares: write one",
            at=".shares",
        ),
        Rule(
            "!has(self.shares) || self.shares.all(one, !has(one.region) || self.shares.exists_one(other, "
            "has(other.region) && other.region == one.region))",
            "a state has two shares: write one",
            at=".shares",
        ),
    )

    mode: SizeMode = SizeMode.FIXED
    """Whether the target is a fixed number or follows the demand."""
    target: Annotated[int, Field(ge=0, le=100_000)]
    """How many free numbers to keep: orders fill status.supply up to this. Assigned, resting and suspended numbers do
    not count, so that the pool grows with each claim: cap it with limits.maxNumbers or limits.monthlyBudget. For 200
    numbers in all, set target and limits.maxNumbers to 200: the pool then says MaxNumbersReached while claims hold
    some. With size.min 1 it is Ready while one is free, and orders only when none is."""
    min: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """The low watermark: nothing is ordered while status.supply is not under it, and the pool is Ready while so many
    are available. The target when left out, so that every number that is assigned is replaced at once; set it lower to
    order fewer, larger batches. With 0 and mode Fixed only claims with onNoStock Order are ordered for."""
    shares: Annotated[tuple[StockShare, ...], Field(max_length=20)] = ()
    """How the free numbers are spread over area codes and states, such as 60 percent of "415" and 40 of "212", so that
    one pool has a local number for every place. What is ordered for the stock brings the place nearest to its share
    that is short of it; what the shares leave of 100 percent is of any place of spec.market. Shares bound orders only:
    nothing is given back for one. Left out: area codes are filled as spec.market.areaCodes lists them."""


class PoolLimits(Part):
    """What the pool may hold and spend. Reserved before the carrier is called, orders on their way included. Limits
    stop orders only: numbers that are there are kept, and renew."""

    max_numbers: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """The most numbers that the pool holds, assigned ones included. It only stops orders: nothing is given back for it,
    and what is there is billed on. No limit when left out."""
    monthly_budget: Amount | None = None
    """The most money for one calendar month in UTC, in major units, such as "250.00": the whole monthly price of every
    number that the pool has, on whatever day it was bought, and the setups of numbers bought in that month. It only
    stops orders: numbers that are there renew and are billed all the same. No limit when left out."""
    max_monthly_price: Amount | None = None
    """The highest monthly price of one number, in major units, such as "3.00"; dearer offers are not taken. No limit
    when left out."""
    max_setup_price: Amount | None = None
    """The highest price of setting up one number, in major units, such as "1.00"; dearer offers are not taken. No limit
    when left out."""
    currency: Currency = "USD"
    """ISO 4217 code of the currency of all amounts in limits, such as USD. Offers in another currency are not taken,
    even where no amount is set, and the pool then says PriceAboveCap: a pool in a market that is billed in EUR has to
    say EUR here."""


class Ordering(Part):
    """How orders are cut."""

    batch_size: Annotated[int, Field(ge=1, le=100)] = 100
    """The most numbers of one NumberOrder."""
    require_approved_bundle: bool | None = None
    """True or left out: where the carrier asks for documents, nothing is ordered before it has approved the compliance
    bundle, so that no number is paid for while it waits. False: numbers are bought all the same, wait at the carrier,
    and are finished when the bundle is approved; after a rejection nothing is bought. One that is not approved by its
    status.documentsDeadline the carrier takes back, and what it has cost is lost. Where the carrier asks for no
    documents, nothing is waited for, whatever this says."""
    history_limit: Annotated[int, Field(ge=1, le=100)] = 10
    """How many finished NumberOrders are kept to be read. One that budget or quota still count from is kept longer."""


class Spread(Part):
    """How the pool is spread over its accounts, so that no carrier's bad day takes all of its numbers."""

    max_share: Share | None = None
    """The most of the pool that one account may have, as a share of all its numbers, assigned ones and those still to
    be ordered included, rounded up to a whole number: with "0.6" and 100 numbers at most 60 are of one account. Orders
    for the others wait while no other account can be ordered from. It only stops orders: nothing is given back for it.
    No limit when left out."""


class TopUpMode(StrEnum):
    AUTOMATIC = "Automatic"
    """Orders run by themselves."""
    MANUAL = "Manual"
    """Orders are written, and wait until a person approves each: `kubectl ringfleet approve norder/NAME`, or the
    annotation ringfleet.dev/approved=true."""


class TopUp(Part):
    """Who decides that an order is sent."""

    mode: TopUpMode = TopUpMode.AUTOMATIC
    """Whether the pool's orders run by themselves."""


class Demand(Part):
    """What is known of the demand. What is left out is measured."""

    burn_rate_per_day: Quantity | None = None
    """How many numbers are assigned a day, such as "12.5". Measured when left out."""
    lead_time: Duration | None = None
    """How long the carrier takes from order to usable number, such as "72h". Measured when left out."""
    service_level: ServiceLevel = Decimal("0.95")
    """The share of order cycles in which the pool does not run dry, from "0.5" to "0.9999"."""


class Capacity(Part):
    """What the numbers must carry. It orders nothing: status.capacity and the condition ChannelsShort are reckoned from
    it."""

    concurrent_calls_per_number: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How many calls one number carries at the same time. Not known when left out."""
    numbers_per_agent: Quantity | None = None
    """How many numbers one agent needs, such as "1.5". An agent is whoever takes the calls, one at a time: a person or
    an AI voice agent. Not known when left out."""


class IdleBy(StrEnum):
    CLAIMS = "Claims"
    """From when the number was free, or from its last call or message after that."""
    TRAFFIC = "Traffic"
    """From the number's last call or message, made or received, also while a claim held it. Of a number of which nobody
    hears, nothing is given back: its CarrierAccount's webhooks must reach the dispatcher, and have told of other
    numbers meanwhile."""


class Reclaim(Part):
    """What happens to a number after its claim has let it go. While it rests, it is billed and is no supply: a pool
    with many short-lived claims buys others meanwhile, until limits.maxNumbers stops it."""

    cooldown: Duration = timedelta(hours=720)
    """How long a number rests after its claim has let it go, before anybody else is assigned it, so that calls for its
    last holder die away. That holder has it back at once: see spec.lastClaimRef of PhoneNumbers."""
    idle_after: Duration | None = None
    """Only for release.mode Automatic, which needs it: how long a number must have been free, neither assigned nor
    resting, and without a call or message that the dispatcher knows of, before it may be given back, such as "720h"."""
    idle_by: IdleBy = IdleBy.CLAIMS
    """From when idleAfter counts for a number that is free."""


class Release(Part):
    """Rules by which surplus numbers are given back to the carrier for good."""

    mode: ReleaseMode = ReleaseMode.NEVER
    """Which numbers of the pool may be given back to the carrier."""
    hold: Duration = timedelta(hours=72)
    """How long a number stays marked for release, and can be taken back, before it is given back."""
    max_per_day: Annotated[int, Field(ge=0, le=10_000)] = 10
    """The most numbers that the pool gives back in one day, in UTC."""


class Adopt(Part):
    """Numbers that the accounts of spec.carriers have already, and that the pool takes in: each that carries nobody's
    mark and is of spec.market gets a PhoneNumber, our mark and the pool's routing. Others are left alone, and
    status.adoption says why. Adopted numbers count as any others: for spec.limits, which stop orders only, and as
    surplus. What is asked for later is adopted too; what is asked for no longer stays in the pool until it is released.
    A number whose PhoneNumber is deleted is adopted again for as long as it is asked for: take it out here first.
    """

    rules = (
        Rule(
            "has(self.numbers) || has(self.match) || has(self.configMapKeyRef)",
            "say which numbers: numbers, match or configMapKeyRef",
        ),
    )

    numbers: Annotated[
        tuple[
            Annotated[
                str,
                Field(max_length=16),
                Rule(
                    r'self.matches("^\\+[1-9][0-9]{6,14}$")',
                    "write the number in E.164 form, a plus sign and digits without spaces, such as +14155550123",
                ),
            ],
            ...,
        ],
        Field(max_length=1_000),
        ListType("set"),
    ] = ()
    """The numbers in E.164 form, such as "+14155550123", each once. For more of them, or as they were pasted, use
    configMapKeyRef."""
    config_map_key_ref: KeyRef | None = None
    """A list in a ConfigMap, as it was pasted: a number a line, or with commas, semicolons or tabs between, with
    spaces, dashes, brackets and a header or without; numbers without a country code are of spec.market.country. It is
    read again every minute; status.adoption.unreadLines are the lines that can't be read."""
    match: Annotated[
        tuple[
            Annotated[
                str,
                Field(min_length=2, max_length=32),
                Rule(
                    r'self.matches("^\\+?[1-9][0-9*?]+$")',
                    "begin the pattern with a country code, and go on with digits, ? or *, such as +1415*",
                ),
            ],
            ...,
        ],
        Field(max_length=20),
        ListType("set"),
    ] = ()
    """Patterns such as "+1415*", or first digits such as "1415". A number that was bought in the last quarter of an
    hour waits, as whoever has bought it may be about to mark it."""
    established: bool = False
    """True: the numbers were in use before, so that a RotationSet does not ramp them up (spec.established of their
    PhoneNumbers). It counts when a number is adopted."""


class DriftPolicy(StrEnum):
    REPAIR = "Repair"
    """The number is given its routing again. A change by hand in the carrier's console, in an emergency too, is undone
    at the next sweep: change the RoutingProfile instead."""
    REPORT = "Report"
    """The number says RoutingDrifted, and is left as it is."""


class NumberPoolSpec(Part):
    """The pool as you want it."""

    rules = (
        Rule(
            "!has(self.limits) || !has(self.limits.maxNumbers) || self.size.target <= self.limits.maxNumbers",
            "size.target must not be above limits.maxNumbers: lower size.target or raise limits.maxNumbers",
            '"size.target (%d) must not be above limits.maxNumbers (%d): lower size.target or raise limits.maxNumbers"'
            ".format([self.size.target, self.limits.maxNumbers])",
            ".size.target",
        ),
        Rule(
            "!has(self.size.shares) || !has(self.market.areaCodes) || self.size.shares.all(one, !has(one.areaCode) || "
            "one.areaCode in self.market.areaCodes)",
            "size.shares names an area code that market.areaCodes does not list: list it there too",
            at=".size.shares",
        ),
        Rule(
            lambda: (
                "!has(self.size.shares) || self.size.shares.all(one, !has(one.region) || "
                f"({is_region('self.market.country', 'one.region')}))"
            ),
            "size.shares names a state that market.country does not have, or that has no area code of its own: write "
            "one such as CA, of the US or of Canada",
            at=".size.shares",
        ),
        Rule(
            '!has(self.deletionPolicy) || self.deletionPolicy != "Release" || '
            '(has(self.release) && has(self.release.mode) && self.release.mode != "Never")',
            "deletionPolicy Release needs release.mode Manual or Automatic: set it, or set deletionPolicy to Retain",
            at=".deletionPolicy",
        ),
        Rule(
            '!has(self.release) || !has(self.release.mode) || self.release.mode != "Automatic" || '
            "(has(self.reclaim) && has(self.reclaim.idleAfter))",
            'release.mode Automatic needs reclaim.idleAfter: say how long a number must have been free, such as "720h"',
            at=".reclaim.idleAfter",
        ),
        Rule(
            "!has(self.spread) || !has(self.spread.maxShare) || "
            "double(self.spread.maxShare) * double(size(self.carriers)) >= 1.0",
            "the shares of all carriers do not make a whole pool: raise spread.maxShare, or list more carriers",
            at=".spread.maxShare",
        ),
        Rule(
            "self.carriers.all(one, has(one.preference)) || !self.carriers.exists(one, has(one.preference))",
            "give a preference to every account, equal ones to those that are to be compared by price, or to none",
            at=".carriers",
        ),
    )

    market: Market
    """What kind of numbers. Country and type can't change."""
    carriers: Annotated[
        tuple[PoolCarrier, ...],
        Field(min_length=1, max_length=10),
        *each_once("an account", ".accountRef"),
    ]
    """The accounts that the pool orders from, the preferred one first; `preference` may rank them otherwise, or let
    the price decide. Each order is of one account, and tries all area codes there: the order of accounts goes before
    that of area codes. The next account is asked while one can't be ordered from (missing, not let in, suspended,
    frozen, down, its bundle not approved, its purchases of the hour used up), and while one rests, ten minutes at most,
    after an order that got too little: no stock, too dear, no money; after one that was refused, an hour at most."""
    size: Size
    limits: PoolLimits = PoolLimits.model_construct()
    spread: Spread = Spread.model_construct()
    ordering: Ordering = Ordering.model_construct()
    top_up: TopUp = TopUp.model_construct()
    demand: Demand = Demand.model_construct()
    capacity: Capacity | None = None
    routing_profile_ref: LocalRef | None = None
    """RoutingProfile of this namespace that every number of the pool gets before it counts as available. Of several
    RoutingProfiles for one number that of its NumberClaim wins, then that of its PhoneNumber, then that of its
    NumberPool; a RotationSet or ProxyService gives its own to its claims."""
    compliance_bundle_ref: LocalRef | None = None
    """ComplianceBundle of this namespace that is attached where a carrier asks for documents; when left out, the one
    that is for this market. Where there are several, name one: nothing is ordered before that (AmbiguousBundle)."""
    reclaim: Reclaim = Reclaim.model_construct()
    release: Release = Release.model_construct()
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """The deletionPolicy that new PhoneNumbers of the pool begin with: what deleting one of them means at the carrier.
    Release needs release.mode Manual or Automatic. A later change leaves older numbers as they are. Deleting
    the pool deletes no PhoneNumber: with Retain here all stay as they are; with Release here those whose own
    deletionPolicy is Release are given back, and the pool stays until they have gone, which claimed and protected ones
    do not."""
    drift_policy: DriftPolicy = DriftPolicy.REPAIR
    """What is done when a number is found routed otherwise at the carrier than it was told."""
    allowed_namespaces: NamespaceList = ()
    """Namespaces, beside the pool's own, that may claim numbers of this pool; "*" lets in all. The pool pays for what
    they claim, and buys others in its place, with onNoStock Order beyond size.target: a NumberQuota in each such
    namespace limits that. Without it, only the pool's own namespace is let in."""
    adopt: Adopt | None = None
    suspend: bool = False
    """True pauses ordering: nothing new is ordered. Orders that are already at the carrier are finished, and numbers
    are claimed, routed and released as before."""


class PoolNumbers(Part):
    """The pool's numbers by phase."""

    total: int = 0
    """How many numbers the pool holds or has on their way."""
    available: int = 0
    """How many numbers are ready to be assigned."""
    ordering: int = 0
    """How many numbers are on their way: being bought, activated or routed."""
    pending_documents: int = 0
    """How many numbers are bought and wait for documents."""
    bound: int = 0
    """How many numbers are assigned to a claim and in service."""
    claimed: int = 0
    """How many numbers are assigned to a claim, stopped ones and those out of use included."""
    cooling: int = 0
    """How many numbers rest before they are assigned again. They are billed, and are no supply."""
    suspended: int = 0
    """How many numbers are stopped and kept."""
    quarantined: int = 0
    """How many numbers are taken out of use by the annotation ringfleet.dev/quarantine."""
    releasing: int = 0
    """How many numbers are marked to be given back."""
    lost: int = 0
    """How many numbers are no longer seen at the carrier. They count for no size or limit, and free ones are
    replaced."""
    other_market: int = 0
    """How many numbers are free or on their way, and not of spec.market: an older pool of this name has bought them, or
    spec.market was edited. They are billed and count for spec.limits, are no supply, and no claim gets one (condition
    OtherMarket)."""


class PoolPlace(Part):
    """How a place stands of which the pool keeps a share."""

    name: str
    """The area code or the state."""
    percent: int
    """Share of size.target that spec.size.shares says, in percent."""
    wanted: int
    """How many free numbers that is."""
    held: int
    """How many free numbers of the place there are, those on their way included."""


class PoolAccount(Part):
    """What the pool has of one account."""

    namespace: str
    """Namespace of the CarrierAccount."""
    name: str
    """Name of the CarrierAccount."""
    numbers: int
    """How many numbers of the pool are of the account, or on their way from it."""
    share: Quantity
    """Share of all the pool's numbers that is of the account, such as 0.6; spec.spread.maxShare bounds it."""


class DemandStatus(Part):
    """Demand as measured, or as spec.demand says, and what follows from it."""

    burn_rate_per_day: Quantity | None = None
    """Numbers assigned a day while there was stock, as measured or as spec.demand says."""
    lead_time: Duration | None = None
    """Average time from order to usable number, as measured or as spec.demand says."""
    recommended_target: int | None = None
    """How many free numbers last until an order arrives, at demand.serviceLevel: the reorder point. It is what
    size.target has to be where size.min is left out, and size.min where orders are to be larger. With size.mode
    Forecast the pool keeps to it, with Fixed it is only told."""
    runway_days: Quantity | None = None
    """How many days the available numbers last at the burn rate."""
    projected_exhaustion: Time | None = None
    """Time at which the available numbers run out if nothing is ordered."""


class CapacityStatus(Part):
    """How many calls at once each part behind the pool carries; a part of which nothing is known is left out."""

    numbers: int | None = None
    """How many calls at once the numbers of the pool carry, at capacity.concurrentCallsPerNumber each."""
    channels: int | None = None
    """How many calls at once the routing profile takes: its spec.channels."""
    agents: int | None = None
    """How many calls at once the agents (persons or AI voice agents) take: those that the numbers are enough for at
    capacity.numbersPerAgent, one call each."""
    binds: str | None = None
    """What runs out first as traffic grows.

    - Numbers: The calls that the numbers carry at once.
    - Channels: The calls that the routing profile takes at once.
    - Agents: The agents that the numbers are enough for.
    """


class PoolCost(Part):
    """What the pool costs."""

    monthly: Amount
    """Monthly price of all numbers of the pool, in major units."""
    reserved: Amount | None = None
    """Money of this month, setups and orders on their way included, in major units. limits.monthlyBudget is compared
    with it."""
    currency: Currency
    """ISO 4217 code of the currency of the pool's cost."""


class Asking(Part):
    """A number that was asked to go."""

    name: str
    """Name of the PhoneNumber that was asked to go."""
    at: Time
    """Time at which the number was first seen to be asked to go."""


class AdoptionRefusal(Part):
    """A number that is asked for and not adopted."""

    number: str
    """The number in E.164 form."""
    reason: str
    """Clause that says why the number is not adopted."""


class AdoptionStatus(Part):
    """What became of the numbers that spec.adopt asks for, by the last listings of the accounts."""

    adopted: int = 0
    """How many numbers that spec.adopt asks for the pool has."""
    pending: int = 0
    """How many numbers of spec.adopt no listing has told of yet."""
    not_adopted: int = 0
    """How many numbers that spec.adopt asks for are not adopted."""
    refused: Annotated[tuple[AdoptionRefusal, ...], ListType("map", ("number",))] = ()
    """The first hundred of the numbers that are not adopted, and why."""
    unread_lines: tuple[int, ...] = ()
    """The first hundred lines of the list in the ConfigMap that can't be read, from 1."""


class ReleaseStatus(Part):
    """Who was asked to go, who had leave today, and whether the pool holds them all (condition ReleaseFrozen)."""

    day: str | None = None
    """Day, in UTC, that status.release.released is about."""
    released: tuple[str, ...] = ()
    """Names of the PhoneNumbers that had leave to be given back on status.release.day: the places of release.maxPerDay
    that are taken."""
    recent: Annotated[tuple[Asking, ...], ListType("map", ("name",))] = ()
    """PhoneNumbers that were asked to go in the last ten minutes; at most a hundred of them while the condition
    ReleaseFrozen is True."""
    frozen_since: Time | None = None
    """Time since which the pool holds every number that was asked to go (condition ReleaseFrozen). To keep a number,
    set its spec.protected to true. Written into the annotation ringfleet.dev/acknowledge-release of the pool, this time
    lets all others go, and one that was given back can't be got again."""
    frozen_because: str | None = None
    """Sentence that says why the pool holds every release (condition ReleaseFrozen); absent when it does not."""


class CarrierMemory(Part):
    """What the last orders from one account taught the pool."""

    namespace: str
    """Namespace of the CarrierAccount."""
    name: str
    """Name of the CarrierAccount."""
    sequence: int
    """Sequence of the last order from this account that was counted."""
    failures: int = 0
    """How many orders in a row from this account bought nothing."""
    reason: str | None = None
    """One CamelCase word that says why the last order from this account failed."""
    message: str | None = None
    """One sentence that says why the last order from this account failed."""
    next_attempt_time: Time | None = None
    """Time at which this account is asked again."""


def _readable(order: object) -> object:
    """None for an order in words of a newer version: with `ordered` false that says that nobody knows what was meant
    (`tests/controllers/test_number_pool.py`)."""
    if not isinstance(order, Mapping):
        return order
    try:
        return NumberOrderSpec.model_validate(order)
    except ValidationError:
        return None


class ClaimsMemory(CarrierMemory):
    """What the last orders from one account taught the pool that were made for claims with musts of their own."""

    capabilities: Annotated[tuple[Capability, ...], ListType("set")] = ()
    """What the claims must have beside the market's capabilities."""
    area_codes: tuple[str, ...] = ()
    """The area codes of which they must have one; empty: any."""
    quotas_of: str | None = None
    """The namespace whose quotas have to leave what the numbers cost; None: no quota has to."""
    bundle: str | None = None
    """The ComplianceBundle that they are bought under, as `namespace/name`; absent: the pool's."""


def _of_known_musts(found: Sequence[object]) -> tuple[object, ...]:
    """Without those for claims that must have what only a newer version knows: without that must such a memory would be
    about other claims, or about the pool's stock (`tests/objects/test_number_pool.py`)."""
    known = frozenset(Capability)
    return tuple(one for one in found if not (isinstance(one, Mapping) and set(one.get("capabilities", ())) - known))


class TopUpMemory(Part):
    """The pool's record of its orders. The sequence is written before the order exists, so a crash doubles nothing."""

    sequence: int = 0
    """Sequence of the last order that was started."""
    ordered: bool = True
    """Whether the last order that was started was seen to exist."""
    order: Annotated[NumberOrderSpec | None, BeforeValidator(_readable)] = None
    """Spec of the last order that was started."""
    filling: bool | None = None
    """True from the moment that the supply falls under the low watermark until orders have brought it to the target."""
    carriers: Annotated[tuple[CarrierMemory, ...], ListType("map", ("namespace", "name"))] = ()
    """What the last orders taught about each carrier account."""
    for_claims: Annotated[tuple[ClaimsMemory, ...], BeforeValidator(_of_known_musts)] = ()
    """What the last orders for claims with musts of their own taught: a carrier that has nothing for them is asked for
    the pool's stock all the same."""


class Tally(Part):
    """Bindings, and the time in which there was stock; both count less as they grow old."""

    bindings: Quantity = Decimal(0)
    """Numbers assigned while there was stock; older ones count less."""
    stocked_seconds: Quantity = Decimal(0)
    """Time in which numbers were available, in seconds; older time counts less."""


class LeadTime(Part):
    """How long one order took."""

    order: int
    """Sequence of the order."""
    took: Duration
    """Time from the first work on the order until none of its numbers was on its way any more, documents included, such
    as "3h"."""
    at: Time | None = None
    """Time at which that was learnt."""


class DemandMemory(Part):
    """What the pool has counted of its demand so far, kept here so that a restart forgets nothing."""

    counted_until: MicroTime | None = None
    """Time up to which demand is counted."""
    stocked: bool | None = None
    """True: numbers were available at countedUntil. A time without any hides what was asked for, and is left out."""
    long: Tally | None = None
    """What is remembered of the demand of some weeks."""
    short: Tally | None = None
    """What is remembered of the demand of some days. It counts in place of the demand of some weeks when demand has
    risen."""
    lead_times: Annotated[tuple[LeadTime, ...], Field(max_length=20), ListType("map", ("order",))] = ()
    """Lead times of the last orders that arrived, the latest last."""
    awaited: tuple[int, ...] = ()
    """Sequences of the orders that have not arrived."""
    orders_until: int | None = None
    """Sequence of the last order that was looked at."""


class ReleaseMemory(Part):
    """Which of its numbers the pool lets go."""

    granted: tuple[str, ...] = ()
    """Names of the PhoneNumbers that may go now: given back, or let go under Retain. No other one leaves the pool."""
    cleared: tuple[str, ...] = ()
    """Names of the PhoneNumbers that were asked to go, and that the pool or a person has let pass."""
    cleared_until: Time | None = None
    """Time until which those were asked (status.farewell.since of each) that were let pass and are too many to be
    named; absent while all are."""


class PoolMemory(Part):
    """The operator's own notes, not an interface: any version may change them. They say what the pool has ordered, what
    demand it has counted and whom it lets go, so that a restart forgets nothing."""

    top_up: TopUpMemory | None = None
    demand: DemandMemory | None = None
    release: ReleaseMemory | None = None


class NumberPoolStatus(Status):
    """The pool as it is; written by the operator."""

    numbers: PoolNumbers | None = None
    accounts: Annotated[tuple[PoolAccount, ...], ListType("map", ("namespace", "name"))] = ()
    """What the pool has of each account, sorted; left out while it has, and orders, of one only."""
    places: Annotated[tuple[PoolPlace, ...], ListType("map", ("name",))] = ()
    """How the places stand of which spec.size.shares keeps a share, as they are listed there; left out without any."""
    supply: int | None = None
    """How many numbers are available, are on their way, or were asked to go only just now or are held (condition
    ReleaseFrozen): what size.min and size.target are compared with."""
    in_flight: int | None = None
    """How many numbers are on their way: being bought, activated, routed or waiting for documents; unknown outcomes
    included."""
    surplus: int | None = None
    """How many numbers the supply is above the target."""
    shortfall: int | None = None
    """How many numbers are still to be ordered."""
    waiting_claims: int | None = None
    """How many claims wait for a number."""
    next_attempt_time: Time | None = None
    """Time at which ordering is tried again, if it rests after failures."""
    demand: DemandStatus | None = None
    capacity: CapacityStatus | None = None
    cost: PoolCost | None = None
    release: ReleaseStatus | None = None
    adoption: AdoptionStatus | None = None
    replicas: int | None = None
    """How much of spec.size.target, which scaling sets, is held: free numbers and those on their way, without what is
    ordered for waiting claims. Numbers that claims hold never count. It is the target while the stock is between
    the low watermark and the target, more by a surplus, and less while the stock is filled up, or can't be."""
    selector: str | None = None
    """Label selector of the pool's PhoneNumbers, those that claims hold included; an autoscaler wants one, and finds no
    pods by it: let it go by an external or object metric."""
    memory: PoolMemory = PoolMemory.model_construct()


class NumberPool(Resource):
    """Numbers of one market, bought ahead, routed and ready to be assigned at once. When the supply falls under the low
    watermark, the operator orders more from the carriers in order of preference, within the limits of its spec. A pool
    that is applied buys at once, for real money: `kubectl ringfleet plan -f FILE` shows what it would buy, and with
    spec.topUp.mode Manual each order waits for a person. What becomes of its numbers when it is deleted,
    spec.deletionPolicy says.

    What a person may annotate:

    - ringfleet.dev/frozen: Stops buying, giving back, binding and picking for the pool's numbers: a RotationSet uses
      none of them for a call. Incoming calls go on. The value says who and why, as `who: why`. `kubectl ringfleet
      freeze` writes it, and `kubectl ringfleet thaw` removes it.
    - ringfleet.dev/acknowledge-release: Lets all numbers go that the pool holds (condition ReleaseFrozen); one that was
      given back can't be got again: first set spec.protected of each that is to stay. The value is
      status.release.frozenSince. `kubectl ringfleet acknowledge` writes it.
    """

    rules = (short_name(52, "it labels its numbers and begins the names of its orders"),)

    plural: ClassVar = "numberpools"
    singular: ClassVar = "numberpool"
    short_names: ClassVar = ("np",)
    scale: ClassVar = Scale(".spec.size.target", ".status.replicas", ".status.selector")
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Target", ".spec.size.target", "integer"),
        Column("Available", ".status.numbers.available", "integer"),
        Column("Ordering", ".status.numbers.ordering", "integer"),
        Column("Pending", ".status.numbers.pendingDocuments", "integer"),
        Column("Bound", ".status.numbers.bound", "integer", priority=1),
        Column("Stock", ".status.replicas", "integer", priority=1),
        Column("Monthly", ".status.cost.monthly"),
        Column("Burn", ".status.demand.burnRatePerDay", priority=1),
        Column("Lead time", ".status.demand.leadTime", priority=1),
        Column("Recommended", ".status.demand.recommendedTarget", "integer", priority=1),
        Column("Runway", ".status.demand.runwayDays", priority=1),
        REASON,
        Column("Next attempt", ".status.nextAttemptTime", priority=1),
        AGE,
    )

    kind: str = "NumberPool"
    spec: NumberPoolSpec
    status: NumberPoolStatus = NumberPoolStatus.model_construct()
