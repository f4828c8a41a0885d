"""`RotationSet`: numbers used as caller ID or SMS sender, in turn, each under a velocity cap.

The operator decides how many numbers the set has and which; it gets them as everybody does, through `NumberClaim`s that
it owns. Which of them a call uses is the dispatcher's answer at call time, and nothing of that is written here: the
status is a summary of the day, never one write a pick.
"""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.market import AREA_CODE_SHAPES, AreaCode, Country, is_region
from ringfleet.api.market import Region as State
from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    Amount,
    Column,
    Currency,
    Duration,
    ListType,
    LocalRef,
    Part,
    Quantity,
    Resource,
    Rule,
    Scale,
    Status,
    Time,
    each_once,
    immutable,
    lasting,
    short_name,
)
from ringfleet.api.number_claim import PoolRef
from ringfleet.model.rotation import Attestation, Channel, LocalPresence, StickyMode, StickyScope


class Overflow(StrEnum):
    DEFER = "Defer"
    """The contact (one call or message to one recipient) is put off, with room reserved for it, and the program that
    asked the dispatcher asks again then: to the next hour when only perNumber.hourly or perNumber.concurrent stand in
    the way, else to the first day of the coming seven with room. With no room until then it is refused."""
    REJECT = "Reject"
    """The contact (one call or message to one recipient) is refused."""


class Replies(StrEnum):
    FREE = "Free"
    """An answer uses the number that was called or written to, and does not count against its caps."""
    COUNTED = "Counted"
    """An answer is a contact like any other: it counts against the caps, and may come from another number."""


class OnFlagged(StrEnum):
    QUARANTINE = "Quarantine"
    """The flagged number is picked for nobody, and stays in the set: the set annotates it ringfleet.dev/quarantine, and
    its phase is Quarantined. It comes back by itself: cooling.afterFlag after its label has gone; or, if it was
    answered too seldom, when its calls have left the last seven days or look better."""
    QUARANTINE_AND_REPLACE = "QuarantineAndReplace"
    """The flagged number leaves the set, and another one is claimed, within health.maxChurnPercent: the set has
    as many numbers as before. It needs the annotation
    override.ringfleet.dev/on-flagged, whose value says who allowed it and why; without it Quarantine holds, as the
    condition GuardrailHolds says."""


class CampaignNumberPool(StrEnum):
    NONE = "None"
    """The carrier has approved nothing: at most 49 US numbers send messages, those of its territories counted and
    toll-free ones not, in all sets of the namespace with the same brand and campaign together: those that joined their
    set first. In a set without messaging.campaign its own numbers are counted."""
    APPROVED = "Approved"
    """The carrier has approved more: as many numbers send messages as the set has."""


class PerNumber(Part):
    """The velocity caps of each number. A new number starts below them: see ramp."""

    rules = (
        Rule(
            "!has(self.hourly) || !has(self.daily) || self.hourly <= self.daily",
            "perNumber.hourly can't be more than perNumber.daily",
        ),
    )

    daily: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Calls or messages a day and number; 75 for Voice and 1000 for SMS when left out. The day is that of
    resetTimeZone."""
    hourly: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Calls or messages of a number in one hour of the clock; a fifth of the day's, rounded up, when left out."""
    concurrent: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Calls of a number at the same time, by the carrier's events; no limit when left out."""


class Ramp(Part):
    """How a number that is new to the set starts: with a share of its caps that grows day by day to the whole."""

    days: Annotated[int, Field(ge=0, le=90)] = 14
    """After how many days in the set a number has its whole caps; 0 for at once. Fewer than 14 need the annotation
    override.ringfleet.dev/ramp, whose value says who allowed it and why; without it 14 days from 25 percent hold, as
    the condition GuardrailHolds says."""
    start_percent: Annotated[int, Field(ge=1, le=100)] = 25
    """Share of its caps that a number has on its first day in the set, in percent. More than 25 needs the annotation
    override.ringfleet.dev/ramp, whose value says who allowed it and why; without it 14 days from 25 percent hold, as
    the condition GuardrailHolds says."""


