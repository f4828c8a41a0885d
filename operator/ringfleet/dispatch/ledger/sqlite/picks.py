"""Picks in a SQLite ledger, a batch at a time::

read     all that is remembered of the batch's recipients and keys, by three statements
pick     each is decided by the law on seats in memory, and sees what those before it did
write    what has changed, by a statement or two a table
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from ringfleet.dispatch.ledger.interface import KEPT
from ringfleet.dispatch.ledger.law.decision import Known, PutOff, Use, Wait, decide
from ringfleet.dispatch.ledger.law.member import hour_of
from ringfleet.dispatch.ledger.law.members import Bench
from ringfleet.dispatch.ledger.sqlite.members import Seats
from ringfleet.dispatch.ledger.sqlite.rows import Row, Rows
from ringfleet.dispatch.ledger.types import Ask, Deferred, GivenBack, KeyReused, Picked, Verdict

CONTACTS_KEPT = 3
"""Times of contacts that are kept where no frequency asks for more."""
GIVEN_BACK, IN_USE = 1, 2
"""The states of a pick: see the schema."""

_CONTACTS = (
    "SELECT group_concat(hex(recipient) || ' ' || ifnull(number, 0) || ' ' || hex(times), ' ') FROM contact "
    "WHERE set_id = ? AND recipient IN ({})"
)
_OPT_OUTS = (
    "SELECT group_concat(hex(recipient) || ' ' || hex(scope), ' ') FROM suppression "  # a scope may have spaces
    "WHERE recipient IN ({})"
)
_REPLAYS = "SELECT group_concat(hex(key) || ' ' || answer, ' ') FROM replay WHERE key IN ({})"
_WRITE_CONTACTS = "INSERT OR REPLACE INTO contact (set_id, recipient, number, last, times)"
_WRITE_PICKS = "INSERT INTO pick (id, set_id, number, recipient, at, day, counted)"
_WRITE_ANSWERS = "INSERT INTO answer (id, key, at, fingerprint, answer)"
_WRITE_REPLAYS = "INSERT OR REPLACE INTO replay (key, answer)"
_WRITE_DEFERRALS = "INSERT INTO deferral (id, set_id, number, recipient, day, not_before, since)"

_encode = msgspec.msgpack.Encoder().encode
_decode_picked = msgspec.msgpack.Decoder(Picked).decode
_decode_deferred = msgspec.msgpack.Decoder(Deferred).decode


class Contact(NamedTuple):
    """What is remembered of a recipient. `last`: the last contact of any kind; `recent`: the latest that counted."""

    number: int | None = None
    last: float = 0.0
    recent: tuple[float, ...] = ()


NOBODY = Contact()
Answer = tuple[float, bytes, bytes]
"""When it was given, the request's fingerprint, and what it was."""


