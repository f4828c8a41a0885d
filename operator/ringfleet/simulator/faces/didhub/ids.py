"""How the DIDHub face writes ids (`num_00000042`) and times."""

from __future__ import annotations

import re
from typing import overload

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import not_found
from ringfleet.simulator.http.pipeline import Asked
from ringfleet.simulator.store import LARGEST_ID


@overload
def format_id(kind: str, id_: int) -> str: ...
@overload
def format_id(kind: str, id_: None) -> None: ...
@overload
def format_id(kind: str, id_: int | None) -> str | None: ...
def format_id(kind: str, id_: int | None) -> str | None:
    return None if id_ is None else f"{kind}_{id_:08d}"


def parse_id(kind: str, text: str) -> int:
    """0, which nothing has, when it is no id of this kind."""
    prefix, _, digits = text.partition("_")
    id_ = int(digits) if prefix == kind and re.fullmatch("[0-9]{1,30}", digits) else 0
    return id_ if id_ <= LARGEST_ID else 0


def read_id(kind: str, asked: Asked) -> int:
    """The id in the path. Refused when it is none of this kind."""
    id_ = parse_id(kind, asked.path["id"])
    if not id_:
        raise not_found("object", f"with the id {asked.path['id']}")
    return id_


def write_time(at: float | None) -> str | None:
    return None if at is None else format_time(at)
