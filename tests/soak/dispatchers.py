"""What a soak of picks runs on: one API server with three sets, one ledger, one dispatcher or two, which are killed,
told to end, and stopped and let go on, at seeded moments.

::

    scarce   few contacts a number and day: most are put off; its numbers come and go
    plenty, more   as many as anybody wants; a person has one number in both (sticky.scope Namespace)
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.carriers.webhooks import SECRET
from tests.controlplane.cluster import Cluster
from tests.dispatch.process import DispatcherProcess, a_set, put_members
from tests.soak.contacts import Model

ACCOUNT = "sandbox"
SCARCE, PLENTY, MORE = "scarce", "plenty", "more"
SETS = {SCARCE: 15, PLENTY: 1_000_000, MORE: 1_000_000}
"""Contacts that each number of the set may have on a day."""
MEMBERS = 12
LONGEST_STOP_S = 8.0


class Dispatchers:
    """`url`: of the ledger; None: a SQLite file. `replicas`: how many share it."""

    def __init__(self, cluster: Cluster, folder: Path, url: str | None, replicas: int, model: Model) -> None:
        self.cluster = cluster
        self.namespace = cluster.new_namespace("soak-picks")
        self.model = model
        self.members: dict[str, list[str]] = {name: [] for name in SETS}
        self._made = 0
        self._furnish()
        self.all: list[DispatcherProcess] = []
        for n in range(replicas):
            place = folder / str(n)
            place.mkdir()
            if n:
                shutil.copytree(folder / "0" / "keys", place / "keys")
            flags = (cluster.kubeconfig, self.namespace, "--dev-insecure")
            self.all.append(DispatcherProcess(place, *flags, ledger=url))

    def start(self) -> None:
        for one in self.all:
            one.start()

    def close(self) -> None:
        for one in self.all:
            one.kill()

    def last_words(self) -> str:
        """The end of each log: its folder goes with the run."""
        return "\n".join(f"dispatcher {n}:\n{one.log()}" for n, one in enumerate(self.all))

    def path(self, set_: str, rest: str) -> str:
        return f"/v1/namespaces/{self.namespace}/rotationsets/{set_}/{rest}"

    @property
    def events(self) -> str:
        return f"/v1/events/{self.namespace}/{ACCOUNT}"

    # Faults.

    def hurt(self, dice: Random, rest: Callable[[float], object]) -> str:
        """Something befalls one of them, and it is there again when this returns. What it was. `rest`: for so many
        seconds."""
        victim, how = dice.choice(self.all), dice.choice(("killed", "told to end", "stopped", "stopped and killed"))
        if how.startswith("stopped"):
            os.kill(victim.pid, signal.SIGSTOP)
            try:
                rest(dice.uniform(0.5, LONGEST_STOP_S))
            finally:
                os.kill(victim.pid, signal.SIGCONT)
        if how == "told to end":
            assert victim.stop() == 0, victim.log()
        if how.endswith("killed"):
            victim.kill()
        if how != "stopped":
            victim.start()
        return how

    # Members.

    def _furnish(self) -> None:
        signing = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "signing"}}
        spec = {"provider": "DIDHub", "credentialsSecretRef": {"name": "token"}}
        spec |= {"webhookSecretRef": {"name": "signing", "key": "webhook"}}
        account = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "CarrierAccount", "metadata": {"name": ACCOUNT}}
        secret = {**signing, "stringData": {"webhook": SECRET}}
        self.cluster.apply(secret, {**account, "spec": spec}, namespace=self.namespace)
        for name, daily in SETS.items():
            scope = {} if name == SCARCE else {"scope": "Namespace"}
            caps = {"daily": daily, "hourly": daily}
            made = a_set(name, perNumber=caps, sticky={"mode": "Strict", **scope}, localPresence="None")
            self.cluster.apply(made, namespace=self.namespace)
            self.join(name, MEMBERS)

    def join(self, set_: str, count: int) -> None:
        numbers = [f"+1415{2_000_000 + self._made + n:07}" for n in range(count)]
        self._made += count
        with self.model.lock:
            self.model.caps |= dict.fromkeys(numbers, SETS[set_])
        put_members(self.cluster, self.namespace, numbers, set_, ACCOUNT)
        self.members[set_] += numbers

    def leave(self, set_: str, number: str, at: float) -> None:
        """Its claim is deleted, as when the set lets it go; the account keeps it."""
        self.members[set_].remove(number)
        self.model.leaves(number, at)
        self.cluster.api.delete("numberclaim", f"{set_}-{number[1:]}", namespace=self.namespace, wait=False)
