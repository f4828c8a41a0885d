"""What a story needs: a namespace, a carrier, an operator process under its own RBAC, and words to watch them with.

stage.account(); stage.pool(target=25); stage.start_operator()
stage.wait_ready("us-west")
assert stage.bills() == dict.fromkeys(stage.numbers(), 1)
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import yaml

from ringfleet.api import KINDS, CarrierAccount, NumberClaim, NumberOrder, NumberPool, PhoneNumber, RoutingProfile
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import NotFound
from ringfleet.objects.refs import resource_of
from ringfleet.simulator.defaults import DEFAULT_ACCOUNT
from tests.api.manifests import a_number, changed
from tests.carriers.customer import OPENINGS
from tests.cluster.papers import PLANTS
from tests.controlplane.api import Refused
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role, a_role_binding, a_rule
from tests.programs import ROOT, start_program
from tests.simulator.process import SimulatorProcess
from tests.waiting import note_unwatched, wait_until

SYSTEM = "ringfleet-system"
ACCOUNT = "ringfleet-operator"
LAST_POLICY = "ringfleet-number-binding"


def install_operator_rbac(cluster: Cluster) -> None:
    """Apply manifests/base without its Deployment and kinds, exactly as shipped; return when its policies hold.

    That is: namespace, service account, roles and bindings, and what the API server refuses
    (manifests/base/admission.yaml).
    """
    objects = yaml.safe_load_all(cluster.kubectl("kustomize", str(ROOT / "manifests" / "base")))
    kept = [obj for obj in objects if obj["kind"] not in {"Deployment", "CustomResourceDefinition"}]
    cluster.apply(*sorted(kept, key=_turn))
    cluster.apply(*_PROBE, namespace="default")
    wait_until(lambda: _refuses_a_binding(cluster), f"the API server to enforce {LAST_POLICY}")


_PROBE = (
    a_role("ringfleet-probe", a_rule(["phonenumbers"], ["create"], "ringfleet.dev")),
    a_role_binding("default", "probe", "ringfleet-probe"),
)
"""One who may make numbers, and bind none."""


def install_dispatcher_rbac(cluster: Cluster) -> None:
    """Apply the dispatcher's service account and roles, exactly as manifests/components/dispatcher ships them."""
    folder = ROOT / "manifests" / "components" / "dispatcher"
    for name in ("service-account", "roles"):
        cluster.apply(*yaml.safe_load_all((folder / f"{name}.yaml").read_text()))


