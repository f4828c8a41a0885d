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
import contextlib, io, json, os, sys
from ringfleet.cli.main import main

for words in json.load(sys.stdin):
    if os.fork() == 0:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main([*words, "--help"], prog_name="ringfleet")
        print(json.dumps([words, said.getvalue(), sorted(sys.modules)]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""
"""A process for each help, forked from one that has imported the root command and nothing else."""
ASKED = [(), *((command,) for command in COMMANDS), ("ledger", "verify"), ("size", "rotation")]
Told = dict[tuple[str, ...], tuple[str, set[str]]]


@pytest.fixture(scope="module")
def told() -> Told:
    """What each help says, and the modules that are loaded then."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(ASKED),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    lines = (json.loads(line) for line in done.stdout.splitlines())
    return {tuple(words): (said, set(modules)) for words, said, modules in lines}


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_help_loads_nothing_dear(told: Told, words: tuple[str, ...]) -> None:
    said, loaded = told[words]
    assert said.startswith(" ".join(("Usage: ringfleet", *words)))
    assert DEAR.isdisjoint(loaded)
