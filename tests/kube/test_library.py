"""The operator and the dispatcher start without what they do not call of the libraries that they use."""

from __future__ import annotations

import json
import subprocess
import sys

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


def loaded_by(*programs: str) -> list[set[str]]:
    """The modules that are loaded after each of these was imported, one after the other in one process."""
    words = "import importlib, json, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
    said = subprocess.run(
        [sys.executable, "-c", f"{words}    print(json.dumps(sorted(sys.modules)))", *programs],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    return [set(json.loads(line)) for line in said.splitlines()]


def test_a_program_starts_without_what_it_does_not_call() -> None:
    """Each loads our logs first, as its command does; to load both programs in one process spares a start."""
    _, dispatcher, both = loaded_by(
        "ringfleet.cli._shared.logging", "ringfleet.dispatch.serve", "ringfleet.handlers.operator"
    )
    assert {"kubernetes.aio.client", "structlog"} <= dispatcher
    assert (UNUSED & dispatcher, UNUSED & both) == (set(), set())


def test_a_library_that_is_loaded_already_is_left_as_it_is() -> None:
    """As in the tests, where rich is there long before our logs are."""
    *_, loaded = loaded_by("rich", "kubernetes.aio.dynamic", "ringfleet.cli._shared.logging", "ringfleet.kube.client")
    assert {"rich", "rich.traceback", "kubernetes.aio.dynamic", "kubernetes.aio.client"} <= loaded
