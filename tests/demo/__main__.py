"""`make demo`: start what is missing, apply examples/01-first-pool, watch it converge, keep it until Ctrl-C.

`make demo CARRIER=twilio`, or `telnyx`: the same pool from an account at another carrier's API.

On a terminal the fleet stays up to be played with. Elsewhere (a pipe, CI) it is one round: converge, show, end. The
exit status is 1 when the pool did not converge.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import yaml

from ringfleet.simulator.defaults import DEFAULT_ACCOUNTS
from tests.carriers.customer import OPENINGS
from tests.cluster.stage import (
    ROOT,
    SYSTEM,
    OperatorProcess,
    an_account_at,
    install_operator_rbac,
    let_go_of_namespace,
)
from tests.controlplane.cluster import Cluster, running_cluster
from tests.demo.show import Fleet, say, step, watching
from tests.endings import ended_politely
from tests.simulator.process import SimulatorFailed, SimulatorProcess
from tests.waiting import NeverHappened, wait_until

EXAMPLE = ROOT / "examples" / "01-first-pool" / "apply.yaml"
NAMESPACE = "ringfleet-demo"
POOL = "us-west"
SIMULATOR_PORT = 8085
WEATHER = ("--fault", "latency:seconds=0.06")
PATIENCE_S = 180.0
WITHOUT_CONTROLLERS = (
    "This control plane has no kube-controller-manager: a deleted namespace stays Terminating, and what an object\n"
    "owns outlives it. `make test` and `python -m tests.controlplane` run one.\n\n"
)


CARRIERS = {provider.lower(): provider for provider in OPENINGS}
"""What may be said of the carrier, and the provider that it means."""
ITS_OWN = "didhub"
"""The carrier of the example."""
TOKEN = "first-pool-token"


def main() -> int:
    said = sys.argv[1:] or [ITS_OWN]
    if len(said) != 1 or said[0] not in CARRIERS:
        say(f"CARRIER is one of {', '.join(sorted(CARRIERS))}, and not {' '.join(said)}.")
        return 2
    return play(said[0])


def play(name: str) -> int:
    """The demo at the carrier of this name."""
    step("Looking for a cluster" if os.environ.get("KUBECONFIG") else "Starting a control plane of our own")
    with _cluster() as cluster, _installed(cluster), _carrier() as carrier, _operator(cluster) as operator:
        return _demo(cluster, carrier, operator, name)


def _cluster() -> AbstractContextManager[Cluster]:
    """The user's cluster, or a control plane without kube-controller-manager: nothing here waits for its controllers,
    and without it there is a seventh less to build before the first demo."""
    return running_cluster(controllers=False)


@contextmanager
def _installed(cluster: Cluster) -> Iterator[None]:
    """Our kinds, the operator's account and a namespace; on the user's own cluster, what we brought goes away again."""
    step("Installing the kinds and the operator's account")
    found = set(cluster.kubectl("get", "crds", "--output=name").split())
    cluster.install(ROOT / "crds")
    install_operator_rbac(cluster)
    cluster.kubectl("create", "namespace", NAMESPACE)
    brought = set(cluster.kubectl("get", "crds", "--output=name").split()) - found
    try:
        yield
    finally:
        if os.environ.get("KUBECONFIG"):
            step("Removing what the demo brought")
            let_go_of_namespace(cluster.kubeconfig_of(SYSTEM, "ringfleet-operator"), NAMESPACE)
            cluster.kubectl("delete", "namespace", NAMESPACE, SYSTEM, "--timeout=60s")
            if brought:
                cluster.kubectl("delete", *sorted(brought), "--timeout=60s")


@contextmanager
def _carrier() -> Iterator[SimulatorProcess]:
    step("Starting the sandbox carrier: play money, real protocol, 60 ms a call")
    carrier = SimulatorProcess(*WEATHER, port=SIMULATOR_PORT)
    try:
        carrier.start()
    except SimulatorFailed:  # somebody has the port that the example names: another demo, say
        carrier.close()
        carrier = SimulatorProcess(*WEATHER).start()
    with closing(carrier):
        yield carrier


@contextmanager
def _operator(cluster: Cluster) -> Iterator[OperatorProcess]:
    step("Starting the operator, under its own service account")
    kubeconfig = cluster.kubeconfig_of(SYSTEM, "ringfleet-operator")
    with tempfile.TemporaryDirectory(prefix="ringfleet-demo-") as folder:
        operator = OperatorProcess(kubeconfig, (NAMESPACE,), Path(folder) / "operator.log", "demo", {})
        try:
            yield operator
        finally:
            operator.stop()


def manifest_at(name: str, url: str) -> str:
    """The example, with its account at the carrier of this name, which the sandbox carrier at `url` plays."""
    if name == ITS_OWN:
        return EXAMPLE.read_text().replace(f"http://127.0.0.1:{SIMULATOR_PORT}", url)
    documents = [one for one in yaml.safe_load_all(EXAMPLE.read_text()) if one["kind"] not in _OF_THE_ACCOUNT]
    account = an_account_at(CARRIERS[name], url, DEFAULT_ACCOUNTS[TOKEN], TOKEN)
    return yaml.safe_dump_all([*account, *documents])


_OF_THE_ACCOUNT = frozenset({"Secret", "CarrierAccount"})


def _demo(cluster: Cluster, carrier: SimulatorProcess, operator: OperatorProcess, name: str) -> int:
    elsewhere = "" if name == ITS_OWN else f", at {CARRIERS[name]}"
    step(f"kubectl apply -f {EXAMPLE.relative_to(ROOT)}{elsewhere}")
    manifest = manifest_at(name, carrier.url)
    say(cluster.kubectl("apply", "--namespace", NAMESPACE, "--filename=-", stdin=manifest).strip())
    if not _converges(cluster, operator):
        return 1
    for kind in ("numberpools", "numberorders,carrieraccounts,routingprofiles"):
        say("\n" + cluster.kubectl("get", kind, "--namespace", NAMESPACE).strip())
    numbers = cluster.kubectl("get", "phonenumbers", "--namespace", NAMESPACE).splitlines()
    say("\n" + "\n".join([*numbers[:6], f"... and {len(numbers) - 6} more"]))
    if sys.stdout.isatty():
        _keep(cluster, operator)
    return 0


def _converges(cluster: Cluster, operator: OperatorProcess) -> bool:
    """Show the fleet until it is as declared."""
    try:
        with watching() as show:

            def look() -> bool:
                fleet = _look(cluster)
                show(fleet)
                return fleet.converged or not operator.running

            wait_until(look, "the pool to converge", timeout=PATIENCE_S, interval=0.4)
    except NeverHappened as error:
        say(f"The pool did not converge: {error}")
    if _look(cluster).converged:
        return True
    say("\n".join(["The operator's last words:", *operator.log.read_text().splitlines()[-20:]]))
    return False


def _look(cluster: Cluster) -> Fleet:
    said = cluster.kubectl("get", "np,norder,ca", "--namespace", NAMESPACE, "--output=json")
    objects = json.loads(said)["items"]
    by_kind = {kind: [obj for obj in objects if obj["kind"] == kind] for kind in ("NumberOrder", "CarrierAccount")}
    pool = next(obj for obj in objects if obj["kind"] == "NumberPool" and obj["metadata"]["name"] == POOL)
    return Fleet(pool, by_kind["NumberOrder"], by_kind["CarrierAccount"])


def _keep(cluster: Cluster, operator: OperatorProcess) -> None:
    """Leave everything running, say what to try, and go on showing the fleet until Ctrl-C."""
    say(
        "\nThe fleet is up. In another terminal:\n\n"
        f"  export KUBECONFIG={cluster.kubeconfig}\n"
        f"  export PATH={cluster.program.parent}:$PATH\n"
        f"  kubectl config set-context --current --namespace={NAMESPACE}\n\n"
        f"  kubectl scale np/{POOL} --replicas=40      # and watch it order fifteen more\n"
        "  kubectl get np,norder,pn,ca\n"
        "  kubectl explain numberpool.spec.size\n"
        f"  kubectl describe np/{POOL}\n"
        f"  tail -f {operator.log}\n\n"
        f"{'' if os.environ.get('KUBECONFIG') else WITHOUT_CONTROLLERS}"
        "Ctrl-C takes everything down.\n"
    )
    pause = threading.Event()
    with watching() as show:
        while operator.running:
            show(_look(cluster))
            pause.wait(1.0)


if __name__ == "__main__":
    sys.exit(ended_politely(main, interrupted=0))
