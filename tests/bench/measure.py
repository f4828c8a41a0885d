"""What the benchmarks share: counting writes from the API server's side, and the table with its line of JSON.

Writes are counted where they arrive, not where they are sent: our kinds, events and ConfigMaps by kube-apiserver's own
request counters, leases by watching the namespace (the API server renews one of its own, which its counters include).
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from rich.console import Console
from rich.table import Table

from tests.controlplane.cluster import Cluster
from tests.mortal import mortal

_LINE = re.compile(r"^apiserver_request_total\{(.*)\} ([0-9.e+]+)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_WRITES = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete", "APPLY": "apply"}
_GROUPS = {"ringfleet.dev", "events.k8s.io"}
_CORE = {"configmaps"}
"""Of the core group: what the operator writes there, and hardly anybody else."""


class WriteCounter:
    """Counts the API writes of what runs in one namespace, between `with` and `writes`."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._folder = TemporaryDirectory(prefix="ringfleet-bench-")
        self._leases = Path(self._folder.name) / "leases"
        self._watch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WriteCounter:
        kubectl = (str(self._cluster.program), "--kubeconfig", str(self._cluster.kubeconfig))
        watch = ["get", "leases", "--namespace", self._namespace, "--watch-only", "--no-headers"]
        with self._leases.open("w") as sink:
            self._watch = subprocess.Popen(mortal(*kubectl, *watch), stdout=sink, stderr=subprocess.DEVNULL)
        self._before = self._requests()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch:
            self._watch.kill()
            self._watch.wait()
        self._folder.cleanup()

    def writes(self) -> Counter[str]:
        """The writes so far, by verb and resource."""
        counted = self._requests()
        counted.subtract(self._before)
        counted["write leases"] = len(self._leases.read_text().splitlines())
        return +counted

    def _requests(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for line in self._cluster.api.text("/metrics").splitlines():
            if found := _LINE.match(line):
                labels = dict(_LABEL.findall(found[1]))
                ours = labels["group"] in _GROUPS or labels["resource"] in _CORE
                if ours and labels["verb"] in _WRITES:
                    what = "/".join(filter(None, (labels["resource"], labels["subresource"])))
                    counted[f"{_WRITES[labels['verb']]} {what}"] += int(float(found[2]))
        return counted


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the values that are at least as large as this share of them (0 to 1); `values` sorted, not empty."""
    return values[max(math.ceil(share * len(values)) - 1, 0)]


def show(title: str, rows: Sequence[tuple[str, str, str]], result: Mapping[str, float | int]) -> None:
    """Print the table (what, measured, reference) and, last, the result as one line of JSON."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2))
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("reference")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)
    print(json.dumps(result), flush=True)
