"""What the owner knows without asking the store: counts, members, open deferrals, lines and labels of all sets, and
what is too young to be in the tables by key.

All that a group does to memory goes through `Undo`, so that a group that is not written leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

import msgspec

from ringfleet.dispatch.ledger.interface import KEPT_ROOM, LONGEST_CALL
from ringfleet.dispatch.ledger.keys import key_of
from ringfleet.dispatch.ledger.law.decision import PutOff
from ringfleet.dispatch.ledger.law.member import Seat, hour_of
from ringfleet.dispatch.ledger.law.members import Bench
from ringfleet.dispatch.ledger.owner.activity import Activity
from ringfleet.dispatch.ledger.owner.journal import Contact, Detail, Entry, Fate, Kind, State, read_detail
from ringfleet.dispatch.ledger.owner.session_memory import Sessions
from ringfleet.dispatch.ledger.owner.shared import Shared
from ringfleet.dispatch.ledger.owner.undo import Undo
from ringfleet.dispatch.ledger.store import Loaded
from ringfleet.dispatch.ledger.tables import Row
from ringfleet.dispatch.ledger.types import Mark, Terms
from ringfleet.plan.rotation_set.calendar import window
from ringfleet.plan.rotation_set.roster import Member

Call = tuple[str, str]
"""An account, and its id of a call."""
Label = tuple[str, float | None, float | None]
"""The label, since when it is shown, since when it is not."""

decode_member = msgspec.json.Decoder(Member).decode
decode_terms = msgspec.json.Decoder(Terms).decode
NO_TERMS = Terms()


@dataclass(slots=True)
class Deferral:
    """A deferral that waits."""

    put_off: PutOff
    set_id: int
    since: float
    lapses: float
    key: str | None = None
    units: int = 0
    """How much it has put aside of the limits that its set shares."""

    def row(self, fate: Fate) -> Row:
        one = self.put_off
        recipient = one.recipient if fate is Fate.WAITS else b""  # whose it was is nobody's business any more
        whose = (one.id, self.set_id, one.number, recipient)
        return *whose, one.day, one.not_before, self.since, int(fate), self.lapses, self.key


@dataclass(slots=True)
class Young:
    """What is in the journal and not in the tables by key yet."""

    contacts: dict[tuple[int, bytes], Contact | None] = field(default_factory=dict)
    """None: the row has moved to the recipient's newest hash."""
    answers: dict[bytes, Entry] = field(default_factory=dict)
    deferrals: dict[int, Row] = field(default_factory=dict)
    states: dict[int, int] = field(default_factory=dict)


