"""Which of the replicas works: the one that holds the Lease `ringfleet-operator` in the operator's namespace.

::

    start -> learn everything -> stand by --win--> lead --give_back--> end        SIGTERM: the next one leads at once
                                                    |  ^
                         not renewed for its time   v  '- renewed after all: nobody has taken it meanwhile
                                                   wait --- another holds it -> `LeadershipLost`: the process ends

Who stands by follows everything and works nothing, so that it leads as soon as the leader is silent for the duration of
the Lease. Who leads looks at its own clock before every turn, and once more directly before money moves: a process that
was stopped, as a suspended machine stops it, finds there that its time is over. An API server that is away for an hour
ends nobody: nobody else can take the Lease there either, so the leader rests until it answers.

A Lease can't fence a carrier: the one call that was past its last look when the time ran out may still arrive. That is
why every purchase is of a named number, written down first (promise 1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import uuid4

import structlog

from ringfleet.kube.errors import KubeError
from ringfleet.kube.lease import Held, HeldByOther, LeaseLock
from ringfleet.settings import Settings

LEASE_NAME = "ringfleet-operator"
RENEWALS = 5
"""How often a Lease is renewed, or looked at by who wants it, in the time for which it holds."""

log = structlog.get_logger(__name__)


class LeadershipLost(KubeError):
    """Another operator leads, or may: what this process knows and was about to do is of yesterday."""


class Leadership:
    """See the module. Without `leader_election` in the settings there is one operator, which always leads."""

    def __init__(self, leases: LeaseLock, settings: Settings, monotonic: Callable[[], float]) -> None:
        self._leases = leases
        self._elected = settings.leader_election
        self._namespace = settings.system_namespace
        self._duration = settings.leader_lease.total_seconds()
        self._monotonic = monotonic
        # A process of the same name, on the same machine or after a crash, is another one.
        self._holder = f"{settings.identity}_{uuid4().hex[:8]}"
        self._held: Held | None = None
        self.stands_by = False
        """Whether everything is known and another one leads."""

    @property
    def held(self) -> bool:
        """Whether this process leads at this moment, by its own clock."""
        return not self._elected or (self._held is not None and self._monotonic() < self._held.until)

    @property
    def between_looks(self) -> float:
        """Seconds from one renewal to the next."""
        return self._duration / RENEWALS

    async def win(self) -> bool:
        """Stand by until this process leads; returns whether others could have led before, at once when it is alone."""
        if not self._elected:
            return False
        self.stands_by = True
        try:
            while True:
                if await self._try_to_win():
                    return True
                await asyncio.sleep(self.between_looks)
        finally:
            self.stands_by = False

    async def _try_to_win(self) -> bool:
        try:
            result = await self._leases.acquire(self._namespace, LEASE_NAME, self._holder, self._duration)
        except KubeError as error:
            log.warning("leadership not known", lease=LEASE_NAME, error=str(error))
            return False
        if isinstance(result, HeldByOther):
            return False
        self._held = result
        log.info("leading", lease=LEASE_NAME, holder=self._holder)
        return True

    async def keep(self) -> None:
        """Renew for ever. A renewal that fails is made again; until one succeeds `held` may be False.

        Raises:
            LeadershipLost: another one has the Lease, or it was taken from us.
        """
        while self._held:
            await asyncio.sleep(self.between_looks)
            try:
                result = await self._leases.renew(self._held)
            except KubeError as error:
                log.warning("leadership not renewed", lease=LEASE_NAME, still_led=self.held, error=str(error))
                continue
            if isinstance(result, HeldByOther):
                self._held = None
                who = f"{result.holder!r} holds" if result.holder else "somebody has taken from this operator"
                raise LeadershipLost(f"{who} the Lease {self._namespace}/{LEASE_NAME}: the operator has to start anew")
            self._held = result
        await asyncio.Event().wait()

    async def give_back(self) -> None:
        """Let another one lead at once. Nothing of ours may run any more."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            await self._leases.release(held)
        except KubeError as error:
            log.warning("leadership not given back", lease=LEASE_NAME, error=str(error))
