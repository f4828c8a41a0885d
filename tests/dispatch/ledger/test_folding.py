"""From the journal into the tables by key: at any moment, a ledger that is opened anew knows what was answered."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable
from ringfleet.dispatch.ledger.owner import folding
from ringfleet.dispatch.ledger.owner.groups import OwnedLedger
from ringfleet.dispatch.ledger.owner.journal import Contact
from ringfleet.dispatch.ledger.owner.memory import Memory
from ringfleet.dispatch.ledger.owner.verify import judge
from ringfleet.dispatch.ledger.sqlite.file import back_up
from ringfleet.dispatch.ledger.sqlite.verify import look
from ringfleet.dispatch.ledger.store import NOTHING, Evidence, Outcome, Store
from ringfleet.dispatch.ledger.tables import JOURNAL, Changes
from ringfleet.dispatch.ledger.types import Deferred, GivenBack, Picked
from tests.dispatch.ledger.builders import (
    SET,
    TODAY,
    OpenLedger,
    a_member,
    a_number,
    a_roster,
    an_ask,
    heard_from,
    picked,
    used,
)

ROSTER = a_roster(*(a_member(n, daily=40, hourly=40, daily_tomorrow=100) for n in range(4)))


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded each few picks, a few rows a group, so that much happens between the slices."""
    for name, value in {"FOLD_AT": 7, "SLICE": 2, "PER_PICK": 0, "AT_REST": 1}.items():
        monkeypatch.setattr(folding, name, value)


