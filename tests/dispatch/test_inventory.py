"""The inventory follows the real API server into a ledger, also into one that fails for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.types import Roster
from ringfleet.kube.client import Kube
from ringfleet.model import E164
from ringfleet.plan.rotation_set.roster import State
from tests.cluster.stage import SYSTEM, install_dispatcher_rbac, install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.dispatch.process import a_set, put_members
from tests.waiting import until

ONE, TWO, THREE = "+14155550131", "+14155550132", "+14155550133"


class FrailLedger(SqliteLedger):
    """One that can be out of order. `rosters`: what it has taken in, by set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.broken = False
        self.refused = 0
        self.rosters: dict[str, dict[str, State]] = {}
        self.day = 0

    async def enlist(self, roster: Roster) -> None:
        if self.broken:
            self.refused += 1
            raise LedgerUnavailable("out of order")
        await super().enlist(roster)
        if roster.day >= self.day:  # as it is: a lower one changes nothing
            self.day = roster.day
            self.rosters[roster.set] = {member.number: member.state for member in roster.members}


@pytest.fixture(scope="session")
def installed(cluster: Cluster, crds: None) -> None:
    install_operator_rbac(cluster)
    install_dispatcher_rbac(cluster)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[FrailLedger]:
    async with FrailLedger(tmp_path / "ledger.sqlite") as ledger:
        assert isinstance(ledger, FrailLedger)
        yield ledger


@asynccontextmanager
async def following(cluster: Cluster, namespace: str, ledger: FrailLedger) -> AsyncIterator[Inventory]:
    async with Kube.connect(cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher")) as kube:
        inventory = Inventory(kube, ledger, Clock(), [namespace])
        running = asyncio.create_task(inventory.run())
        try:
            yield inventory
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def a_fleet(cluster: Cluster, namespace: str, **spec: Any) -> str:
    cluster.apply(a_set(**spec), namespace=namespace)
    put_members(cluster, namespace, [ONE, TWO])
    return f"{namespace}/outbound"


def quarantine(cluster: Cluster, namespace: str, number: str) -> None:
    cluster.api.annotate("phonenumber", number[1:], namespace, quarantine="flagged")


async def test_guardrail_a_quarantine_reaches_a_ledger_that_was_out_of_order_when_it_came(
    cluster: Cluster, installed: None, namespace: str, ledger: FrailLedger
) -> None:
    """Nothing else happens afterwards that would have the roster written again."""
    key = a_fleet(cluster, namespace)
    async with following(cluster, namespace, ledger) as inventory:
        await inventory.synced.wait()
        assert ledger.rosters[key] == {ONE: State.ACTIVE, TWO: State.ACTIVE}
        ledger.broken = True
        quarantine(cluster, namespace, ONE)
        await until(lambda: ledger.refused, "a roster to be refused")
        ledger.broken = False
        await until(lambda: ledger.rosters[key][ONE] is State.QUARANTINED, "the roster to be written")
        view = inventory.view(namespace, "outbound")
        assert view is not None
        assert view.unfit == {"quarantined": 1}


async def test_guardrail_a_quarantine_holds_at_once_after_the_set_has_moved_a_day_to_the_west(
    cluster: Cluster, installed: None, namespace: str, ledger: FrailLedger
) -> None:
    """In Pago Pago it is always a day earlier than in Kiritimati; the ledger has begun the later day."""
    key = a_fleet(cluster, namespace, resetTimeZone="Pacific/Kiritimati")
    async with following(cluster, namespace, ledger) as inventory:
        await inventory.synced.wait()
        cluster.apply(a_set(resetTimeZone="Pacific/Pago_Pago"), namespace=namespace)
        quarantine(cluster, namespace, ONE)
        await until(lambda: ledger.rosters[key][ONE] is State.QUARANTINED, "the roster to be written")


async def test_the_inventory_is_not_there_before_its_rosters_are_in_the_ledger(
    cluster: Cluster, installed: None, namespace: str, ledger: FrailLedger
) -> None:
    key = a_fleet(cluster, namespace)
    ledger.broken = True
    async with following(cluster, namespace, ledger) as inventory:
        await until(lambda: ledger.refused, "a roster to be refused")
        assert not inventory.synced.is_set()
        ledger.broken = False
        await inventory.synced.wait()
        assert ledger.rosters[key].keys() == {ONE, TWO}


async def test_a_label_alone_makes_no_member(
    cluster: Cluster, installed: None, namespace: str, ledger: FrailLedger
) -> None:
    """Whoever may claim a number may write any label: the operator and the dispatcher go by the owner."""
    key = a_fleet(cluster, namespace)
    put_members(cluster, namespace, [THREE], owned=False)
    async with following(cluster, namespace, ledger) as inventory:
        await inventory.synced.wait()
        assert ledger.rosters[key].keys() == {ONE, TWO}
        assert [inventory.sets_of(E164(number)) != [] for number in (ONE, THREE)] == [True, False]


async def test_a_set_that_is_deleted_has_no_numbers_any_more(
    cluster: Cluster, installed: None, namespace: str, ledger: FrailLedger
) -> None:
    key = a_fleet(cluster, namespace)
    async with following(cluster, namespace, ledger) as inventory:
        await inventory.synced.wait()
        cluster.api.delete("rotationset", "outbound", namespace=namespace)
        # Of its claims, which the garbage collector deletes, another watch tells: it may be the first of the two.
        await until(lambda: inventory.view(namespace, "outbound") is None, "the set to be forgotten")
        await until(lambda: ledger.rosters[key] == {}, "the roster to be emptied")


async def test_what_a_set_has_stays_known_while_its_spec_changes(
    cluster: Cluster, installed: None, namespace: str, ledger: FrailLedger
) -> None:
    """So a pick names its account and tells the attestation also between the change and the new roster."""
    a_fleet(cluster, namespace)
    async with following(cluster, namespace, ledger) as inventory:
        await inventory.synced.wait()
        ledger.broken = True
        cluster.apply(a_set(perNumber={"daily": 7, "hourly": 7}), namespace=namespace)
        await until(lambda: ledger.refused, "the new roster to be refused")
        view = inventory.view(namespace, "outbound")
        assert view is not None
        assert view.want.daily == 7
        assert (view.accounts, set(view.attestations)) == ({f"{namespace}/sandbox"}, {ONE, TWO})
