"""This dispatcher's line among the ledgers that are announced: written while the ledger is ours, read at all times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol
from uuid import uuid4

import structlog

from ringfleet.dispatch.announcing.announced import (
    LAPSE_SECONDS,
    Line,
    announce,
    find_rival,
    find_waiting,
    read_lines,
    say_refused,
    say_waiting,
    write_lines,
)
from ringfleet.dispatch.ledger.types import Mark
from ringfleet.dispatch.problems import Problem
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import AlreadyExists, Conflict, Forbidden, KubeError, NotFound
from ringfleet.objects.refs import CONFIG_MAPS

NAME: Final = "ringfleet-ledgers"
BEAT_SECONDS: Final = 4.0
TRIES: Final = 5
"""How often it is written anew over what another one has written meanwhile, before the next beat."""

log = structlog.get_logger(__name__)


class Marked(Protocol):
    """The ledger, as far as it is announced."""

    @property
    def is_ours(self) -> bool: ...

    @property
    def mark(self) -> Mark | None: ...


class Announcer:
    """See the room's docstring. `at`: where picks are answered. `clock`: monotonic seconds."""

    def __init__(
        self,
        kube: Kube,
        ledger: Marked,
        system_namespace: str,
        namespaces: Collection[str],
        at: str,
        clock: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._ledger = ledger
        self._namespace = system_namespace
        self._ours = Line(0, tuple(sorted(namespaces)), at, holds=False, beat="")
        self._clock = clock
        self._seen: dict[str, tuple[Line, float]] = {}
        self._noted = float("-inf")
        self._looked = self._nobody_can = False
        self._judged: tuple[Mark | None, tuple[str, str] | None] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(BEAT_SECONDS)

    def refusal(self) -> Problem | None:
        """Why this process decides nothing now, though the ledger is its own. Each pick asks."""
        if not self._ledger.is_ours:
            return None  # whoever decides is asked, and says so
        mark = self._ledger.mark
        if self._judged is None or self._judged[0] is not mark:
            self._judged = mark, self._judge(mark)
        said = self._judged[1]
        return Problem(*said) if said else None

    def _judge(self, mark: Mark | None) -> tuple[str, str] | None:
        """Type and detail of the problem."""
        if mark and (rival := find_rival(self._living(), mark, self._ours)):
            return "ledger-split", say_refused(rival, mark)
        if self._nobody_can or (mark and self._looked):
            return None
        return "inventory-unknown", "The ledger is not announced in the cluster yet. Ask again soon."

    def obstacle(self) -> str | None:
        """The same for /readyz; None too while another process decides for the ledger."""
        refused = self.refusal()
        return refused.detail if refused else None

    def waiting(self) -> str | None:
        """What is to be said of another ledger that waits for ours to end."""
        mark = self._ledger.mark
        rival = find_waiting(self._living(), mark) if mark else None
        return say_waiting(rival) if rival else None

    async def look(self) -> None:
        """Read what is announced; while the ledger is ours, write our line. What fails leaves what was known."""
        try:
            async with asyncio.timeout(LAPSE_SECONDS):
                for _ in range(TRIES):
                    if await self._look():
                        return
        except (Forbidden, NotFound) as error:
            self._go_on_alone(error)
        except (KubeError, TimeoutError) as error:
            log.warning("ledgers not read: what was known holds", error=str(error))

    async def _look(self) -> bool:
        """False: another one has written meanwhile."""
        found = await self._read()
        lines = read_lines((found or {}).get("data") or {})
        self._looked = True
        self._note(lines)
        mark = self._ledger.mark
        if not self._ledger.is_ours or mark is None:
            return True
        ours = Line(mark.epoch, self._ours.namespaces, self._ours.at, holds=True, beat=uuid4().hex)
        written, rival = announce(lines, self._lapsed(), mark, ours)
        if written == lines:
            return True
        try:
            await self._write(found, write_lines(written))
        except (AlreadyExists, Conflict):
            return False
        self._nobody_can = False
        self._note(written)
        if rival:
            log.error("a second ledger", problem=say_refused(rival, mark))
        return True

    async def _read(self) -> dict[str, Any] | None:
        try:
            return await self._kube.get(CONFIG_MAPS, self._namespace, NAME)
        except NotFound:
            return None

    async def _write(self, found: dict[str, Any] | None, data: dict[str, str]) -> None:
        """Over the version that was found."""
        if found is None:
            metadata = {"name": NAME, "labels": {"app.kubernetes.io/name": "ringfleet-dispatcher"}}
            await self._kube.create(CONFIG_MAPS, self._namespace, {"metadata": metadata, "data": data})
        else:
            await self._kube.replace(CONFIG_MAPS, self._namespace, NAME, {"metadata": found["metadata"], "data": data})

    def _go_on_alone(self, error: KubeError) -> None:
        if not self._nobody_can:
            where = f"{self._namespace}/{NAME}"
            log.warning("a second ledger would not be seen: its ConfigMap can't be had", where=where, error=str(error))
        self._nobody_can, self._judged = True, None

    # For how long each line has stood.

    def _note(self, lines: dict[str, Line]) -> None:
        """Where nobody has looked for a while, nobody knows what was written meanwhile, and all begins anew."""
        now = self._clock()
        before = self._seen if now - self._noted < LAPSE_SECONDS / 2 else {}
        self._seen = {
            name: before[name] if name in before and before[name][0] == line else (line, now)
            for name, line in lines.items()
        }
        self._noted, self._judged = now, None

    def _lapsed(self) -> set[str]:
        """As of the last look: while the API server is away, nobody lapses."""
        return {name for name, (_, since) in self._seen.items() if self._noted - since >= LAPSE_SECONDS}

    def _living(self) -> dict[str, Line]:
        lapsed = self._lapsed()
        return {name: line for name, (line, _) in self._seen.items() if name not in lapsed}