def _turn(obj: Mapping[str, Any]) -> tuple[int, bool]:
    """When an object is applied: what others need first, the policy that is waited for last, and so its binding.

    The API server learns of policies in the order of their creation and of bindings in that of theirs, so when the last
    of both is enforced, all are.
    """
    kinds = ("Namespace", "", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    kind = obj["kind"] if obj["kind"] in kinds else ""
    return kinds.index(kind), obj["metadata"]["name"] == LAST_POLICY


def _refuses_a_binding(cluster: Cluster) -> bool:
    """Whether one who may make numbers can't make a bound one. Nothing is made: it is a dry run."""
    bound = changed(a_number(), "spec.claimRef", {"namespace": "default", "name": "any", "uid": "any"})
    try:
        cluster.api_as("system:serviceaccount:default:probe").create(bound, "default", dry_run=True)
    except Refused as refused:
        return LAST_POLICY in refused.complaint
    return False


def leave_namespace(cluster: Cluster, namespace: str) -> None:
    """Delete a namespace with our objects that nobody serves any more, where it would stay otherwise."""
    if not cluster.passing:
        let_go_of_namespace(cluster.kubeconfig_of(SYSTEM, ACCOUNT), namespace)
    cluster.leave_namespace(namespace)


def let_go_of_namespace(kubeconfig: Path, namespace: str) -> None:
    """Take off what keeps our objects from being deleted when no operator is left to see to it.

    `kubeconfig` is the operator's own: an administrator may not unbind numbers.
    """
    asyncio.run(_let_go(kubeconfig, namespace))


async def _let_go(kubeconfig: Path, namespace: str) -> None:
    async with Kube.connect(kubeconfig) as kube, asyncio.TaskGroup() as group:
        for kind in (PhoneNumber, NumberClaim, NumberOrder, NumberPool, CarrierAccount, RoutingProfile):
            resource = resource_of(kind)
            for obj in (await kube.list_all(resource, namespace)).items:
                name = obj["metadata"]["name"]
                if kind is NumberPool:
                    group.create_task(_unless_gone(kube.patch_status(resource, namespace, name, {"numbers": None})))
                if change := _freeing(obj):
                    group.create_task(_unless_gone(kube.patch(resource, namespace, name, change, manager=ACCOUNT)))


async def _unless_gone(write: Awaitable[object]) -> None:
    """An object that is being deleted goes with its last finalizer, which may be before we have written all to it."""
    with suppress(NotFound):
        await write


def _freeing(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that takes finalizers, binding and protection off; empty when there is none of them."""
    held = dict.fromkeys({"claimRef", "protected"} & obj["spec"].keys())
    spec = {"spec": held} if held else {}
    return {"metadata": {"finalizers": None}, **spec} if held or obj["metadata"].get("finalizers") else {}


class OperatorProcess:
    """`ringfleet operator` as a process of its own, serving the namespaces that it is given. Its log is kept."""

    def __init__(
        self,
        kubeconfig: Path,
        namespaces: tuple[str, ...],
        log: Path,
        identity: str,
        extra: Mapping[str, str],
        installed: bool = False,
    ) -> None:
        self.log = log
        self.identity = identity
        where = ["--kubeconfig", str(kubeconfig), *(f"--namespace={name}" for name in namespaces)]
        arguments = ["operator", *where, "--identity", identity, "--health-port", "0"]
        with log.open("a") as sink:
            self._process = start_program(*arguments, log=sink, environment=extra, installed=installed)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        note_unwatched()
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: the end that nobody can prepare for."""
        self._process.kill()
        self._process.wait(timeout=30)

    def send_kill(self) -> None:
        """SIGKILL, without waiting for the end."""
        self._process.kill()

    def pause(self) -> None:
        """SIGSTOP: it is there and does nothing, as on a machine that is suspended."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT: it goes on where it was, and does not know that time has passed."""
        self._process.send_signal(signal.SIGCONT)

    def wait_ended(self, timeout: float = 60) -> int:
        """Wait until it has ended by itself; the exit status."""
        return self._process.wait(timeout=timeout)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self._process.terminate()
        return self._process.wait(timeout=60)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far, one JSON object a line."""
        note_unwatched()
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


class Stage:
    """One namespace with a carrier of its own. Names: account `sandbox`, profile `front-desk`, pool `us-west`."""

    def __init__(self, cluster: Cluster, namespace: str, simulator: SimulatorProcess) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.simulator = simulator
        self._folder = tempfile.TemporaryDirectory(prefix="ringfleet-stage-")
        self._operators: list[OperatorProcess] = []
        self._served = {namespace}
        self._planted = False
        self.api = cluster.api
        self.operator_kubeconfig = cluster.kubeconfig_of(SYSTEM, ACCOUNT)

    def stop_operators(self) -> None:
        for operator in self._operators:
            if operator.running:
                operator.kill()

    def close(self) -> None:
        self.stop_operators()
        try:
            if self._planted:
                refuse_leaks(self)
        finally:
            self._tidy()

    def _tidy(self) -> None:
        for namespace in self._served:
            self._forget_accounts(namespace)
            leave_namespace(self.cluster, namespace)
        self._folder.cleanup()

    def _forget_accounts(self, namespace: str) -> None:
        """No account outlives its carrier: a later one may get the same port, and be taken for the same account."""
        self.api.request("DELETE", self.api.kind("carrieraccounts").path(namespace))

    # Acting.

    def start_operator(
        self,
        identity: str = "operator-1",
        kubeconfig: Path | None = None,
        also: tuple[str, ...] = (),
        installed: bool = False,
        **environment: str,
    ) -> OperatorProcess:
        """Start an operator for the stage's namespace, and for those of `also`; `installed`: as `tests/programs.py`."""
        log = Path(self._folder.name) / f"{identity}.log"
        namespaces = (self.namespace, *also)
        self._served.update(also)
        served = kubeconfig or self.operator_kubeconfig
        operator = OperatorProcess(served, namespaces, log, identity, environment, installed)
        self._operators.append(operator)
        return operator

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        self._planted = self._planted or any(plant in str(manifests) for plant in PLANTS)
        self.cluster.apply(*manifests, namespace=self.namespace)

    def account(self, name: str = "sandbox", *, token: str | None = None, url: str | None = None, **spec: Any) -> None:
        """A Secret and the CarrierAccount that it opens, at this stage's carrier."""
        self.secret(f"{name}-token", token or self.simulator.token)
        self.apply(an_account(name, url or self.simulator.url, **spec))

    def account_at(self, provider: str, name: str = "sandbox", **spec: Any) -> None:
        """The same account of this stage's carrier, by the face of another provider."""
        at = (self.simulator.url, DEFAULT_ACCOUNT, self.simulator.token)
        self.apply(*an_account_at(provider, *at, name, **spec))

    def secret(self, name: str, token: str) -> None:
        self.apply(a_secret(name, token))

    def profile(self, name: str = "front-desk", uri: str = "sip:pbx.example.com") -> None:
        self.apply(a_profile(name, uri))

    def pool(self, name: str = "us-west", *, target: int = 10, **spec: Any) -> None:
        self.apply(a_pool(name, target, **spec))

    def claim(self, *names: str, **spec: Any) -> None:
        """Claims of the pool `us-west`, or of another that `spec` names."""
        self.apply(*(a_claim(name, **spec) for name in names))

    def scale(self, target: int, name: str = "us-west") -> None:
        self.api.scale("numberpool", name, target, self.namespace)

    def patch(self, what: str, name: str, **spec: Any) -> None:
        """Change fields of an object's spec."""
        self.api.patch(what, name, {"spec": spec}, self.namespace)

    def annotate(self, what: str, name: str, **notes: str | None) -> None:
        """Set annotations `ringfleet.dev/<word>`, with `_` for `-`; None takes one off."""
        self.api.annotate(what, name, self.namespace, **notes)

    def delete(self, what: str, *names: str, wait: bool = True) -> None:
        """Delete objects, and wait until they are gone unless told not to."""
        self.api.delete(what, *names, namespace=self.namespace, wait=wait)

    def stock(self, size: int, area_code: str = "415", **rest: Any) -> None:
        """Let the carrier have so many geographic US numbers of this area code, taken ones included."""
        block = {"country": "US", "type": "geographic", "area_code": area_code, "size": size, **rest}
        self.simulator.control("POST", "stock", block)

    def at_carrier(self, method: str, path: str, json: object = None) -> Any:
        """Do something to the account by hand, as if in its portal. `path` is under /v1/; returns the JSON."""
        note_unwatched()
        headers = {"Authorization": f"Bearer {self.simulator.token}"}
        reply = httpx.request(
            method,
            f"{self.simulator.url}/v1/{path}",
            headers=headers,
            json=json,
            trust_env=False,
            verify=False,
            timeout=30,
        )
        assert reply.is_success, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json()

    def kubectl(self, *arguments: str, **options: Any) -> str:
        return self.cluster.kubectl(*arguments, "--namespace", self.namespace, **options)

    # Looking.

    @property
    def operators(self) -> tuple[OperatorProcess, ...]:
        """All that were started, those that have ended included."""
        return tuple(self._operators)

    def get(self, what: str, name: str) -> dict[str, Any]:
        """One object. Raises Refused when there is none."""
        return self.api.get(what, name, self.namespace)

    def list(self, what: str) -> list[dict[str, Any]]:
        return self.api.list(what, self.namespace)

    def condition(self, what: str, name: str, type_: str = "Ready") -> dict[str, Any] | None:
        """One condition of an object, None while it has none of that type."""
        conditions = self.get(what, name).get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == type_), None)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events about the object of this name."""
        events = self.list("events.events.k8s.io")
        return [event for event in events if event["regarding"]["name"] == name]

    def wait_ready(self, name: str = "us-west", what: str = "numberpool", timeout: float = 180) -> None:
        """Wait until the object's condition Ready is True."""

        def look() -> bool:
            condition = self.condition(what, name)
            return condition is not None and condition["status"] == "True"

        self.wait_for(look, f"{what}/{name} to be Ready", timeout)

    def wait_for(self, look: Callable[[], Any], what: str, timeout: float = 150) -> Any:
        """Wait for `look` to give something true; on the way out the operators' last words are shown."""
        try:
            return wait_until(look, what, timeout=timeout, interval=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.last_words()}") from error

    def wait_reason(self, what: str, name: str, reason: str, type_: str = "Ready") -> dict[str, Any]:
        """Wait until the condition has this reason, and return it."""

        def look() -> dict[str, Any] | None:
            condition = self.condition(what, name, type_)
            return condition if condition and condition["reason"] == reason else None

        found: dict[str, Any] = self.wait_for(look, f"{type_} of {what}/{name} to say {reason}")
        return found

    def wait_event(self, name: str, reason: str) -> dict[str, Any]:
        """Wait for an event of this reason about the object of this name, and return it."""

        def look() -> dict[str, Any] | None:
            return next((event for event in self.events(name) if event["reason"] == reason), None)

        found: dict[str, Any] = self.wait_for(look, f"an event {reason} about {name}")
        return found

    def wait_gone(self, what: str, name: str, type_: str) -> None:
        """Wait until an object has no condition of this type any more."""
        self.wait_for(lambda: self.condition(what, name, type_) is None, f"{what}/{name} to say {type_} no more")

    def numbers(self) -> set[str]:
        """The E.164 numbers that have an object here."""
        return {number["spec"]["number"] for number in self.list("phonenumbers")}

    def bills(self) -> Counter[str]:
        """How often each number was billed as bought, by the exchange's ledger."""
        return Counter(entry["number"] for entry in self.simulator.ledger(kind="purchase"))

    def bound(self) -> dict[str, str]:
        """The number of each claim that is bound, by the claim's name."""
        claims = {claim["metadata"]["name"]: claim.get("status", {}) for claim in self.list("numberclaims")}
        bound = {name: status for name, status in claims.items() if status.get("phase") == "Bound"}
        return {name: status["phoneNumber"]["number"] for name, status in bound.items()}

    def phases(self) -> dict[str, str | None]:
        """The phase of each number, by its E.164 form; one that was made just now has none."""
        return {one["spec"]["number"]: one.get("status", {}).get("phase") for one in self.list("phonenumbers")}

    def last_words(self, lines: int = 25) -> str:
        """The ends of the operators' logs."""
        logs = (operator.log.read_text().splitlines()[-lines:] for operator in self._operators)
        return "\n".join(line for log in logs for line in log)


