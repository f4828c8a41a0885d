"""A word of a status that only a newer version knows, as after a downgrade, makes no object unreadable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from ringfleet.api import KINDS
from ringfleet.api.meta import Resource
from tests.api.manifests import (
    a_bundle,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_quota,
    a_service,
    a_set,
    an_account,
    an_order,
)
from tests.api.schemas import schema_of

ONE_OF_EACH = (
    an_account(),
    a_profile(),
    a_bundle(),
    a_pool(),
    an_order(),
    a_number(),
    a_claim(),
    a_quota(),
    a_set(),
    a_service(),
)
NEWER = "OfANewerVersion"
OF_KUBERNETES = "conditions"
"""Its words are those of Kubernetes itself."""


def statuses(kind: type[Resource]) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each field of the kind's status that takes one of some words: where it is, and a status with another one."""
    for at, value in _with_another_word(schema_of(kind)["properties"]["status"]):
        if not at.startswith(f".{OF_KUBERNETES}"):
            yield at, value


def _with_another_word(schema: dict[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    if "enum" in schema:
        yield at, NEWER
    for name, inner in schema.get("properties", {}).items():
        for where, value in _with_another_word(inner, f"{at}.{name}"):
            yield where, {**_least(schema), name: value}
    if "items" in schema:
        for where, value in _with_another_word(schema["items"], f"{at}[]"):
            yield where, [value]


def _least(schema: dict[str, Any]) -> Any:
    """The least that the schema takes."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        inner = schema.get("properties", {})
        return {name: _least(inner[name]) for name in schema.get("required", ())}
    if schema["type"] == "string":
        return "2026-11-01T12:00:00Z" if schema.get("format") == "date-time" else "1"
    return {"array": [], "boolean": False}.get(schema["type"], schema.get("minimum", 1))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_object_with_a_word_of_a_newer_version_in_its_status_is_read(kind: type[Resource]) -> None:
    made = next(one for one in ONE_OF_EACH if one["kind"] == kind.__name__)
    unread = {at: why for at, status in statuses(kind) if (why := _why_unread(kind, {**made, "status": status}))}
    assert unread == {}


def test_there_are_such_words() -> None:
    assert len([at for kind in KINDS for at, _ in statuses(kind)]) > len(KINDS)


def _why_unread(kind: type[Resource], obj: dict[str, Any]) -> str | None:
    try:
        kind.parse(obj)
    except ValidationError as error:
        return str(error)
    return None
