"""Which test goes to which worker: stories each as one is free, all else a module at a time.

A story takes seconds, so that the workers end together only if stories are given out one by one. Of all other tests
there are thousands that take milliseconds: a module at a time spares the controller half of its work, and what a
module has made that is dear, such as simulated worlds, is made once. What needs a PostgreSQL server is one worker's
affair, so that one is started; what starts our programs without a story is another one's, so that one fork server loads
them (`tests/programs.py`), which takes longer than most modules.

In order: what takes minutes; PostgreSQL; programs; stories; what takes seconds of processor time; all else. So the
workers end together.

pytest-xdist's `loadgroup` would do, by a mark; it has no effect under pytest 9, which keeps the id of a test elsewhere.

    worker ends --> the test that it ran has failed --> what it had not begun goes to the others and to its successor

A worker that is killed, by the machine short of memory say, must not be waited for. pytest-xdist's own class gives a
successor the units that have been done already, or one test and no word that it is the last: a worker begins a test
only when it knows the next one, so all wait for ever (tests/test_scheduling.py).
"""

from __future__ import annotations

from functools import cache

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

STORIES = ("tests/cluster/", "tests/chaos/")
ON_POSTGRES = ("tests/dispatch/ledger/", "tests/dispatch/test_postgres_server.py", "tests/cli/test_ledger.py")
ON_PROGRAMS = (
    "tests/carriers/",
    "tests/cli/test_operator.py",
    "tests/dispatch/test_app.py",
    "tests/dispatch/test_sandbox_events.py",
    "tests/simulator/",
    "tests/test_programs.py",
)
DEAR = (
    "tests/plan/number_pool/test_mass_deletion.py",
    "tests/plan/number_pool/test_laws.py",
    "tests/dispatch/test_openapi.py",
    "tests/plan/phone_number/test_phase_walk.py",
    "tests/controllers/test_pool_tally.py",
    "tests/plan/test_conditions.py",
    "tests/plan/compliance_bundle/test_laws.py",
    "tests/controllers/test_restored_orders.py",
    "tests/controllers/test_lanes.py",
    "tests/controllers/test_in_use.py",
    "tests/controllers/test_time.py",
    "tests/controllers/test_tenant_quotas.py",
    "tests/test_house.py",
    "tests/controllers/test_account_catalog.py",
    "tests/model/test_geography.py",
    "tests/test_scheduling.py",
    "tests/controllers/test_bought_for_whom.py",
    "tests/dispatch/test_webhooks.py",
    "tests/controllers/test_mass_deletion.py",
    "tests/controllers/test_compliance_bundle.py",
    "tests/controllers/test_number_claim.py",
    "tests/test_endings.py",
    "tests/controllers/test_duplicate_accounts.py",
    "tests/api/test_conditions.py",
    "tests/dispatch/test_hot_route.py",
    "tests/kube/test_library.py",
    "tests/controllers/test_tenant_bundles.py",
    "tests/controllers/test_lasting_errors.py",
    "tests/controllers/test_number_order.py",
    "tests/controllers/test_kstatus.py",
)
"""What takes two seconds of processor time or more without a story, a server or a program: first those whose properties
take twenty seconds to two minutes with all their examples, then the others, the longest first."""

ENOUGH = 2
"""Tests in a worker's hands: one that it runs, and the next one, without which it does not begin."""


def turn(item: pytest.Item) -> int:
    """When a test is begun, as a place in a row; those of one place keep the order in which they were collected."""
    marks = {mark.name for mark in item.iter_markers()}
    if "long" in marks:
        return 0
    place = _turn_of(item.nodeid.partition("::")[0])
    return 3 if "cluster" in marks and place > 1 else place


@cache
def _turn_of(module: str) -> int:
    """The same of the tests of a module that are neither long nor stories."""
    if module.startswith(ON_POSTGRES):
        return 1
    if module.startswith(ON_PROGRAMS):
        return 2
    return next((4 + n for n, dear in enumerate(DEAR) if module.startswith(dear)), 4 + len(DEAR))


class Scheduling(LoadScopeScheduling):
    """See the module."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False  # by the number of tests, in place of `turn`
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(STORIES):
            return nodeid
        alone = (places[0] for places in (ON_POSTGRES, ON_PROGRAMS) if nodeid.startswith(places))
        return next(alone, nodeid.partition("::")[0])

    def remove_node(self, node: WorkerController) -> str | None:
        """Take out a worker that has ended; return the test that it was running, which is not tried again."""
        units = self.assigned_work.pop(node).items()
        left = [(scope, nodeid) for scope, unit in units for nodeid, done in unit.items() if not done]
        if self.collection is None:  # those that have collected are given their first tests together
            self.registered_collections.pop(node, None)
        for scope, nodeid in left[1:]:
            self.workqueue.setdefault(scope, {})[nodeid] = False
        for other in self.nodes:
            self._reschedule(other)
        return left[0][1] if left else None

    def _reschedule(self, node: WorkerController) -> None:
        """Give a worker enough to go on with, or say that nothing is left."""
        if self.collection is None or node not in self.registered_collections:  # it will be when it has collected
            return
        super()._reschedule(node)
        while not node.shutting_down and self._pending_of(self.assigned_work[node]) < ENOUGH:
            super()._reschedule(node)
