"""One person's rights: what the ledger knows of a recipient, and that it forgets it. An opt-out stays, as a hash: it is
what the person has asked for.

Picks stay as what numbers did, without the recipient. So the counts of numbers are as they were.
"""

from __future__ import annotations

from collections.abc import Collection

from ringfleet.dispatch.ledger.owner.deferrals import give_up
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.journal import Detail, Kind, read_detail, write_detail
from ringfleet.dispatch.ledger.owner.outbox import letters_of, take_out
from ringfleet.dispatch.ledger.owner.sessions import erase_sessions_of
from ringfleet.dispatch.ledger.tables import CONTACTS, HEARD, LETTERS, NAMELESS, OF_RECIPIENT, SUPPRESSIONS, Wanted
from ringfleet.dispatch.ledger.types import Past, PastContact, PastPick, PastSession, Suppression


def want_recipient(hashes: Collection[bytes], group: Group, wanted: Wanted) -> None:
    wanted.setdefault(OF_RECIPIENT, set()).update((one,) for one in hashes)
    wanted.setdefault(HEARD, set()).update((one,) for one in hashes)
    wanted.setdefault(LETTERS, set()).update((one,) for one in hashes)
    wanted.setdefault(SUPPRESSIONS, set()).update((one,) for one in hashes)
    wanted.setdefault(CONTACTS, set()).update((set_id, one) for set_id in group.memory.names for one in hashes)


def recall(hashes: Collection[bytes], group: Group) -> Past:
    """All that is known of the recipient."""
    names, memory = group.memory.names, group.memory
    contacts = [(names[set_id], group.contact(set_id, one)) for set_id in names for one in hashes]
    picks = [one for one in group.of_recipient.values() if one.kind == Kind.PICK]
    waits = [waiting for set_id in names for one in hashes if (waiting := memory.deferral_of(set_id, one))]
    return Past(
        contacts=tuple(PastContact(name, f"+{one.number}", one.last, one.recent) for name, one in contacts if one),
        picks=tuple(PastPick(names.get(one.set_id, ""), f"+{one.number}", one.at, bool(one.counted)) for one in picks),
        put_off=tuple((names[one.set_id], one.put_off.not_before) for one in waits),
        heard=tuple((f"+{number}", at) for one in hashes for number, at in sorted(group.heard.get(one, {}).items())),
        sessions=tuple(
            PastSession(session.service, leg.number, leg.joined, session.ended)
            for session in memory.sessions.of_person(tuple(hashes))
            for leg in session.legs
            if leg.person in hashes
        ),
        opt_outs=tuple(
            Suppression(scope, one, row[2], row[3], bool(row[4]))
            for one in hashes
            for scope, row in sorted(group.opt_outs.get(one, {}).items())
            if row[5] is None
        ),
        letters=tuple(letters for _, letters in sorted(letters_of(hashes, group).items())),
    )


def erase(hashes: Collection[bytes], group: Group) -> int:
    """Returns how many rows there were."""
    memory, gone = group.memory, erase_sessions_of(tuple(hashes), group)
    for set_id in memory.names:
        for one in hashes:
            if (waiting := memory.deferral_of(set_id, one)) is not None:
                give_up(waiting, group)
            if group.contact(set_id, one) is not None:
                group.undo.put(memory.young.contacts, (set_id, one), None)
                group.changes.drop(CONTACTS, (set_id, one))
                gone += 1
    for one in hashes:
        for number in group.heard.pop(one, {}):
            group.changes.drop(HEARD, (one, number))
            gone += 1
    letters = letters_of(hashes, group)
    take_out(letters, group)
    for entry in group.of_recipient.values():
        told = read_detail(entry.detail)
        kept = Detail(
            picked=told.picked,
            deferred=told.deferred,
            redeems=told.redeems,
            lapses=told.lapses,
            pick=told.pick,
            units=told.units,
            lent=told.lent,
        )
        group.changes.put(NAMELESS, (entry.seq,), (entry.seq, b"", write_detail(kept)))
    return gone + len(letters) + len(group.of_recipient)