class Picks:
    """See the module."""

    def __init__(self, rows: Rows, seats: Seats) -> None:
        self._rows = rows
        self._seats = seats
        self._next_pick = _next(rows, "pick")
        self._next_answer = _next(rows, "answer")
        self._next_deferral = _next(rows, "deferral")
        self._contacts: dict[tuple[int, bytes], Contact] = {}
        self._opt_outs: dict[bytes, list[str]] = {}
        self._answers: dict[bytes, Answer] = {}
        self._changed: dict[tuple[int, bytes], Contact] = {}
        self._new_picks: list[Row] = []
        self._new_answers: list[Row] = []
        self._new_deferrals: list[Row] = []

    # A batch.

    def run(self, asks: Sequence[Ask]) -> list[Verdict]:
        keys = [_hash(ask.set, ask.key) if ask.key is not None and not ask.dry_run else None for ask in asks]
        self._read(asks, [key for key in keys if key is not None])
        verdicts = [self._pick(ask, key) for ask, key in zip(asks, keys, strict=True)]
        self._write()
        return verdicts

    def _read(self, asks: Sequence[Ask], keys: Sequence[bytes]) -> None:
        self._contacts.clear()
        self._opt_outs.clear()
        self._answers.clear()
        everybody: dict[str, set[bytes]] = {}
        for ask in asks:
            everybody.setdefault(ask.set, set()).update((ask.recipient, *ask.known_as))
        for set_, recipients in everybody.items():
            self._read_contacts(self._seats.bench(set_)[1], list(recipients))
        self._read_opt_outs(list(set().union(*everybody.values())))
        self._read_answers(list(set(keys)))

    def _write(self) -> None:
        insert = self._rows.insert
        if self._changed:
            insert(_WRITE_CONTACTS, [_row(key, contact) for key, contact in self._changed.items()])
            self._changed.clear()
        if self._new_picks:
            insert(_WRITE_PICKS, self._new_picks)
            self._new_picks.clear()
        if self._new_answers:
            insert(_WRITE_ANSWERS, self._new_answers)
            insert(_WRITE_REPLAYS, [(key, id_) for id_, key, *_ in self._new_answers])
            self._new_answers.clear()
        if self._new_deferrals:
            insert(_WRITE_DEFERRALS, self._new_deferrals)
            self._new_deferrals.clear()

    def _pick(self, ask: Ask, key: bytes | None) -> Verdict:
        if key is not None and (before := self._answers.get(key)) is not None and before[0] > ask.now - KEPT:
            if before[1] != ask.fingerprint:
                return KeyReused()
            answered = _decode(before[2])
            if not self._was_given_back(answered):
                return answered
        bench, id_ = self._seats.bench(ask.set)
        self._seats.hang_up(ask.now)
        known = self._known(ask, id_)
        choice = decide(bench, ask, known)
        verdict: Verdict
        match choice:
            case Use():
                verdict = self._use(bench, id_, ask, known, choice)
            case Wait():
                verdict = self._wait(bench, id_, ask, known, choice)
            case PutOff():
                verdict = Deferred(_deferral_id(choice.id), f"+{choice.number}", choice.not_before, ("not-due",))
            case _:
                return choice
        if key is not None:
            answer = (b"p" if isinstance(verdict, Picked) else b"d") + _encode(verdict)
            self._answers[key] = (ask.now, ask.fingerprint, answer)
            self._new_answers.append((self._next_answer, key, ask.now, ask.fingerprint, answer))
            self._next_answer += 1
        return verdict

    def _was_given_back(self, answered: Verdict) -> bool:
        """Whether nothing is left of what was answered, so that the same request is a new one."""
        if not isinstance(answered, Picked):
            return False
        state = self._rows.one("SELECT state FROM pick WHERE id = ?", (parse_id(answered.id, "p"),))
        return bool(state == GIVEN_BACK)

    # What is remembered.

    def _known(self, ask: Ask, id_: int) -> Known:
        contact = self._contacts.get((id_, ask.recipient), NOBODY)
        scope = self._scope(ask, ask.recipient) if self._opt_outs else None
        for older in ask.known_as:
            scope = scope or self._scope(ask, older)
            if contact == NOBODY:
                contact = self._contacts.get((id_, older), NOBODY)
                if contact != NOBODY and not ask.dry_run:
                    self._rename(id_, older, ask.recipient, contact)
        put_off = self._put_off(id_, ask.deferral) if ask.deferral is not None else None
        return Known(scope, contact.number, contact.last, contact.recent, put_off)

    def _scope(self, ask: Ask, recipient: bytes) -> str | None:
        found = self._opt_outs.get(recipient, ())
        return min((scope for scope in found if scope in ask.scopes), default=None)

    def _rename(self, id_: int, older: bytes, recipient: bytes, contact: Contact) -> None:
        """The row moves to the newest hash: the older key is needed once."""
        self._rows.execute("DELETE FROM contact WHERE set_id = ? AND recipient = ?", (id_, older))
        self._contacts.pop((id_, older))
        self._changed.pop((id_, older), None)
        self._remember(id_, recipient, contact)

    def _remember(self, id_: int, recipient: bytes, contact: Contact) -> None:
        self._contacts[id_, recipient] = self._changed[id_, recipient] = contact

    def _put_off(self, id_: int, deferral: str) -> PutOff | None:
        number = parse_id(deferral, "d")
        if self._new_deferrals and number is not None and number >= self._new_deferrals[0][0]:
            self._write()  # it was made in this very batch
        row = self._rows.first(
            "SELECT id, number, recipient, day, not_before, used FROM deferral WHERE id = ? AND set_id = ?",
            (number, id_),
        )
        return PutOff(*row) if row else None

    def _read_contacts(self, id_: int, recipients: Sequence[bytes]) -> None:
        words = iter(self._rows.words(_CONTACTS, (id_,), recipients))
        for recipient, number, times in zip(words, words, words, strict=True):
            last, *recent = _unpack(bytes.fromhex(times))
            self._contacts[id_, bytes.fromhex(recipient)] = Contact(int(number) or None, last, tuple(recent))

    def _read_opt_outs(self, recipients: Sequence[bytes]) -> None:
        words = iter(self._rows.words(_OPT_OUTS, (), recipients))
        for recipient, scope in zip(words, words, strict=True):
            self._opt_outs.setdefault(bytes.fromhex(recipient), []).append(bytes.fromhex(scope).decode())

    def _read_answers(self, keys: Sequence[bytes]) -> None:
        words = iter(self._rows.words(_REPLAYS, (), keys))
        for key, answer in zip(words, words, strict=True):
            row = self._rows.first("SELECT at, fingerprint, answer FROM answer WHERE id = ?", (int(answer),))
            if row:
                self._answers[bytes.fromhex(key)] = row

    # What is done.

    def _use(self, bench: Bench, id_: int, ask: Ask, known: Known, choice: Use) -> Picked:
        seat = choice.seat
        name = ""
        if not ask.dry_run:
            if choice.counts and known.put_off is not None and not known.put_off.used:
                self._redeem(bench, known.put_off)
            recent = known.recent
            if choice.counts:
                bench.count(seat, ask)
                kept = max(CONTACTS_KEPT, ask.frequency[0] if ask.frequency else 0)
                recent = (*recent, ask.now)[-kept:]
            number = seat.digits if choice.writes else known.number
            self._remember(id_, ask.recipient, Contact(number, max(known.last, ask.now), recent))
            pick = self._next_pick
            self._next_pick = pick + 1
            day = seat.day if choice.counts else ask.day  # an ask that comes late counts in the day that has begun
            self._new_picks.append((pick, id_, seat.digits, ask.recipient, ask.now, day, int(choice.counts)))
            name = f"p{pick}"
        return Picked(
            id=name,
            number=seat.number,
            account=seat.account,
            sticky=choice.sticky,
            reassigned=choice.reassigned,
            tier=choice.tier,
            remaining=bench.remaining(ask),
            reasons=choice.reasons,
        )

    def _wait(self, bench: Bench, id_: int, ask: Ask, known: Known, choice: Wait) -> Deferred:
        seat = choice.seat
        if ask.dry_run:
            return Deferred("", seat.number, choice.not_before, choice.reasons)
        if known.put_off is not None and not known.put_off.used:
            self._redeem(bench, known.put_off)
        bench.reserve(seat, choice.day)
        deferral = self._next_deferral
        self._next_deferral += 1
        row = (deferral, id_, seat.digits, ask.recipient, choice.day, choice.not_before, ask.now)
        self._new_deferrals.append(row)
        if choice.writes or known.number is None:
            contact = Contact(seat.digits, max(known.last, ask.now), known.recent)
            self._remember(id_, ask.recipient, contact)
        return Deferred(_deferral_id(deferral), seat.number, choice.not_before, choice.reasons)

    def _redeem(self, bench: Bench, put_off: PutOff) -> None:
        """The room is used, or given up for other room."""
        self._rows.execute("UPDATE deferral SET used = 1 WHERE id = ?", (put_off.id,))
        seat = bench.known.get(put_off.number)
        if seat is not None:
            bench.reserve(seat, put_off.day, -1)

    # Afterwards.

    def give_back(self, set_: str, pick: str, day: int) -> GivenBack:
        bench, id_ = self._seats.bench(set_)
        row = self._rows.first(
            "SELECT id, number, recipient, at, day, counted, state FROM pick WHERE id = ? AND set_id = ?",
            (parse_id(pick, "p"), id_),
        )
        if row is None:
            return GivenBack.UNKNOWN
        key, number, recipient, at, picked_on, counted, state = row
        if state == GIVEN_BACK:
            return GivenBack.RETURNED
        if state == IN_USE:
            return GivenBack.IN_USE
        if picked_on != day:
            return GivenBack.TOO_LATE
        self._rows.execute("UPDATE pick SET state = ? WHERE id = ?", (GIVEN_BACK, key))
        if counted:
            bench.give_back(self._seats.seat(set_, number), picked_on, hour_of(at))
            self._forget_contact(id_, recipient, at)
        return GivenBack.RETURNED

    def _forget_contact(self, id_: int, recipient: bytes, at: float) -> None:
        """One contact at that moment was none; the recipient's number stays."""
        key = (id_, recipient)
        times = self._rows.one("SELECT times FROM contact WHERE set_id = ? AND recipient = ?", key)
        last, *recent = _unpack(times) if times else (0.0,)
        if at in recent:
            recent.remove(at)
            self._rows.execute(
                "UPDATE contact SET times = ? WHERE set_id = ? AND recipient = ?", (_pack((last, *recent)), *key)
            )


def _next(rows: Rows, table: str) -> int:
    """The id of the next row. Ids are never given twice: of forgotten rows, the last of a table is kept."""
    return int(rows.one(f"SELECT ifnull(max(id), 0) + 1 FROM {table}"))  # noqa: S608 - one of ours


def _row(key: tuple[int, bytes], contact: Contact) -> Row:
    return *key, contact.number, int(contact.last), _pack((contact.last, *contact.recent))


def _hash(set_: str, key: str) -> bytes:
    return blake2b(f"{set_} {key}".encode(), digest_size=16).digest()


def _decode(answer: bytes) -> Verdict:
    return _decode_picked(answer[1:]) if answer[:1] == b"p" else _decode_deferred(answer[1:])


def _pack(times: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(times)}d", *times)


def _unpack(packed: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(packed) // 8}d", packed)


def _deferral_id(row: int) -> str:
    return f"d{row}"


_ID = re.compile(r"([pd])([0-9]{1,17})")


def parse_id(text: str, letter: str) -> int | None:
    """The number in an id that we gave; None when it is no such id."""
    found = _ID.fullmatch(text)
    return int(found[2]) if found and found[1] == letter else None