class Model:
    """What a ledger should know: each person's number and answers, and what is out of each number."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self.answers: dict[str, tuple[str, float, Picked | Deferred]] = {}
        self.out: Counter[str] = Counter()
        self.waiting = 0
        self.returned: set[str] = set()

    async def agrees(self, ledger: Ledger, now: float) -> None:
        assert await used(ledger) == {a_number(n): self.out[a_number(n)] for n in range(4)}
        assert sum(count for _, count in (await ledger.deferrals(SET, TODAY)).by_day) == self.waiting
        for name, number in self.numbers.items():
            await ledger.ingest([heard_from(name, int(number[-4:]))])
        asks = (ledger.pick(an_ask(name, now, dry_run=True, reply=True)) for name in self.numbers)
        known = [one.number for one in await asyncio.gather(*asks) if isinstance(one, Picked)]
        assert known == list(self.numbers.values()), "one sticky row"
        kept = {key: told for key, told in self.answers.items() if told[2].id not in self.returned}
        again = (ledger.pick(an_ask(who, after, key=key, fingerprint=b"f")) for key, (who, after, _) in kept.items())
        assert await asyncio.gather(*again) == [answer for _, _, answer in kept.values()]


async def live(ledger: Ledger, model: Model, dice: random.Random, begin: int, count: int) -> None:
    """So many things happen."""
    for n in range(begin, begin + count):
        name, key = f"n{dice.randrange(60)}", f"k{n}"
        if model.out and dice.randrange(6) == 0:
            made = [(who, one) for who, _, one in model.answers.values() if isinstance(one, Picked)]
            _, one = dice.choice(made)
            assert await ledger.give_back(SET, one.id, TODAY) is GivenBack.RETURNED
            if one.id not in model.returned:
                model.returned.add(one.id)
                model.out[one.number] -= 1
            continue
        answer = await ledger.pick(an_ask(name, float(n), key=key, fingerprint=b"f"))
        assert isinstance(answer, Picked | Deferred)
        model.answers[key] = (name, float(n), answer)
        model.waiting += isinstance(answer, Deferred)
        model.out[answer.number] += isinstance(answer, Picked)
        model.numbers.setdefault(name, answer.number)


async def test_a_history_is_as_the_model_says_after_each_restart(open_ledger: OpenLedger) -> None:
    model, dice = Model(), random.Random(3)
    for turn in range(4):
        ledger = await open_ledger()
        await ledger.enlist(ROSTER)
        await model.agrees(ledger, turn * 60.0)
        await live(ledger, model, dice, turn * 60, 60)
        await model.agrees(ledger, turn * 60.0 + 60)


async def test_whenever_the_file_is_copied_it_is_a_whole_ledger(tmp_path: Path) -> None:
    """As after kill -9 at that moment: between the slices of a folding too."""
    model, dice = Model(), random.Random(5)
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.enlist(ROSTER)
        middle = 0
        for n in range(40):
            await live(ledger, model, dice, n * 3, 3)
            middle += ledger._folding is not None and ledger._folding.is_under_way
            copy = tmp_path / f"copy-{n}.sqlite"
            back_up(tmp_path / "ledger.sqlite", copy)
            evidence = look(copy)
            assert isinstance(evidence, Evidence)
            assert judge(evidence) == ()
            async with SqliteLedger(copy) as again:
                await again.enlist(ROSTER)
                await model.agrees(again, n * 3.0 + 3)
    assert middle > 2, "else no copy was made between slices"


class Doubtful:
    """A store whose commit may fail after it was written, or before."""

    def __init__(self, store: Store, dice: random.Random) -> None:
        self._store = store
        self._dice = dice
        self.failures = 0

    async def commit(self, changes: Changes, wishes: int) -> Outcome:
        match self._dice.randrange(5):
            case 0:
                self.failures += 1
                raise LedgerUnavailable("not sent")
            case _:
                return await self._store.commit(changes, wishes)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


async def test_a_group_that_is_not_written_leaves_nothing_in_memory(open_ledger: OpenLedger) -> None:
    """Each fifth commit fails; whoever asks again with the same key is answered once."""
    ledger = await open_ledger()
    assert isinstance(ledger, OwnedLedger)
    await ledger.enlist(ROSTER)
    dice = random.Random(9)
    doubtful = Doubtful(ledger.store, dice)
    ledger.store = doubtful  # type: ignore[assignment]  # as far as it is asked
    model = Model()
    for n in range(150):
        ask = an_ask(f"n{dice.randrange(40)}", float(n), key=f"k{n}", fingerprint=b"f")
        while True:
            try:
                answer = await ledger.pick(ask)
                break
            except LedgerUnavailable:
                continue
        assert isinstance(answer, Picked | Deferred)
        model.answers[f"k{n}"] = ("", 0.0, answer)
        model.out[answer.number] += isinstance(answer, Picked)
    assert doubtful.failures > 10
    ledger.store = doubtful._store
    assert await used(ledger) == {a_number(n): model.out[a_number(n)] for n in range(4)}
    bench = (await ledger._known()).benches[1]
    assert bench.remaining(an_ask(after=150.0)) == sum(bench.left_of(seat) for seat in bench.seats.values())


async def test_what_is_young_does_not_grow(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    assert isinstance(ledger, OwnedLedger)
    await ledger.enlist(a_roster(a_member(1, daily=10_000, hourly=10_000)))
    for n in range(60):
        await picked(ledger, an_ask(f"n{n}", float(n), key=f"k{n}", fingerprint=b"f"))
    memory = await ledger._known()
    assert max(len(memory.young.contacts), len(memory.folding.contacts), len(memory.young.answers)) < 40
    assert memory.folded > 0


@pytest.mark.parametrize("picks", [1, 64, 512])
def test_folding_ends_however_many_picks_come_with_each_group(picks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each makes two young rows: folded one slice a group, they came faster than they went."""
    monkeypatch.setattr(folding, "PER_PICK", 3)
    memory = Memory(NOTHING)
    memory.young.contacts = {(1, n.to_bytes(16)): Contact() for n in range(1000)}
    memory.marks["seq"] = 1000
    under_way = folding.Folding(memory)
    under_way.begin()
    groups = 0
    while under_way.is_under_way:
        changes = Changes()
        for n in range(picks):
            changes.put(JOURNAL, (n,), (n,))
        under_way.written(under_way.put_next(changes))
        groups += 1
    assert 2 * picks * (groups - 1) <= 1000
    assert memory.folded == 1000