class Memory:
    """See the module. Between groups, it says what the store says."""

    def __init__(self, loaded: Loaded) -> None:
        self.folded = loaded.folded
        self.marks = {"seq": loaded.last, "wishes": loaded.wishes, "outbox": loaded.posted}
        self.mark = Mark(loaded.mark, loaded.epoch)
        self.forwards = False
        """Whether carriers' events are put into the outbox."""
        self.sets: dict[str, int] = {str(row[1]): int(row[0]) for row in loaded.sets}
        self.names: dict[int, str] = {id_: key for key, id_ in self.sets.items()}
        self.benches: dict[int, Bench] = {id_: Bench() for id_ in self.names}
        self.members: dict[int, dict[int, Member]] = {id_: {} for id_ in self.names}
        self.waiting: dict[int, dict[int, Deferral]] = {id_: {} for id_ in self.names}
        self.waits: dict[tuple[int, bytes], int] = {}
        self.terms: dict[int, Terms] = {}
        self.keys: dict[bytes, str] = {bytes(check): name for check, name in loaded.hash_keys}
        self.rostered = {row[0] for row in loaded.rosters}
        self._unsure = 0
        self.shared = Shared(loaded.shared_use)
        self._lapsing: list[tuple[float, int, int]] = []
        self.labels: dict[tuple[int, str], Label] = {(row[0], row[1]): row[2:] for row in loaded.labels}
        self.activity = Activity(loaded.activity)
        self.sessions = Sessions(loaded.sessions, loaded.legs)
        self.lines: dict[int, dict[Call, float]] = {}
        self.young = Young()
        self.folding = Young()
        self._hung_up = 0
        for account, subject, number, started, answered, _ in loaded.calls:
            self.lines.setdefault(number, {})[account, subject] = answered or started or 0.0
        for set_id, number, *counts in loaded.seats:
            seat = self.seat(set_id, number)
            seat.day, seat.used, seat.hour, seat.in_hour, seat.last = counts
        for set_id, number, entry in loaded.roster_members:
            self.members[set_id][number] = decode_member(entry)
        for set_id, day, terms in loaded.rosters:
            self.seat_all(set_id, day)
            if terms is not None:
                self.terms[set_id] = decode_terms(terms)
        self.shared.know(self.terms.values())
        self.count_as_used(loaded.unsure)
        undo = Undo()
        for id_, set_id, number, recipient, day, not_before, since, _, lapses, key in sorted(loaded.deferrals):
            put_off = PutOff(id_, number, recipient, day, not_before)
            self._put_off(Deferral(put_off, set_id, since, lapses, key), undo)
        for *entry, state in loaded.tail:
            self.apply(Entry(*entry), undo)
            if state != State.MADE:
                self.young.states[entry[0]] = state

    # Sets and seats.

    def bench(self, set_: str) -> tuple[Bench, int] | None:
        id_ = self.sets.get(set_)
        return None if id_ is None else (self.benches[id_], id_)

    def add_set(self, set_: str, undo: Undo) -> int:
        id_ = max(self.names, default=0) + 1
        undo.put(self.sets, set_, id_)
        undo.put(self.names, id_, set_)
        undo.put(self.benches, id_, Bench())
        undo.put(self.members, id_, {})
        undo.put(self.waiting, id_, {})
        return id_

    def seat(self, set_id: int, digits: int) -> Seat:
        """The seat of a number that is, was or becomes a member."""
        bench = self.benches[set_id]
        seat = bench.known.get(digits)
        if seat is None:
            seat = bench.known[digits] = Seat(digits, f"+{digits}", "", ())
            seat.open_calls = len(self.lines.get(digits, ()))
            seat.spent = self.spent_day(set_id)
        return seat

    def seat_all(self, set_id: int, day: int) -> None:
        """From now on the set's seats are those of `members`."""
        seats = []
        for digits, member in self.members[set_id].items():
            seat = self.seat(set_id, digits)
            seat.take(member)
            seat.labelled = self.label_of(digits, seat.account) is not None
            seats.append(seat)
        self.benches[set_id].seat_all(day, seats)

    # What is not known after a restore.

    def count_as_used(self, restored: int) -> None:
        """The day on which the ledger was restored, in POSIX seconds, counts as used up; 0: it was not."""
        self._unsure = restored
        for set_id in self.benches:
            self.tell_spent(set_id)

    def spent_day(self, set_id: int) -> int:
        """Up to which day all of a set's numbers count as used up; 0: none."""
        if not self._unsure:
            return 0
        return window(self._unsure, self.terms_of(set_id).zone).day.toordinal()

    def tell_spent(self, set_id: int) -> None:
        """To all seats, when the day of a set may be another one."""
        bench, day = self.benches[set_id], self.spent_day(set_id)
        if any(seat.spent != day for seat in bench.known.values()):
            for seat in bench.known.values():
                seat.spent = day
            bench.seat_all(bench.day, list(bench.seats.values()))

    # People.

    def people_of(self, set_id: int) -> int | None:
        """Under which id the people of several sets are that are the same caller; None: the set is by itself."""
        people = self.terms_of(set_id).people
        return self.sets.get(people) if people else None

    def lender_of(self, set_id: int, number: int) -> int | None:
        """Another set, the same caller, that has the number as a member."""
        people = self.terms_of(set_id).people
        others = (id_ for id_, terms in self.terms.items() if id_ != set_id and terms.people == people)
        return next((id_ for id_ in others if number in self.benches[id_].seats), None)

    # What is put off.

    def deferral_of(self, set_id: int, recipient: bytes) -> Deferral | None:
        """The recipient's, which waits in the set."""
        id_ = self.waits.get((set_id, recipient))
        return None if id_ is None else self.waiting[set_id][id_]

    def lapse(self, now: float) -> None:
        """Room that nobody has come for is free. Between groups: it is no decision, so none takes it back."""
        while self._lapsing and self._lapsing[0][0] <= now:
            lapses, id_, set_id = heappop(self._lapsing)
            one = self.waiting[set_id].get(id_)
            if one is None or one.lapses != lapses or one.put_off.lapsed:
                continue  # it has gone out, or was never written
            one.put_off = replace(one.put_off, lapsed=True)
            self._put_aside(set_id, one, -one.units, Undo())
            self.benches[set_id].reserve(self.seat(set_id, one.put_off.number), one.put_off.day, -1)

    def _put_off(self, one: Deferral, undo: Undo) -> None:
        """It waits. Programs that knew no better have put off the same recipient more than once: the first holds."""
        set_id, put_off = one.set_id, one.put_off
        if (set_id, put_off.recipient) in self.waits:
            undo.put(self.young.deferrals, put_off.id, one.row(Fate.GIVEN_UP))
            return
        seat = self.seat(set_id, put_off.number)
        undo.touch(self.benches[set_id], seat)
        self.benches[set_id].reserve(seat, put_off.day)
        one.units = self.units_of(set_id, seat)
        self._put_aside(set_id, one, one.units, undo)
        undo.put(self.waiting[set_id], put_off.id, one)
        undo.put(self.waits, (set_id, put_off.recipient), put_off.id)
        heappush(self._lapsing, (one.lapses, put_off.id, set_id))

    def terms_of(self, set_id: int) -> Terms:
        return self.terms.get(set_id, NO_TERMS)

    def units_of(self, set_id: int, seat: Seat) -> int:
        """How much a contact from the number takes of the limits that its set shares."""
        terms = self.terms_of(set_id)
        return terms.units if seat.registered and terms.limits else 0

    def _put_aside(self, set_id: int, one: Deferral, units: int, undo: Undo) -> None:
        if units:
            self.shared.put_aside(self.terms_of(set_id).limits, one.put_off.not_before, units, undo)

    def scopes_of(self, set_id: int, name: str) -> tuple[str, ...]:
        """Where an opt-out holds for the set."""
        terms = self.terms.get(set_id)
        return terms.scopes if terms is not None and terms.scopes else (f"set:{name}",)

    def records_in(self, set_id: int, name: str) -> str:
        """Where an opt-out from the set is recorded."""
        terms = self.terms.get(set_id)
        return terms.brand if terms is not None and terms.brand else f"set:{name}"

    # Carriers.

    def label_of(self, number: int, account: str) -> tuple[str, float] | None:
        """The label that is shown for the account's number, and since when; None: none is. What an older program has
        written says of no account, and so holds for any."""
        labels = self._labels_of(number, account)
        labelled = max((one for one in labels if one[1] is not None), key=lambda one: one[1] or 0.0, default=None)
        if labelled is None or labelled[1] is None or labelled[1] <= (self.cleared_at(number, account) or 0.0):
            return None
        return labelled[0], labelled[1]

    def cleared_at(self, number: int, account: str) -> float | None:
        """Since when the last label of the account's number has gone; None: none has."""
        return max((one[2] for one in self._labels_of(number, account) if one[2] is not None), default=None)

    def _labels_of(self, number: int, account: str) -> list[Label]:
        keys = ((number, account), (number, ""))
        return [self.labels[key] for key in dict.fromkeys(keys) if key in self.labels]

    def seats_of(self, number: int) -> Iterator[tuple[Bench, Seat]]:
        for bench in self.benches.values():
            if (seat := bench.known.get(number)) is not None:
                yield bench, seat

    def hang_up(self, now: float) -> None:
        """Calls whose end was never told do not hold a line for ever; looked at once an hour."""
        hour = hour_of(now)
        if hour == self._hung_up:
            return
        self._hung_up = hour
        for number, lines in list(self.lines.items()):
            open_ = {call: since for call, since in lines.items() if since >= now - LONGEST_CALL}
            if len(open_) < len(lines):
                self.lines[number] = open_
                for bench, seat in self.seats_of(number):
                    bench.open_calls(seat, len(open_))

    # What is young.

    def contact(self, key: tuple[int, bytes], found: Contact | None) -> Contact | None:
        """The recipient's row; `found`: as the store has it."""
        for young in (self.young.contacts, self.folding.contacts):
            if key in young:
                return young[key]
        return found

    def answer(self, key: bytes, found: Entry | None) -> Entry | None:
        return self.young.answers.get(key) or self.folding.answers.get(key) or found

    def state(self, pick: int, found: int) -> int:
        for young in (self.young.states, self.folding.states):
            if pick in young:
                return young[pick]
        return found

    def deferral(self, id_: int, found: Row | None) -> Row | None:
        """Whether it waits or not."""
        return self.young.deferrals.get(id_) or self.folding.deferrals.get(id_) or found

    # What an entry does.

    def apply(self, entry: Entry, undo: Undo, detail: Detail | None = None) -> None:
        """The entry is so: now that it is decided, or again, from the journal."""
        detail = detail or read_detail(entry.detail)
        young, bench = self.young, self.benches[entry.set_id]
        self.marks["seq"] = max(self.marks["seq"], entry.seq)
        if detail.contact is not None:
            contact = Contact(*detail.contact)
            self._know(entry.set_id, entry, detail, contact, undo)
            if detail.people is not None:
                self._know(detail.people, entry, detail, contact._replace(recent=()), undo)
        if entry.once is not None:
            undo.put(young.answers, key_of(entry.once), entry)
        if detail.units:
            by = -detail.units if entry.kind in (Kind.GIVEN_BACK, Kind.LENT_BACK) else detail.units
            self.shared.count(self.terms_of(entry.set_id).limits, entry.at, by, undo)
        if detail.also is not None:
            undo.put(young.answers, detail.also, entry)
        if detail.redeems is not None:
            self._redeem(entry.set_id, detail.redeems, Fate.USED if entry.kind == Kind.PICK else Fate.GIVEN_UP, undo)
        match entry.kind:
            case Kind.PICK | Kind.LENT if entry.counted:
                seat = self.seat(entry.set_id, entry.number)
                undo.touch(bench, seat)
                bench.count(seat, entry)
            case Kind.DEFERRAL:
                assert detail.deferred is not None
                not_before = detail.deferred.not_before
                put_off = PutOff(entry.seq, entry.number, entry.recipient, entry.day, not_before)
                waiting = Deferral(put_off, entry.set_id, entry.at, detail.lapses or not_before + KEPT_ROOM, detail.key)
                undo.put(young.deferrals, entry.seq, waiting.row(Fate.WAITS))
                self._put_off(waiting, undo)
            case Kind.ANSWER if detail.key is not None and detail.deferred is not None:
                self._ask_again(entry.set_id, int(detail.deferred.id[1:]), detail.key, undo)
            case Kind.GIVEN_BACK | Kind.LENT_BACK:
                undo.put(young.states, detail.pick or 0, State.GIVEN_BACK.value)
                if entry.counted:
                    seat = self.seat(entry.set_id, entry.number)
                    undo.touch(bench, seat)
                    bench.give_back(seat, entry.day, hour_of(entry.at))

    def _know(self, whose: int, entry: Entry, detail: Detail, contact: Contact, undo: Undo) -> None:
        """The recipient's row of a set, or of the people of several, is so."""
        contacts = self.young.contacts
        if detail.older is not None:
            undo.put(contacts, (whose, detail.older), None)
        undo.put(contacts, (whose, entry.recipient), contact)

    def _ask_again(self, set_id: int, id_: int, key: str, undo: Undo) -> None:
        """Whoever asks last is who still waits for it."""
        waiting = self.waiting[set_id].get(id_)
        if waiting is not None:
            again = replace(waiting, key=key)
            undo.put(self.waiting[set_id], id_, again)
            undo.put(self.young.deferrals, id_, again.row(Fate.WAITS))

    def _redeem(self, set_id: int, id_: int, fate: Fate, undo: Undo) -> None:
        """The room is used or given up."""
        waiting = self.waiting[set_id].get(id_)
        if waiting is None:
            return
        put_off = waiting.put_off
        undo.drop(self.waiting[set_id], id_)
        undo.drop(self.waits, (set_id, put_off.recipient))
        undo.put(self.young.deferrals, id_, waiting.row(fate))
        if not put_off.lapsed:
            bench = self.benches[set_id]
            seat = self.seat(set_id, put_off.number)
            undo.touch(bench, seat)
            bench.reserve(seat, put_off.day, -1)
            self._put_aside(set_id, waiting, -waiting.units, undo)