class Cooling(Part):
    """Days on which numbers of the set rest. A resting number is still answered when somebody calls it."""

    work_days: Annotated[int, Field(ge=1, le=60)] = 1
    """After how many days in use a number rests for cooling.restDays."""
    rest_days: Annotated[int, Field(ge=0, le=60)] = 0
    """For how many days a number rests after cooling.workDays in use; 0 for never. Numbers take turns, so that about
    the same share rests every day, and never all: a set of too few numbers for that rests them less, and the number of
    a set of one never."""
    after_flag: Annotated[Duration, lasting("24h", "8760h")] = timedelta(days=30)
    """How long a number rests after its spam label has gone, from 24h to 8760h."""


class Region(Part):
    """A part of the set's numbers, for a part of its volume."""

    rules = (
        *AREA_CODE_SHAPES,
        Rule(
            lambda: f"!has(self.states) || self.states.all(one, {is_region('self.country', 'one')})",
            "states are those of the US or provinces of Canada that have area codes, such as CA or ON",
            at=".states",
        ),
    )

    name: Annotated[
        str,
        Field(max_length=40),
        Rule(
            'self.matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")',
            "write a region's name in lower case letters, digits and dashes, such as us-west",
        ),
    ]
    """Name that you give this part of the set, such as us-west."""
    country: Country
    """Country whose recipients the region serves, as its ISO 3166-1 alpha-2 code, such as US."""
    area_codes: Annotated[tuple[AreaCode, ...], Field(max_length=100), ListType("set")] = ()
    """Area codes whose recipients the region serves, and whose numbers it takes first; where several regions draw from
    one NumberPool, it takes no others. All others of the country, too, when areaCodes and states are left out."""
    states: Annotated[tuple[State, ...], Field(max_length=70), ListType("set")] = ()
    """States of the US or provinces of Canada, such as CA: all of their area codes, after those of areaCodes."""
    percent: Annotated[int, Field(ge=1, le=100)]
    """Share of the set's daily volume or size that the region has, in percent. Those of all regions add up to 100."""
    pool_ref: PoolRef | None = None
    """NumberPool that the numbers of the region come from; the set's pools, in order, when left out."""


class Sticky(Part):
    """Whether the same recipient sees the same number again."""

    mode: StickyMode | None = None
    """Whether a recipient is contacted from the number that this recipient saw last; when left out Strict for SMS,
    where another sender is a stranger and begins another thread, and Prefer for Voice."""
    scope: StickyScope = StickyScope.SET
    """Among the numbers of which sets the recipient's is looked for. The caps, the day and the health that hold for a
    number are those of the set that it is a member of; quiet hours, recipientFrequency and opt-outs those of the set
    that is asked; the contact counts in both. No room is put aside in another set: a contact that mode Strict would put
    off there is refused until then."""
    ttl: Annotated[Duration, lasting("1h", "87600h")] = timedelta(days=365)
    """How long after the last contact a recipient's number is remembered, from 1h to 87600h."""
    max_wait: Annotated[Duration, lasting("0s", "72h")] = timedelta(hours=1)
    """How long a recipient is put off to see the same number with mode Prefer, before another one is used, from 0s to
    72h."""


class SetHealth(Part):
    """Rules by which a number of the set is taken out of use."""

    min_answer_rate: Quantity = Decimal("0.5")
    """A number is flagged when it is answered less often than this share of the set's median, with statistical
    certainty: "0.5" means half as often. From "0" (never) to "1"."""
    min_sample: Annotated[int, Field(ge=10, le=100_000)] = 30
    """The calls that a number must have had before its answer rate says anything."""
    on_flagged: OnFlagged = OnFlagged.QUARANTINE
    """What becomes of a number that is flagged: labelled as spam, or answered too seldom by health.minAnswerRate."""
    max_churn_percent: Annotated[int, Field(ge=0, le=100)] = 10
    """The most numbers that are replaced in 30 days, in percent of the set. More than 10 needs the annotation
    override.ringfleet.dev/churn, whose value says why; without it 10 holds (condition GuardrailHolds)."""


