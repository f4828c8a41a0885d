"""The calculators on the command line; the formulas have tests of their own (tests/plan/sizing/test_formulas.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from ringfleet.cli.main import main

POOL = ("pool", "--rate", "20", "--service-level", "0.995")
ROTATION = ("rotation", "--volume", "10000", "--cap", "75")


@pytest.mark.parametrize(
    ("arguments", "answers"),
    [
        ((*POOL, "--lead-time", "3"), {"lowWatermark": 82, "baseStock": 82, "baseStockLost": 78, "meanDemand": 60.0}),
        ((*POOL, "--lead-time", "72h", "--available", "50"), {"lowWatermark": 82, "runwayDays": 2.5}),
        (ROTATION, {"numbers": 134, "utilisation": 1.0}),
        (
            (*ROTATION, "--work-days", "5", "--rest-days", "2", "--flag-rate", "0.01", "--remediation", "14"),
            {"numbers": 219},
        ),
        ((*ROTATION, "--overload", "0.01"), {"utilisation": 0.765}),
        (("rotation", "--volume", "5000", "--cap", "1000"), {"numbers": 5, "binds": "volume"}),
        (("rotation", "--volume", "5000", "--tiers"), {"numbers": 5, "tier": "Empire"}),
        (("rotation", "--volume", "900", "--tiers"), {"numbers": 1, "tier": "Starter"}),
        (("rotation", "--numbers", "4", "--cap", "1000"), {"volume": 4000, "binds": "numbers"}),
        (
            ("rotation", "--volume", "90000", "--cap", "1000", "--brand-daily", "40000", "--most-numbers", "49"),
            {"numbers": 40, "volume": 40000, "binds": "brand"},
        ),
        (("proxy", "--busiest", "72", "--sessions", "20294"), {"numbers": 477, "leastOffline": 406}),
        (("proxy", "--sessions", "100", "--rate", "2", "--open", "4h"), {"perParticipant": 18}),
        (
            ("capacity", "--numbers", "30", "--calls-per-number", "1", "--channels", "23", "--numbers-per-agent", "1"),
            {"numbers": 30, "channels": 23, "agents": 30, "binds": "channels"},
        ),
        (("capacity", "--numbers", "1", "--calls-per-hour", "400"), {"channelsNeeded": 30, "binds": None}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_size_is_calculated(arguments: tuple[str, ...], answers: dict[str, Any]) -> None:
    result = CliRunner().invoke(main, ["size", *arguments, "-o", "json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert {field: said[field] for field in answers} == answers


def test_a_size_is_told_in_words() -> None:
    result = CliRunner().invoke(main, ["size", *POOL, "--lead-time", "3"])
    assert result.stdout.splitlines()[1] == "Low watermark (size.min)            82"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("proxy", "--sessions", "1"), "say --busiest, or --rate and --open"),
        ((*ROTATION, "--flag-rate", "0.1", "--remediation", "10"), "no number is left to call from"),
        ((*POOL, "--lead-time", "soon"), "'soon' is not a duration"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_an_error(arguments: tuple[str, ...], complaint: str) -> None:
    result = CliRunner().invoke(main, ["size", *arguments])
    assert (result.exit_code, result.stdout) == (1, "")
    assert complaint in result.stderr
