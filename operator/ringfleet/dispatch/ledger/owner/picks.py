"""Picks: what the law has to know of an ask, what it says, and what becomes of it in memory and in the journal."""

from __future__ import annotations

import re
from dataclasses import replace

from ringfleet.dispatch.ledger.interface import KEPT
from ringfleet.dispatch.ledger.keys import hash_key, once
from ringfleet.dispatch.ledger.law.decision import Known, Lent, PutOff, Use, Wait, decide
from ringfleet.dispatch.ledger.law.members import Bench
from ringfleet.dispatch.ledger.law.shared import day_begins
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.journal import (
    NOBODY,
    Contact,
    Detail,
    Entry,
    Kind,
    State,
    read_detail,
    write_detail,
)
from ringfleet.dispatch.ledger.owner.memory import Deferral, Memory
from ringfleet.dispatch.ledger.owner.traffic import count
from ringfleet.dispatch.ledger.tables import ANSWERS, CONTACTS, HEARD, JOURNAL, PICKS, STATES, SUPPRESSIONS, Wanted
from ringfleet.dispatch.ledger.types import Ask, Deferred, GivenBack, KeyReused, Picked, Suppressed, Verdict
from ringfleet.plan.rotation_set.calendar import window

CONTACTS_KEPT = 3
"""Times of contacts that are kept where no frequency asks for more."""
TOLD_AGAIN = ("not-due",)
"""The reasons of a deferral that was made before."""
NO_PICK = -1
"""What is looked for where an id is none of ours."""

_ID = re.compile(r"([pd])([0-9]{1,17})")


def parse_id(text: str, letter: str) -> int | None:
    """The number in an id that we gave; None when it is no such id."""
    found = _ID.fullmatch(text)
    return int(found[2]) if found and found[1] == letter else None


# Picks.


def want_for(ask: Ask, group: Group, wanted: Wanted) -> None:
    """What must be found before the ask is decided."""
    set_id = group.memory.sets.get(ask.set)
    recipients = (ask.recipient, *ask.known_as)
    if set_id is not None:
        wanted.setdefault(CONTACTS, set()).update((set_id, one) for one in recipients)
        if (terms := group.memory.terms.get(set_id)) is not None and (terms.people or terms.heir_of):
            others = _where_else(set_id, group.memory)
            wanted[CONTACTS].update((other, one) for other in others for one in recipients)
    wanted.setdefault(SUPPRESSIONS, set()).update((one,) for one in recipients)
    if ask.reply:
        wanted.setdefault(HEARD, set()).update((one,) for one in recipients)
    if ask.key is not None and not ask.dry_run:
        key = hash_key(ask.set, ask.key)
        if group.memory.answer(key, None) is None:
            wanted.setdefault(ANSWERS, set()).add((key,))


def want_of_old_answers(group: Group) -> Wanted:
    """What an older program has answered says nothing of what became of its pick."""
    old = (read_detail(one.detail).picked for one in group.answers.values() if one.kind == Kind.ANSWER)
    picks = {(parse_id(one.id, "p") or NO_PICK,) for one in old if one is not None}
    return {PICKS: picks} if picks else {}


def pick(ask: Ask, group: Group) -> Verdict:
    key = hash_key(ask.set, ask.key) if ask.key is not None and not ask.dry_run else None
    before = group.memory.answer(key, group.answers.get(key)) if key is not None else None
    if before is not None and before.at > ask.now - KEPT:
        detail = read_detail(before.detail)
        if detail.fingerprint != ask.fingerprint:
            return KeyReused()
        if not _was_given_back(detail.picked, group) and _still_waits(detail.deferred, ask, group):
            scope = _opted_out(ask, group)
            return Suppressed(scope) if scope is not None else _answered(before)
    memory = group.memory
    memory.hang_up(ask.now)
    bench, set_id = memory.bench(ask.set) or (Bench(), 0)
    known, contact, older = _known(ask, set_id, group)
    terms = memory.terms.get(set_id)
    if terms is not None and terms.limits:
        memory.shared.restrict(ask, terms, _own_units(ask, set_id, known, memory))
    choice = decide(bench, ask, known)
    match choice:
        case Use():
            decided = _use(ask, known, contact, choice)
        case Wait():
            decided = _wait(ask, known, contact, choice)
        case PutOff():
            decided = _Decided(
                Kind.ANSWER, Deferred(f"d{choice.id}", f"+{choice.number}", choice.not_before, TOLD_AGAIN)
            )
        case _:
            return choice
    if ask.dry_run:
        answer = decided.answer
        left = _remaining(ask, bench, set_id, memory)
        return _whole(answer, 0, left) if isinstance(answer, Picked) else _with_id(answer, 0)
    if older is not None and decided.contact is None:
        decided.contact = contact  # the row moves to the newest hash: the older key is needed once
    return _write_down(ask, key, before, decided, older, bench, set_id, group)


class _Decided:
    """What is to be written of a pick or a deferral."""

    __slots__ = ("answer", "contact", "counted", "day", "kind", "lent", "redeems")

    def __init__(
        self,
        kind: Kind,
        answer: Picked | Deferred,
        day: int = 0,
        counted: bool = False,
        contact: Contact | None = None,
        redeems: int | None = None,
        lent: Lent | None = None,
    ) -> None:
        self.kind, self.answer, self.day, self.counted = kind, answer, day, counted
        self.contact, self.redeems, self.lent = contact, redeems, lent


def _whole(picked: Picked, seq: int, remaining: int) -> Picked:
    """With its id, which is empty for a dry run."""
    return Picked(
        f"p{seq}" if seq else "",
        picked.number,
        picked.account,
        picked.sticky,
        picked.reassigned,
        picked.tier,
        remaining,
        picked.reasons,
    )


def _remaining(ask: Ask, bench: Bench, set_id: int, memory: Memory) -> int:
    """What the set may still do today, by its numbers and by the limits that it shares."""
    terms = memory.terms.get(set_id)
    return bench.remaining(ask, memory.shared.left(ask, terms) if terms is not None and terms.limits else None)


def _with_id(deferred: Deferred, seq: int) -> Deferred:
    """The same; one that is told again has its id."""
    id_ = deferred.id or (f"d{seq}" if seq else "")
    return Deferred(id_, deferred.number, deferred.not_before, deferred.reasons)


def _known(ask: Ask, set_id: int, group: Group) -> tuple[Known, Contact, bytes | None]:
    """What the law is told; the recipient's row; and the older hash that it is under."""
    scope = _opted_out(ask, group)
    contact, older = _contact(ask, set_id, group)
    terms, lent = group.memory.terms.get(set_id), None
    if terms is not None and (terms.people or terms.heir_of):
        contact, lent = _among_people(ask, set_id, contact, group)
    waiting = _waiting(ask, set_id, group)
    put_off = waiting.put_off if waiting else None
    named = None if ask.deferral is None else parse_id(ask.deferral, "d") or NO_PICK
    contact = contact or NOBODY
    heard = _heard(ask, set_id, group) if ask.reply else ()
    return Known(scope, contact.number, contact.last, contact.recent, put_off, named, lent, heard), contact, older


def _contact(ask: Ask, set_id: int, group: Group) -> tuple[Contact | None, bytes | None]:
    """The recipient's row in the set, and the older hash that it is under."""
    contact = group.contact(set_id, ask.recipient)
    for hash_ in ask.known_as:
        if contact is None and (contact := group.contact(set_id, hash_)) is not None:
            return contact, hash_
    return contact, None


def _where_else(set_id: int, memory: Memory) -> list[int]:
    """Where the set's people may be found beside itself, nearest first."""
    people = memory.people_of(set_id)
    heir_of = (memory.sets.get(name) for name in memory.terms_of(set_id).heir_of)
    return [one for one in (people, *heir_of) if one is not None]


def _among_people(ask: Ask, set_id: int, own: Contact | None, group: Group) -> tuple[Contact | None, Lent | None]:
    """The recipient's row with the number that is so in all sets of the same caller, and where that is a member."""
    memory, people = group.memory, group.memory.people_of(set_id)
    found = own
    for other in _where_else(set_id, memory):
        theirs, _ = _contact(ask, other, group)
        if theirs is not None and (found is None or other == people):
            recent = own.recent if own else () if other == people else theirs.recent
            found = Contact(theirs.number, max(theirs.last, own.last if own else 0.0), recent)
            break
    if people is None or found is None or found.number is None or found.number in memory.benches[set_id].seats:
        return found, None
    lender = memory.lender_of(set_id, found.number)
    if lender is None:
        return found, None
    bench = memory.benches[lender]
    seat, day = bench.seats[found.number], window(ask.now, memory.terms_of(lender).zone)
    there = replace(ask, day=day.day.toordinal(), tomorrow=day.tomorrow, begins=day.today, hour_ends=day.hour_ends)
    memory.shared.restrict(there, memory.terms_of(lender), 0)
    return found, Lent(lender, seat, there)


