"""The operator and the dispatcher start without the blocking half of the Kubernetes client."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

BLOCKING = {
    "kubernetes.client.api_client",
    "kubernetes.config",
    "kubernetes.dynamic",
    "kubernetes.informer",
    "kubernetes.stream",
    "kubernetes.watch",
    "oauthlib",
    "requests",
}


def loaded_by(program: str) -> set[str]:
    said = subprocess.run(
        [sys.executable, "-c", f"import {program}, json, sys; print(json.dumps(sorted(sys.modules)))"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    return set(json.loads(said))


@pytest.mark.parametrize("program", ["ringfleet.handlers.operator", "ringfleet.dispatch.serve"])
def test_a_program_starts_without_the_blocking_client(program: str) -> None:
    loaded = loaded_by(program)
    assert "kubernetes.aio.client" in loaded
    assert BLOCKING.isdisjoint(loaded)
