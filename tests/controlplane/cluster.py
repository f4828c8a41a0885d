"""The cluster that tests and demo run on: our own control plane, or whatever the user's kubeconfig names.

Both look the same from here: one kubeconfig file with one administrator, and our own kubectl beside it. What a test
puts in place or looks at goes through `api`, a connection of the test process; `kubectl` is for what a user would type.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.controlplane.api import Api, login
from tests.controlplane.build import Programs, find_kubectl, find_programs
from tests.controlplane.failures import NothingToRunOn
from tests.controlplane.kubeconfig import Server, write_kubeconfig
from tests.controlplane.plane import ENDED, ControlPlane, ControlPlaneFailed
from tests.waiting import note_unwatched

KUBECTL_TIMEOUT_S = 120.0
ANSWER_S = 15
OR_OUR_OWN = "or unset KUBECONFIG to use a control plane of our own."
TOKEN_LIFETIME_S = 24 * 3600


class NoCluster(NothingToRunOn):
    """What the user's kubeconfig names is no cluster, or does not answer."""


class KubectlFailed(RuntimeError):
    """kubectl ended with an error; the message is the command and what it said."""

    def __init__(self, arguments: tuple[str, ...], complaint: str) -> None:
        super().__init__(f"kubectl {' '.join(arguments)}: {complaint}")
        self.complaint = complaint


class Cluster:
    """One API server with an administrator's kubeconfig. Make one with `running_cluster`."""

    def __init__(
        self, kubeconfig: Path, kubectl: Path, folder: Path, *, passing: bool = False, plane: Path | None = None
    ) -> None:
        self.kubeconfig = kubeconfig
        self._plane = plane
        self.passing = passing
        """Whether it ends with the tests: what they have left in it need not be removed."""
        self.program = kubectl
        self._folder = folder
        self._acting: dict[tuple[str, ...], Api] = {}

    @cached_property
    def api(self) -> Api:
        """The API server, as the administrator."""
        return Api(self.kubeconfig)

    def api_as(self, user: str, *groups: str) -> Api:
        """The API server, as another user: `system:serviceaccount:NAMESPACE:NAME`; `groups` as `Api`."""
        acting = (user, *groups)
        if acting not in self._acting:
            self._acting[acting] = Api(self.kubeconfig, user, groups)
        return self._acting[acting]

    def close(self) -> None:
        for api in (self.api, *self._acting.values()):
            api.close()

    def must_live(self) -> None:
        """Raises ControlPlaneFailed when a control plane of ours has ended by itself."""
        if self._plane and (ended := self._plane / ENDED).exists():
            raise ControlPlaneFailed(ended.read_text())

    def kubectl(self, *arguments: str, stdin: str | None = None, patience: float = KUBECTL_TIMEOUT_S) -> str:
        """Run kubectl as the administrator and return what it printed. It has `patience` seconds.

        Raises:
            KubectlFailed: it ended with an error; `complaint` is its standard error.
        """
        note_unwatched()
        command = [str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=patience, check=False)
        if done.returncode != 0:
            raise KubectlFailed(arguments, done.stderr.strip() or f"{self.program} ended with code {done.returncode}")
        return done.stdout

    def may(self, account: str, verb: str, what: str, *, namespace: str, name: str = "", subresource: str = "") -> bool:
        """Whether a service account of the namespace may do that. The API server hears of a role by a watch of its own,
        a moment after it was created: wait for this before the account uses it."""
        return self.api.may(f"{namespace}:{account}", verb, what, namespace, name, subresource)

    def apply(self, *manifests: Mapping[str, object], namespace: str = "default") -> None:
        """Apply manifests, given as values."""
        self.api.apply(*manifests, namespace=namespace)

    def get(self, what: str, name: str, *, namespace: str = "default") -> dict[str, Any]:
        """One object as the API server gives it. Raises Refused."""
        return self.api.get(what, name, namespace)

    def server(self) -> Server:
        """Where the API server is and whom to trust for it."""
        there = login(self.kubeconfig)
        return Server(there.url, there.authority.encode() if there.authority else None)

    def token(self, namespace: str, service_account: str) -> str:
        """A bearer token of a service account, asked for with TokenRequest."""
        return self.api.token(namespace, service_account, TOKEN_LIFETIME_S)

    def kubeconfig_of(self, namespace: str, service_account: str, *, server: Server | None = None) -> Path:
        """Write a kubeconfig for a service account, so that a program runs under its RBAC and no other.

        `server` puts something between, such as the relay of the crash tests.
        """
        path = self._folder / f"{namespace}-{service_account}-{secrets.token_hex(3)}.kubeconfig"
        credentials = self.token(namespace, service_account)
        return write_kubeconfig(path, server or self.server(), credentials, namespace=namespace)

    def new_namespace(self, purpose: str) -> str:
        """Create a namespace of a fresh name that says what it is for, and return the name."""
        words = re.sub(r"[^a-z0-9]+", "-", purpose.lower()).strip("-")[:48].rstrip("-")
        name = f"t-{words}-{secrets.token_hex(3)}"
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def delete_namespace(self, name: str) -> None:
        """Ask for a namespace to be deleted; what is in it goes a little later."""
        self.api.forget(name)
        found = self.api.find("namespace", name)
        if found and "deletionTimestamp" not in found["metadata"]:
            self.api.delete("namespace", name, wait=False)

    def leave_namespace(self, name: str) -> None:
        """Delete a namespace that a test has done with, where it would stay otherwise.

        On a control plane that ends with the tests it is left: its deletion takes the API server a hundred calls, more
        than most tests.
        """
        self.api.forget(name)
        if not self.passing:
            self.delete_namespace(name)

    def install(self, folder: Path) -> None:
        """Apply the CRDs of `folder`, and return when the API server serves them."""
        files = [f"--filename={path}" for path in sorted(folder.glob("*.yaml")) if path.name != "kustomization.yaml"]
        self.kubectl("apply", "--server-side", "--force-conflicts", *files)
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *files)


