"""What the soak runs on: one API server, one exchange with two accounts, one operator that is killed and started again.

Time is moved for the exchange and for the operator alike, while no operator runs (`tests/soak/operator.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.stage import ACCOUNT, SYSTEM, a_secret, an_account
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role, a_rule
from tests.mortal import mortal
from tests.programs import ROOT
from tests.simulator.process import SimulatorProcess
from tests.soak.operator import AHEAD

Json = dict[str, Any]

ACCOUNTS = ("first", "second")
QUICK = {"RINGFLEET_RELEASE_SETTLE": "PT1S", "RINGFLEET_RELIST": "PT30S", "RINGFLEET_PURCHASE_LEASE": "PT5S"}


class World:
    """See the module. `house` is the namespace of the accounts and of the freeze of everything."""

    def __init__(self, cluster: Cluster, simulator: SimulatorProcess, folder: Path, tenants: int) -> None:
        self.cluster = cluster
        self.simulator = simulator
        self.house = cluster.new_namespace("soak-house")
        self.tenants = tuple(cluster.new_namespace(f"soak-{n}") for n in range(1, tenants + 1))
        self.starts = 0
        self.days = 0.0
        self._log = folder / "operator.log"
        self._kubeconfig = cluster.kubeconfig_of(SYSTEM, ACCOUNT)
        self._ahead = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def furnish(self, rate: int) -> None:
        """Both accounts, which let in every tenant; the second one sells so many numbers an hour. And the right to see
        a freeze of everything in this house."""
        reader = a_role("freeze-reader", a_rule(["configmaps"], ["get", "list", "watch"]))
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "freeze-reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "freeze-reader"},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SYSTEM}],
        }
        self.cluster.apply(reader, binding, namespace=self.house)
        for name in ACCOUNTS:
            opened = {"token": f"tok-{name}", "id": name, "balance": "9000000.00", "currency": "USD"}
            self.simulator.control("POST", "accounts", opened)
            limits = {"requestsPerSecond": 1000, "concurrency": 16, "timeout": "5s"}
            limits |= {"purchasesPerHour": rate} if name == "second" else {}
            account = an_account(name, self.simulator.url, limits=limits, sweepInterval="5s", allowedNamespaces=["*"])
            self.cluster.apply(a_secret(f"{name}-token", f"tok-{name}"), account, namespace=self.house)

    # The operator.

    def start(self) -> None:
        namespaces = (self.house, *self.tenants)
        where = ["--kubeconfig", str(self._kubeconfig), *(f"--namespace={name}" for name in namespaces)]
        environment = {
            **os.environ,
            **QUICK,
            "PYTHONPATH": f"{ROOT / 'operator'}{os.pathsep}{ROOT}",
            "RINGFLEET_SYSTEM_NAMESPACE": self.house,
            AHEAD: repr(self._ahead),
        }
        who = ["--identity", "soak", "--health-port", "0"]
        command = mortal(sys.executable, "-m", "tests.soak.operator", "operator", *where, *who)
        with self._log.open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=ROOT)
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None

    @property
    def has_died(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass while no operator runs."""
        self.kill()
        self.simulator.control("POST", "clock", {"advance_seconds": seconds})
        self._ahead += seconds
        self.days += seconds / 86_400
        self.start()

    def last_words(self) -> str:
        return "\n".join(self._log.read_text().splitlines()[-15:]) if self._log.exists() else ""

    # Looking and doing.

    def list(self, what: str, *namespaces: str) -> list[Json]:
        """The objects of all tenants, or of the namespaces that are named."""
        return [obj for one in namespaces or self.tenants for obj in self.cluster.api.list(what, one)]

    def apply(self, namespace: str, *manifests: Mapping[str, Any]) -> None:
        self.cluster.apply(*manifests, namespace=namespace)

    def patch(self, namespace: str, what: str, name: str, change: Mapping[str, Any]) -> None:
        self.cluster.api.patch(what, name, change, namespace)

    def ledger(self) -> list[Json]:
        return self.simulator.ledger()

    def owned(self) -> list[Json]:
        return self.simulator.owned()

    def close(self) -> None:
        self.kill()
