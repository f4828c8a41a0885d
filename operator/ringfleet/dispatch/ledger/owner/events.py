"""What carriers tell, counted: each event once, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence

from ringfleet.dispatch.ledger.law.member import hour_of
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.journal import Kind, State
from ringfleet.dispatch.ledger.owner.optouts import opt_in, suppress, want_opt_outs
from ringfleet.dispatch.ledger.owner.outbox import post
from ringfleet.dispatch.ledger.owner.picks import parse_id
from ringfleet.dispatch.ledger.owner.reach import opt_ins_of, opt_outs_of, used_by, want_reach
from ringfleet.dispatch.ledger.owner.traffic import count
from ringfleet.dispatch.ledger.tables import CALLS, EVENTS, HEARD, LABELS, PICKS, STATES, UNCLEAR, Wanted
from ringfleet.dispatch.ledger.types import Heard
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

_MOMENTS = {
    Happening.CALL_STARTED: "started",
    Happening.CALL_ANSWERED: "answered",
    Happening.CALL_ENDED: "ended",
}
_COUNTED = {
    Happening.CALL_STARTED: "calls",
    Happening.CALL_ANSWERED: "answered",
    Happening.MESSAGE_SENT: "messages",
    Happening.MESSAGE_DELIVERED: "delivered",
    Happening.MESSAGE_FAILED: "failed",
    Happening.MESSAGE_RECEIVED: "received",
}
_TRAFFIC = frozenset(_COUNTED) | frozenset(_MOMENTS)
"""What is a sign of use, whoever began it."""


def want_for_events(heard: Sequence[Heard], group: Group, wanted: Wanted) -> None:
    want_reach(heard, group, wanted)
    wanted.setdefault(HEARD, set()).update((one.sender[0],) for one in heard if one.sender)
    wanted.setdefault(EVENTS, set()).update((one.account, one.event.id) for one in heard)
    calls = {(one.account, one.event.subject) for one in heard if one.event.happening in _MOMENTS}
    wanted.setdefault(CALLS, set()).update(calls)
    picks = {(pick,) for one in heard if (pick := parse_id(one.event.pick or "", "p")) is not None}
    wanted.setdefault(PICKS, set()).update(picks)
    for one in heard:
        want_opt_outs([hash_ for out in one.opt_outs for hash_ in (out.recipient, *out.also)], wanted)
        want_opt_outs([back.recipient for back in one.opt_ins], wanted)


def ingest(heard: Sequence[Heard], group: Group) -> int:
    """How many were new. Of those that are: first what they say of numbers, then all opt-outs, then what takes them
    back."""
    new = [one for one in heard if _is_new(one, group)]
    for one in new:
        if one.counts:
            _hear(one.account, one.event, group)
            _hear_from(one, group)
        if one.unclear:
            _ask_a_person(one, group)
    post([one for one in new if one.counts], group)
    known = sum(not suppress(list(opt_outs_of(one, group)), group) and not one.counts for one in new)
    for back in (wish for one in new for wish in opt_ins_of(one, group)):
        opt_in(back, group)
    return len(new) - known


def _is_new(one: Heard, group: Group) -> bool:
    if not one.counts:
        return True  # it is not remembered: what it wishes is done again, which changes nothing
    key = (one.account, one.event.id)
    if key in group.events:
        return False
    group.events.add(key)
    group.changes.put(EVENTS, key, (*key, one.event.at.timestamp()))
    return True


def _hear(account: str, event: CarrierEvent, group: Group) -> None:
    number = int(event.number.digits)
    _tell_pick(number, event, group)
    outbound = event.direction is Direction.OUTBOUND
    what = _COUNTED.get(event.happening)
    if what == "calls" and not outbound:
        what = "received"
    if what == "answered" and not outbound:
        what = None
    if what is not None:
        count(number, event.at.timestamp(), what, 1, group)
    if event.happening in _MOMENTS:
        _call(account, number, event, group)
    elif event.happening in (Happening.NUMBER_LABELLED, Happening.NUMBER_CLEARED):
        _label(account, number, event, group)
    if event.happening in _TRAFFIC:
        group.memory.activity.note(number, account, hour_of(event.at.timestamp()), group.undo, group.changes)


def _hear_from(one: Heard, group: Group) -> None:
    """Whoever calls or writes may be answered for a while."""
    event = one.event
    inbound = event.happening is Happening.MESSAGE_RECEIVED or event.direction is Direction.INBOUND
    if not inbound or not one.sender:
        return
    sender, number, at = one.sender[0], int(event.number.digits), event.at.timestamp()
    before = group.heard.setdefault(sender, {})
    if at > before.get(number, 0.0):
        before[number] = at
        group.changes.put(HEARD, (sender, number), (sender, number, at))


def _ask_a_person(one: Heard, group: Group) -> None:
    """The message is of the sets that have the number, or have used it lately."""
    memory, event = group.memory, one.event
    number, at = int(event.number.digits), event.at.timestamp()
    has = [name for set_id, name in memory.names.items() if number in memory.benches[set_id].seats]
    for name in has or used_by(number, at, group):
        key = (name, one.account, event.id)
        group.changes.put(UNCLEAR, key, (*key, event.subject, number, at))


def has_read(key: tuple[str, str, str], group: Group) -> bool:
    if key not in group.unclear:
        return False
    group.unclear.discard(key)
    group.changes.drop(UNCLEAR, key)
    return True


def _tell_pick(number: int, event: CarrierEvent, group: Group) -> None:
    """Its carrier has told of it: it was used."""
    entry = group.picks.get(parse_id(event.pick or "", "p") or 0)
    if entry is None or entry.kind != Kind.PICK or entry.number != number or group.state(entry.seq) != State.MADE:
        return
    group.undo.put(group.memory.young.states, entry.seq, State.IN_USE.value)
    group.changes.put(STATES, (entry.seq,), (entry.seq, State.IN_USE.value))


def _call(account: str, number: int, event: CarrierEvent, group: Group) -> None:
    """One more moment of a call is known; the first that is told holds. Its length is counted once, when both its ends
    are known."""
    key = (account, event.subject)
    before = group.calls.get(key, (*key, number, None, None, None))
    moments = dict(zip(("started", "answered", "ended"), before[3:], strict=True))
    what = _MOMENTS[event.happening]
    if moments[what] is None:
        moments[what] = event.at.timestamp()
    started, answered, ended = moments.values()
    row = (*before[:3], started, answered, ended)
    group.calls[key] = row
    group.changes.put(CALLS, key, row)
    is_whole = answered is not None and ended is not None
    if is_whole and None in before[4:] and event.direction is Direction.OUTBOUND:
        count(number, ended, "seconds", max(0, int(ended - answered)), group)
    _tell_lines(before[2], key, None if ended is not None else answered or started, group)


def _tell_lines(number: int, call: tuple[str, str], since: float | None, group: Group) -> None:
    """The line is busy since then; None: it is free."""
    lines = dict(group.memory.lines.get(number, {}))
    if since is None:
        lines.pop(call, None)
    else:
        lines[call] = since
    group.undo.put(group.memory.lines, number, lines)
    for bench, seat in group.memory.seats_of(number):
        if seat.open_calls != len(lines):
            group.undo.touch(bench, seat)
            bench.open_calls(seat, len(lines))


def _label(account: str, number: int, event: CarrierEvent, group: Group) -> None:
    """It holds for the account, and so for the seats that the number has while it is the account's."""
    key = (number, account)
    label, labelled, cleared = group.memory.labels.get(key, ("", None, None))
    at = event.at.timestamp()
    if event.happening is Happening.NUMBER_LABELLED:
        labelled = max(labelled or 0.0, at)
    else:
        cleared = max(cleared or 0.0, at)
    row = (event.label or label, labelled, cleared)
    group.undo.put(group.memory.labels, key, row)
    group.changes.put(LABELS, key, (*key, *row))
    for bench, seat in group.memory.seats_of(number):
        group.undo.touch(bench, seat)
        bench.label(seat, group.memory.label_of(number, seat.account) is not None)
