"""Reading a JSON object field by field, at every door of the simulator: requests, fault files, stock files.

Each reader returns a value of its type or raises `BadField`, which says which field, what was there, what may be. A
field that is absent or null is `None`; `required` turns that into an error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ringfleet.simulator.money import parse_cents


class BadField(ValueError):
    """The message names the field and what it may be, in one line."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")


class Fields:
    """`known` are the only fields allowed; without it, others are ignored, as carriers do."""

    def __init__(self, content: object, what: str, known: Collection[str] | None = None) -> None:
        if not isinstance(content, Mapping):
            raise BadField(what, f"is an object, not {content!r}")
        unknown = sorted(set(content) - set(known)) if known is not None else []
        if unknown:
            raise BadField(unknown[0], f"is not a field of {what}; the fields are {', '.join(sorted(known or ()))}")
        self.content: Mapping[str, Any] = content

    def __contains__(self, field: str) -> bool:
        return field in self.content

    def any(self, field: str) -> Any:
        return self.content.get(field)

    def required_text(self, field: str) -> str:
        text = self.text(field)
        if not text:
            raise BadField(field, "is required, and is a string")
        return text

    def text(self, field: str) -> str | None:
        value = self.any(field)
        if value is not None and not isinstance(value, str):
            raise BadField(field, f"{value!r} is not a string")
        return value

    def choice(self, field: str, choices: Sequence[str]) -> str | None:
        text = self.text(field)
        if text is not None and text not in choices:
            raise BadField(field, f"{text!r} is not one of {', '.join(choices)}")
        return text

    def required_choice(self, field: str, choices: Sequence[str]) -> str:
        return self.choice(field, choices) or self.required_text(field)

    def texts(self, field: str) -> tuple[str, ...] | None:
        value = self.any(field)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise BadField(field, f"{value!r} is not a list of strings")
        return tuple(value)

    def flag(self, field: str) -> bool | None:
        value = self.any(field)
        if value is not None and not isinstance(value, bool):
            raise BadField(field, f"{value!r} is not true or false")
        return value

    def integer(self, field: str, least: int, most: int) -> int | None:
        """An integer, or a string of digits (as query parameters are)."""
        value = self.any(field)
        if value is None:
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadField(field, f"{value!r} is not a whole number from {least} to {most}")
        return value

    def number(self, field: str, most: float = float("inf")) -> float | None:
        value = self.any(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise BadField(
                field, f"{value!r} is not a number from 0" + (f" to {most:g}" if most < float("inf") else "")
            )
        return float(value)

    def cents(self, field: str) -> int | None:
        text = self.text(field)
        try:
            return None if text is None else parse_cents(text)
        except ValueError as error:
            raise BadField(field, str(error)) from error

    def object(self, field: str) -> Fields:
        return Fields(self.any(field), field)