class MessagingIdentity(Part):
    """Under which registration messages go out (in the US: A2P 10DLC)."""

    brand: Annotated[str, Field(min_length=1, max_length=64)]
    """The brand under which messages go out, as you registered it. Opt-outs hold in all sets of the namespace with the
    same brand, so that it can't change."""
    campaign: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The registry's id of the campaign, or your name for it. Nothing is told to a carrier by it: the carrier attaches
    numbers to the campaign that spec.messaging.service.campaign of their RoutingProfile names. Where that is another,
    the set's US numbers send nothing (MembersUnusable). Sets with the same brand and campaign share its limits."""
    campaign_approved: bool = False
    """Set it to true yourself when the carrier has approved the campaign: until then no US number of the set sends a
    message, nor one of Puerto Rico, Guam, the Virgin Islands, American Samoa or the Northern Marianas, where the same
    rules hold. Toll-free numbers have no campaign: see tollFreeVerified."""
    toll_free_verified: bool = False
    """Set it to true yourself when the carrier has verified the business for its toll-free numbers: until then no
    toll-free number of North America (800, 833 and so on) in the set sends a message."""
    number_pool: CampaignNumberPool = CampaignNumberPool.NONE
    """What carriers call number pooling: whether they have approved that one campaign sends from 50 numbers and more,
    which T-Mobile asks for in the US. It has nothing to do with the kind NumberPool."""
    messages_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """The campaign's throughput, however many numbers it has; no limit when left out. A day has the minutes that
    quietHours leave. It counts segments, see segmentsPerMessage. It bounds how many numbers a set with spec.dailyVolume
    has, each set by itself. The dispatcher holds it over all sets of the namespace with the same brand and campaign,
    the least that any of them says (without a campaign for the set alone): beyond it a message is refused until the
    minute ends. Replies count, and are not refused; toll-free numbers and those of other countries have rules of their
    own."""
    daily_limit: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The brand's messages a day, however many numbers it has; no limit when left out. It counts segments, see
    segmentsPerMessage. It bounds how many numbers a set with spec.dailyVolume has, each set by itself. The dispatcher
    holds it over all sets of the namespace with the same brand, the least that any of them says: beyond it a message is
    handled as overflow says. A day is that of the set which is asked. Replies count, and are not refused; toll-free
    numbers and those of other countries have rules of their own."""
    segments_per_message: Annotated[int, Field(ge=1, le=20)] = 1
    """How many segments a message of the set has: carriers count them, and a text of more than 160 characters, or of 70
    with one outside of their alphabet, is several. messagesPerMinute and dailyLimit allow so many times fewer messages;
    perNumber counts messages, however long they are."""
    opt_out_words: Annotated[
        tuple[
            Annotated[
                str,
                Field(min_length=1, max_length=40),
                Rule(r"self.matches(r'[\p{L}\p{N}]')", "write a word or a few words, such as RIMUOVI"),
            ],
            ...,
        ],
        Field(max_length=32),
        ListType("set"),
    ] = ()
    """Words by which a recipient opts out of the brand, beside those that always do: STOP, STOPALL, QUIT, END, REVOKE,
    OPTOUT, CANCEL, UNSUBSCRIBE, UNSUB, ARRET, ALTO, BAJA, PARAR, SAIR and СТОП. They count when they are the whole
    message, or its first or last line, with no more than courtesy around; capitals, accents and punctuation do not
    matter. A message that has such a word and says more opts nobody out: the dispatcher's log names it for a person to
    read, and ringfleet_dispatch_opt_out_messages_total counts it."""


class QuietHours(Part):
    """Hours in which nobody is contacted, by the recipient's own clock. The first digits of the recipient's number tell
    the time zone: in North America its area code and exchange, elsewhere the country and as much of the number as has a
    zone of its own. A recipient who may be in several zones is left alone while it is quiet in any of them. One whose
    number tells no zone, or zones so far apart that it is always night in one of them, is refused as
    `time-zone-unknown`, at any hour, unless quietHours.defaultTimeZone says by which clock to go: toll-free, premium
    rate and personal numbers of North America and area codes that are too new, satellite phones, and networks of no
    country."""

    start: Annotated[
        str,
        Field(max_length=5),
        Rule('self.matches("^([01][0-9]|2[0-3]):[0-5][0-9]$")', "write a time of day as 21:00"),
    ] = "21:00"
    """Local time at the recipient from which no contact is made, as HH:MM in quotes."""
    end: Annotated[
        str,
        Field(max_length=5),
        Rule('self.matches("^([01][0-9]|2[0-3]):[0-5][0-9]$")', "write a time of day as 08:00"),
    ] = "08:00"
    """Local time at the recipient from which contact is allowed again, as HH:MM in quotes. Quiet hours that do
    not cover 21:00 to 08:00 need the annotation override.ringfleet.dev/quiet-hours, whose value says why; without it
    21:00 to 08:00 hold (condition GuardrailHolds)."""
    default_time_zone: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """IANA time zone by whose clock a recipient is contacted whose number tells none, such as America/Denver; when left
    out such a recipient is not contacted. It counts for no other recipient."""


class RecipientFrequency(Part):
    """How often one recipient may be contacted by the set, whatever numbers it uses."""

    contacts: Annotated[int, Field(ge=0, le=1000)] = 3
    """The most contacts with one recipient within recipientFrequency.window; 0 for no limit. More than 3, no limit or a
    window under 24h need the annotation override.ringfleet.dev/recipient-frequency, whose value says who allowed it and
    why; without it 3 in 24h hold, as the condition GuardrailHolds says."""
    window: Annotated[Duration, lasting("1h", "720h")] = timedelta(hours=24)
    """Time in which one recipient is contacted at most recipientFrequency.contacts times, from 1h to 720h."""


class RotationSetSpec(Part):
    """The set as you want it."""

    rules = (
        Rule(
            "!has(self.dailyVolume) || self.size == 0",
            "name one: a set with dailyVolume has as many numbers as that takes, and can't be scaled; leave size out, "
            "or set size in the place of dailyVolume",
            at=".size",
        ),
        Rule(
            "!has(self.regions) || self.regions.size() == 0 || self.regions.map(r, r.percent).sum() == 100",
            "the percentages of regions must add up to 100",
            at=".regions",
        ),
        Rule(
            "self.channel != 'SMS' || has(self.messaging)",
            "a set that sends messages needs messaging.brand, under which they go out",
            at=".messaging",
        ),
        Rule(
            "!has(oldSelf.messaging) || (has(self.messaging) && self.messaging.brand == oldSelf.messaging.brand)",
            "messaging.brand can't change: opt-outs are kept by brand and would hold no more; make another RotationSet",
            at=".messaging",
        ),
    )

    channel: Annotated[Channel, immutable("channel", "make another RotationSet")]
    """What the numbers of the set are used for. It can't change. The set's claims ask for numbers with the capability
    of this name, so that its pools need it in spec.market.capabilities."""
    pools: Annotated[tuple[PoolRef, ...], Field(min_length=1, max_length=16), *each_once("a pool")]
    """NumberPools to draw numbers from, in order of preference. The set makes a NumberClaim for each number, with
    onNoStock Order: a pool with too few free ones buys them, also beyond its size.target, within its spec.limits and
    NumberQuota, and then others in the place of those that were free."""
    daily_volume: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """Calls or messages a day of the whole set. How many numbers that takes is computed, region by region: from
    perNumber.daily (less what overloadPercent leaves free), from cooling.workDays and cooling.restDays, and
    headroomPercent on top: 1000 messages a day are one number, 8000 are eight, as `kubectl ringfleet size rotation`
    says. ramp, perNumber.hourly and perNumber.concurrent do not count, so that a set of new numbers may do less than
    that for the days of ramp (CapacityShort). status.sizing shows the sum. Set one of dailyVolume and size. Flagged
    numbers are not made up for, unless the annotation override.ringfleet.dev/min-utilisation says who allowed it and
    why: then the set has status.recommendedSize numbers, and the flagged ones stay in it."""
    size: Annotated[int, Field(ge=0, le=100_000)] = 0
    """How many numbers the set has. Set one of dailyVolume and size; `kubectl scale` and autoscalers set this one.
    Beside dailyVolume it is 0: scaling is refused, and a HorizontalPodAutoscaler that reads a 0 leaves the set alone
    (ScalingDisabled). Beyond 49 the set grows only as far as twice its traffic takes, that of today or of the last
    seven days, and keeps what it has (condition GuardrailHolds), unless the annotation
    override.ringfleet.dev/min-utilisation says who allowed it and why. Numbers beyond size are used for nobody new,
    leave when nothing is open with them any more, and rest in their pool, where they are billed."""
    per_number: PerNumber = PerNumber.model_construct()
    reset_time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """The IANA time zone whose midnight begins a new daily budget, such as America/Los_Angeles."""
    ramp: Ramp = Ramp.model_construct()
    cooling: Cooling = Cooling.model_construct()
    regions: Annotated[tuple[Region, ...], Field(max_length=64), ListType("map", ("name",))] = ()
    """Parts of the set, each with a share of the volume, such as us-west and us-east; the set is one part when left
    out. A region here is what you make it, and not the carrier's word in status.region of a PhoneNumber."""
    local_presence: LocalPresence = LocalPresence.COUNTRY
    """How near to a recipient a number is looked for: among those of the same area code, region or country first, and
    wider, step by step up to the country, when none may be used there. Only None ever leaves the recipient's country,
    to which its dependencies and territories belong: Jersey, Guernsey and the Isle of Man to GB, Puerto Rico, Guam and
    the others to US. A recipient who has a number of the set keeps it all the same, as sticky says. In a set with
    spec.regions those of the recipient's region come first, or second to those of the same area code."""
    sticky: Sticky = Sticky.model_construct()
    overflow: Overflow = Overflow.DEFER
    """What becomes of a contact when each number that it may use is at a cap of perNumber or rests. Quiet hours,
    recipientFrequency and opt-outs always refuse it."""
    keep_room_for: Annotated[Duration, lasting("10m", "24h")] = timedelta(hours=2)
    """How long room is kept for a contact that overflow Defer has put off, from the moment (notBefore) that the
    dispatcher has told for it, from 10m to 24h. Whoever asks for it in that time is served first; later it is a contact
    like any other. A recipient has one such contact in a set at most, however often it is asked for."""
    replies: Replies = Replies.FREE
    """Whether the answer to somebody who called or wrote counts against the number's caps."""
    reply_window: Annotated[Duration, lasting("1h", "720h")] = timedelta(hours=24)
    """How long after a call or message to a number of the set its sender may be answered as replies says, from 1h to
    720h. It goes by what the carrier tells the dispatcher; what is called a reply without that is a contact like any
    other."""
    health: SetHealth = SetHealth.model_construct()
    min_attestation: Attestation = Attestation.A
    """The lowest STIR/SHAKEN level with which a number may be a caller ID; not for SMS. A number whose level the
    carrier does not say is not used, whichever level stands here: MembersUnusable tells of it. B and C need the
    annotation override.ringfleet.dev/min-attestation, whose value says who allowed it and why; without it A holds, as
    the condition GuardrailHolds says."""
    messaging: MessagingIdentity | None = None
    """Under which registration messages go out (in the US: A2P 10DLC). An SMS set is refused without it. Of a Voice set
    only the brand counts: an opt-out from it holds in all sets of the namespace with the same brand, and one from a
    Voice set without messaging in all sets of the namespace."""
    quiet_hours: QuietHours = QuietHours.model_construct()
    recipient_frequency: RecipientFrequency = RecipientFrequency.model_construct()
    routing_profile_ref: LocalRef | None = None
    """RoutingProfile in this namespace that says where calls and messages to the numbers go, for all claims of the set.
    Every number of a set is answered, so that one which no profile routes is not used. Of several RoutingProfiles for
    one number that of its NumberClaim wins, then that of its PhoneNumber, then that of its NumberPool; a RotationSet
    or ProxyService gives its own to its claims."""
    overload_percent: Annotated[int, Field(ge=0, le=50)] = 0
    """On how many days of a hundred a number of a set with dailyVolume may meet its cap. Recipients who keep their
    number spread unevenly, so that a number is planned for less than its cap: with 1, of 75 a day 57 are planned for,
    of 1000 a day 929; with 0 the whole cap, and what does not fit is handled as overflow says. Without a meaning where
    sticky.mode is None."""
    headroom_percent: Annotated[int, Field(ge=0, le=100)] = 0
    """How many numbers a set with dailyVolume has beyond what the volume takes, in percent."""
    suspend: bool = False
    """True stops the set: it gets and gives back no numbers, and the dispatcher picks none of them, so that no call
    goes out by it. Incoming calls go on."""