def _heard(ask: Ask, set_id: int, group: Group) -> tuple[int, ...]:
    """The numbers that are or were the set's, to which the recipient has called or written lately."""
    since, known = ask.now - ask.reply_window, group.memory.benches[set_id].known if set_id else {}
    told = [
        (at, number)
        for hash_ in (ask.recipient, *ask.known_as)
        for number, at in group.heard.get(hash_, {}).items()
        if at > since and number in known
    ]
    return tuple(number for _, number in sorted(told, reverse=True))


def _own_units(ask: Ask, set_id: int, known: Known, memory: Memory) -> int:
    """What the recipient's deferral has put aside of today."""
    room = known.put_off
    if room is None or room.lapsed or not room.is_due(ask) or not day_begins(ask) <= room.not_before < ask.tomorrow:
        return 0
    return memory.waiting[set_id][room.id].units


def _waiting(ask: Ask, set_id: int, group: Group) -> Deferral | None:
    """The recipient's deferral, under any of its hashes."""
    if not group.memory.waits:
        return None
    found = (group.memory.deferral_of(set_id, hash_) for hash_ in (ask.recipient, *ask.known_as))
    return next((one for one in found if one is not None), None)


def _opted_out(ask: Ask, group: Group) -> str | None:
    """Where the recipient has opted out, under any of its hashes; None: nowhere."""
    if not group.opt_outs:
        return None
    found = (_scope(ask, hash_, group) for hash_ in (ask.recipient, *ask.known_as))
    return next((scope for scope in found if scope is not None), None)


def _scope(ask: Ask, recipient: bytes, group: Group) -> str | None:
    found = group.opt_outs.get(recipient)
    return min((scope for scope in found if scope in ask.scopes), default=None) if found else None


def _use(ask: Ask, known: Known, contact: Contact, choice: Use) -> _Decided:
    seat = choice.seat
    recent = contact.recent
    if choice.counts:
        kept = max(CONTACTS_KEPT, ask.frequency[0] if ask.frequency else 0)
        recent = (*recent, ask.now)[-kept:]
    number = seat.digits if choice.writes else contact.number
    picked = Picked("", seat.number, seat.account, choice.sticky, choice.reassigned, choice.tier, 0, choice.reasons)
    return _Decided(
        Kind.PICK,
        picked,
        # One that comes late counts in the day that has begun.
        max(seat.day, ask.day) if choice.counts and choice.lent is None else ask.day,
        choice.counts,
        Contact(number, max(contact.last, ask.now), recent),
        known.put_off.id if choice.counts and known.put_off is not None else None,
        choice.lent,
    )


def _wait(ask: Ask, known: Known, contact: Contact, choice: Wait) -> _Decided:
    seat = choice.seat
    writes = choice.writes or contact.number is None
    return _Decided(
        Kind.DEFERRAL,
        Deferred("", seat.number, choice.not_before, choice.reasons),
        choice.day,
        contact=Contact(seat.digits, max(contact.last, ask.now), contact.recent) if writes else None,
        redeems=known.put_off.id if known.put_off is not None else None,
    )


def _write_down(
    ask: Ask,
    key: bytes | None,
    before: Entry | None,
    decided: _Decided,
    older: bytes | None,
    bench: Bench,
    set_id: int,
    group: Group,
) -> Verdict:
    """It is so in memory, and goes out with the group."""
    if decided.kind is Kind.ANSWER and key is None:
        return decided.answer
    memory = group.memory
    seq = memory.marks["seq"] + 1
    group.undo.put(memory.marks, "seq", seq)
    answer = decided.answer
    detail = Detail(
        fingerprint=ask.fingerprint,
        deferred=_with_id(answer, seq) if isinstance(answer, Deferred) else None,
        contact=decided.contact,
        older=older if decided.contact is not None else None,
        redeems=decided.redeems,
        people=memory.people_of(set_id) if decided.contact is not None else None,
    )
    if isinstance(answer, Deferred):
        detail.key = ask.key
        detail.lapses = answer.not_before + ask.room_kept if decided.kind is Kind.DEFERRAL else 0.0
    elif decided.redeems is not None:
        detail.also = _key_of(memory.waiting[set_id][decided.redeems], ask)
    number = int(answer.number[1:])
    mark = once(key, ask.now, before.seq if before else None) if key is not None else None
    entry = Entry(
        seq, set_id, int(decided.kind), number, ask.recipient, ask.now, decided.day, int(decided.counted), mark, b""
    )
    if (lent := decided.lent) is not None:
        units = memory.units_of(lent.set_id, lent.seat)
        detail.lent = lent.set_id, max(lent.seat.day, lent.ask.day), units
    elif isinstance(answer, Picked):
        detail.units = memory.units_of(set_id, bench.known[number])
    memory.apply(entry, group.undo, detail)
    if isinstance(answer, Picked):
        if not decided.counted:
            count(number, ask.now, "replies", 1, group)
        detail.picked = _whole(answer, seq, _remaining(ask, bench, set_id, memory))
    entry = Entry(*entry[:-1], write_detail(detail))
    for answered in (key, detail.also):
        if answered is not None:
            memory.young.answers[answered] = entry
    group.changes.put(JOURNAL, (seq,), entry)
    if detail.lent is not None:
        _count_where_it_is(entry, detail.lent, Kind.LENT, group)
    return detail.picked or detail.deferred  # type: ignore[return-value]  # one of them is there


