"""`make bench-picks`: durable picks a second over HTTP, by engine, beside the bare HTTP layer in the same run.

The real dispatcher before a real API server: a set of 1,000 numbers (`--members`), a ledger that remembers a million
recipients, 64 connections. Every answer is on disk. The load comes from this process, on the same cores. ::

    bare        the dispatcher's HTTP layer with a route that reads the same body and answers a constant
    protocol    the same, answered in the protocol class
    bare mix    bare, with the requests of the mix: picks, and three events for each, that nobody checks
    repeats     somebody who is remembered, at random; no tokens
    mix         tokens; half of the recipients are new; four countries; three carrier events for each pick, on 16
                connections more; numbers whose status is written all the time, as the operator does
    hostile     repeats, while 16 connections more send events of 60 KB with a signature that is none (`--loads`)

`--rows` and `--seconds` make it shorter; `--engines sqlite` leaves PostgreSQL out, `--loads repeats` the mix.

A pick of the mix is four requests. So its rate beside that of bare picks, `mix_share`, counts one of the four: at the
aim of 0.5 the dispatcher would answer twice as many requests as the bare layer does.
`mix_share_of_bare_mix` compares like with like, and `mix_answers_share` says how many requests were answered, picks and
events, for each of the bare layer's. All three are printed.

Processor time is told beside the rate: on a busy machine it is what can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil
import uvloop

from ringfleet.api import NumberClaim, PhoneNumber
from ringfleet.dispatch.ledger.open import open_ledger, sqlite_path
from ringfleet.dispatch.ledger.sqlite.file import connect
from ringfleet.dispatch.ledger.tables import CONTACTS
from ringfleet.dispatch.ledger.types import Roster
from ringfleet.dispatch.recipients import read_keys
from ringfleet.kube.client import Kube
from ringfleet.kube.transport import Json
from ringfleet.objects.refs import resource_of
from ringfleet.plan.rotation_set.roster import Member
from tests.bench.http_load import Endless, Lane, Load, Requests, run_lanes
from tests.bench.measure import percentile, show
from tests.bench.mix import COUNTRIES, Mix, recipient
from tests.cluster.load import UNHINDERED
from tests.cluster.stage import ROOT
from tests.controlplane.cluster import Cluster, running_cluster
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.dispatch.postgres_server import running_postgres
from tests.dispatch.process import DispatcherProcess, a_set, may_pick, owner_of_claims
from tests.endings import ended_politely
from tests.mortal import mortal
from tests.programs import SOURCE
from tests.waiting import wait_until

CONNECTIONS, EVENT_CONNECTIONS = 64, 16
WARM_UP_S = 3.0
AIMS = {"sqlite, repeats": 0.8, "sqlite, mix": 0.5, "postgres, repeats": 0.6, "postgres, mix": 0.4}
"""Shares of the bare layer's rate."""
CHURN_PER_S, CHURNED = 10.0, 500
AUDIENCE, TOKEN_S = "dispatch.ringfleet.dev", 3600
SECRET = "whsec_0123456789abcdef"
NAMESPACE = "bench-picks"
SET = f"{NAMESPACE}/outbound"
LOTS = 100_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgres"])
    parser.add_argument("--loads", nargs="+", default=["repeats", "mix"])
    options = parser.parse_args()
    found: dict[str, Measured] = {}
    with running_cluster() as cluster, TemporaryDirectory(prefix="ringfleet-picks-") as folder:
        cluster.install(ROOT / "crds")
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        caps = {"daily": 1_000_000, "hourly": 1_000_000}
        everywhere = a_set(size=options.members, perNumber=caps, localPresence="None")  # who is new abroad, too
        cluster.apply(everywhere, namespace=NAMESPACE)
        _let_callers_in(cluster)
        _say(f"making {options.members} numbers")
        asyncio.run(put_numbers(cluster, owner_of_claims(cluster, NAMESPACE), options.members))
        found["bare"] = _bare(options.seconds)
        found["protocol"] = _bare(options.seconds, "--protocol")
        if "mix" in options.loads:
            found["bare mix"] = _bare(options.seconds, mix_of=options.rows)
        for engine in options.engines:
            for load in options.loads:
                place = Path(folder) / f"{engine}-{load}"
                place.mkdir()
                with _ledger_url(engine, place) as url:
                    found[f"{engine}, {load}"] = _measure(cluster, place, url, load, options)
    _report(found)


@dataclass(frozen=True, slots=True)
class Measured:
    """`processor`: microseconds of the server for each answer, that of PostgreSQL and of the generator apart."""

    load: Load
    processor: float
    events: Load | None = None

    @property
    def answers(self) -> float:
        """Requests that were answered in a second: picks and events."""
        return self.load.rate + (self.events.rate if self.events else 0.0)


