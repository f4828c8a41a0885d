"""The roster of a rotation set: which numbers it has on a day, and what each of them may do then.

A pure function of the set, its numbers and the day: every dispatcher makes the same one, and the operator counts the
same capacity. The places that numbers are near to, and are looked for in, are words::

    a:US:415   an area code        s:west   a region of the set        r:US:CA   a state or city
    c:US       a country           (empty)  everywhere
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from ringfleet.model import E164
from ringfleet.model.attestation import signs_calls
from ringfleet.model.campaign import CampaignSeat
from ringfleet.model.numbering import is_toll_free, sends_registered
from ringfleet.model.rotation import Channel, LocalPresence
from ringfleet.plan.rotation_set.guardrails import RegionWant, RotationWant
from ringfleet.plan.rotation_set.size import traffic_of
from ringfleet.plan.sizing.rotation import CAMPAIGN_NUMBERS, shared_most


class State(StrEnum):
    """What a member may be used for."""

    ACTIVE = "active"
    RESTING = "resting"  # its rest day: for nobody but replies
    DRAINING = "draining"  # on its way out: for recipients who know it, for nobody new
    QUARANTINED = "quarantined"  # for nobody at all


@dataclass(frozen=True, slots=True)
class Member:
    """One number of a set, for one day and the next. The caps are those of the day, ramp and rest included: 0 on a rest
    day. `tiers` are the places that it is near to, such as ("a:US:415", "r:US:CA", "c:US", ""); "" is everywhere.
    `concurrent`: None for no limit. `registered`: whether carriers count its messages for the brand and campaign."""

    number: str
    account: str
    tiers: tuple[str, ...]
    daily: int
    hourly: int
    daily_tomorrow: int
    concurrent: int | None = None
    state: State = State.ACTIVE
    registered: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A number's place, from 0, among `of` numbers that take turns to rest."""

    place: int
    of: int


class Unfit(StrEnum):
    """Why a number of the set is used for nobody."""

    FROZEN = "frozen"
    QUARANTINED = "quarantined"
    STOPPED = "suspended"
    NOT_ROUTED = "no-inbound-route"
    ATTESTATION = "attestation"
    CAMPAIGN = "no-approved-campaign"
    CAMPAIGN_FULL = "campaign-full"
    CAMPAIGN_OTHER = "other-campaign"
    NOT_ENROLLED = "not-in-campaign"
    TOLL_FREE = "toll-free-not-verified"


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """A number that a claim of the set holds."""

    number: E164
    """The number in E.164 form."""
    account: str
    """The carrier account that owns the number, as `namespace/name`."""
    joined: datetime
    """When the number was bound to the set's claim."""
    region: str | None = None
    """The region of the set that the number's claim is for; None in a set without regions."""
    country: str | None = None
    """The number's country, ISO 3166-1 alpha-2; None: it is not known."""
    draining: bool = False
    """Whether the number is on its way out of the set."""
    quarantined: bool = False
    """Whether the number is in quarantine, or shows a spam label."""
    stopped: bool = False
    """Whether the number's traffic is stopped: suspended, marked as fraud, lost or given back."""
    routed: bool = True
    """Whether the number follows a routing profile."""
    calls: bool = True
    """Whether calls to the number go anywhere by it: a profile may be for messages only."""
    messages: bool = True
    """Whether messages to the number go anywhere by it: a profile may be for calls only."""
    campaign: str | None = None
    """The campaign that the number's profile attaches it to; None: it names none, or that is not known."""
    seat: CampaignSeat | None = None
    """The campaign that the carrier lets the number send for; None: it does not say."""
    frozen: bool = False
    """Whether a person has frozen the number's pool or account."""
    attestation: str | None = None
    """How the carrier signs the number's calls: `A`, `B` or `C`, or `NotApplicable`; None: it is not known."""
    established: bool = False
    """Whether the number was in use before it came here: it is not ramped up."""
    left_other: datetime | None = None
    """When another set let the number go, whose claim held it before this set's; None: none did. What it has used of
    the number's cap on that day is counted nowhere in this set."""


@dataclass(frozen=True, slots=True)
class Day:
    """The members of a day, by number; and the unfit ones among them, each with its reason."""

    members: tuple[Member, ...]
    unfit: tuple[tuple[E164, Unfit], ...]
    open_hours: float = 24.0
    """The hours of the day that quiet hours leave."""
    shared: int | None = None
    """The contacts of the day that the set's campaign and brand let through; None: no such limit."""
    made_for: tuple[RotationWant, date] | None = field(default=None, compare=False, repr=False)
    """The set and the day of which the members are."""
    made_of: Mapping[E164, tuple[Made, Member]] = field(default_factory=dict, compare=False, repr=False)
    """Each member by its number, with what it was made of."""

    @property
    def capacity(self) -> int:
        """What the active members may do in the day, all together. At night nobody is contacted, so that it is no more
        than their hourly caps make of the other hours; and those that are registered do no more than their campaign
        and brand let through, of which other sets may use a part."""
        return self._of(registered=False) + (
            self._of(registered=True) if self.shared is None else min(self.shared, self._of(registered=True))
        )

    @property
    def is_limited(self) -> bool:
        """Whether campaign and brand let through less than the members may do."""
        return self.shared is not None and self.shared < self._of(registered=True)

    def _of(self, *, registered: bool) -> int:
        active = (one for one in self.members if one.state is State.ACTIVE and one.registered is registered)
        return sum(min(member.daily, int(member.hourly * self.open_hours)) for member in active)


