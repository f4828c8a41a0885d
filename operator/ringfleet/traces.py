"""What may be told of an error that nobody has foreseen: its class, and the way that it took through the house.

Its message is left out. It is not ours, and may quote whatever was in hand: pydantic's and the API server's quote whole
objects, an end user's name and address with them. What our own errors say is written for people, and is told elsewhere.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from pydantic import ValidationError

_HOUSE = Path(__file__).parent


class Way(TypedDict):
    """The fields of a log line."""

    error: str
    """The error's class, and those of the errors that it came from: `ValueError from KeyError`."""
    way: list[str]
    """The places that it went through, the innermost last: `kube/store.py:137 learn`."""


def way(error: BaseException) -> Way:
    """What may be told of `error`, as the fields of a log line."""
    return Way(
        error=" from ".join(map(_name, _chain(error))),
        way=[f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in _frames(error)],
    )


def place(error: BaseException) -> str:
    """Where in the house the error came up, such as `controllers/number_pool.py:80`; empty if it was outside."""
    ours = [frame for frame in _frames(error) if Path(frame.filename).is_relative_to(_HOUSE)]
    return f"{_short(ours[-1].filename)}:{ours[-1].lineno}" if ours else ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _name(error: BaseException) -> str:
    """Its class; and of one of pydantic's, the fields that it is about."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    places = [".".join(map(str, one["loc"])) for one in error.errors(include_url=False, include_input=False)]
    return f"ValidationError at {', '.join(sorted(set(places)))}"


def _frames(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__)


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_HOUSE)) if path.is_relative_to(_HOUSE) else path.name
