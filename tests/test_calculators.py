"""The calculators have two faces, the command line and the dispatcher: the same question gets the same answer.

Questions are written once, by the names of `plan/sizing/questions.py`; the formulas have tests of their own.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ringfleet.cli.main import main
from ringfleet.dispatch.calculators import size_routes
from ringfleet.dispatch.problems import Problem, answer
from ringfleet.plan.sizing.fields import Field, camel, fields_of
from ringfleet.plan.sizing.questions import CALCULATORS
from tests.examples import examples

Given = dict[str, Any]
"""What is said of each field: one text or several."""
Outcome = tuple[str, Any]
"""("answer", the object) or ("refusal", the sentence with our names of the fields)."""

POOL = {"rate": "20", "service_level": "0.995"}


def option(field: Field) -> str:
    """How the command line writes the field: a length of time without its unit, a percentage without that word."""
    bare = re.sub("_(days|hours)$", "", field.name) if field.unit else field.name
    return "--" + bare.removesuffix("_percent").replace("_", "-")


def in_days(field: Field, text: str) -> str:
    """The command line takes a bare number as days."""
    hours = field.unit == "hours" and re.fullmatch(r"[-0-9.e]+", text)
    return repr(float(text) / 24) if hours else text


def ask_command_line(name: str, said: Given) -> Outcome:
    fields = {one.name: one for one in fields_of(CALCULATORS[name].question)}
    words: list[str] = []
    for field, texts in said.items():
        one = fields[field]
        for text in [texts] if isinstance(texts, str) else texts:
            words += [option(one)] if one.kind is bool else [f"{option(one)}={in_days(one, text)}"]
    result = CliRunner().invoke(main, ["size", name, *words, "-o", "json"])
    if result.exit_code == 0:
        return "answer", json.loads(result.stdout)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    return "refusal", our_names(
        result.stderr.removeprefix("Error: ").strip(), {option(one): one.name for one in fields.values()}
    )


def ask_dispatcher(name: str, said: Given) -> Outcome:
    fields = fields_of(CALCULATORS[name].question)
    reply = asyncio.run(get(f"/v1/size/{name}", {camel(field): texts for field, texts in said.items()}))
    if reply.status_code == 200:
        return "answer", reply.json()
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json"), reply.text
    return "refusal", our_names(reply.json()["detail"].removesuffix("."), {camel(one.name): one.name for one in fields})


async def get(path: str, query: dict[str, Any]) -> httpx.Response:
    async def refuse(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return answer(problem, request.url.path)

    app = Starlette(routes=size_routes(), exception_handlers={Problem: refuse})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dispatcher") as client:
        return await client.get(path, params=query)


def our_names(sentence: str, names: dict[str, str]) -> str:
    """The sentence with our names in place of a face's. What it repeats of the question is in quotes, and left out."""
    told = re.sub(r"(and is|is) '.*'", "and is (this)", sentence)
    pattern = "|".join(rf"{re.escape(name)}(?![\w-])" for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w-])({pattern})", lambda match: f"<{names[match[1]]}>", told)