def a_secret(name: str, token: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": token}}


def an_account(name: str, endpoint: str, **spec: Any) -> dict[str, Any]:
    body = {"provider": "DIDHub", "endpoint": endpoint, "credentialsSecretRef": {"name": f"{name}-token"}, **spec}
    return _object("CarrierAccount", name, body)


def an_account_at(
    provider: str, url: str, account: str, token: str, name: str = "sandbox", **spec: Any
) -> tuple[dict[str, Any], ...]:
    """A Secret and the CarrierAccount that it opens: the simulator's `account`, which `token` opens, by this face."""
    endpoint, credentials = OPENINGS[provider](url, account, token)
    secret = {**a_secret(f"{name}-token", token), "stringData": dict(credentials)}
    return secret, an_account(name, endpoint, **{"provider": provider, **spec})


def a_profile(name: str, uri: str) -> dict[str, Any]:
    return _object("RoutingProfile", name, {"voice": {"sipTrunk": {"targets": [{"uri": uri}]}}})


def a_pool(name: str, target: int, **spec: Any) -> dict[str, Any]:
    body = {
        "market": {"country": "US", "type": "Geographic", "areaCodes": ["415"]},
        "carriers": [{"accountRef": {"name": "sandbox"}}],
        "size": {"target": target},
        "routingProfileRef": {"name": "front-desk"},
        **spec,
    }
    return _object("NumberPool", name, body)


def a_claim(name: str, **spec: Any) -> dict[str, Any]:
    return _object("NumberClaim", name, {"poolRef": {"name": "us-west"}, **spec})


def a_set(name: str = "calls", *, annotations: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A voice set of six numbers of the pool us-west, their caps whole from the first day."""
    body = {
        "channel": "Voice",
        "pools": [{"name": "us-west"}],
        "size": 6,
        "routingProfileRef": {"name": "front-desk"},
        "ramp": {"days": 0},
        **spec,
    }
    said = {"override.ringfleet.dev/ramp": "tests"} | dict(annotations or {})
    obj = _object("RotationSet", name, body)
    return {**obj, "metadata": {**obj["metadata"], "annotations": said}}


def a_quota(name: str = "tenant", **spec: Any) -> dict[str, Any]:
    return _object("NumberQuota", name, spec)


def _object(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A field that is None is left out: server-side apply takes no null for one."""
    said = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": "ringfleet.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": said}


def refuse_leaks(stage: Stage) -> None:
    """Nothing of the end user and the documents of `tests/cluster/papers.py` is in any log line, event or status."""
    kinds = [kind.plural for kind in KINDS]
    told = {f"the log of {operator.identity}": operator.log.read_text() for operator in stage.operators}
    told["the simulator's log"] = stage.simulator.errors()
    told["an event"] = json.dumps(stage.list("events.events.k8s.io"))
    told["a status"] = json.dumps([obj.get("status") for kind in kinds for obj in stage.list(kind)])
    leaks = sorted(f"{plant!r} is in {place}" for place, text in told.items() for plant in PLANTS if plant in text)
    assert not leaks, f"personal data leaked: {leaks}"