Made = tuple[MemberSeen, Unfit | None, bool, bool]
"""All that a member goes by, beside the set, the day and the place of its number: whether it rests today, tomorrow."""
Sender = tuple[datetime, E164]
"""A number that sends for a campaign, and when it joined its set."""


def senders_of(want: RotationWant, seen: Iterable[MemberSeen]) -> tuple[Sender, ...]:
    """The numbers of the set that count as the campaign's, in the order in which they joined."""
    return tuple(sorted((one.joined, one.number) for one in seen if _sends_for_campaign(want, one)))


def enlist(
    want: RotationWant,
    seen: Iterable[MemberSeen],
    day: date,
    places: Callable[[E164], tuple[str, ...]],
    others: Iterable[Sender] = (),
    before: Day | None = None,
) -> Day:
    """The roster of `day`. `places` are those of a number, nearest first, without the set's regions. `others`: the
    senders of other sets of its campaign. `before`: an earlier roster, with the same `places`; where one number of
    many has changed, the other members are taken from it."""
    joined = sorted(seen, key=lambda one: (one.joined, one.number))
    judged = tuple(_judge(want, joined, sorted(others)))
    turns = _turns(judged)
    known = before.made_of if before is not None and before.made_for == (want, day) else {}
    tomorrow = date.fromordinal(day.toordinal() + 1)
    made = []
    for one, why in judged:
        turn = turns[one.number]
        goes_by = one, why, _has_rest(want, one, day, turn), _has_rest(want, one, tomorrow, turn)
        made.append(_made(want, day, places, goes_by, known))
    members = sorted((member for _, member in made), key=lambda member: member.number)
    unfit = sorted((one.number, why) for one, why in judged if why is not None)
    made_of = {one[0].number: (one, member) for one, member in made}
    traffic = traffic_of(want)
    return Day(tuple(members), tuple(unfit), traffic.hours, shared_most(traffic), (want, day), made_of)


def _sends_for_campaign(want: RotationWant, one: MemberSeen) -> bool:
    return _needs_campaign(want, one) and _unfitness(want, one) is None


def _judge(
    want: RotationWant, joined: Iterable[MemberSeen], others: Sequence[Sender]
) -> Iterator[tuple[MemberSeen, Unfit | None]]:
    """Each number with what keeps it from being used. The numbers of a campaign are those that joined first, whichever
    set of it they joined."""
    in_campaign = 0
    for one in joined:
        why = _unfitness(want, one)
        if why is None and _needs_campaign(want, one):
            in_campaign += 1
            before = bisect_left(others, (one.joined, one.number))
            if in_campaign + before > CAMPAIGN_NUMBERS and not (want.messaging and want.messaging.pool_approved):
                why = Unfit.CAMPAIGN_FULL
        yield one, why


def _turns(judged: Sequence[tuple[MemberSeen, Unfit | None]]) -> dict[E164, Turn]:
    """Whose turn it is to rest, among those that anybody new may be called from; the others come after."""
    usable = [one.number for one, why in judged if why is None and not one.draining]
    others = [one.number for one, why in judged if why is not None or one.draining]
    return {number: Turn(place, max(len(usable), place + 1)) for place, number in enumerate((*usable, *others))}


def ask_tiers(want: RotationWant, places: tuple[str, ...]) -> tuple[str, ...]:
    """Where a number is looked for, for a recipient who is at `places`: nearest first."""
    region = _region_of(want, places)
    kinds = {
        LocalPresence.NONE: ("s", ""),
        LocalPresence.COUNTRY: ("s", "c"),
        LocalPresence.REGION: ("s", "r", "c"),
        LocalPresence.AREA_CODE: ("a", "s", "r", "c"),
    }[want.presence]
    known = (*places, *((f"s:{region}",) if region else ()), *(() if "" in places else ("",)))
    return tuple(place for kind in kinds for place in known if place[:1] == kind)


def rests(want: RotationWant, turn: Turn, day: date) -> bool:
    """Whether the number has a rest day.

    Numbers take turns by their place in the set: each one works where the one before it ends, so that on every day as
    many work as on any other, or one more. With too few for somebody to work on each day, they rest less, in turn, and
    never all; the number of a set of one never rests.
    """
    cycle = min(want.work_days + want.rest_days, turn.of * want.work_days)
    return (day.toordinal() - turn.place * want.work_days) % cycle >= want.work_days


def ramped(want: RotationWant, cap: int, age: int) -> int:
    """The cap of a number that is in the set for `age` days: it grows in a line, and is never less than 1."""
    ramp = want.terms.ramp
    if max(0, age) >= ramp.days:  # negative where the clock that it joined by is ahead of ours
        return cap
    percent = ramp.start_percent + (100 - ramp.start_percent) * max(0, age) / ramp.days
    return max(1, int(cap * percent / 100))


