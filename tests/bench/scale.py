"""`make bench-scale`: what one event costs an operator that keeps a thousand, ten thousand, a hundred thousand numbers.

Three events: a claim is bound, a bound number is freed, an account does not answer and answers again. Their cost is the
operator's processor time until nobody has anything left to do but wait: the object's own turn, and those of its pool,
its profile, its quota and whoever else it wakes. What grows with the fleet shows as a ratio to the smallest one, of the
same run; the memory is that of a whole process. First in memory, where each size has a process of its own: the API
server is the double of the controllers' tests, which makes a number's object only when somebody asks for it, and time
is virtual. Then once more, ten thousand on a real API server.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import psutil

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.controllers.triggers import follow, open_queue
from ringfleet.controllers.wake import wake_users
from ringfleet.kube.transport import Json
from ringfleet.model import E164, AccountKey, Holding, HoldingsPage, Mark
from tests.bench.measure import show
from tests.cluster.claims import some_claims
from tests.cluster.stage import ROOT, OperatorProcess, Stage, install_operator_rbac
from tests.cluster.stock import open_stock
from tests.controllers.api_double import OLDEST, Place
from tests.controllers.carrier_double import CarrierDouble
from tests.controllers.rig import (
    HERE,
    HOUSE,
    INSTALLATION,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_quota,
    a_rig,
    a_secret,
    an_account,
)
from tests.controlplane.cluster import running_cluster
from tests.endings import ended_politely
from tests.kube.virtual_time import run_in_virtual_time
from tests.plan.builders import a_holding
from tests.simulator.process import SimulatorProcess
from tests.waiting import wait_until

SIZES = (1_000, 10_000, 100_000)
ON_SERVER = 10_000
EVENTS, WARM = 20, 3
SETTLES_S = 12.0
"""Virtual seconds after which whatever an event wakes has had its turn."""
PAGE = 500
POOL: dict[str, Any] = {"routingProfileRef": {"name": "sip"}, "reclaim": {"cooldown": "0s"}}
AIM_RATIO, AIM_RSS_MB = 1.3, 400
_KINDS = ("a claim bound", "a number freed", "an account flipped")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one size costs: microseconds of processor time by kind of event, and megabytes."""

    events: dict[str, float]
    rss: float

    @property
    def mean(self) -> float:
        return sum(self.events.values()) / len(self.events)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--numbers", type=int, help="only this size, in this process; the costs as JSON")
    parser.add_argument("--in-memory", action="store_true", help="leave the real API server out")
    asked = parser.parse_args()
    if asked.numbers:
        cost = run_in_virtual_time(_measure(asked.numbers))
        print(json.dumps({"events": cost.events, "rss": cost.rss}), flush=True)
        return
    costs = {size: _in_a_process(size) for size in SIZES}
    report(costs, None if asked.in_memory else _on_a_server())


