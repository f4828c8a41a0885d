"""One control plane on loopback: etcd, kube-apiserver and kube-controller-manager, in a folder of its own.

    etcd <- kube-apiserver (RBAC) <- kube-controller-manager        ready: default service account exists
    etcd <- kube-apiserver (RBAC)                                   ready: /readyz says so

The controller manager runs so that garbage collection, namespace deletion, quotas and volume binding really happen.
Without it (`Programs.controller_manager` is None: the demo) a deleted namespace stays Terminating, children outlive
their owners, no namespace has a service account `default`, and the aggregated roles `view`, `edit` and `admin` are
empty. RBAC, CRDs, admission policies, and tokens of service accounts that were applied are the API server's own work.

When a program ends by itself, killed by a machine short of memory say, the others are ended too: without etcd the API
server would keep every request for half a minute. `ENDED` in the folder says what it was.

There are no nodes and no scheduler: a pod stays Pending. Ports are new each time, all listeners are on 127.0.0.1, and
every program is on a leash (`leash.py`): nothing is left behind, however we end.

The garbage collector looks for new kinds every 30 seconds: until then, children of a fresh CRD are not collected.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.controlplane.build import Programs
from tests.controlplane.certificates import Authority, signing_key_pair, write_secret
from tests.controlplane.failures import NothingToRunOn
from tests.controlplane.folders import OwnFolder, remove_stale
from tests.controlplane.kubeconfig import Server, write_kubeconfig
from tests.controlplane.places import works
from tests.controlplane.program import Leashed, ProgramEnded
from tests.waiting import NeverHappened, wait_until

READY_TIMEOUT_S = 180.0
LAVISH = {"GOGC": "400"}
"""Memory for time: at Go's default a fifth of what the API server does is collecting garbage."""
ENDED = "ended"
STARTS = 3  # with new ports each time
ROOM_MB = 200  # etcd reserves 125 at its start
FOLDER_PREFIX = "ringfleet-plane-"
SERVICE_RANGE = "10.96.0.0/16"
FIRST_SERVICE = "10.96.0.1"
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "validatingadmissionpolicy-status-controller",
)


class ControlPlaneFailed(NothingToRunOn):
    """A program of the control plane ended or never became ready; the message ends with its last log lines."""


class PortTaken(ControlPlaneFailed):
    """Another program took one of our ports before we listened on it."""


@dataclass(frozen=True, slots=True)
class Ports:
    etcd: int
    etcd_peer: int
    api_server: int


