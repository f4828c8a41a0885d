"""How many examples a property is tried with: all that its test or folder asks for, or the same share of each.

`make test` tries all. `make test-fast` tries a part, which `RINGFLEET_TEST_EXAMPLES` says as a share (0.1: a tenth):
most mistakes that a property finds, it finds among the first. Which examples these are is derandomized in both: the
same each time.

Whoever sets `max_examples` asks here: tests/test_examples.py looks.
"""

from __future__ import annotations

import os

ENVIRONMENT = "RINGFLEET_TEST_EXAMPLES"
FEWEST = 10
"""Fewer than this say too little."""


def examples(whole: int, fewest: int = FEWEST) -> int:
    """So many of the `whole`; all where it is not more than the `fewest`.

    Raises:
        ValueError: the environment names no share.
    """
    return max(min(fewest, whole), round(whole * share()))


def share() -> float:
    """The part of all examples that is tried, over 0 and up to 1."""
    said = os.environ.get(ENVIRONMENT) or "1"
    try:
        part = float(said)
    except ValueError:
        part = 0.0
    if not 0.0 < part <= 1.0:
        raise ValueError(f"{ENVIRONMENT} must be a share over 0 and up to 1, such as 0.2, and is {said!r}")
    return part