@pytest.mark.parametrize(
    ("name", "said", "answers"),
    [
        ("pool", {**POOL, "lead_time_days": "3"}, {"lowWatermark": 82, "baseStock": 82, "baseStockLost": 78}),
        ("pool", {**POOL, "lead_time_days": "3"}, {"meanDemand": 60.0, "runwayDays": None}),
        ("pool", {**POOL, "lead_time_days": "3", "available": "50"}, {"lowWatermark": 82, "runwayDays": 2.5}),
        ("rotation", {"volume": ["10000"], "cap": "75"}, {"numbers": 134, "utilisation": 1.0, "tier": None}),
        ("rotation", {"volume": ["10000"], "cap": "75", "overload_percent": "1"}, {"utilisation": 0.765}),
        (
            "rotation",
            {
                "volume": ["10000"],
                "cap": "75",
                "work_days": "5",
                "rest_days": "2",
                "flag_rate": "0.01",
                "remediation_days": "14",
            },
            {"numbers": 219},
        ),
        ("rotation", {"volume": ["5000"], "cap": "1000"}, {"numbers": 5, "volume": 5000, "binds": "volume"}),
        ("rotation", {"volume": ["10", "10", "10"], "cap": "1000"}, {"numbers": 3, "volume": 30}),
        ("rotation", {"volume": ["5000"], "tiers": "true"}, {"numbers": 5, "tier": "Empire"}),
        ("rotation", {"volume": ["900"], "tiers": "true"}, {"numbers": 1, "tier": "Starter"}),
        ("rotation", {"numbers": "4", "cap": "1000"}, {"volume": 4000, "binds": "numbers"}),
        (
            "rotation",
            {"volume": ["90000"], "cap": "1000", "brand_daily": "40000", "most_numbers": "49"},
            {"numbers": 40, "volume": 40000, "binds": "brand", "limits": {"brand": 40000, "numbers": 40000}},
        ),
        ("proxy", {"busiest": "72", "sessions": "20294"}, {"numbers": 477, "leastOffline": 406, "perParticipant": 72}),
        ("proxy", {"sessions": "100", "rate": "2", "open_hours": "4"}, {"perParticipant": 18}),
        (
            "capacity",
            {"numbers": "30", "calls_per_number": "1", "channels": "23", "numbers_per_agent": "1"},
            {"numbers": 30, "channels": 23, "agents": 30, "binds": "channels", "channelsNeeded": None},
        ),
        ("capacity", {"numbers": "1", "calls_per_hour": "400"}, {"channelsNeeded": 30, "binds": None}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_size_is_calculated_alike_by_both_faces(name: str, said: Given, answers: dict[str, Any]) -> None:
    kind, told = ask_command_line(name, said)
    assert (kind, told) == ask_dispatcher(name, said)
    assert {field: told[field] for field in answers} == answers
    assert list(told) == [camel(one.name) for one in fields_of(CALCULATORS[name].answer)]


@pytest.mark.parametrize(
    ("name", "said", "sentence"),
    [
        ("rotation", {"volume": ["5000"]}, "say <cap>, the most calls or messages a day from one number, or <tiers>"),
        ("rotation", {"cap": "75"}, "say one of <volume> and <numbers>"),
        ("rotation", {"cap": "75", "volume": ["1"], "numbers": "1"}, "say one of <volume> and <numbers>"),
        (
            "rotation",
            {"cap": "75", "volume": ["many"]},
            "<volume> must be a number at least 0 and at most 1,000,000,000, and is (this)",
        ),
        ("rotation", {"cap": ["75", "76"], "volume": ["1"]}, "<cap> may be given once"),
        (
            "rotation",
            {"cap": "75", "volume": ["1"], "flag_rate": "0.5", "remediation_days": "3"},
            "at 0.5 flagged a day, each out for 3 days, no number is left to call from: lower <flag_rate> or "
            "<remediation_days>",
        ),
        (
            "rotation",
            {"cap": "1", "volume": ["1e9"], "flag_rate": "0.9999999999999999", "remediation_days": "1"},
            "no country has so many of them: lower <volume>, <flag_rate> or <remediation_days>",
        ),
        (
            "rotation",
            {"cap": "75", "volume": ["1"], "hours": "nan"},
            "<hours> must be a number above 0 and at most 24, and is (this)",
        ),
        (
            "rotation",
            {"cap": "75", "volume": ["1"], "overload_percent": "0.5"},
            "<overload_percent> must be a whole number at least 0 and at most 50, and is (this)",
        ),
        ("pool", {"rate": "20"}, "<lead_time_days> is missing: From order to usable number."),
        (
            "pool",
            {"rate": "20", "lead_time_days": "3", "available": "null"},
            "<available> must be a whole number at least 0 and at most 1,000,000,000, or left out, and is (this)",
        ),
        (
            "pool",
            {"rate": "100000", "lead_time_days": "1000"},
            "<rate> times <lead_time_days> may be 100,000 numbers at most: beyond, no pool is sized",
        ),
        (
            "pool",
            {"rate": "-1", "lead_time_days": "3"},
            "<rate> must be a number at least 0 and at most 100,000, and is (this)",
        ),
        (
            "pool",
            {"rate": "1", "lead_time_days": "-3"},
            "<lead_time_days> must be a number of days at least 0 and at most 1,000, and is (this)",
        ),
        ("proxy", {"sessions": "1"}, "say <busiest>, or <rate> and <open_hours>"),
        (
            "proxy",
            {"sessions": "1", "rate": "100000", "open_hours": "24"},
            "<rate> times <open_hours> and <quarantine_hours> may be 100,000 at most: say <busiest>",
        ),
        ("capacity", {}, "<numbers> is missing: Numbers in use."),
        (
            "capacity",
            {"numbers": "1", "numbers_per_agent": "0"},
            "<numbers_per_agent> must be a number at least 0.001 and at most 1,000,000,000, or left out, and is (this)",
        ),
        (
            "capacity",
            {"numbers": "1", "calls_per_hour": "1e9", "seconds_per_call": "1e9"},
            "<calls_per_hour> times <seconds_per_call> may be 100,000 calls at once at most: beyond, no route is sized",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_question_without_an_answer_is_refused_alike_by_both_faces(name: str, said: Given, sentence: str) -> None:
    kind, told = ask_command_line(name, said)
    assert (kind, told) == ask_dispatcher(name, said)
    assert (kind, told) == ("refusal", sentence)


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Texts for a field: most within its limits and at their edges, some beyond them, some no value at all."""
    about = field.about
    low, high = about.least or about.above or 0.0, about.most or about.below or 1.0
    if field.kind is bool:
        return st.just("true")
    if field.kind is int:
        numbers = st.integers(int(low), int(high)) | st.integers(int(low), int(low) + 20)
        texts = (numbers | st.sampled_from((int(low) - 1, int(high) + 1))).map(str)
    else:
        texts = (st.floats(low, high) | st.floats(low, min(high, low + 20))).map(repr)
    texts |= st.sampled_from(
        (*map(repr, (low, high, -1.0, high * 2)), "", "nan", "inf", "1_0", " 1", "{rate}", "9" * 5000)
    )
    return st.lists(texts, min_size=1, max_size=3) if field.many else texts


def questions(name: str) -> st.SearchStrategy[Given]:
    fields = fields_of(CALCULATORS[name].question)
    return st.fixed_dictionaries(
        {one.name: values_of(one) for one in fields if one.required},
        optional={one.name: values_of(one) for one in fields if not one.required},
    )


@pytest.mark.parametrize("name", CALCULATORS)
@given(data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_whatever_is_asked_both_faces_say_the_same(name: str, data: st.DataObject) -> None:
    """Times are left out: what the command line takes for one is more than a number, and has tests of its own."""
    said = data.draw(questions(name))
    times = {one.name for one in fields_of(CALCULATORS[name].question) if one.unit}
    said = {field: "1" if field in times else texts for field, texts in said.items()}
    assert ask_command_line(name, said) == ask_dispatcher(name, said)