class ControlPlane:
    """`with ControlPlane(programs) as plane:` gives a ready control plane whose admin's kubeconfig is a file."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._running: list[Leashed] = []
        self._folder: OwnFolder | None = None
        self._stops = threading.Event()
        self.folder = Path()

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator (group system:masters)."""
        return self.folder / "admin.kubeconfig"

    def __enter__(self) -> ControlPlane:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the programs and return once the API server answers and the controllers, if any, work: about 4 seconds.

        Raises:
            ControlPlaneFailed: a program ended, or was not ready within `READY_TIMEOUT_S`, or there is no room.
        """
        remove_stale(FOLDER_PREFIX)
        _refuse_full_disk()
        for _ in range(STARTS - 1):
            with suppress(PortTaken):
                self._start()
                return
        self._start()

    def stop(self) -> None:
        """Kill the programs, etcd last (an API server without etcd would hold on for a minute); remove the folder."""
        self._stops.set()
        while self._running:
            self._running.pop().kill()
        if self._folder:
            self._folder.remove()
            self._folder = None

    def _start(self) -> None:
        try:
            self._start_programs()
        except ControlPlaneFailed as error:
            self.stop()
            raise type(error)(f"{error}{self._damage()}") from error
        except BaseException:
            self.stop()
            raise

    def _damage(self) -> str:
        """What is to be said of programs that can't even say their version: a copy that was cut short, say."""
        programs = (self._programs.etcd, self._programs.api_server, self._programs.controller_manager)
        damaged = [program for program in (*programs, self._programs.kubectl) if program and not works(program)]
        return "".join(f"\n{program} is damaged: remove it, and it is built anew" for program in damaged)

    def _start_programs(self) -> None:
        self._stops = threading.Event()
        self._folder = OwnFolder(FOLDER_PREFIX)
        self.folder = self._folder.path
        ports = Ports(*free_ports(3))
        server = self._write_credentials(ports)
        self._run("etcd", self._programs.etcd, etcd_arguments(self.folder, ports))
        self._run("kube-apiserver", self._programs.api_server, api_server_arguments(self.folder, ports))
        self._wait(lambda: _answers(f"{server.url}/readyz", server), "the API server to be ready")
        if manager := self._programs.controller_manager:
            self._run("kube-controller-manager", manager, controller_manager_arguments(self.folder))
            self._wait(self._controllers_work, "the controllers to make the default service account")
        for program in self._running:
            threading.Thread(target=self._end_with, args=(program, self._stops), daemon=True).start()

    def _end_with(self, program: Leashed, stops: threading.Event) -> None:
        """End the others when a program ends that nobody stops."""
        code = program.wait()
        if stops.is_set():
            return
        stops.set()
        said = f"{program.name} has ended with code {code}, and the control plane with it\n{program.last_words()}"
        for other in reversed((*self._running,)):
            other.kill()
        with suppress(OSError):  # a full disk may be why
            (self.folder / ENDED).write_text(said)

    def _write_credentials(self, ports: Ports) -> Server:
        authority = Authority("ringfleet test control plane")
        server = Server(f"https://127.0.0.1:{ports.api_server}", authority.certificate)
        (self.folder / "ca.crt").write_bytes(authority.certificate)
        hosts = ("127.0.0.1", "localhost", "kubernetes.default.svc", FIRST_SERVICE)
        authority.server("kube-apiserver", hosts).write(self.folder, "api-server")
        private, public = signing_key_pair()
        write_secret(self.folder / "service-account.key", private)
        (self.folder / "service-account.pub").write_bytes(public)
        admin = authority.client("ringfleet-admin", "system:masters")
        write_kubeconfig(self.kubeconfig, server, admin)
        manager = authority.client("system:kube-controller-manager")
        write_kubeconfig(self.folder / "controller-manager.kubeconfig", server, manager)
        return server

    def _run(self, name: str, program: Path, arguments: list[str]) -> None:
        log = self.folder / f"{name}.log"
        self._running.append(Leashed(name, [str(program), *arguments], log, {**LAVISH, **os.environ}))

    def _wait(self, look: Callable[[], bool], what: str) -> None:
        def look_at_all() -> bool:
            for program in self._running:
                program.must_run()
            return look()

        try:
            wait_until(look_at_all, what, timeout=READY_TIMEOUT_S)
        except ProgramEnded as error:
            kind = PortTaken if "address already in use" in str(error) else ControlPlaneFailed
            raise kind(str(error)) from error
        except NeverHappened as error:
            raise ControlPlaneFailed(f"{error}\n{self._running[-1].last_words()}") from error

    def _controllers_work(self) -> bool:
        """The service account `default` is made by a controller, so its being there shows that controllers run."""
        command = [str(self._programs.kubectl), "--kubeconfig", str(self.kubeconfig)]
        command += ["get", "serviceaccount", "default", "--namespace", "default"]
        try:
            code = subprocess.run(command, capture_output=True, check=False).returncode
        except OSError as error:
            raise ControlPlaneFailed(str(error)) from error
        if code < 0:
            raise ControlPlaneFailed(f"{self._programs.kubectl} ended by signal {-code}")
        return code == 0


def etcd_arguments(folder: Path, ports: Ports) -> list[str]:
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server_arguments(folder: Path, ports: Ports) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={ports.api_server}",
        f"--tls-cert-file={folder / 'api-server.crt'}",
        f"--tls-private-key-file={folder / 'api-server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'service-account.pub'}",
        f"--service-account-signing-key-file={folder / 'service-account.key'}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=RBAC",
        "--endpoint-reconciler-type=none",
        "--profiling=false",
    ]


def controller_manager_arguments(folder: Path) -> list[str]:
    return [
        f"--kubeconfig={folder / 'controller-manager.kubeconfig'}",
        f"--service-account-private-key-file={folder / 'service-account.key'}",
        f"--root-ca-file={folder / 'ca.crt'}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        f"--controllers={','.join(CONTROLLERS)}",
        "--secure-port=0",
        "--profiling=false",
    ]


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens now; all are held until the last is found, so they differ."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def _refuse_full_disk() -> None:
    folder = Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free // 2**20
    if free < ROOM_MB:
        raise ControlPlaneFailed(
            f"{folder} has room for {free} MB more, and a control plane takes {ROOM_MB} MB: "
            "make room there, or name another folder in TMPDIR"
        )


def _answers(url: str, server: Server) -> bool:
    assert server.authority
    trust = ssl.create_default_context(cadata=server.authority.decode())
    try:
        with urllib.request.urlopen(url, context=trust, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