def _answered(before: Entry) -> Verdict:
    detail = read_detail(before.detail)
    answer = detail.picked or detail.deferred
    assert answer is not None
    return answer


def _count_where_it_is(entry: Entry, lent: tuple[int, int, int], kind: Kind, group: Group) -> None:
    """The pick counts, or counts no more, in the set that the number is a member of."""
    memory, (set_id, day, units) = group.memory, lent
    seq = memory.marks["seq"] + 1
    group.undo.put(memory.marks, "seq", seq)
    detail = Detail(units=units)
    also = entry._replace(
        seq=seq, set_id=set_id, kind=int(kind), day=day, once=None, detail=write_detail(detail), recipient=b""
    )
    memory.apply(also, group.undo, detail)
    group.changes.put(JOURNAL, (seq,), also)


def _key_of(waiting: Deferral, ask: Ask) -> bytes | None:
    """By which who was put off may ask once more; None: that is the ask's own key."""
    return hash_key(ask.set, waiting.key) if waiting.key not in (None, ask.key) else None


def _still_waits(deferred: Deferred | None, ask: Ask, group: Group) -> bool:
    """Whether what was answered is so still: what is due, or waits no more, is judged anew."""
    if deferred is None:
        return True
    waiting = group.memory.waiting.get(group.memory.sets.get(ask.set, 0), {})
    one = waiting.get(parse_id(deferred.id, "d") or NO_PICK)
    return one is not None and not one.put_off.lapsed and not one.put_off.is_due(ask)


def _was_given_back(picked: Picked | None, group: Group) -> bool:
    """Whether nothing is left of what was answered, so that the same request is a new one."""
    return picked is not None and group.state(parse_id(picked.id, "p") or NO_PICK) == State.GIVEN_BACK


# Giving back.


def want_to_give_back(pick: str, wanted: Wanted) -> None:
    wanted.setdefault(PICKS, set()).add((parse_id(pick, "p") or NO_PICK,))


def want_its_contact(pick: str, group: Group, wanted: Wanted) -> None:
    entry = group.picks.get(parse_id(pick, "p") or NO_PICK)
    if entry is not None:
        wanted.setdefault(CONTACTS, set()).add((entry.set_id, entry.recipient))


def give_back(set_: str, pick: str, day: int, group: Group) -> GivenBack:
    memory = group.memory
    entry = group.picks.get(parse_id(pick, "p") or NO_PICK)
    if entry is None or entry.kind != Kind.PICK or memory.names.get(entry.set_id) != set_:
        return GivenBack.UNKNOWN
    match group.state(entry.seq):
        case State.GIVEN_BACK:
            return GivenBack.RETURNED
        case State.IN_USE:
            return GivenBack.IN_USE
    if entry.day != day:
        return GivenBack.TOO_LATE
    contact = group.contact(entry.set_id, entry.recipient)
    recent = list(contact.recent) if contact else []
    if entry.counted and entry.at in recent:
        recent.remove(entry.at)  # that contact was none; the recipient's number stays
    seq = memory.marks["seq"] + 1
    group.undo.put(memory.marks, "seq", seq)
    detail = Detail(
        pick=entry.seq,
        contact=contact._replace(recent=tuple(recent)) if contact else None,
        units=read_detail(entry.detail).units,
    )
    back = entry._replace(seq=seq, kind=int(Kind.GIVEN_BACK), once=None, detail=write_detail(detail))
    memory.apply(back, group.undo, detail)
    if not entry.counted:
        count(entry.number, entry.at, "replies", -1, group)
    group.changes.put(JOURNAL, (seq,), back)
    group.changes.put(STATES, (entry.seq,), (entry.seq, int(State.GIVEN_BACK)))
    if (lent := read_detail(entry.detail).lent) is not None:
        _count_where_it_is(back, lent, Kind.LENT_BACK, group)
    return GivenBack.RETURNED
