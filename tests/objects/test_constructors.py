"""A status is built by its constructor, which knows its fields: a misspelt key of `model_copy` is lost silently."""

from __future__ import annotations

from pathlib import Path

import ringfleet

BY_KEY = {"api/meta.py": 2, "objects/compliance_bundle.py": 1}
"""Where objects are copied by key, and how often: two lines that every kind uses, and a filing's two counts."""


def test_no_status_is_copied_by_key() -> None:
    house = Path(ringfleet.__file__).parent
    found = {str(file.relative_to(house)): file.read_text().count("model_copy(update=") for file in house.rglob("*.py")}
    assert {file: count for file, count in found.items() if count} == BY_KEY