def _in_a_process(size: int) -> Cost:
    _say(f"{size} numbers in memory")
    command = [sys.executable, "-m", "tests.bench.scale", "--numbers", str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


# In memory.


def number(n: int) -> E164:
    return E164(f"+1415{2_000_000 + n}")


class Plenty(dict[Place, Json]):
    """The objects of an API server that has many numbers: each is made when it is asked for, until it is changed."""

    def __init__(self, objects: dict[Place, Json], size: int, settled: Json) -> None:
        super().__init__(objects)
        self._size = size
        self._number = settled["spec"]["number"]
        self._text = orjson.dumps(settled)

    def get(self, place: Any, default: Any = None) -> Any:
        found = super().get(place, default)
        if found is None and place.collection.endswith("/phonenumbers"):
            n = int(place.name) - int(number(0).digits)
            return self.make(n) if 0 < n <= self._size else default
        return found

    def make(self, n: int) -> Json:
        digits = number(n).digits.encode()
        made: Json = orjson.loads(self._text.replace(self._number[1:].encode(), digits))
        made["metadata"] |= {"uid": f"uid-{n}", "resourceVersion": str(OLDEST)}
        made["status"]["externalId"] = f"did-{n}"
        return made

    def pages(self) -> Iterator[list[Json]]:
        for first in range(1, self._size + 1, PAGE):
            yield [self.make(n) for n in range(first, min(first + PAGE, self._size + 1))]


class PlentyHeld(CarrierDouble):
    """A carrier that lists as many, made as they are listed."""

    size = 0
    example: Holding

    async def holdings(self) -> AsyncIterator[HoldingsPage]:
        for first in range(1, self.size + 1, PAGE):
            numbers = range(first, min(first + PAGE, self.size + 1))
            yield HoldingsPage(tuple(replace(self.example, number=number(n), external_id=f"did-{n}") for n in numbers))


async def _measure(size: int) -> Cost:
    settled, profile, example = await _a_settled_number()
    house = (a_secret(), an_account(sweepInterval="24h"))
    async with a_rig(*house, profile, a_pool(0, **POOL), a_quota(numbers=10 * size), begun=False) as rig:
        carrier = PlentyHeld(rig.story, "main")
        carrier.size, carrier.example, carrier.profiles = size, example.held[number(1)], example.profiles
        rig.carriers[f"{HERE}/main"] = carrier
        await _load(rig, Plenty(rig.api._objects, size, settled))
        writes = [what for what in rig.told() if not what.startswith("carrier:")]
        assert len(writes) < 20, f"{len(writes)} writes at rest, the numbers are not settled: {writes[:30]}"
        gc.collect()
        rss = psutil.Process().memory_info().rss / 1e6
        return Cost(await _costs(rig), round(rss, 1))


async def _a_settled_number() -> tuple[Json, Json, CarrierDouble]:
    """A number and its routing profile as an operator leaves them that has nothing more to do, and its carrier.

    The profile is made as the third object of its API server, here and where it is used, so that its uid is the same.
    """
    one = a_number(1, number=number(1))
    one["metadata"]["name"] = number(1).digits
    mark = Mark(INSTALLATION, HERE, "west")
    held = replace(a_holding(1, mark=mark), number=number(1))
    async with a_rig(*HOUSE, a_profile(), a_pool(0, **POOL), one, begun=False) as rig:
        rig.carrier.held = {number(1): held}
        await rig.begin()
        wake_users(rig.services, AccountKey(HERE, "main"))
        await rig.settle(900.0)
        settled, profile = await rig.find("PhoneNumber", number(1).digits), await rig.find("RoutingProfile", "sip")
        assert settled
        assert profile
        assert settled["status"]["routing"], settled["status"]
        return settled, profile, rig.carrier


async def _load(rig: Rig, objects: Plenty) -> None:
    """What an operator does when it starts."""
    services, rig.api._objects = rig.services, objects
    follow(services)
    await rig.look_at_intents()
    store = services.number_informer.store
    version, seen = rig.api.version, set()
    for page in objects.pages():
        seen |= store.learn_page(page)
    store.learn_list_ended(None, seen, version)
    await rig.look_at_claims()
    await rig.look_at_freeze()
    open_queue(services)
    await rig.run_queues(1_800.0)


async def _costs(rig: Rig) -> dict[str, float]:
    """Microseconds of processor time for one event of each kind."""
    spent = dict.fromkeys(_KINDS, 0.0)
    for turn in range(WARM + EVENTS):
        counts = turn >= WARM
        name = f"desk-{turn}"
        await rig.create(a_claim(name))
        spent[_KINDS[0]] += counts * await _time(rig, rig.look_at_claims)
        assert await rig.says("NumberClaim", name) == "True Bound"
        await rig.delete("NumberClaim", name)
        spent[_KINDS[1]] += counts * await _time(rig, rig.look_at_claims)
        assert await rig.find("NumberClaim", name) is None
        await rig.look_at_claims()
        await rig.settle(SETTLES_S)
        for fails in (True, False):
            spent[_KINDS[2]] += counts * 0.5 * await _time(rig, lambda fails=fails: _flip(rig, fails))
            assert (await rig.says("CarrierAccount", "main") == "True Reachable") is not fails
    return {kind: round(seconds / EVENTS * 1e6, 1) for kind, seconds in spent.items()}


async def _time(rig: Rig, event: Callable[[], Awaitable[object]]) -> float:
    """Seconds of processor time from the event until all that it wakes is done."""
    began = time.process_time()
    await event()
    await rig.run_queues(SETTLES_S)
    return time.process_time() - began


async def _flip(rig: Rig, fails: bool) -> None:
    """The account's carrier stops answering, or answers again."""
    rig.carrier.stop_failing()
    if fails:
        rig.carrier.fail("balance", *[CarrierUnavailable("no answer")] * 1_000)
    rig.services.queues.wake_account(AccountKey(HERE, "main"))


# On a real API server.


def _on_a_server() -> Cost:
    _say(f"{ON_SERVER} numbers on a real API server")
    with running_cluster() as cluster, SimulatorProcess("--balance", "1000000.00") as simulator:
        cluster.install(ROOT / "crds")
        install_operator_rbac(cluster)
        stage = Stage(cluster, cluster.new_namespace("bench-scale"), simulator)
        try:
            open_stock(stage, ON_SERVER)
            return _events_on(stage, stage.operators[0])
        finally:
            stage.close()


def _events_on(stage: Stage, operator: OperatorProcess) -> Cost:
    """The cost of binding and freeing, one after the other; of an account that flips, in memory is told enough."""
    process = psutil.Process(operator.pid)
    spent = dict.fromkeys(_KINDS[:2], 0.0)
    for turn in range(EVENTS):
        (claim,) = some_claims(1, f"desk-{turn}")
        name = claim["metadata"]["name"]
        spent[_KINDS[0]] += _spent(process, lambda name=name: _bind(stage, name))
        spent[_KINDS[1]] += _spent(process, lambda name=name: stage.delete("numberclaim", name))
    return Cost({kind: round(s / EVENTS * 1e6, 1) for kind, s in spent.items()}, process.memory_info().rss / 1e6)


def _bind(stage: Stage, name: str) -> None:
    stage.claim(name)
    wait_until(lambda: stage.get("numberclaim", name).get("status", {}).get("phase") == "Bound", f"{name} to be bound")


def _spent(process: psutil.Process, event: Callable[[], object]) -> float:
    """Seconds of the operator's processor time from the event until it has been idle for a while."""
    began = _cpu(process)
    event()
    before = -1.0
    while (now := _cpu(process)) > before + 0.005:
        before = now
        time.sleep(1.0)
    return now - began


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def report(costs: dict[int, Cost], server: Cost | None) -> None:
    small = costs[SIZES[0]]
    rows = []
    for kind in _KINDS:
        for size in SIZES:
            cost = costs[size].events[kind]
            beside = f"{cost / small.events[kind]:.2f} times that at {SIZES[0]}"
            rows.append((f"{kind}, {size} numbers", f"{cost:.0f} us", beside))
    ratio = costs[SIZES[-1]].mean / small.mean
    rows.append((f"all three, {SIZES[-1]} against {SIZES[0]}", f"{ratio:.2f} times", f"aim {AIM_RATIO} times"))
    rows += [(f"memory, {size} numbers", f"{cost.rss:.0f} MB", _aim(size)) for size, cost in costs.items()]
    if server:
        rows += [(f"{kind}, on a real API server", f"{cost:.0f} us", "") for kind, cost in server.events.items()]
        rows.append((f"memory there, {ON_SERVER} numbers", f"{server.rss:.0f} MB", ""))
    result = {
        "cost_1k_us": round(costs[1_000].mean, 1),
        "cost_10k_us": round(costs[10_000].mean, 1),
        "cost_100k_us": round(costs[100_000].mean, 1),
        "cost_ratio": round(ratio, 2),
        "rss_mb_10k": round(costs[10_000].rss, 1),
        "rss_mb_100k": round(costs[100_000].rss, 1),
    }
    show("processor time of one event, and memory", rows, result)


def _aim(size: int) -> str:
    return f"aim {AIM_RSS_MB} MB" if size == SIZES[-1] else ""


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(ended_politely(main))