class MemberCounts(Part):
    """The numbers of the set by what they can do now."""

    total: int = 0
    """How many numbers are bound to the set."""
    active: int = 0
    """How many numbers of the set may be picked today; those that are at their caps are among them."""
    cooling: int = 0
    """How many numbers of the set rest: it is their rest day by cooling.restDays, or their label has gone and they rest
    for cooling.afterFlag. It is not the phase Cooling of a PhoneNumber, in which no claim holds the number."""
    quarantined: int = 0
    """How many numbers of the set are out of use: labelled as spam, or seldom answered."""
    draining: int = 0
    """How many numbers are on their way out of the set: used no more for new recipients."""
    waiting: int = 0
    """How many claims of the set wait for a number."""


class RegionStatus(Part):
    """One region's numbers."""

    name: str
    """Name of the region, as spec.regions has it."""
    wanted: int = 0
    """How many numbers the region is to have."""
    bound: int = 0
    """How many numbers the region has."""
    short: int | None = None
    """How many numbers the region is short of; absent when it has all."""
    short_monthly: Amount | None = None
    """Monthly price of the numbers that the region is short of, in major units, reckoned at the average of the set's
    own; absent when it is short of none, or none of the set has a price, or they have prices in two currencies."""
    currency: Currency | None = None
    """ISO 4217 code of the currency of shortMonthly."""


