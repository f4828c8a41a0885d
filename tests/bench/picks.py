"""`make bench-picks`: durable picks a second over HTTP, by engine, beside the bare HTTP layer in the same run.

The real dispatcher before a real API server: a set of 1,000 numbers, a ledger that remembers a million recipients, 64
connections that ask for one of them at random. Every answer is on disk. The load comes from this process, on the same
cores. The bare layer is the same server with a route that reads the same body and answers a constant.

`--rows` and `--seconds` make it shorter; `--engines sqlite` leaves PostgreSQL out.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
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
from tests.bench.http_load import Load, run_load
from tests.bench.measure import percentile, show
from tests.cluster.load import UNHINDERED
from tests.cluster.stage import ROOT
from tests.controlplane.cluster import Cluster, running_cluster
from tests.dispatch.postgres_server import running_postgres
from tests.dispatch.process import DispatcherProcess, a_set, owner_of_claims
from tests.endings import ended_politely
from tests.mortal import mortal
from tests.programs import SOURCE

NUMBERS = 1_000
CONNECTIONS = 64
WARM_UP_S = 3.0
AIM_PER_S, AIM_P99_MS, PROTOTYPE_PER_S = 15_000, 15.0, 13_300
NAMESPACE = "bench-picks"
SET = f"{NAMESPACE}/outbound"
LOTS = 100_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgres"])
    options = parser.parse_args()
    found: dict[str, Load] = {}
    with running_cluster() as cluster, TemporaryDirectory(prefix="ringfleet-picks-") as folder:
        cluster.install(ROOT / "crds")
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        cluster.apply(a_set(size=NUMBERS, perNumber={"daily": 1_000_000, "hourly": 1_000_000}), namespace=NAMESPACE)
        _say(f"making {NUMBERS} numbers")
        asyncio.run(_put_numbers(cluster, owner_of_claims(cluster, NAMESPACE)))
        found["bare"] = _bare(options.seconds)
        for engine in options.engines:
            place = Path(folder) / engine
            place.mkdir()
            with _ledger_url(engine, place) as url:
                found[engine] = _measure(cluster, place, url, options)
    _report(found)


@contextmanager
def _ledger_url(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty ledger of that engine."""
    if engine == "sqlite":
        yield f"sqlite:{folder / 'ledger.sqlite'}"
        return
    with running_postgres(durable=True) as server:
        yield server.dsn


def _measure(cluster: Cluster, folder: Path, url: str, options: argparse.Namespace) -> Load:
    dispatcher = DispatcherProcess(folder, cluster.kubeconfig, NAMESPACE, "--dev-insecure", ledger=url)
    _say(f"{folder.name}: remembering {options.rows:,} recipients")
    uvloop.run(_remember(url, folder / "keys", options.rows))
    with dispatcher as process:
        _say(f"{folder.name}: {CONNECTIONS} connections for {options.seconds:g} s")
        requests = _requests(process.path("picks"), options.rows)
        load = uvloop.run(run_load(process.urls[0], requests, CONNECTIONS, WARM_UP_S, options.seconds))
        assert set(load.statuses) == {200}, f"{load.statuses}\n{process.log()}"
        return load


def _bare(seconds: float) -> Load:
    command = mortal(sys.executable, "-m", "tests.bench.bare")
    environment = {"PYTHONPATH": f"{SOURCE}:{ROOT}", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url, "the bare server has died, and its error stands above"
        _say(f"bare: {CONNECTIONS} connections for {seconds:g} s")
        requests = _requests(f"/v1/namespaces/{NAMESPACE}/rotationsets/outbound/picks", 1_000_000)
        load = uvloop.run(run_load(url, requests, CONNECTIONS, WARM_UP_S, seconds))
        process.terminate()
    return load


def _recipient(n: int) -> str:
    return f"+1415{2_000_000 + n:07}"


def _requests(path: str, rows: int) -> Iterator[bytes]:
    dice = random.Random(6)
    for n in count():
        body = b'{"to":"%s"}' % _recipient(dice.randrange(rows)).encode()
        yield (
            f"POST {path} HTTP/1.1\r\nHost: dispatcher\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: bench-{n}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def _remember(url: str, keys: Path, rows: int) -> None:
    """Each recipient was called once, an hour ago. Written past the ledger: a million picks would take minutes."""
    hashes = read_keys(keys).hashes
    now = datetime.now(UTC).timestamp()
    day = datetime.fromtimestamp(now, UTC).date().toordinal()
    members = tuple(Member(_number(n), "a/b", ("c:US", ""), LOTS, LOTS, LOTS) for n in range(NUMBERS))
    async with open_ledger(url) as ledger:
        await ledger.enlist(Roster(SET, day, members))
    contacts = ((hashes(_recipient(n))[0], int(_number(n % NUMBERS)[1:]), now - 3_600) for n in range(rows))
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


async def _put_numbers(cluster: Cluster, owner: Json) -> None:
    """Claims that `owner`, the set, has; each with a number, as the operator has them."""
    async with Kube.connect(cluster.kubeconfig, limits=UNHINDERED) as kube:
        places = asyncio.Semaphore(32)

        async def put(n: int) -> None:
            async with places:
                await _put_number(kube, _number(n), owner)

        await asyncio.gather(*(put(n) for n in range(NUMBERS)))


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


def _report(found: dict[str, Load]) -> None:
    rows = [
        (f"{name}: {what}", measured, reference)
        for name, load in found.items()
        for what, measured, reference in (
            ("picks a second", f"{load.rate:,.0f}", _beside(name)),
            ("share of bare", f"{load.rate / found['bare'].rate:.2f}", ""),
            ("p50", f"{_millis(load, 0.5):.2f} ms", ""),
            ("p99", f"{_millis(load, 0.99):.2f} ms", f"aim {AIM_P99_MS:g} ms" if name == "sqlite" else ""),
        )
    ]
    line: dict[str, float] = {}
    for engine in ("sqlite", "postgres"):
        if engine in found:
            load = found[engine]
            line |= {f"{engine}_per_s": round(load.rate), f"{engine}_share": round(load.rate / found["bare"].rate, 2)}
            line |= {f"{engine}_p50_ms": _millis(load, 0.5), f"{engine}_p99_ms": _millis(load, 0.99)}
    show("Durable picks over HTTP", rows, line | _bare_line(found["bare"]))


def _bare_line(bare: Load) -> dict[str, float]:
    return {"bare_http_per_s": round(bare.rate), "bare_p99_ms": _millis(bare, 0.99)}


def _beside(name: str) -> str:
    if name == "sqlite":
        return f"aim {AIM_PER_S:,}; prototype {PROTOTYPE_PER_S:,}"
    return "the same server, a constant answer" if name == "bare" else ""


def _millis(load: Load, share: float) -> float:
    return round(percentile(sorted(load.latencies), share) * 1000, 2)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(ended_politely(main))
