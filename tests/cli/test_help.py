"""Help is for a person who waits: it loads nothing that a command works with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ringfleet.cli.main import COMMANDS

DEAR = {
    "aiohttp",
    "httpx",
    "kopf",
    "kubernetes",
    "phonenumbers.geocoder",
    "phonenumbers.geodata",
    "phonenumbers.tzdata",
    "prometheus_client",
    "pydantic",
    "rich",
    "starlette",
    "structlog",
    "uvicorn",
}
PROGRAM = """
import json, sys
from ringfleet.cli.main import main
try:
    main(prog_name="ringfleet")
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words", [(), *((command,) for command in COMMANDS), ("ledger", "verify"), ("size", "rotation")], ids=" ".join
)
def test_help_loads_nothing_dear(words: tuple[str, ...]) -> None:
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words, "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.startswith(" ".join(("Usage: ringfleet", *words)))
    assert DEAR.isdisjoint(json.loads(said.stderr))
