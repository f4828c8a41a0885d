"""What the calculators have to themselves over HTTP; their answers are held against the command line's in
tests/test_calculators.py."""

from __future__ import annotations

from ringfleet.dispatch.openapi import make_document
from ringfleet.plan.sizing.questions import CALCULATORS
from tests.test_calculators import ask_dispatcher, get


async def test_a_parameter_that_is_not_known_is_refused_with_those_that_are() -> None:
    reply = await get("/v1/size/capacity", {"numbers": "1", "colour": "blue"})
    assert (reply.status_code, reply.json()["detail"]) == (
        400,
        "'colour' is not known here: say one of blocking, callsPerHour, callsPerNumber, channels, numbers, "
        "numbersPerAgent, secondsPerCall.",
    )


def test_every_calculator_is_described_with_its_limits() -> None:
    paths = make_document()["paths"]
    assert {name for name in CALCULATORS if f"/v1/size/{name}" in paths} == CALCULATORS.keys()
    parameters = {one["name"]: one for one in paths["/v1/size/rotation"]["get"]["parameters"]}
    assert parameters["volume"]["schema"] == {
        "type": "array",
        "items": {"type": "number", "minimum": 0, "maximum": 1_000_000_000},
    }
    assert parameters["hours"] == {
        "name": "hours",
        "in": "query",
        "required": False,
        "description": "With perMinute: hours of sending a day; quiet hours leave 13.",
        "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 24, "default": 13.0},
    }


def test_an_answer_is_what_is_described() -> None:
    _, told = ask_dispatcher("capacity", {"numbers": "1"})
    described = make_document()["components"]["schemas"]["CapacitySize"]
    assert (list(told), described["required"]) == (list(described["properties"]), list(told))
