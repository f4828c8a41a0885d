"""The operator and the dispatcher start without what they do not call of the libraries that they use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

UNUSED = {
    "kubernetes.aio.dynamic",
    "kubernetes.aio.watch",
    "kubernetes.client.api_client",
    "kubernetes.config",
    "kubernetes.dynamic",
    "kubernetes.informer",
    "kubernetes.stream",
    "kubernetes.watch",
    "oauthlib",
    "pygments",
    "requests",
    "rich",
    "urllib3",
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
def test_a_program_starts_without_what_it_does_not_call(program: str) -> None:
    loaded = loaded_by(f"ringfleet.cli._shared.logging, {program}")  # in the order in which the commands load them
    assert "kubernetes.aio.client" in loaded
    assert UNUSED.isdisjoint(loaded)


def test_a_library_that_is_loaded_already_is_left_as_it_is() -> None:
    """As in the tests, where rich is there long before our logs are."""
    loaded = loaded_by("rich, kubernetes.aio.dynamic, ringfleet.cli._shared.logging, ringfleet.kube.client")
    assert {"rich", "rich.traceback", "kubernetes.aio.dynamic", "kubernetes.aio.client"} <= loaded
