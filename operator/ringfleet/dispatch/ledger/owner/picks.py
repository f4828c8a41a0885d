"""Picks: what the law has to know of an ask, what it says, and what becomes of it in memory and in the journal."""

from __future__ import annotations

import re

from ringfleet.dispatch.ledger.interface import KEPT
from ringfleet.dispatch.ledger.keys import hash_key, once
from ringfleet.dispatch.ledger.law.decision import Known, PutOff, Use, Wait, decide
from ringfleet.dispatch.ledger.law.members import Bench
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
from ringfleet.dispatch.ledger.tables import ANSWERS, CONTACTS, JOURNAL, PICKS, STATES, SUPPRESSIONS, Wanted
from ringfleet.dispatch.ledger.types import Ask, Deferred, GivenBack, KeyReused, Picked, Suppressed, Verdict

CONTACTS_KEPT = 3
"""Times of contacts that are kept where no frequency asks for more."""
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
    wanted.setdefault(SUPPRESSIONS, set()).update((one,) for one in recipients)
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
        if not _was_given_back(detail.picked, group):
            scope = _opted_out(ask, group)
            return Suppressed(scope) if scope is not None else _answered(before)
    memory = group.memory
    memory.hang_up(ask.now)
    bench, set_id = memory.bench(ask.set) or (Bench(), 0)
    known, contact, older = _known(ask, set_id, group)
    choice = decide(bench, ask, known)
    match choice:
        case Use():
            decided = _use(ask, known, contact, choice)
        case Wait():
            decided = _wait(ask, known, contact, choice)
        case PutOff():
            decided = _Decided(
                Kind.ANSWER, Deferred(f"d{choice.id}", f"+{choice.number}", choice.not_before, ("not-due",))
            )
        case _:
            return choice
    if ask.dry_run:
        answer = decided.answer
        return _whole(answer, 0, bench.remaining(ask)) if isinstance(answer, Picked) else _with_id(answer, 0)
    if older is not None and decided.contact is None:
        decided.contact = contact  # the row moves to the newest hash: the older key is needed once
    return _write_down(ask, key, before, decided, older, bench, set_id, group)


class _Decided:
    """What is to be written of a pick or a deferral."""

    __slots__ = ("answer", "contact", "counted", "day", "kind", "redeems")

    def __init__(
        self,
        kind: Kind,
        answer: Picked | Deferred,
        day: int = 0,
        counted: bool = False,
        contact: Contact | None = None,
        redeems: int | None = None,
    ) -> None:
        self.kind, self.answer, self.day, self.counted = kind, answer, day, counted
        self.contact, self.redeems = contact, redeems


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


def _with_id(deferred: Deferred, seq: int) -> Deferred:
    """The same; one that is told again has its id."""
    id_ = deferred.id or (f"d{seq}" if seq else "")
    return Deferred(id_, deferred.number, deferred.not_before, deferred.reasons)


def _known(ask: Ask, set_id: int, group: Group) -> tuple[Known, Contact, bytes | None]:
    """What the law is told; the recipient's row; and the older hash that it is under."""
    contact, older = group.contact(set_id, ask.recipient), None
    scope = _opted_out(ask, group)
    for hash_ in ask.known_as:
        if contact is None and (contact := group.contact(set_id, hash_)) is not None:
            older = hash_
    put_off = None
    if ask.deferral is not None:
        waiting = group.memory.waiting.get(set_id, {}).get(parse_id(ask.deferral, "d") or NO_PICK)
        put_off = waiting.put_off if waiting else None
    contact = contact or NOBODY
    return Known(scope, contact.number, contact.last, contact.recent, put_off), contact, older


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
        max(seat.day, ask.day) if choice.counts else ask.day,  # one that comes late counts in the day that has begun
        choice.counts,
        Contact(number, max(contact.last, ask.now), recent),
        known.put_off.id if choice.counts and known.put_off is not None else None,
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
    )
    number = int(answer.number[1:])
    mark = once(key, ask.now, before.seq if before else None) if key is not None else None
    entry = Entry(
        seq, set_id, int(decided.kind), number, ask.recipient, ask.now, decided.day, int(decided.counted), mark, b""
    )
    memory.apply(entry, group.undo, detail)
    if isinstance(answer, Picked):
        detail.picked = _whole(answer, seq, bench.remaining(ask))
    entry = Entry(*entry[:-1], write_detail(detail))
    if key is not None:
        memory.young.answers[key] = entry
    group.changes.put(JOURNAL, (seq,), entry)
    return detail.picked or detail.deferred  # type: ignore[return-value]  # one of them is there


def _answered(before: Entry) -> Verdict:
    detail = read_detail(before.detail)
    answer = detail.picked or detail.deferred
    assert answer is not None
    return answer


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
    detail = Detail(pick=entry.seq, contact=contact._replace(recent=tuple(recent)) if contact else None)
    back = entry._replace(seq=seq, kind=int(Kind.GIVEN_BACK), once=None, detail=write_detail(detail))
    memory.apply(back, group.undo, detail)
    group.changes.put(JOURNAL, (seq,), back)
    group.changes.put(STATES, (entry.seq,), (entry.seq, int(State.GIVEN_BACK)))
    return GivenBack.RETURNED
