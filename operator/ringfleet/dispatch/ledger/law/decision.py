"""The decision of a pick: its law. It stands here and nowhere else; the owner of a ledger makes it, for every store.

In this order, and all in one transaction::

    0  the key was seen        in the last `KEPT` seconds. The same fingerprint: the same answer, whatever it was of
                               Picked, Deferred; another fingerprint: KeyReused. Refusals are not kept: they are judged
                               anew, and so are a pick that was given back and a deferral that is due or waits no more.
                               When it went out under another key, that pick is the answer. A dry run has no key. Who
                               has opted out since is Suppressed, and no number is told.
    1  opted out               a scope of the ask holds an opt-out under any of the recipient's hashes: Suppressed (of
                               several, the scope that is first by name)
    2  not now                 a reply is not asked. Any other contact: `quiet_until` is there: Quiet. So many
                               contacts as `frequency` allows lie within its window: TooOften until the oldest of them
                               leaves it. A deferral counts when it goes out.
    3  a deferral waits        the recipient's, of which a set has one at most, whether the ask names it or not. It
                               names another: UnknownDeferral. Not due (`now < not_before`, or its day has not begun:
                               then not before `tomorrow`): the same Deferred again. Due: its room is used, on its
                               number if that may be used, else it is judged as a new contact whose room is free again.
                               A recipient who has a number, another one, keeps that. Its room has lapsed: it is judged
                               as a new contact.
    4  the recipient's number  (mode not OFF, the row younger than `sticky_ttl`)
                                 may be used: Picked(sticky).
                                 not in the roster, quarantined, or another account's: pick anew and rewrite the row:
                                   `reassigned`. STRICT differs for quarantined only: NoNumber, or for a rest or a cap
                                   below.
                                 draining: STRICT may use it; PREFER picks anew and rewrites the row: `reassigned`.
                                 capped, resting or all lines busy: STRICT: Deferred for this number. PREFER: Deferred
                                   for it when it may be used within `max_wait`, else pick anew and *keep* the row.
                                   Not `defers`: STRICT is Exhausted, PREFER picks anew and keeps the row.
                                 out for the campaign's rate: Exhausted until the minute ends.
                                 a member of another set that is the same caller (`people`), and not of this one: that
                                   set's caps, day, limits and health hold for it, and no room is put aside there:
                                   where STRICT would be Deferred it is Exhausted. It counts in both sets.
    5  a new number            the first tier that has a member which may be used; in it the one with the least
                               used / cap, of equal ones the one that was idle longest, then by number. Writes the row.
    6  none may be used        `defers`: Deferred, with room reserved (below). Not `defers`, or no room within the
                               horizon: Exhausted until the first time that one may be used, or until tomorrow when
                               that is not known. Some are out for the campaign's rate: Exhausted until the minute
                               ends. All members are out of use for other reasons than caps, rest, hours, lines, limits:
                               NoNumber.

*May be used* (for a contact that counts): ACTIVE, of the asked account, with no spam label that the carrier has told of
(one with a label is as QUARANTINED, whatever its roster says), and ::

    used(day) + reserved(day) < daily      used(hour) < hourly      open calls < concurrent

and its ledger was not restored on the day, for then nobody knows what is used; nor was it used by a clock that was an
hour ahead or more, on a later day: what it did on the day before that is not known either. And, where the set shares
limits with others and the member is registered for them: what the brand has used of the set's day and put aside for it,
this contact included, is within its limit; so is what the campaign has used of this minute. Replies count there, though
nothing keeps them back. Room on a later day has to be within the brand's limit too.

An open call is one that was started or answered in the last `LONGEST_CALL` seconds, and whose end was not told. A
deferral's own room does not stand against itself, neither here nor where room is looked for. A *reply* answers who has
called or written to a number of the set in the last `reply_window` seconds, by what carriers told: from that number (of
several the latest), else from the recipient's (with OFF: the one that was used last), unless it is QUARANTINED, not in
the roster, or another account's; it counts nowhere and touches no cap. Without a word of the recipient's, or such a
number, it is judged as any other contact would be. `tier` is None where the recipient's own number is used, or a reply
goes out, else the first of the ask's tiers that the number is near to.

*Room.* A contact that can't go out now because of the hour or of lines only, on a number with daily budget left, is put
off to `hour_ends`, and reserved on that number today; when the day ends with the hour, it is put off to the next day
instead. Else it is reserved on the earliest coming day (`day + 1` up to `day + horizon`) that has room, `not_before`
the beginning of that day: on the recipient's number (4), or, of all members with the earliest `not_before`, on the one
of the first tier that has least (used + reserved) / daily of that day (ties by number). Caps of later days are taken to
be those of tomorrow, and nothing is used of them yet. A deferral of a recipient without a row writes one, for the
number that it is reserved on. Days begin at `tomorrow`, `tomorrow + 86400`, and so on: what a clock change makes of the
later ones is looked at when they come. `not_before` is never in the recipient's night. Room is free again when nobody
has come for it in the `room_kept` seconds after `not_before`, when the recipient opts out, when it is cancelled, and at
the end of its day.

*Least used* is one integer, `place(day, used, cap)`: a number that was not used today has an older day in it and sorts
first, longest idle first. So nothing has to be reset at midnight.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from ringfleet.dispatch.ledger.law.member import Seat
from ringfleet.dispatch.ledger.law.members import Bench
from ringfleet.dispatch.ledger.law.reservations import IN_TIME, first_room
from ringfleet.dispatch.ledger.types import Ask, Exhausted, NoNumber, Quiet, Suppressed, TooOften, UnknownDeferral, Why
from ringfleet.model.rotation import StickyMode
from ringfleet.plan.rotation_set.roster import State


@dataclass(frozen=True, slots=True)
class PutOff:
    """A deferral as it is remembered."""

    id: int
    number: int
    recipient: bytes = field(repr=False)
    day: int = 0
    not_before: float = 0.0
    lapsed: bool = False
    """Whether nobody has come for its room in time."""

    def is_due(self, ask: Ask) -> bool:
        """A clock change may have been forgotten in what was told: its day has to have begun, too."""
        return ask.day >= self.day and ask.now >= self.not_before


@dataclass(frozen=True, slots=True)
class Lent:
    """A member of another set, and the ask as that set would be asked: its day and limits hold for the number."""

    set_id: int
    seat: Seat
    ask: Ask


class Known(msgspec.Struct):  # one for each pick
    """What the ledger remembers about an ask."""

    scope: str | None = None
    """Where an opt-out of the recipient was found; None: nowhere."""
    number: int | None = None
    """The number that the recipient knows, its digits only; None: the recipient has no row."""
    last: float = 0.0
    """When the recipient was last contacted, in POSIX seconds."""
    recent: tuple[float, ...] = ()
    """When the recipient's latest contacts were, in POSIX seconds, oldest first."""
    put_off: PutOff | None = None
    """The recipient's deferral that waits in the set; None: there is none."""
    named: int | None = None
    """The deferral that the ask names; None: it names none."""
    lent: Lent | None = None
    """Where the recipient's number is, when it is a member of another set that is the same caller; else None."""
    heard: tuple[int, ...] = ()
    """Of a reply: the numbers, by their digits, that the recipient has called or written to, the latest first."""