class SetUsage(Part):
    """The set's traffic today, by the dispatcher's ledger; the day is that of resetTimeZone."""

    day: str
    """The day that the usage is of, in resetTimeZone."""
    capacity: int = 0
    """How many contacts the active numbers may make today, all together: no more than messaging.dailyLimit and
    messaging.messagesPerMinute let through, of which other sets of the brand or campaign may use a part."""
    used: int = 0
    """How many contacts the numbers had made today, when status.usage was last written: see status.usageAt."""
    replies: int = 0
    """How many answers to who called or wrote went out today, which count against no cap and are not among used."""
    deferred: int = 0
    """How many contacts are put off to a later time."""


class Replacement(Part):
    """A number that was replaced."""

    number: str
    """The number that was replaced, in E.164 form."""
    at: Time
    """Time at which the number was replaced."""


class Sizing(Part):
    """How the number of numbers was computed from spec.dailyVolume; absent in a set with spec.size."""

    volume: int
    """The contacts a day that are planned for: spec.dailyVolume, or what messaging allows of it."""
    planned_per_number: int
    """The contacts a day that each number is planned for: perNumber.daily, less what overloadPercent leaves free."""
    base: int
    """How many numbers the volume takes, in all regions, with those that rest by cooling."""
    headroom: int
    """How many numbers headroomPercent adds to them."""