@contextmanager
def running_cluster(
    kubeconfig: str | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    controllers: bool = True,
    passing: bool = False,
) -> Iterator[Cluster]:
    """Give the cluster that `kubeconfig` names, else that of `KUBECONFIG`, else a control plane of our own.

    `passing`: what `kubeconfig` names ends with the tests, as a control plane of our own does.
    Without `controllers` our own control plane has no kube-controller-manager (`plane.py` says what is missing then).

    Raises:
        NothingToRunOn: there is no cluster to be had; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="ringfleet-kubeconfig-") as folder:
        chosen = kubeconfig or environment.get("KUBECONFIG")
        if chosen:
            with closing(_named_cluster(chosen, find_kubectl(environment), Path(folder), passing)) as cluster:
                yield cluster
            return
        programs = find_programs(environment, controllers=controllers)
        with ControlPlane(programs) as plane, closing(_own_cluster(plane, programs, Path(folder))) as own:
            yield own


def _own_cluster(plane: ControlPlane, programs: Programs, folder: Path) -> Cluster:
    return Cluster(plane.kubeconfig, programs.kubectl, folder, passing=True, plane=plane.folder)


def _named_cluster(kubeconfig: str, kubectl: Path, folder: Path, passing: bool) -> Cluster:
    """Freeze the current context of `kubeconfig` (one path or several, as kubectl reads them) into one file."""
    view = ("config", "view", "--raw", "--flatten", "--minify")
    environment = {**os.environ, "KUBECONFIG": kubeconfig}
    done = subprocess.run([str(kubectl), *view], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        complaint = f"the kubeconfig {kubeconfig} names no usable context: {done.stderr.strip()}"
        raise NoCluster(f"{complaint}. Name another in KUBECONFIG, {OR_OUR_OWN}")
    frozen = folder / "admin.kubeconfig"
    frozen.touch(mode=0o600)
    frozen.write_text(done.stdout)
    cluster = Cluster(frozen, kubectl, folder, passing=passing, plane=Path(kubeconfig).parent if passing else None)
    if not passing:
        _must_answer(cluster, kubeconfig)
    return cluster


def _must_answer(cluster: Cluster, kubeconfig: str) -> None:
    """One sentence now, in place of a failure of each test."""
    try:
        cluster.kubectl("get", "--raw=/version", f"--request-timeout={ANSWER_S}s")
    except (KubectlFailed, subprocess.TimeoutExpired) as error:
        said = error.complaint.splitlines()[-1] if isinstance(error, KubectlFailed) else str(error)
        complaint = f"the cluster that the kubeconfig {kubeconfig} names does not answer: {said}"
        raise NoCluster(f"{complaint} Start it, {OR_OUR_OWN}") from error