class Use(msgspec.Struct):  # the same
    """Use this seat now. `counts`: against its caps. `writes`: the recipient's row is (re)written. `redeems`: the room
    of the ask's deferral is used, or given up."""

    seat: Seat
    tier: str | None
    sticky: bool = False
    reassigned: bool = False
    counts: bool = True
    writes: bool = True
    reasons: tuple[str, ...] = ()
    lent: Lent | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Put it off: room on this seat, of that day, to be used from `not_before` on."""

    seat: Seat
    day: int
    not_before: float
    writes: bool
    reasons: tuple[str, ...] = ()


Choice = Use | Wait | PutOff | Suppressed | Quiet | TooOften | Exhausted | NoNumber | UnknownDeferral


def decide(bench: Bench, ask: Ask, known: Known) -> Choice:
    """What the law says, from 1 to 6. Changes nothing. A PutOff: that deferral again, it is not due."""
    if known.scope is not None:
        return Suppressed(known.scope)
    own = bench.seats.get(known.number) if known.number is not None and _is_remembered(ask, known) else None
    if known.heard and (answers := _answering(bench, ask, known, own)) is not None:
        knows, has_none = answers is own, own is None and known.lent is None
        return Use(answers, None, sticky=knows, counts=False, writes=has_none or knows, reasons=("reply",))
    if ask.quiet_until is not None:
        return Quiet(ask.quiet_until)
    if (again := _too_often(ask, known)) is not None:
        return TooOften(again)
    if ask.mode is StickyMode.NONE:
        own = None
    room = known.put_off
    if known.named is not None and (room is None or room.id != known.named):
        return UnknownDeferral()
    if room is not None and room.lapsed:
        room = None
    if room is not None:
        if not room.is_due(ask):
            return replace(room, not_before=max(room.not_before, ask.tomorrow)) if ask.day < room.day else room
        kept = bench.seats.get(room.number)
        if kept is not None and _is_of(kept, ask) and kept.objection(ask, _own_room(room, kept, ask)) is None:
            tier = None if own is kept else next((tier for tier in ask.tiers if tier in kept.tiers), None)
            has_none = own is None and known.lent is None
            return Use(kept, tier, sticky=own is kept, writes=has_none, reasons=("deferred-earlier",))
    return _for_recipient(bench, ask, known, own, room)


def _answering(bench: Bench, ask: Ask, known: Known, own: Seat | None) -> Seat | None:
    """The number that a reply goes out from."""
    seats = (*(bench.seats.get(number) for number in known.heard), own)
    return next((one for one in seats if one and one.standing is not State.QUARANTINED and _is_of(one, ask)), None)


def _for_recipient(bench: Bench, ask: Ask, known: Known, own: Seat | None, room: PutOff | None) -> Choice:
    """Step 4: the recipient's number."""
    if known.number is None or ask.mode is StickyMode.NONE or not _is_remembered(ask, known):
        return _anew(bench, ask, room, reassigned=False, keep=False)
    if own is None and known.lent is not None:
        return _of_another_set(bench, ask, known.lent, room)
    if own is None:
        return _anew(bench, ask, room, reassigned=True, keep=False, why="released")
    strict = ask.mode is StickyMode.STRICT
    if own.standing is State.QUARANTINED and strict:
        return NoNumber(((Why.QUARANTINED, 1),))
    if own.standing is State.QUARANTINED or not _is_of(own, ask) or (own.standing is State.DRAINING and not strict):
        why = "other-account" if not _is_of(own, ask) else own.standing.value
        return _anew(bench, ask, room, reassigned=True, keep=False, why=why)
    own_room = _own_room(room, own, ask)
    objection = own.objection(ask, own_room, draining=strict)
    if objection is None:
        return Use(own, None, sticky=True, reasons=("same-number",))
    if objection is Why.CAMPAIGN_RATE:
        return Exhausted(_minute_ends(ask), ((objection, 1),))
    free = first_room(own, ask, objection)
    soon = ask.defers and free is not None and free.not_before(ask) - ask.now <= ask.max_wait
    if not strict and not soon:
        return _anew(bench, ask, room, reassigned=False, keep=True, why=objection.value)
    if free is None or not ask.defers:
        return Exhausted(free.not_before(ask) if free else ask.tomorrow, ((objection, 1),))
    return Wait(own, free.day(ask), free.not_before(ask), writes=False, reasons=("same-number", objection.value))


