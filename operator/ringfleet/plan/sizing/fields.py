"""What a calculator's question and answer are made of: fields that say what they mean and which values they take.

A question reaches us as texts, from a command line or from the query of a URL. `read` makes it a value, or refuses it
with the field and what to do. A field has one name here and another in every face (`lead_time_days` is `--lead-time`
on the command line, `leadTimeDays` in a URL), so sentences hold the name in braces until `told` fills in the face's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Naming = Callable[[str], str]
"""The face's name of a field."""
Q = TypeVar("Q")

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LONGEST = 40
"""Characters of a wrong value that a refusal repeats."""
_DIGITS = 18
"""A whole number of more digits is wrong whatever the field, and is not read."""


@dataclass(frozen=True, slots=True)
class About:
    """What a field means, and its limits."""

    text: str
    """A sentence; names of other fields stand in braces."""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    """The value is greater than this one."""
    below: float | None = None
    """The value is less than this one."""

    def admits(self, value: float) -> bool:
        """Whether the value is within the limits. What is no number at all (NaN) is not."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    @property
    def limits(self) -> str:
        """The limits in words."""
        words = (("at least", self.least), ("above", self.above), ("at most", self.most), ("below", self.below))
        return " and ".join(f"{word} {limit:,.10g}" for word, limit in words if limit is not None)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a question or of an answer."""

    name: str
    kind: type
    """float, int, bool or str; of a field that may be given several times, the type of each value."""
    about: About
    default: Any = None
    required: bool = False
    optional: bool = False
    """None is a value of it: it may be left out, and nothing stands in for it."""
    many: bool = False
    """It may be given several times, and its value is a tuple."""

    @property
    def unit(self) -> str | None:
        """`days` or `hours` of a length of time, which the name says; None for all other fields."""
        last = self.name.rpartition("_")[2]
        return last if self.kind is float and last in {"days", "hours"} and last != self.name else None


class Refused(ValueError):
    """A question that has no answer. `sentence` says what to do; the names of its `fields` stand in braces."""

    def __init__(self, sentence: str, *names: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = names

    def told(self, naming: Naming) -> str:
        """The sentence with the names that the face knows."""
        return tell(self.sentence, self.fields, naming)


def tell(sentence: str, names: Sequence[str], naming: Naming) -> str:
    """The sentence with the face's names in place of those in braces."""
    for name in names:
        sentence = sentence.replace(f"{{{name}}}", naming(name))
    return sentence


def fields_of(kind: type) -> tuple[Field, ...]:
    """The fields of a question's or an answer's class, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_field(one.name, hints[one.name], one.default) for one in fields(kind))


def _field(name: str, hint: Any, default: Any) -> Field:
    bare, about = get_args(hint)
    kinds = [one for one in get_args(bare) if one is not type(None)] if _is_union(bare) else [bare]
    many = get_origin(kinds[0]) is tuple
    kind = get_args(kinds[0])[0] if many else get_origin(kinds[0]) or kinds[0]
    required = default is MISSING
    return Field(name, kind, about, None if required else default, required, _is_union(bare), many)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in {Union, UnionType}


def written(value: Any) -> dict[str, Any]:
    """A question or an answer as a JSON object, its names in camelCase."""
    return {camel(name): of for name, of in asdict(value).items()}


def camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)


def read(question: type[Q], given: Mapping[str, Sequence[str]], naming: Naming) -> Q:
    """The question that these texts ask. `given`: the texts of each field, by the face's name of it.

    Raises:
        Refused: a field is not known, is missing, is given too often, or is out of its limits.
    """
    known = {naming(one.name): one for one in fields_of(question)}
    for name in given:
        if name not in known:
            raise Refused(f"{name!r} is not known here: say one of {', '.join(sorted(known))}")
    return question(**{one.name: value for name, one in known.items() for value in _values(one, given.get(name, ()))})


def _values(field: Field, texts: Sequence[str]) -> Iterator[Any]:
    """The field's value; none when its default is to stand."""
    if not texts:
        if field.required:
            raise Refused(f"{{{field.name}}} is missing: {field.about.text}", field.name)
        return
    if field.many:
        yield tuple(_value(field, text) for text in texts)
        return
    if len(texts) > 1:
        raise Refused(f"{{{field.name}}} may be given once", field.name)
    yield _value(field, texts[0])


def _value(field: Field, text: str) -> Any:
    value = _parse(field.kind, text)
    if value is None or not field.about.admits(value):
        raise Refused(f"{{{field.name}}} must be {_wanted(field)}, and is {_shown(text)}", field.name)
    return value


def _parse(kind: type, text: str) -> float | int | bool | None:
    """The value; None when the text is not of this kind. Python itself would also read `1_000`, ` 1` and `nan`."""
    if kind is bool:
        return _TRUTH.get(text.lower())
    if kind is int:
        return int(text) if _WHOLE.fullmatch(text) and len(text) <= _DIGITS else None
    return float(text) if _NUMBER.fullmatch(text) else None


def _wanted(field: Field) -> str:
    kind = {bool: "true or false", int: "a whole number"}.get(field.kind, "a number")
    kind += f" of {field.unit}" if field.unit else ""
    limits = f" {field.about.limits}" if field.about.limits else ""
    return f"{kind}{limits}{', or left out' if field.optional else ''}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