class RotationSetStatus(Status):
    """The set as it is; written by the operator."""

    members: MemberCounts | None = None
    regions: Annotated[tuple[RegionStatus, ...], ListType("map", ("name",))] = ()
    """How many numbers each region of spec.regions has and is to have."""
    recommended_size: int | None = None
    """How many numbers the volume takes, headroomPercent and those included that make up for flagged ones (at most as
    if half were flagged), by the formula of `kubectl ringfleet size rotation`. The set itself makes up for no flagged
    ones, and may have fewer: see spec.dailyVolume. Absent in a set with spec.size."""
    sizing: Sizing | None = None
    limited_by: str | None = None
    """What binds the number of numbers that the set wants.

    - Volume: spec.dailyVolume, and nothing else.
    - Size: spec.size.
    - Campaign: spec.messaging.messagesPerMinute; more numbers would not help.
    - Brand: spec.messaging.dailyLimit; more numbers would not help.
    - Utilisation: the set's own traffic, see spec.size.
    - NumberPool: the 49 numbers of a campaign without approved number pooling, see spec.messaging.numberPool.
    """
    usage: SetUsage | None = None
    usage_at: Time | None = None
    """Time at which status.usage was last written; it is written when it matters, and not for every call."""
    cost_per_answered: Amount | None = None
    """Monthly rent of the members divided by the answered calls of the last 30 days, in major units."""
    currency: Currency | None = None
    """ISO 4217 code of the currency of status.costPerAnswered."""
    replaced: Annotated[tuple[Replacement, ...], Field(max_length=1000)] = ()
    """The numbers that were replaced in the last 30 days."""
    overrides: Annotated[tuple[str, ...], ListType("set")] = ()
    """The guardrails that annotations override.ringfleet.dev/<guardrail> override.

    - min-attestation: spec.minAttestation may be B or C.
    - recipient-frequency: spec.recipientFrequency may be more than 3 in 24h.
    - quiet-hours: spec.quietHours need not cover 21:00 to 08:00.
    - on-flagged: spec.health.onFlagged may be QuarantineAndReplace: flagged numbers leave, and the size stays.
    - churn: spec.health.maxChurnPercent may be more than 10.
    - min-utilisation: The set grows to status.recommendedSize, which makes up for flagged numbers that stay in it; or
      to spec.size, whatever its traffic.
    - ramp: spec.ramp may be shorter than 14 days, or begin above 25 percent.
    """
    replicas: int | None = None
    """How many numbers the set has or has claimed, those that wait for one included, and those that drain left out: the
    same quantity as spec.size, which scaling sets."""
    selector: str | None = None
    """Label selector of the set's NumberClaims; an autoscaler wants one, and finds no pods by it: let it go by an
    external or object metric."""


