"""Who is in a set: only the owner enlists. The last roster of each set is kept, member by member."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.tables import ROSTER_MEMBERS, ROSTERS, SETS
from ringfleet.dispatch.ledger.types import Roster, Terms
from ringfleet.plan.rotation_set.roster import Member, State

MOST_HEIRS = 8
_encode = msgspec.json.Encoder(enc_hook=str).encode  # numbers are E164


def enlist(roster: Roster, group: Group) -> None:
    """From now on these are the members, whatever the day: after a clock that was ahead, or a move to a zone in the
    west, it is an older one, and who is quarantined then must not ring. The day itself never goes back. What is as
    before is not touched: of a set in which one member has changed, one seat changes."""
    memory = group.memory
    set_id = _know(roster.set, group)
    bench = memory.benches[set_id]
    roster = replace(roster, day=max(roster.day, bench.day))
    terms = _with_heirs(roster.terms, memory.terms.get(set_id))
    if roster.day > bench.day or memory.terms.get(set_id) != terms:
        group.undo.day(bench)
        bench.day = roster.day
        group.undo.put(memory.terms, set_id, terms)
        memory.shared.know(memory.terms.values())
        memory.tell_spent(set_id)
        if roster.terms.people:
            _know(roster.terms.people, group)
        group.changes.put(ROSTERS, (set_id,), (set_id, roster.day, _encode(terms)))
    members = memory.members[set_id]
    new = {int(one.number[1:]): one for one in roster.members}
    changed = [(digits, one) for digits, one in new.items() if members.get(digits) != one]
    for digits, member in changed:
        _seat(set_id, digits, member, group)
    for digits in members.keys() - new.keys():
        _unseat(set_id, digits, group)


def _with_heirs(new: Terms, old: Terms | None) -> Terms:
    """A set that had another's people goes on having them, when the number by which that was seen has left it too."""
    if old is None or not old.heir_of:
        return new
    return replace(new, heir_of=tuple(dict.fromkeys((*new.heir_of, *old.heir_of)))[:MOST_HEIRS])


def _know(name: str, group: Group) -> int:
    """The id of a set, or of the people of several."""
    set_id = group.memory.sets.get(name)
    if set_id is None:
        set_id = group.memory.add_set(name, group.undo)
        group.changes.put(SETS, (set_id,), (set_id, name))
    return set_id


def restrict(roster: Roster, group: Group) -> Roster:
    """What a process may use that has the ledger and has not listed anew since: whom its own copy and the ledger's last
    roster both have, and neither forbids. Whose copy is older can't be told, so both count."""
    memory = group.memory
    set_id = memory.sets.get(roster.set)
    if set_id is None:
        return replace(roster, members=())
    kept, day = memory.members[set_id], memory.benches[set_id].day
    ours = {int(one.number[1:]): one for one in roster.members}
    both = [(kept[digits], ours[digits]) for digits in kept.keys() & ours.keys()]
    members = [_stricter(of_ledger, mine, mine if roster.day >= day else of_ledger) for of_ledger, mine in both]
    return Roster(roster.set, max(day, roster.day), tuple(members), memory.terms.get(set_id, roster.terms))


_FORBIDDEN = (State.QUARANTINED, State.DRAINING)
"""The stricter first. Who rests does so for a day."""


def _stricter(one: Member, other: Member, caps: Member) -> Member:
    state = next((state for state in _FORBIDDEN if state in (one.state, other.state)), caps.state)
    return replace(caps, state=state)


def _seat(set_id: int, digits: int, member: Member, group: Group) -> None:
    memory = group.memory
    bench, seat = memory.benches[set_id], memory.seat(set_id, digits)
    group.undo.seating(bench, seat, memory.members[set_id].get(digits))
    group.undo.put(memory.members[set_id], digits, member)
    bench.reseat(seat, member)
    labelled = memory.label_of(digits, member.account) is not None
    if labelled is not seat.labelled:  # it is another account's now
        group.undo.touch(bench, seat)
        bench.label(seat, labelled)
    group.changes.put(ROSTER_MEMBERS, (set_id, digits), (set_id, digits, _encode(member)))


def _unseat(set_id: int, digits: int, group: Group) -> None:
    memory = group.memory
    bench = memory.benches[set_id]
    seat = memory.seat(set_id, digits)
    group.undo.seating(bench, seat, memory.members[set_id][digits])
    group.undo.drop(memory.members[set_id], digits)
    bench.unseat(seat)
    group.changes.drop(ROSTER_MEMBERS, (set_id, digits))
