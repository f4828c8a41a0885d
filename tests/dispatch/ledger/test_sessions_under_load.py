"""Masked sessions under load: against a model of all that was acknowledged, and after kill -9."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.open import open_ledger as open_at
from ringfleet.dispatch.ledger.session_types import (
    EndedSession,
    Once,
    Refused,
    Resolved,
    SessionTold,
    State,
    UnknownSession,
)
from ringfleet.plan.sizing.formulas import proxy_size
from tests.dispatch.ledger.builders import HOUR, OpenLedger
from tests.dispatch.ledger.session_builders import a_service, begin, call, end, look, usage

ROOT = Path(__file__).parents[3]
PEOPLE, MOST, CEILING, QUARANTINE = 8, 3, 4, 600.0


class Model:
    """What has been acknowledged, by the simplest of means: every open session, and since when numbers rest."""

    def __init__(self) -> None:
        self.open: dict[str, tuple[SessionTold, tuple[str, ...], float]] = {}
        self.rests: dict[tuple[str, str], float] = {}

    def begun(self, name: str, session: SessionTold, people: tuple[str, ...], now: float) -> None:
        for who, leg in zip(people, session.legs, strict=True):
            assert all(number != leg.number for number in self.numbers_of(who)), "two under one number"
            assert self.rests.get((who, leg.number), 0.0) <= now, "it rested"
        self.open[name] = (session, people, now)

    def ended(self, name: str, now: float) -> None:
        session, people, _ = self.open.pop(name)
        for who, leg in zip(people, session.legs, strict=True):
            self.rests[who, leg.number] = now + QUARANTINE

    def called(self, name: str, now: float) -> None:
        session, people, _ = self.open[name]
        self.open[name] = (session, people, now)

    def lapse(self, ttl: float, now: float) -> None:
        for name, (_, _, last) in list(self.open.items()):
            if last + ttl <= now:
                self.ended(name, now)

    def numbers_of(self, who: str) -> list[str]:
        legs = (pair for one, people, _ in self.open.values() for pair in zip(people, one.legs, strict=True))
        return [leg.number for person, leg in legs if person == who]

    def burden(self, who: str, now: float) -> int:
        resting = {number for (person, number), until in self.rests.items() if person == who and until > now}
        return len(resting | set(self.numbers_of(who)))

    def load(self) -> Counter[str]:
        return Counter(number for one, _, _ in self.open.values() for number in {leg.number for leg in one.legs})


async def test_whatever_opens_closes_and_runs_out_the_ledger_does_as_a_model_of_it(open_ledger: OpenLedger) -> None:
    """At the size of the formula: no collision, none over the ceiling, no refusal, each call put through, also after
    restarts."""
    dice, model = random.Random(18), Model()
    ledger, most_legs = await open_ledger(), PEOPLE * MOST
    size = proxy_size(MOST, most_legs, CEILING)
    service = a_service(size, per_number=CEILING, quarantine=QUARANTINE, ttl=HOUR)
    now = 0.0
    for turn in range(200):
        now += dice.choice([1.0, 60.0, 400.0])
        model.lapse(HOUR, now)
        what = dice.random()
        if turn % 50 == 49:
            ledger = await open_ledger()
            await usage(ledger, now)  # it sees what has run out meanwhile, and the numbers rest from now on
        elif what < 0.4 and model.open:
            name = dice.choice(sorted(model.open))
            session, people, _ = model.open[name]
            place = dice.randrange(2)
            found = await call(ledger, people[place], session.legs[place].number, now, f"call {turn}")
            assert isinstance(found, Resolved)
            assert (found.session.id, found.sealed) == (session.id, f"sealed {people[1 - place]}".encode())
            model.called(name, now)
        elif what < 0.55 and model.open:
            name = dice.choice(sorted(model.open))
            await end(ledger, name, now)
            model.ended(name, now)
        else:
            pair = tuple(f"p{n}" for n in dice.sample(range(PEOPLE), 2))
            fits = all(model.burden(who, now) < MOST for who in pair)
            answer = await begin(ledger, *pair, session=f"s{turn}", after=now, service=service)
            assert isinstance(answer, SessionTold) or not fits
            if isinstance(answer, SessionTold):
                model.begun(f"s{turn}", answer, pair, now)
            else:
                assert isinstance(answer, Refused)
        assert max(model.load().values(), default=0) <= CEILING
    assert dict((await usage(ledger, now)).load) == model.load()


CHILD = """
import asyncio, itertools, sys
from pathlib import Path
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.session_types import Once
from tests.dispatch.ledger.session_builders import a_service, begun, end

async def main():
    service = a_service(50, per_number=1000)
    async with SqliteLedger(Path(sys.argv[1])) as ledger:
        names = itertools.count()
        async def work():
            for n in names:
                once = Once(f"k{n}", b"f" * 16)
                told = await begun(ledger, f"a{n}", f"b{n % 40}", session=f"s{n}", service=service, once=once)
                print("open", n, *(leg.number for leg in told.legs), flush=True)
                await end(ledger, f"s{n}", 1.0)
                print("closed", n, flush=True)
        await asyncio.gather(*(work() for _ in range(32)))

asyncio.run(main())
"""


async def test_kill_9_under_load_loses_no_session_that_was_acknowledged_and_no_end_of_one(tmp_path: Path) -> None:
    path, service = tmp_path / "ledger.sqlite", a_service(50, per_number=1000)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"},
    )  # fmt: skip
    assert child.stdout
    lines = [await child.stdout.readline() for _ in range(300)]
    child.kill()
    lines += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    said = [line.decode().split() for line in lines if line.endswith(b"\n")]
    opened = {words[1]: words[2:] for words in said if words and words[0] == "open"}
    closed = {words[1] for words in said if words and words[0] == "closed"}
    assert opened
    assert closed
    async with SqliteLedger(path) as ledger:
        for n, numbers in opened.items():
            found = await look(ledger, f"s{n}", 1.0)
            assert isinstance(found, SessionTold)
            assert [leg.number for leg in found.legs] == numbers
            assert n not in closed or found.state is State.CLOSED
            once = Once(f"k{n}", b"f" * 16)
            people = (f"a{n}", f"b{int(n) % 40}")
            again = await begin(ledger, *people, session="other", after=1.0, service=service, once=once)
            assert isinstance(again, SessionTold)
            assert again.id == found.id
        later = HOUR + 1
        assert (await usage(ledger, later)).open == 0, "none is open for ever"


async def test_a_replica_that_takes_the_ledger_over_knows_every_session(postgres_dsn: str) -> None:
    """The owner ends; another process that has waited opens, resolves and closes as if it had been there."""
    service = a_service(3)
    async with open_at(postgres_dsn) as owner:
        told = await begin(owner, "ann", "dan", service=service)
        assert isinstance(told, SessionTold)
    async with open_at(postgres_dsn) as heir:
        found = await call(heir, "ann", told.legs[0].number)
        assert isinstance(found, Resolved)
        assert isinstance(await begin(heir, "ann", "eve", session="s2", service=service), SessionTold)
        await end(heir)
        assert isinstance(await call(heir, "ann", told.legs[0].number, id_="call-2"), EndedSession)
        assert await look(heir, "s3") == UnknownSession()