class RotationSet(Resource):
    """Numbers used as caller ID or SMS sender in turn, each under a velocity cap, so that none burns. The operator
    claims them; the dispatcher answers at call time which one to use. The dispatcher is the service `ringfleet
    dispatch`. Deleting a set deletes its claims at once: no number of it is picked any more, and they rest in their
    pools, where they are billed and calls to them are answered by the pool's RoutingProfile.

    A person may weaken a guardrail by an annotation override.ringfleet.dev/<guardrail>, whose value says who allowed it
    and why, such as `ada: a test on our own phones`. The description of status.overrides lists the guardrails.
    """

    rules = (short_name(40, "it names its claims"),)

    plural: ClassVar = "rotationsets"
    singular: ClassVar = "rotationset"
    short_names: ClassVar = ("rotset",)
    scale: ClassVar = Scale(".spec.size", ".status.replicas", ".status.selector")
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Channel", ".spec.channel", priority=1),
        Column("Active", ".status.members.active", "integer"),
        Column("Cooling", ".status.members.cooling", "integer", priority=1),
        Column("Quarantined", ".status.members.quarantined", "integer"),
        Column("Capacity", ".status.usage.capacity", "integer"),
        Column("Used", ".status.usage.used", "integer"),
        Column("Deferred", ".status.usage.deferred", "integer"),
        Column("Recommended", ".status.recommendedSize", "integer", priority=1),
        REASON,
        Column("Limited by", ".status.limitedBy", priority=1),
        AGE,
    )

    kind: str = "RotationSet"
    spec: RotationSetSpec
    status: RotationSetStatus = RotationSetStatus.model_construct()
