"""`ringfleet size pool|rotation|proxy|capacity`: how many numbers are needed, by `plan/sizing/questions.py`.

A face of these questions, and nothing more: each field is an option, and each answer a row of a table; `-o json` prints
what `GET /v1/size/...` of the dispatcher answers. A length of time is written as 36h or 5m, or as a number of days, so
its option leaves the unit out: `lead_time_days` is `--lead-time`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from inspect import getdoc
from typing import Any

import click

from ringfleet.cli._shared.cluster import output_option
from ringfleet.cli._shared.printing import Row, echo_json, echo_table
from ringfleet.plan.sizing.fields import Field, Refused, camel, fields_of, read, tell, written
from ringfleet.plan.sizing.questions import CALCULATORS, Calculator

_UNITS = {"days": timedelta(days=1), "hours": timedelta(hours=1)}


@click.group()
def size() -> None:
    """Calculate how many numbers a pool, a rotation or a proxy service needs."""


def _command(name: str, calculator: Calculator) -> click.Command:
    asked = {one.name: one for one in fields_of(calculator.question)}

    def naming(field: str) -> str:
        return _option_name(asked[field])

    def command(output: str, **given: Any) -> None:
        try:
            texts = {_option_name(asked[field]): _texts(asked[field], said) for field, said in given.items()}
            answer = calculator.calculate(read(calculator.question, texts, naming))
        except Refused as refused:
            raise click.ClickException(refused.told(naming)) from refused
        if output == "json":
            echo_json(written(answer))
        else:
            echo_table(("What", "Value"), _rows(calculator.answer, written(answer)))

    for one in reversed(asked.values()):
        command = _option(one, tell(one.about.text, tuple(asked), naming))(command)
    return click.command(name, help=getdoc(calculator.question))(output_option()(command))


def _option_name(field: Field) -> str:
    bare = field.name.removesuffix(f"_{field.unit}").removesuffix("_percent")
    return f"--{bare.replace('_', '-')}"


def _option(field: Field, text: str) -> Any:
    """The option of a field. Whether its text is a value, and one within limits, is for `read` to say."""
    name = _option_name(field)
    if field.kind is bool:
        return click.option(name, field.name, is_flag=True, help=text)
    if field.required:
        text = f"{text}  [required]"
    elif isinstance(field.default, int | float):
        text = f"{text}  [default: {field.default}]"
    return click.option(name, field.name, multiple=True, metavar=_metavar(field), help=text)


def _metavar(field: Field) -> str:
    if field.unit:
        return "DURATION"
    return "INTEGER" if field.kind is int else "NUMBER"


def _texts(field: Field, said: bool | Sequence[str]) -> Sequence[str]:
    """What was said for a field, as `read` takes it."""
    if isinstance(said, bool):
        return ("true",) if said else ()
    return [_time(field, text) for text in said] if field.unit else said


def _time(field: Field, text: str) -> str:
    """A length of time such as 36h or 1.5, as a number of the field's unit. Raises Refused."""
    from ringfleet.api.meta import parse_duration

    assert field.unit is not None
    unit = _UNITS[field.unit]
    try:
        return repr(float(text) * (_UNITS["days"] / unit))
    except ValueError:
        pass
    try:
        return repr(parse_duration(text) / unit)
    except ValueError as error:
        raise Refused(
            f"{{{field.name}}} must be a duration such as 36h or 5m, or a number of days, and is {text!r}", field.name
        ) from error


def _rows(answer: type, values: Mapping[str, Any]) -> Iterable[Row]:
    for one in fields_of(answer):
        value = values[camel(one.name)]
        if isinstance(value, dict):
            yield from ((f"{one.about.text} {name}", of) for name, of in value.items())
        else:
            yield (one.about.text, value)


for _name, _calculator in CALCULATORS.items():
    size.add_command(_command(_name, _calculator))
