"""`GET /v1/size/pool|rotation|proxy|capacity`: the calculators, as the command line has them.

A face of the questions in `plan/sizing/questions.py`, and nothing more: each field is a query parameter in camelCase.
Times have their unit in their name, as `leadTimeDays`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringfleet.dispatch.problems import Problem
from ringfleet.plan.sizing.fields import Refused, camel, fields_of, read, written
from ringfleet.plan.sizing.questions import CALCULATORS, Calculator


def size_routes() -> list[Route]:
    """Open to every caller: they read nothing of anybody's."""
    return [Route(f"/v1/size/{name}", _endpoint(one), methods=["GET"]) for name, one in CALCULATORS.items()]


def _endpoint(calculator: Calculator) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        query = request.query_params
        try:
            asked = read(calculator.question, {name: query.getlist(name) for name in query}, camel)
            answer = calculator.calculate(asked)
        except Refused as refused:
            raise Problem("malformed-request", f"{refused.told(camel)}.") from refused
        return Response(msgspec.json.encode(written(answer)), media_type="application/json")

    return endpoint


def answer_struct(name: str, calculator: Calculator) -> type[Struct]:
    """The struct from which an answer is described, such as PoolSize."""
    answer = calculator.answer
    types = get_type_hints(answer, include_extras=True)
    members = [
        (one.name, Annotated[get_args(types[one.name])[0], Meta(description=one.about.text)])
        for one in fields_of(answer)
    ]
    return msgspec.defstruct(f"{name.title()}Size", members, rename="camel", namespace={"__doc__": answer.__doc__})
