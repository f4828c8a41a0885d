"""What stands behind the question mark of a request, read as numbers."""

from __future__ import annotations

from starlette.requests import Request

from ringfleet.dispatch.problems import Problem


def read_limit(request: Request) -> int:
    """The most items to list. Raises Problem."""
    return read_number(request, "limit", 1, 1000, 100)


def read_number(request: Request, name: str, least: int, most: int, default: int) -> int:
    """Raises Problem: it is no number from `least` to `most`."""
    said = request.query_params.get(name, str(default))
    if not said.isascii() or not said.isdigit() or len(said) > len(str(most)) or not least <= int(said) <= most:
        raise Problem("malformed-request", f"Say {name} as a number from {least} to {most}.")
    return int(said)