def _made(
    want: RotationWant,
    day: date,
    places: Callable[[E164], tuple[str, ...]],
    made: Made,
    known: Mapping[E164, tuple[Made, Member]],
) -> tuple[Made, Member]:
    """The member, which is the known one when that was made of the same."""
    number = made[0].number
    kept = known.get(number)
    return kept if kept is not None and kept[0] == made else (made, _member(want, day, places(number), made))


def _member(want: RotationWant, day: date, places: tuple[str, ...], made: Made) -> Member:
    one, why, rests_today, rests_tomorrow = made
    tomorrow = date.fromordinal(day.toordinal() + 1)
    return Member(
        number=one.number,
        account=one.account,
        tiers=(*places[:1], *((f"s:{one.region}",) if one.region else ()), *places[1:]),
        daily=_cap(want, want.daily, one, day, rests_today),
        hourly=_cap(want, want.hourly, one, day, rests_today),
        daily_tomorrow=_cap(want, want.daily, one, tomorrow, rests_tomorrow),
        concurrent=want.concurrent,
        state=_state(one, why, rests_today),
        registered=_needs_campaign(want, one),
    )


def _cap(want: RotationWant, cap: int, one: MemberSeen, day: date, has_rest: bool) -> int:
    """A daily or an hourly cap on `day`, by rest and ramp; what is for one of them only belongs into the member."""
    if has_rest:
        return 0
    if one.established:
        return cap
    return ramped(want, cap, (day - one.joined.astimezone(ZoneInfo(want.zone)).date()).days)


def _state(one: MemberSeen, why: Unfit | None, has_rest: bool) -> State:
    if why is not None:
        return State.QUARANTINED
    if one.draining:
        return State.DRAINING
    return State.RESTING if has_rest else State.ACTIVE


def _has_rest(want: RotationWant, one: MemberSeen, day: date, turn: Turn) -> bool:
    """Whether it is for nobody but replies on that day: one that another set may have used up has it until the day ends
    on which that set let it go."""
    used_up = one.left_other is not None and day <= one.left_other.astimezone(ZoneInfo(want.zone)).date()
    return used_up or rests(want, turn, day)


def _unfitness(want: RotationWant, one: MemberSeen) -> Unfit | None:
    """What keeps the number from being used at all. What is not known counts against it."""
    if one.frozen:
        return Unfit.FROZEN
    if one.quarantined:
        return Unfit.QUARANTINED
    if one.stopped:
        return Unfit.STOPPED
    if not one.routed or not (one.calls if want.channel is Channel.VOICE else one.messages):
        return Unfit.NOT_ROUTED
    if want.channel is Channel.VOICE and signs_calls(one.country) and _signature(one) > want.terms.min_attestation:
        return Unfit.ATTESTATION
    if _needs_campaign(want, one) and not (want.messaging and want.messaging.campaign_approved):
        return Unfit.CAMPAIGN
    if _needs_campaign(want, one) and _differ(want, one):
        return Unfit.CAMPAIGN_OTHER
    if _needs_campaign(want, one) and not _is_enrolled(one):
        return Unfit.NOT_ENROLLED
    if _needs_verification(want, one) and not (want.messaging and want.messaging.toll_free_verified):
        return Unfit.TOLL_FREE
    return None


def _signature(one: MemberSeen) -> str:
    """How its calls are signed, the worse the later in the alphabet; a number of which nothing is known comes last."""
    return one.attestation or "Z"


def _differ(want: RotationWant, one: MemberSeen) -> bool:
    """Whether the carrier has the number in another campaign than the set says it sends for."""
    said = want.messaging.campaign if want.messaging else None
    return None not in (said, one.campaign) and said != one.campaign


def _is_enrolled(one: MemberSeen) -> bool:
    """Whether the carrier lets the number send for the campaign of its profile. Of a number whose profile names none,
    and of which the carrier does not say anything, the set's word counts."""
    return one.campaign is None if one.seat is None else one.seat.lets_send(one.campaign)


def _needs_campaign(want: RotationWant, one: MemberSeen) -> bool:
    """Whether it sends messages under the rules of the US, which hold in its territories: for an approved campaign."""
    return want.channel is Channel.SMS and sends_registered(one.country, one.number)


def _needs_verification(want: RotationWant, one: MemberSeen) -> bool:
    """Whether it sends messages as a toll-free number of North America: these have no campaign, and each business is
    verified for them by itself."""
    return want.channel is Channel.SMS and is_toll_free(one.number)


def _region_of(want: RotationWant, places: tuple[str, ...]) -> str | None:
    """The set's region that serves a recipient: the one that names the area code, else one of the whole country."""
    named = [region for region in want.regions if any(_area(region, code) in places for code in region.area_codes)]
    countries = [place for place in places if place.startswith("c:")]
    whole = [one for place in countries for one in want.regions if place == f"c:{one.country}" and not one.area_codes]
    return next((region.name for region in (*named, *whole)), None)


def _area(region: RegionWant, code: str) -> str:
    return f"a:{region.country}:{code}"
