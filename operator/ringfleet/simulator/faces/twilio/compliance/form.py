"""A form that is read field by field, and never quoted: what comes in is personal data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ringfleet.simulator.fields import BadField


class Form:
    """A form that is read field by field, and never quoted."""

    def __init__(self, body: object) -> None:
        self._body: Mapping[str, Any] = body if isinstance(body, Mapping) else {}

    def text(self, field: str, *, required: bool = True) -> str:
        value = self._body.get(field)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or (required and field != "Region" and not value):
            raise BadField(field, "is required")
        return value

    def attributes(self) -> dict[str, Any]:
        try:
            told = json.loads(self._body.get("Attributes") or "{}")
        except ValueError:
            raise BadField("Attributes", "is no JSON") from None
        if not isinstance(told, dict):
            raise BadField("Attributes", "is no JSON object")
        return told

    def file(self) -> tuple[bytes, str | None]:
        return self._body.get("File", b""), self._body.get("File type")
