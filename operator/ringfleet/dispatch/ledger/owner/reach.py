"""How far a person's wish reaches: to every set that has contacted this person, and to every one that has used the
number which the wish was sent to.

A number leaves its set and is another's the next day, in another namespace too; who answers STOP to it means whoever
wrote by it. Of a number that is in no set now it can't be told who that was: then everybody who has contacted the
person by a number of the same account is meant. An account tells of its own numbers alone: nobody is opted out of
another's sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.tables import CONTACTS, Wanted
from ringfleet.dispatch.ledger.types import Heard, OptIn, Suppression

REACHES_BACK = 35 * 86400.0
"""Seconds for which a contact is answered: the ledger knows its picks for as long."""


def want_reach(heard: Sequence[Heard], group: Group, wanted: Wanted) -> None:
    for one in heard:
        if one.opt_outs or one.opt_ins:
            keys = {(set_id, hash_) for set_id in group.memory.names for hash_ in one.sender}
            wanted.setdefault(CONTACTS, set()).update(keys)


def opt_outs_of(one: Heard, group: Group) -> Iterator[Suppression]:
    """Those that the event brings, and the same where else the wish holds."""
    yield from one.opt_outs
    if one.opt_outs:
        first, told = one.opt_outs[0], {opt_out.scope for opt_out in one.opt_outs}
        yield from (replace(first, scope=scope) for scope in _scopes(one, group) if scope not in told)


def opt_ins_of(one: Heard, group: Group) -> Iterator[OptIn]:
    yield from one.opt_ins
    if one.opt_ins:
        told = {(back.scope, back.recipient) for back in one.opt_ins}
        more = (OptIn(scope, hash_, one.opt_ins[0].at) for scope in _scopes(one, group) for hash_ in one.sender)
        yield from (back for back in more if (back.scope, back.recipient) not in told)


def _scopes(one: Heard, group: Group) -> Iterable[str]:
    memory, number = group.memory, int(one.event.number.digits)
    since = one.event.at.timestamp() - REACHES_BACK
    for set_id, name in memory.names.items():
        seat = memory.benches[set_id].known.get(number)
        used = seat is not None and seat.last >= since and (one.owns or seat.account == one.account)
        if used or (one.owns and not one.placed and _has_contacted(set_id, one, since, group)):
            yield memory.records_in(set_id, name)


def used_by(number: int, at: float, group: Group) -> list[str]:
    """The sets that have used the number lately."""
    memory = group.memory
    seats = ((name, memory.benches[set_id].known.get(number)) for set_id, name in memory.names.items())
    return [name for name, seat in seats if seat is not None and seat.last >= at - REACHES_BACK]


def _has_contacted(set_id: int, one: Heard, since: float, group: Group) -> bool:
    known = group.memory.benches[set_id].known
    for contact in (group.contact(set_id, hash_) for hash_ in one.sender):
        if contact is not None and contact.last >= since and contact.number in known:
            return known[contact.number].account == one.account
    return False
