"""Whose question waits for whom, and how long a right holds while nobody can be asked. What the API server itself says
is in `test_auth.py`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

from ringfleet.dispatch import auth
from ringfleet.dispatch.auth import AT_ONCE, AUDIENCE, IN_LINE, UNCHECKED_SECONDS, YES_SECONDS, Act
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.problems import Problem
from ringfleet.kube.errors import Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from tests.kube.virtual_time import now, run_in_virtual_time

HERE, THERE = Act("create", "picks", "shop", "calls"), Act("create", "picks", "rival", "calls")
NEVER = 1e12


class Reviews:
    """An API server that knows tokens which begin with `good`, and lets them do all. `takes`: seconds an answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.takes = 0.01
        self.away = False

    async def create(self, resource: Resource, _: str | None, body: Json) -> Json:
        await asyncio.sleep(self.takes)
        if self.away:
            raise Unavailable("nobody answers")
        if resource.kind == "SubjectAccessReview":
            return {"status": {"allowed": True}}
        token = body["spec"]["token"]
        self.asked.append(token)
        known = token.startswith("good") or "." in token
        return {"status": {"authenticated": known, "audiences": [AUDIENCE], "user": {"username": "dialer"}}}


class Door:
    def __init__(self) -> None:
        self.reviews, self.metrics = Reviews(), Metrics()
        self.authority = auth.Cluster(self.reviews, now, self.metrics)  # type: ignore[arg-type]  # as far as it is asked

    async def says(self, token: str, act: Act = HERE) -> str:
        """`yes`, or the name of the problem."""
        try:
            await self.authority.allow(f"Bearer {token}", act)
        except Problem as problem:
            return problem.type.name
        return "yes"

    @property
    def unchecked(self) -> float | None:
        return self.metrics.registry.get_sample_value("ringfleet_dispatch_unchecked_callers_total")


def in_virtual_time(test: Callable[[Door], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        async def main() -> None:
            await test(Door())

        run_in_virtual_time(main())

    del run.__wrapped__  # type: ignore[attr-defined]  # else pytest looks for a fixture of that name
    return run


@in_virtual_time
async def test_made_up_tokens_never_queue_before_a_caller_who_is_known(door: Door) -> None:
    """They did, in one line without an end: 8,000 of them held a known caller up for 17 seconds."""
    door.reviews.takes = 1.0
    assert await door.says("good") == "yes"
    await asyncio.sleep(YES_SECONDS + 1)
    strangers = [asyncio.create_task(door.says(f"made-up-{n}")) for n in range(8000)]
    await asyncio.sleep(0.1)
    began = now()
    assert await door.says("good") == "yes"
    assert now() - began <= 1.0
    assert sum(token.startswith("made-up") for token in door.reviews.asked) <= AT_ONCE
    answers = [await stranger for stranger in strangers]
    assert answers.count("unauthenticated") == AT_ONCE + IN_LINE
    assert answers.count("too-many-questions") == 8000 - AT_ONCE - IN_LINE


@in_virtual_time
async def test_a_known_caller_is_asked_about_ahead_and_does_not_wait(door: Door) -> None:
    assert await door.says("good") == "yes"
    door.reviews.takes = 5.0
    waited = 0.0
    for _ in range(100):
        await asyncio.sleep(10)
        began = now()
        assert await door.says("good") == "yes"
        waited += now() - began
    assert waited == 0.0
    assert len(door.reviews.asked) > 10
    assert door.unchecked == 0


@in_virtual_time
async def test_a_known_caller_is_let_in_while_the_api_server_is_away_and_not_for_ever(door: Door) -> None:
    assert await door.says("good") == "yes"
    confirmed = now()
    door.reviews.away = True
    while now() < confirmed + UNCHECKED_SECONDS - 10:
        assert await door.says("good") == "yes"
        await asyncio.sleep(5)
    assert door.unchecked
    assert door.unchecked > 0
    await asyncio.sleep(confirmed + UNCHECKED_SECONDS - now())
    assert await door.says("good") == "authority-unavailable"
    door.reviews.away = False
    assert await door.says("good") == "yes"


@in_virtual_time
async def test_an_api_server_that_hangs_holds_nobody_up_who_is_known(door: Door) -> None:
    assert await door.says("good") == "yes"
    await asyncio.sleep(YES_SECONDS + 1)
    door.reviews.takes = 600.0
    began = now()
    assert [await door.says("good") for _ in range(5)] == ["yes"] * 5
    assert now() - began <= 1.0


@in_virtual_time
async def test_who_is_not_known_is_refused_while_the_api_server_is_away(door: Door) -> None:
    assert await door.says("good") == "yes"
    door.reviews.away = True
    assert await door.says("good-too") == "authority-unavailable"
    assert await door.says("good", THERE) == "authority-unavailable"


@in_virtual_time
async def test_a_right_that_is_taken_away_ends_within_the_minute(door: Door) -> None:
    assert await door.says("good") == "yes"

    async def create(*_: object) -> Json:
        return {"status": {"authenticated": False}}

    door.reviews.create = create  # type: ignore[method-assign]  # the API server has changed its mind
    await asyncio.sleep(YES_SECONDS)
    assert await door.says("good") == "unauthenticated"


@in_virtual_time
async def test_a_right_that_is_held_ends_with_its_token(door: Door) -> None:
    token = a_jwt(aud=[AUDIENCE], exp=300)
    assert await door.says(token) == "yes"
    door.reviews.away = True
    await asyncio.sleep(299)
    assert await door.says(token) == "yes"
    await asyncio.sleep(2)
    assert await door.says(token) == "authority-unavailable"


@in_virtual_time
async def test_no_tenant_evicts_another(door: Door) -> None:
    """One that has a right in its namespace may name as many sets there as it likes."""
    assert await door.says("good", HERE) == "yes"
    for n in range(5000):
        await door.says("good-rival", THERE._replace(name=f"none-{n}"))
    door.reviews.away = True
    assert await door.says("good", HERE) == "yes"


@in_virtual_time
async def test_no_tenant_fills_the_lane_of_another(door: Door) -> None:
    door.reviews.takes = 1.0
    assert [await door.says("good", HERE), await door.says("good-rival", THERE)] == ["yes", "yes"]
    flood = [asyncio.create_task(door.says("good-rival", THERE._replace(name=f"none-{n}"))) for n in range(1000)]
    await asyncio.sleep(0.1)
    began = now()
    assert await door.says("good", HERE._replace(name="other")) == "yes"
    assert now() - began <= 2.5
    assert "too-many-questions" in {await one for one in flood}


@in_virtual_time
async def test_a_token_that_says_it_is_for_others_or_over_costs_no_question(door: Door) -> None:
    await asyncio.sleep(1000)
    for token in (
        a_jwt(aud=["https://kubernetes.default.svc"]),
        a_jwt(aud="vault"),
        a_jwt(aud=[]),
        a_jwt(aud=[AUDIENCE], exp=900),
    ):
        assert await door.says(token) == "unauthenticated"
    assert door.reviews.asked == []
    for token in (a_jwt(aud=[AUDIENCE, "vault"], exp=NEVER), a_jwt(sub="no audience"), "good-and-opaque", "a.b.c"):
        assert await door.says(token) == "yes"


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.!.c", f"a.{base64.urlsafe_b64encode(b'[1]').decode()}.c"])
def test_what_is_no_jwt_says_nothing(token: str) -> None:
    assert auth.token_claims(token) == {}


def a_jwt(**claims: object) -> str:
    said = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{said}.c2ln"
