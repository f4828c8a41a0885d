"""The real dispatcher as a subprocess, and an inventory for it: sets, claims and numbers as the operator has them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx

from tests.controlplane.cluster import Cluster
from tests.programs import Program, start_program
from tests.waiting import note_unwatched, wait_until

_STOP_TIMEOUT = 40.0
OPERATOR = "system:serviceaccount:ringfleet-system:ringfleet-operator"


def _is_ready(health: httpx.Client) -> bool:
    return health.get("/readyz").status_code == 200


class DispatcherProcess:
    """`ringfleet dispatch` with these flags, on free ports; its ledger and keys are in `folder`, and outlive it.

    `installed`: as `tests/programs.py`."""

    def __init__(
        self,
        folder: Path,
        kubeconfig: Path,
        namespace: str,
        *flags: str,
        ledger: str | None = None,
        installed: bool = False,
    ) -> None:
        self._installed = installed
        self._folder = folder
        self._flags = ["--kubeconfig", str(kubeconfig), "--namespace", namespace, *flags]
        self._ledger = ledger or f"sqlite:{folder / 'ledger.sqlite'}"
        self.namespace = namespace
        self._process: Program | None = None
        self._errors: IO[str] | None = None
        self.urls: tuple[str, ...] = ()
        keys = folder / "keys"
        keys.mkdir(exist_ok=True)
        if not any(keys.iterdir()):
            (keys / "2026-11").write_text(secrets.token_hex(32))
        self._keys = keys

    def __enter__(self) -> DispatcherProcess:
        return self if self._process else self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, ready: Callable[[httpx.Client], bool] = _is_ready) -> DispatcherProcess:
        """Returns when it listens and is `ready`, which asks its health; it has read its inventory by default."""
        self._errors = (self._folder / "dispatcher.log").open("a")
        addresses = [part for name in ("listen", "events", "health") for part in (f"--{name}", "127.0.0.1:0")]
        arguments = ["dispatch", *addresses, "--ledger", self._ledger, "--keys", str(self._keys), *self._flags]
        self._process = start_program(*arguments, log=self._errors, piped=True, installed=self._installed)
        assert self._process.stdout
        self.urls = tuple(self._process.stdout.readline().split())
        assert self.urls, f"the dispatcher did not start:\n{self.log()}"
        asked = {"request": [lambda _: note_unwatched()]}
        self.client = httpx.Client(base_url=self.urls[0], timeout=30, trust_env=False, verify=False, event_hooks=asked)
        try:
            with httpx.Client(base_url=self.urls[-1], timeout=30, trust_env=False, verify=False) as health:
                wait_until(lambda: ready(health), "a ready dispatcher", timeout=120)
        except (AssertionError, httpx.HTTPError) as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log()}") from error
        return self

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.terminate()
        return self.wait()

    def terminate(self) -> None:
        """SIGTERM, and do not wait."""
        assert self._process
        self._process.terminate()

    def wait(self) -> int:
        """Until it has ended; returns the exit code."""
        assert self._process
        return self._process.wait(_STOP_TIMEOUT)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
            assert self._errors
            self._errors.close()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def log(self) -> str:
        return (self._folder / "dispatcher.log").read_text()[-4000:]

    # Asking.

    def path(self, rest: str, name: str = "outbound") -> str:
        return f"/v1/namespaces/{self.namespace}/rotationsets/{name}/{rest}"

    def pick(self, to: str, *, token: str | None = None, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4())} | ({"Authorization": f"Bearer {token}"} if token else {})
        return self.client.post(self.path("picks"), json={"to": to, **body}, headers=headers)

    def would_pick(self, to: str, **body: Any) -> httpx.Response:
        """A dry run, of which as many may be asked as a test has to wait."""
        return self.client.post(self.path("picks"), params={"dryRun": "true"}, json={"to": to, **body})


def may_pick(cluster: Cluster, namespace: str, account: str, set_: str = "calls") -> bool:
    """Whether the API server lets the account pick from the set."""
    return cluster.may(
        account, "create", "rotationsets.ringfleet.dev", namespace=namespace, name=set_, subresource="picks"
    )


def a_set(name: str = "outbound", **spec: Any) -> dict[str, Any]:
    """A set that calls at any hour with its whole caps from the first day: tests don't wait for the morning."""
    words = ("quiet-hours", "ramp", "recipient-frequency")
    plain = {
        "channel": "Voice",
        "size": 2,
        "pools": [{"name": "us-west"}],
        "perNumber": {"daily": 10, "hourly": 10},
        "quietHours": {"start": "03:00", "end": "03:00"},
        "ramp": {"days": 0, "startPercent": 100},
        "recipientFrequency": {"contacts": 0},
    }
    annotations = {f"override.ringfleet.dev/{word}": "a test" for word in words}
    return {
        "apiVersion": "ringfleet.dev/v1alpha1",
        "kind": "RotationSet",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {**plain, **spec},
    }


def owner_of_claims(
    cluster: Cluster, namespace: str, set_: str = "outbound", kind: str = "RotationSet"
) -> dict[str, Any]:
    """The ownerReference that the operator writes into the claims of a set, or of another kind that has some."""
    uid = cluster.get(kind.lower(), set_, namespace=namespace)["metadata"]["uid"]
    owner = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": kind, "name": set_, "uid": uid}
    return {**owner, "controller": True}


def put_members(
    cluster: Cluster,
    namespace: str,
    numbers: Sequence[str],
    set_: str = "outbound",
    account: str = "sandbox",
    *,
    owned: bool = True,
    kind: str = "RotationSet",
) -> None:
    """Numbers that the set has: claims that it owns, bound, with numbers that are routed and attested.

    Written as the operator: nobody else may say who holds a number. Not `owned`: the claims have the set's label only.
    """
    owners = [owner_of_claims(cluster, namespace, set_, kind)] if owned else []
    label = "rotation-set" if kind == "RotationSet" else "proxy-service"
    for number in numbers:
        digits = number[1:]
        claim = {
            "apiVersion": "ringfleet.dev/v1alpha1",
            "kind": "NumberClaim",
            "metadata": {
                "name": f"{set_}-{digits}",
                "labels": {f"ringfleet.dev/{label}": set_},
                "ownerReferences": owners,
            },
            "spec": {"poolRef": {"name": "us-west"}},
        }
        cluster.apply(claim, namespace=namespace)
        uid = cluster.get("numberclaim", f"{set_}-{digits}", namespace=namespace)["metadata"]["uid"]
        holder = {"namespace": namespace, "name": f"{set_}-{digits}", "uid": uid}
        _put_number(cluster, namespace, number, holder, account)


def _put_number(cluster: Cluster, namespace: str, number: str, holder: Mapping[str, Any], account: str) -> None:
    digits = number[1:]
    spec = {
        "number": number,
        "accountRef": {"name": account},
        "poolRef": {"name": "us-west"},
        "claimRef": dict(holder),
    }
    made = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "PhoneNumber", "metadata": {"name": digits}, "spec": spec}
    cluster.api_as(OPERATOR).create(made, namespace)
    set_status(
        cluster,
        namespace,
        digits,
        phase="Bound",
        country="US",
        areaCode=digits[1:4],
        routing={"profile": "front-desk", "externalId": "e"},
        health={"attestation": "A"},
    )


def set_status(cluster: Cluster, namespace: str, digits: str, **status: Any) -> None:
    """Write what the operator would."""
    cluster.api.patch("phonenumber", digits, {"status": status}, namespace, "status")
