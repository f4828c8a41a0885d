"""What is put off, beside the picks that redeem it: what is cancelled, and what an opt-out frees."""

from __future__ import annotations

from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.journal import Detail, Entry, Fate, Kind, write_detail
from ringfleet.dispatch.ledger.owner.memory import Deferral
from ringfleet.dispatch.ledger.owner.picks import NO_PICK, parse_id
from ringfleet.dispatch.ledger.tables import DEFERRALS, JOURNAL, Wanted
from ringfleet.dispatch.ledger.types import Cancelled


def want_deferral(deferral: str, wanted: Wanted) -> None:
    wanted.setdefault(DEFERRALS, set()).add((parse_id(deferral, "d") or NO_PICK,))


def cancel(set_: str, deferral: str, group: Group) -> Cancelled:
    """Its room is free. Twice is once."""
    memory = group.memory
    set_id, id_ = memory.sets.get(set_, 0), parse_id(deferral, "d") or NO_PICK
    waiting = memory.waiting.get(set_id, {}).get(id_)
    if waiting is not None:
        give_up(waiting, group)
        return Cancelled.FREED
    row = memory.deferral(id_, group.deferrals.get(id_))
    if row is None or row[1] != set_id:
        return Cancelled.UNKNOWN
    return Cancelled.USED if row[7] == Fate.USED else Cancelled.FREED


def free_room_of(scope: str, recipient: bytes, group: Group) -> None:
    """Who has opted out of the scope is contacted by none of its sets: what waits for that is given up."""
    memory = group.memory
    for set_id, name in memory.names.items():
        if scope in memory.scopes_of(set_id, name) and (waiting := memory.deferral_of(set_id, recipient)) is not None:
            give_up(waiting, group)


def give_up(waiting: Deferral, group: Group) -> None:
    memory, put_off = group.memory, waiting.put_off
    seq = memory.marks["seq"] + 1
    group.undo.put(memory.marks, "seq", seq)
    detail = Detail(redeems=put_off.id)
    kind, written = int(Kind.CANCELLED), write_detail(detail)
    at, day = put_off.not_before, put_off.day
    entry = Entry(seq, waiting.set_id, kind, put_off.number, b"", at, day, 0, None, written)
    memory.apply(entry, group.undo, detail)
    group.changes.put(JOURNAL, (seq,), entry)
