"""A day of the example `05-outbound-rotation`: operator, dispatcher and carrier, each a process, on a moved clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.stage import ROOT, Stage
from tests.cluster.test_examples import at_our_carrier, documents
from tests.dispatch.process import DispatcherProcess

FOLDER = ROOT / "examples" / "05-outbound-rotation"
CAP = 75


@pytest.mark.timeout(600)
def test_a_day_of_calls_burns_no_number_of_twenty_and_burns_one_alone(stage: Stage, tmp_path: Path) -> None:
    dispatcher = DispatcherProcess(tmp_path, stage.cluster.kubeconfig, stage.namespace, "--dev-insecure")
    with dispatcher:
        stage.apply(*(at_our_carrier(stage, manifest) for manifest in documents(FOLDER / "apply.yaml")))
        stage.start_operator(RINGFLEET_DISPATCHER=dispatcher.urls[0], RINGFLEET_USAGE_INTERVAL="PT1S")
        stage.wait_ready("outbound", "rotationset")
        summary = play(stage, dispatcher, tmp_path / "day.png")
    assert summary["judged"] == dict.fromkeys(summary["judged"], True), json.dumps(summary)
    assert len(summary["numbers"]) == 20
    assert max(row["used"] for row in summary["numbers"]) <= CAP
    assert summary["recipients"] == 1200
    assert summary["answerRate"]["one"] < summary["answerRate"]["rotation"] / 1.5
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")


def play(stage: Stage, dispatcher: DispatcherProcess, plot: Path) -> dict[str, Any]:
    """Run the example's program; its summary."""
    urls = ["--dispatcher", dispatcher.urls[0], "--events", dispatcher.urls[1], "--sandbox", stage.simulator.url]
    command = [sys.executable, str(FOLDER / "day.py"), *urls, "--namespace", stage.namespace, "--output", str(plot)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.stdout, f"{done.stderr}\n{dispatcher.log()}\n{stage.last_words()}"
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary
