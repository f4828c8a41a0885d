"""README.md's table of metrics is what the two programs tell: nothing is missing in it, and nothing is made up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families as read_text

from ringfleet.controllers.metrics import Metrics as OperatorMetrics
from ringfleet.dispatch.metrics import Metrics as DispatcherMetrics
from tests.controllers.rig import HOUSE, a_pool, a_rig
from tests.controllers.test_runtime import at_target, stocked
from tests.kube.virtual_time import run_in_virtual_time

README = Path(__file__).parents[1] / "README.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \|$", re.MULTILINE)
PROCESS = re.compile(r"process_|ringfleet_build_info")
"""What the table's introduction names for both."""


class Told(NamedTuple):
    """One metric, its labels sorted."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str


def told_by(registry: CollectorRegistry) -> Iterator[Told]:
    """Every metric; each must have a sample, from which its labels are read."""
    for family in read_text(generate_latest(registry).decode()):
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert family.samples, f"the story of this test does not show {name}"
        if not PROCESS.match(name):
            yield Told(name, family.type, tuple(sorted(labels)), family.documentation)


async def _operator() -> list[Told]:
    """An operator that has filled a pool has a sample of everything."""
    async with a_rig(*HOUSE, a_pool(1), begun=False) as rig, stocked(rig, 1).running():
        rig.services.meter = metrics = OperatorMetrics(rig.services)
        await rig.until(lambda: at_target(rig), within=60)
        return list(told_by(metrics.registry))


def _dispatcher() -> list[Told]:
    metrics = DispatcherMetrics()
    metrics.answered("picked", 200)
    metrics.wished("leave", taken=True)
    metrics.forwarded("taken", 1)
    return list(told_by(metrics.registry))


def listed() -> list[Told]:
    section = README.read_text().partition("\n## Metrics\n")[2].partition("\n## ")[0]
    return [
        Told(name, type_, tuple(sorted(re.findall(r"`(\w+)`", labels))), meaning)
        for name, type_, labels, meaning in ROW.findall(section)
    ]


def test_the_table_lists_what_is_told_and_nothing_else() -> None:
    told = [*run_in_virtual_time(_operator()), *_dispatcher()]
    assert sorted(listed()) == sorted(told)


def test_what_both_tell_of_their_process_is_said_before_the_table() -> None:
    section = README.read_text().partition("\n## Metrics\n")[2].partition("\n| metric")[0]
    assert "`process_*`" in section
    assert "`ringfleet_build_info`" in section