def _of_another_set(bench: Bench, ask: Ask, lent: Lent, room: PutOff | None) -> Choice:
    """Step 4, where the number is a member of a set that is the same caller. No room is put aside there."""
    seat, there, strict = lent.seat, lent.ask, ask.mode is StickyMode.STRICT
    if seat.standing is State.QUARANTINED and strict:
        return NoNumber(((Why.QUARANTINED, 1),))
    ours = _is_of(seat, ask) and any(one.account == seat.account for one in bench.seats.values())
    if seat.standing is State.QUARANTINED or not ours or (seat.standing is State.DRAINING and not strict):
        why = seat.standing.value if ours else "other-account"
        return _anew(bench, ask, room, reassigned=True, keep=False, why=why)
    objection = seat.objection(there, draining=strict)
    if objection is None:
        return Use(seat, None, sticky=True, reasons=("same-number", "of-another-set"), lent=lent)
    if not strict and objection is not Why.CAMPAIGN_RATE:
        return _anew(bench, ask, room, reassigned=False, keep=True, why=objection.value)
    if objection is Why.CAMPAIGN_RATE:
        return Exhausted(_minute_ends(ask), ((objection, 1),))
    free = first_room(seat, there, objection)
    return Exhausted(free.not_before(there) if free else there.tomorrow, ((objection, 1),))


