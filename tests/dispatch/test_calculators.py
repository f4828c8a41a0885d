"""The calculators over HTTP; the formulas have tests of their own."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ringfleet.dispatch.calculators import size_routes
from ringfleet.dispatch.problems import Problem, answer


@pytest.fixture
def client() -> httpx.AsyncClient:
    async def refuse(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return answer(problem, request.url.path)

    app = Starlette(routes=size_routes(), exception_handlers={Problem: refuse})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dispatcher")


@pytest.mark.parametrize(
    ("query", "answers"),
    [
        ("rotation?volume=5000&cap=1000", {"numbers": 5, "volume": 5000, "binds": "volume"}),
        ("rotation?volume=5000&tiers=true", {"numbers": 5, "tier": "Empire"}),
        ("rotation?numbers=4&cap=1000", {"volume": 4000, "binds": "numbers"}),
        ("rotation?volume=90000&cap=1000&brandDaily=40000", {"numbers": 40, "binds": "brand"}),
        ("pool?rate=20&leadTimeDays=3&serviceLevel=0.995", {"lowWatermark": 82, "baseStockLost": 78}),
        ("proxy?busiest=72&sessions=20294", {"numbers": 477, "leastOffline": 406}),
    ],
)
async def test_a_size_is_calculated(client: httpx.AsyncClient, query: str, answers: dict[str, Any]) -> None:
    reply = await client.get(f"/v1/size/{query}")
    assert reply.status_code == 200, reply.text
    assert {name: reply.json()[name] for name in answers} == answers


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("rotation?volume=5000", "cap"),
        ("rotation?cap=75", "volume"),
        ("rotation?cap=75&volume=1&numbers=1", "one of volume and numbers"),
        ("rotation?cap=75&volume=many", "$.volume"),
        ("rotation?cap=75&volume=1&volume=2", "once"),
        ("rotation?cap=75&volume=1&flagRate=0.5&remediationDays=3", "no number is left"),
        ("pool?rate=20", "leadTimeDays"),
        ("pool?rate=20&leadTimeDays=3&available=null", "leave the parameter out"),
        ("pool?rate=100000&leadTimeDays=1000", "100,000 numbers"),
        ("pool?rate=20&leadTimeDays=3&colour=blue", "colour"),
    ],
)
async def test_a_query_that_makes_no_sense_is_a_problem_that_says_so(
    client: httpx.AsyncClient, query: str, says: str
) -> None:
    reply = await client.get(f"/v1/size/{query}")
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json")
    assert says in reply.json()["detail"]