@contextmanager
def _ledger_url(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty ledger of that engine."""
    if engine == "sqlite":
        yield f"sqlite:{folder / 'ledger.sqlite'}"
        return
    with running_postgres(durable=True) as server:
        yield server.dsn


def _measure(cluster: Cluster, folder: Path, url: str, load: str, options: argparse.Namespace) -> Measured:
    mixed = load == "mix"
    flags = () if mixed else ("--dev-insecure",)
    dispatcher = DispatcherProcess(folder, cluster.kubeconfig, NAMESPACE, *flags, ledger=url)
    _say(f"{folder.name}: remembering {options.rows:,} recipients")
    uvloop.run(_remember(url, folder / "keys", options, mixed))
    with dispatcher as process:
        _say(f"{folder.name}: {CONNECTIONS} connections for {options.seconds:g} s")
        path = process.path("picks")
        picks: Requests = Endless(_requests(path, options.rows))
        lanes = [Lane(process.urls[0], picks, CONNECTIONS)]
        if mixed:
            token = cluster.api.token(NAMESPACE, "caller", TOKEN_S, AUDIENCE)
            lanes = _mixed(process.urls[0], process.urls[1], path, token, options.rows)
        if load == "hostile":
            lanes += [Lane(process.urls[1], Endless(_forged()), EVENT_CONNECTIONS)]
        spent = uvloop.run(_run(lanes, process.pid, options.seconds, cluster if mixed else None))
        for lane, status in zip(lanes, (200, 401 if load == "hostile" else 200), strict=False):
            assert set(lane.load.statuses) == {status}, f"{lane.load.statuses}\n{process.log()}"
        answers = len(lanes[0].load.latencies)
        return Measured(lanes[0].load, spent / answers * 1e6, lanes[1].load if len(lanes) > 1 else None)


async def _run(lanes: list[Lane], pid: int, seconds: float, churned: Cluster | None) -> float:
    """The processor time of the server in those seconds."""
    churn = [asyncio.create_task(_churn(churned))] if churned else []
    process, marks = psutil.Process(pid), []

    async def mark() -> None:
        await asyncio.sleep(WARM_UP_S)
        marks.append(_spent(process))
        await asyncio.sleep(seconds)
        marks.append(_spent(process))

    await asyncio.gather(run_lanes(lanes, WARM_UP_S, seconds), mark())
    for task in churn:
        task.cancel()
    await asyncio.gather(*churn, return_exceptions=True)
    return float(marks[1] - marks[0])


def _spent(process: psutil.Process) -> float:
    """Seconds of processors, those of its webhook process too."""
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children()))


async def _churn(cluster: Cluster) -> None:
    """The statuses of numbers are written as an operator writes them: one in five changes what picks go by."""
    async with Kube.connect(cluster.kubeconfig, limits=UNHINDERED) as kube:
        for turn in count():
            number = _number(turn % CHURNED)[1:]
            level = "AB"[turn // CHURNED % 2] if turn % 5 == 0 else "A"
            status = {"health": {"attestation": level}, "usage": {"day": "2026-11-29", "calls": turn}}
            await kube.patch_status(resource_of(PhoneNumber), NAMESPACE, number, status)
            await asyncio.sleep(1 / CHURN_PER_S)


def _let_callers_in(cluster: Cluster) -> None:
    """An account that may pick, and a carrier account whose events are believed."""
    rule = a_rule(("rotationsets/picks",), ["create"], "ringfleet.dev")
    cluster.apply(
        *(a_service_account("caller"), a_role("caller", rule), a_role_binding(NAMESPACE, "caller", "caller")),
        namespace=NAMESPACE,
    )
    signing = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "signing"}, "stringData": {"webhook": SECRET}}
    spec = {
        "provider": "DIDHub",
        "credentialsSecretRef": {"name": "token"},
        "webhookSecretRef": {"name": "signing", "key": "webhook"},
    }
    account = {
        "apiVersion": "ringfleet.dev/v1alpha1",
        "kind": "CarrierAccount",
        "metadata": {"name": "b"},
        "spec": spec,
    }
    cluster.apply(signing, account, namespace=NAMESPACE)
    wait_until(lambda: may_pick(cluster, NAMESPACE, "caller", "outbound"), "the API server to know of the right")


def _bare(seconds: float, *flags: str, mix_of: int = 0) -> Measured:
    """`mix_of`: so many recipients are thought to be remembered; 0: repeats are asked."""
    command = mortal(sys.executable, "-m", "tests.bench.bare", *flags)
    environment = {"PYTHONPATH": f"{SOURCE}:{ROOT}", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url, "the bare server has died, and its error stands above"
        _say(f"bare {' '.join(flags)}: {CONNECTIONS} connections for {seconds:g} s")
        path = f"/v1/namespaces/{NAMESPACE}/rotationsets/outbound/picks"
        lanes = [Lane(url, Endless(_requests(path, 1_000_000)), CONNECTIONS)]
        if mix_of:
            lanes = _mixed(url, url, path, "e" * 900, mix_of)  # about as long as a token of the API server
        spent = uvloop.run(_run(lanes, process.pid, seconds, None))
        process.terminate()
    return Measured(lanes[0].load, spent / len(lanes[0].load.latencies) * 1e6, lanes[1].load if mix_of else None)


def _mixed(picks: str, events: str, path: str, token: str, rows: int) -> list[Lane]:
    mix = Mix(path, f"/v1/events/{NAMESPACE}/b", token, SECRET, rows // len(COUNTRIES))
    return [Lane(picks, mix, CONNECTIONS), Lane(events, mix.events, EVENT_CONNECTIONS)]


def _requests(path: str, rows: int) -> Iterator[bytes]:
    dice = random.Random(6)
    for n in count():
        body = b'{"to":"%s"}' % recipient(dice.randrange(rows)).encode()
        yield (
            f"POST {path} HTTP/1.1\r\nHost: dispatcher\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: bench-{n}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def _forged() -> Iterator[bytes]:
    """Events that are hashed whole, and refused."""
    body = b"x" * 60_000
    for n in count():
        seal = f"t={int(time.time())},v1={n:064x}"
        yield (
            f"POST /v1/events/{NAMESPACE}/b HTTP/1.1\r\nHost: dispatcher\r\nContent-Type: application/json\r\n"
            f"DIDHub-Signature: {seal}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def _remember(url: str, keys: Path, options: argparse.Namespace, mixed: bool) -> None:
    """Each recipient was called once, an hour ago. Written past the ledger: a million picks would take minutes."""
    rows, known = options.rows, options.members
    countries = len(COUNTRIES) if mixed else 1
    hashes = read_keys(keys).hashes
    now = datetime.now(UTC).timestamp()
    day = datetime.fromtimestamp(now, UTC).date().toordinal()
    members = tuple(Member(_number(n), "a/b", ("c:US", ""), LOTS, LOTS, LOTS) for n in range(known))
    async with open_ledger(url) as ledger:
        await ledger.enlist(Roster(SET, day, members))
    contacts = (
        (hashes(recipient(n, country))[0], int(_number(n % known)[1:]), now - 3_600)
        for country in range(countries)
        for n in range(rows // countries)
    )
    path = sqlite_path(url)
    if path is None:
        await _copy_to_postgres(url, contacts)
    else:
        _insert_into_sqlite(path, contacts)


Contacts = Iterator[tuple[bytes, int, float]]
"""Recipient, number, and when it was called."""


def _insert_into_sqlite(path: Path, contacts: Contacts) -> None:
    with closing(connect(path)) as connection, connection:
        set_id = connection.execute("SELECT id FROM rotation_set WHERE key = ?", (SET,)).get
        insert = "INSERT INTO contact (set_id, recipient, number, last, times) VALUES (?, ?, ?, ?, ?)"
        connection.executemany(insert, _rows(set_id, contacts))


async def _copy_to_postgres(dsn: str, contacts: Contacts) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        set_id = await connection.fetchval("SELECT id FROM ringfleet.rotation_set WHERE key = $1", SET)
        await connection.copy_records_to_table(
            "contact", schema_name="ringfleet", columns=list(CONTACTS.columns), records=_rows(set_id, contacts)
        )
        await connection.execute("ANALYZE ringfleet.contact")
    finally:
        await connection.close()


def _rows(set_id: int, contacts: Contacts) -> Iterator[tuple[int, bytes, int, int, bytes]]:
    """As the table has them, by key."""
    return ((set_id, who, number, int(at), struct.pack("<2d", at, at)) for who, number, at in sorted(contacts))


def _number(n: int) -> str:
    return f"+1212{2_000_000 + n:07}"


async def put_numbers(cluster: Cluster, owner: Json, members: int) -> None:
    """Claims that `owner`, the set, has; each with a number, as the operator has them."""
    async with Kube.connect(cluster.kubeconfig, limits=UNHINDERED) as kube:
        places = asyncio.Semaphore(32)

        async def put(n: int) -> None:
            async with places:
                await _put_number(kube, _number(n), owner)

        await asyncio.gather(*(put(n) for n in range(members)))


async def _put_number(kube: Kube, number: str, owner: Json) -> None:
    claims, numbers = resource_of(NumberClaim), resource_of(PhoneNumber)
    name = f"outbound-{number[1:]}"
    metadata = {"name": name, "labels": {"ringfleet.dev/rotation-set": "outbound"}, "ownerReferences": [owner]}
    claim = await kube.create(claims, NAMESPACE, {"metadata": metadata, "spec": {"poolRef": {"name": "us"}}})
    holder = {"namespace": NAMESPACE, "name": name, "uid": claim["metadata"]["uid"]}
    spec = {"number": number, "accountRef": {"name": "b", "namespace": NAMESPACE}, "claimRef": holder}
    await kube.create(numbers, NAMESPACE, {"metadata": {"name": number[1:]}, "spec": spec})
    routed = {"routing": {"externalId": "e"}, "health": {"attestation": "A"}, "country": "US", "phase": "Bound"}
    await kube.patch_status(numbers, NAMESPACE, number[1:], routed)


def _report(found: dict[str, Measured]) -> None:
    bare = found["bare"].load
    rows = [
        (f"{name}: {what}", measured, aim)
        for name, one in found.items()
        for what, measured, aim in (
            ("answers a second", f"{one.load.rate:,.0f}", ""),
            ("share of bare", f"{one.load.rate / bare.rate:.2f}", _aim(name)),
            ("p50, p99", f"{_millis(one.load, 0.5):.2f}, {_millis(one.load, 0.99):.2f} ms", _aim_p99(name, bare)),
            ("processor time of the dispatcher for each", f"{one.processor:.0f} us", ""),
        )
    ]
    rows += [
        (
            f"{name}: events a second",
            f"{one.events.rate:,.0f}",
            "three for each pick" if name.endswith("mix") else "all refused",
        )
        for name, one in found.items()
        if one.events
    ]
    line: dict[str, float] = {}
    for engine in ("sqlite", "postgres"):
        if (repeats := found.get(f"{engine}, repeats")) is not None:
            load = repeats.load
            line |= {f"{engine}_per_s": round(load.rate), f"{engine}_share": round(load.rate / bare.rate, 2)}
            line |= {f"{engine}_p50_ms": _millis(load, 0.5), f"{engine}_p99_ms": _millis(load, 0.99)}
            line |= {f"{engine}_us": round(repeats.processor)}
        if (hostile := found.get(f"{engine}, hostile")) is not None:
            line |= {f"{engine}_hostile_per_s": round(hostile.load.rate)}
            line |= {f"{engine}_hostile_p99_ms": _millis(hostile.load, 0.99)}
        if (mix := found.get(f"{engine}, mix")) is not None:
            line |= {f"{engine}_mix_per_s": round(mix.load.rate)}
            line |= {f"{engine}_mix_share": round(mix.load.rate / bare.rate, 2)}
            line |= {f"{engine}_mix_share_of_bare_mix": round(mix.load.rate / found["bare mix"].load.rate, 2)}
            line |= {f"{engine}_mix_answers_share": round(mix.answers / bare.rate, 2)}
            line |= {f"{engine}_mix_p99_ms": _millis(mix.load, 0.99), f"{engine}_mix_us": round(mix.processor)}
    line |= {"bare_http_per_s": round(bare.rate), "bare_p99_ms": _millis(bare, 0.99)}
    if (bare_mix := found.get("bare mix")) is not None:
        rows += [
            (f"{name}: picks beside the bare layer's of the same mix", f"{one.load.rate / bare_mix.load.rate:.2f}", "")
            for name, one in found.items()
            if name.endswith("mix")
        ]
        line |= {"bare_mix_per_s": round(bare_mix.load.rate), "bare_mix_us": round(bare_mix.processor)}
    line |= {"bare_us": round(found["bare"].processor)}
    line |= {"protocol_per_s": round(found["protocol"].load.rate), "protocol_us": round(found["protocol"].processor)}
    show("Durable picks over HTTP", rows, line)


def _aim(name: str) -> str:
    return f"aim {AIMS[name]:g}" if name in AIMS else ""


def _aim_p99(name: str, bare: Load) -> str:
    return f"aim p99 {2 * _millis(bare, 0.99):.2f} ms" if name in AIMS else ""


def _millis(load: Load, share: float) -> float:
    return round(percentile(sorted(load.latencies), share) * 1000, 2)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(ended_politely(main))