def _anew(
    bench: Bench, ask: Ask, room: PutOff | None, *, reassigned: bool, keep: bool, why: str | None = None
) -> Choice:
    """Steps 5 and 6. `keep`: the recipient's row stays as it is. `why` the recipient's own number is not used."""
    said = (f"not-the-same:{why}",) if why else ()
    for tier in ask.tiers:
        seat = bench.least(tier, ask)
        if seat is not None:
            reasons = (*said, f"near:{tier or 'any'}", "least-used")
            return Use(seat, tier, reassigned=reassigned, writes=not keep, reasons=reasons)
    rooms = bench.rooms(ask)
    excluded = rooms.excluded()
    if not any(why in IN_TIME for why, _ in excluded):
        return NoNumber(excluded)
    if any(why is Why.CAMPAIGN_RATE for why, _ in excluded):
        return Exhausted(_minute_ends(ask), excluded)
    found = rooms.first(ask, _own_seat(bench, ask, room))
    if found is None or not ask.defers:
        return Exhausted(found[1].not_before(ask) if found else ask.tomorrow, excluded)
    seat, free = found
    reasons = (*said, *(f"all-out:{why}" for why, _ in excluded))
    return Wait(seat, free.day(ask), free.not_before(ask), writes=not keep, reasons=reasons)


def _minute_ends(ask: Ask) -> float:
    return (ask.now // 60 + 1) * 60


def _own_seat(bench: Bench, ask: Ask, room: PutOff | None) -> Seat | None:
    """The seat on which the ask has room of today, that it gives up for other room."""
    if room is None or room.day != ask.day:
        return None
    seat = bench.seats.get(room.number)
    return seat if seat is not None and _is_of(seat, ask) else None


def _is_remembered(ask: Ask, known: Known) -> bool:
    return ask.now - known.last < ask.sticky_ttl


def _is_of(seat: Seat, ask: Ask) -> bool:
    return ask.account is None or seat.account == ask.account


def _own_room(room: PutOff | None, seat: Seat, ask: Ask) -> int:
    """The room that does not stand against the deferral it was made for."""
    return int(room is not None and room.number == seat.digits and room.day == ask.day)


def _too_often(ask: Ask, known: Known) -> float | None:
    """When the recipient may be contacted again; None: now."""
    if ask.frequency is None or len(known.recent) < ask.frequency[0]:
        return None
    contacts, window = ask.frequency
    again = known.recent[-contacts] + window
    return again if again > ask.now else None
