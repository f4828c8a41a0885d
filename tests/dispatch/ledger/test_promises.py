"""The promises of a ledger under load: caps are exact, rows are single, opt-outs win, and kill -9 loses nothing."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Deferred, GivenBack, Picked, Suppressed, Verdict
from tests.dispatch.ledger.builders import (
    SET,
    SET_SCOPE,
    TODAY,
    OpenLedger,
    a_member,
    a_number,
    a_roster,
    an_ask,
    an_opt_out,
    deferred,
    used,
)

ROOT = Path(__file__).parents[3]
TASKS = 64


async def at_once(ledger: Ledger, names: list[str], tasks: int = TASKS) -> dict[str, Verdict]:
    """Ask for all of these, `tasks` at the same time."""
    left, answers = iter(names), {}

    async def work() -> None:
        for name in left:
            answers[name] = await ledger.pick(an_ask(name))

    await asyncio.gather(*(work() for _ in range(tasks)))
    return answers


async def test_caps_are_exact_under_concurrency(ledger: Ledger) -> None:
    """20 numbers for 25 a day are asked 800 times: 500 go out, the others are put off within tomorrow's caps."""
    await ledger.enlist(a_roster(*(a_member(n, daily=25, hourly=25, daily_tomorrow=25) for n in range(20))))
    answers = await at_once(ledger, [f"n{n}" for n in range(800)])
    by_number = Counter(one.number for one in answers.values() if isinstance(one, Picked))
    assert by_number == dict.fromkeys(map(a_number, range(20)), 25)
    put_off = Counter(one.number for one in answers.values() if isinstance(one, Deferred))
    assert put_off.total() == 300
    assert max(put_off.values()) <= 25
    assert await used(ledger) == by_number


async def test_load_is_spread_evenly(ledger: Ledger) -> None:
    """Exactly: one decides for all."""
    await ledger.enlist(a_roster(*(a_member(n, daily=1000, hourly=1000) for n in range(10))))
    await at_once(ledger, [f"n{n}" for n in range(300)])
    counts = (await used(ledger)).values()
    assert sum(counts) == 300
    assert set(counts) == {30}


async def test_a_recipient_who_is_asked_for_many_times_at_once_has_one_number(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(*(a_member(n, daily=1000, hourly=1000) for n in range(10))))
    asks = [ledger.pick(an_ask("ann", after=n / 1000)) for n in range(TASKS)]
    numbers = {one.number for one in await asyncio.gather(*asks) if isinstance(one, Picked)}
    assert len(numbers) == 1


async def test_the_same_request_many_times_at_once_is_one(ledger: Ledger) -> None:
    asks = [ledger.pick(an_ask("ann", key="k1", fingerprint=b"f")) for _ in range(TASKS)]
    assert len(set(await asyncio.gather(*asks))) == 1
    assert sum((await used(ledger)).values()) == 1


async def test_an_opt_out_that_was_acknowledged_is_seen_by_every_later_pick(ledger: Ledger) -> None:
    """While picks of the same recipients race it."""
    await ledger.enlist(a_roster(*(a_member(n, daily=10_000, hourly=10_000) for n in range(5))))
    names = [f"n{n % 50}" for n in range(500)]
    racing = asyncio.create_task(at_once(ledger, names, tasks=32))
    for n in range(50):
        assert await ledger.suppress([an_opt_out(f"n{n}")]) == 1
        assert await ledger.pick(an_ask(f"n{n}")) == Suppressed(SET_SCOPE)
    await racing


async def test_whatever_comes_counts_agree_with_the_picks(ledger: Ledger) -> None:
    """Picks, returns and rosters at random: what is counted is what is out."""
    dice = random.Random(7)
    members = [a_member(n, daily=6, hourly=4) for n in range(6)]
    await ledger.enlist(a_roster(*members))
    out: list[Picked] = []
    for n in range(400):
        match dice.randrange(5):
            case 0 if out:
                assert await ledger.give_back(SET, out.pop(dice.randrange(len(out))).id, TODAY) is GivenBack.RETURNED
            case 1:
                await ledger.enlist(a_roster(*dice.sample(members, 4)))
            case _:
                verdict = await ledger.pick(an_ask(f"n{dice.randrange(40)}", after=n * 20.0))
                out += [verdict] if isinstance(verdict, Picked) else []
    await ledger.enlist(a_roster(*members))
    assert await used(ledger) == dict.fromkeys(map(a_number, range(6)), 0) | Counter(one.number for one in out)


CHILD = """
import asyncio, itertools, sys
from pathlib import Path
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from tests.dispatch.ledger.builders import a_member, a_roster, an_ask, deferred

async def main():
    async with SqliteLedger(Path(sys.argv[1])) as ledger:
        await ledger.enlist(a_roster(*(a_member(n, daily=100_000, hourly=100_000) for n in range(50))))
        names = itertools.count()
        async def work():
            for n in names:
                print((await ledger.pick(an_ask(f"n{n}", key=f"k{n}", fingerprint=b"f"))).id, n, flush=True)
        await asyncio.gather(*(work() for _ in range(64)))

asyncio.run(main())
"""


async def test_kill_9_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"},
    )  # fmt: skip
    assert child.stdout
    lines = [await child.stdout.readline() for _ in range(2_000)]
    child.kill()
    lines += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    acknowledged = dict(reversed(line.split()) for line in lines if line.endswith(b"\n"))
    assert len(acknowledged) >= 2_000
    async with SqliteLedger(path) as ledger:
        await ledger.enlist(a_roster(*(a_member(n, daily=100_000, hourly=100_000) for n in range(50))))
        assert sum((await used(ledger)).values()) >= len(acknowledged)
        for n, id_ in acknowledged.items():
            again = await ledger.pick(an_ask(f"n{int(n)}", key=f"k{int(n)}", fingerprint=b"f"))
            assert isinstance(again, Picked)
            assert again.id == id_.decode()


async def test_a_deferral_is_not_lost_either(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.enlist(a_roster(a_member(1, daily=0)))
    later = await deferred(ledger, an_ask())
    again = await open_ledger()
    assert [one.id for one in (await again.deferrals(SET, TODAY)).first] == [later.id]


async def test_a_batch_that_fails_is_answered_as_failed_and_leaves_nothing(ledger: Ledger) -> None:
    """An ask that the engine chokes on takes down those beside it, and nothing of them is kept."""
    broken = replace(an_ask("eve"), recipient="not bytes", now="never")  # type: ignore[arg-type]
    answers = await asyncio.gather(*(ledger.pick(one) for one in (an_ask("ann"), broken)), return_exceptions=True)
    assert any(isinstance(one, Exception) for one in answers)
    out = sum(isinstance(one, Picked) for one in answers)
    assert sum((await used(ledger)).values()) == out
    assert isinstance(await ledger.pick(an_ask("bob")), Picked)
