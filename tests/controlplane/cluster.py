"""The cluster that tests and demo run on: our own control plane, or whatever the user's kubeconfig names.

Both look the same from here: one kubeconfig file with one administrator, and our own kubectl beside it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.controlplane.build import find_kubectl, find_programs
from tests.controlplane.kubeconfig import Server, parse_server, write_kubeconfig
from tests.controlplane.plane import ControlPlane

KUBECTL_TIMEOUT_S = 120.0
TOKEN_LIFETIME = "24h"


class KubectlFailed(RuntimeError):
    """kubectl ended with an error; the message is the command and what it said."""

    def __init__(self, arguments: tuple[str, ...], complaint: str) -> None:
        super().__init__(f"kubectl {' '.join(arguments)}: {complaint}")
        self.complaint = complaint


class Cluster:
    """One API server with an administrator's kubeconfig. Make one with `running_cluster`."""

    def __init__(self, kubeconfig: Path, kubectl: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self.program = kubectl
        self._folder = folder

    def kubectl(self, *arguments: str, stdin: str | None = None, patience: float = KUBECTL_TIMEOUT_S) -> str:
        """Run kubectl as the administrator and return what it printed. It has `patience` seconds.

        Raises:
            KubectlFailed: it ended with an error; `complaint` is its standard error.
        """
        command = [str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=patience, check=False)
        if done.returncode != 0:
            raise KubectlFailed(arguments, done.stderr.strip())
        return done.stdout

    def may(self, account: str, verb: str, what: str, *options: str, namespace: str) -> bool:
        """Whether a service account of the namespace may do that. The API server hears of a role by a watch of its own,
        a moment after it was created: wait for this before the account uses it."""
        who = ("--as", f"system:serviceaccount:{namespace}:{account}", "--namespace", namespace)
        try:
            return self.kubectl("auth", "can-i", verb, what, *options, *who).strip() == "yes"
        except KubectlFailed:  # which is how it says no
            return False

    def apply(self, *manifests: Mapping[str, object], namespace: str = "default") -> None:
        """Apply manifests, given as values."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "--namespace", namespace, "--filename=-", stdin=json.dumps(items))

    def get(self, what: str, name: str, *, namespace: str = "default") -> dict[str, object]:
        """One object as the API server gives it."""
        said = self.kubectl("get", what, name, "--namespace", namespace, "--output=json")
        return dict(json.loads(said))

    def server(self) -> Server:
        """Where the API server is and whom to trust for it."""
        view = ("config", "view", "--raw", "--flatten", "--minify", "--output=json")
        return parse_server(self.kubectl(*view))

    def token(self, namespace: str, service_account: str) -> str:
        """A bearer token of a service account, asked for with TokenRequest."""
        options = ("--namespace", namespace, f"--duration={TOKEN_LIFETIME}")
        return self.kubectl("create", "token", service_account, *options).strip()

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
        self.kubectl("create", "namespace", name)
        return name

    def delete_namespace(self, name: str) -> None:
        """Ask for a namespace to be deleted; what is in it goes a little later."""
        self.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")

    def install(self, folder: Path) -> None:
        """Apply the CRDs of `folder`, and return when the API server serves them."""
        files = [f"--filename={path}" for path in sorted(folder.glob("*.yaml")) if path.name != "kustomization.yaml"]
        self.kubectl("apply", "--server-side", "--force-conflicts", *files)
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *files)


@contextmanager
def running_cluster(kubeconfig: str | None = None, environment: Mapping[str, str] = os.environ) -> Iterator[Cluster]:
    """Give the cluster that `kubeconfig` names, else that of `KUBECONFIG`, else a control plane of our own.

    Raises:
        BuildFailed, NoToolchain, ControlPlaneFailed: there is no cluster to be had; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="ringfleet-kubeconfig-") as folder:
        chosen = kubeconfig or environment.get("KUBECONFIG")
        if chosen:
            yield _users_cluster(chosen, find_kubectl(environment), Path(folder))
            return
        programs = find_programs(environment)
        with ControlPlane(programs) as plane:
            yield Cluster(plane.kubeconfig, programs.kubectl, Path(folder))


def _users_cluster(kubeconfig: str, kubectl: Path, folder: Path) -> Cluster:
    """Freeze the current context of `kubeconfig` (one path or several, as kubectl reads them) into one file."""
    view = ("config", "view", "--raw", "--flatten", "--minify")
    environment = {**os.environ, "KUBECONFIG": kubeconfig}
    done = subprocess.run([str(kubectl), *view], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KubectlFailed(view, f"KUBECONFIG {kubeconfig} names no usable context: {done.stderr.strip()}")
    frozen = folder / "admin.kubeconfig"
    frozen.touch(mode=0o600)
    frozen.write_text(done.stdout)
    return Cluster(frozen, kubectl, folder)
