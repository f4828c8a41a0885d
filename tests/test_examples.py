"""Every property is tried as hard as the run is told to, and `make test` tries each with all that it asks for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.examples import ENVIRONMENT, examples

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("said", "tried"),
    [(None, 300), ("", 300), ("1", 300), ("0.2", 60), ("0.001", 10)],
    ids=["unsaid", "empty", "all", "a fifth", "too few"],
)
def test_a_share_is_taken_of_each_number_of_examples(
    said: str | None, tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said is None:
        monkeypatch.delenv(ENVIRONMENT, raising=False)
    else:
        monkeypatch.setenv(ENVIRONMENT, said)
    assert examples(300) == tried
    assert examples(4) == 4
    assert examples(4, fewest=1) == (1 if tried < 300 else 4)


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "nan", "a fifth"])
def test_what_is_no_share_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, said)
    with pytest.raises(ValueError, match=ENVIRONMENT):
        examples(300)


def test_no_test_says_a_number_of_examples_that_is_not_asked_for() -> None:
    said = {
        f"{path.relative_to(ROOT)}: {ast.unparse(value)}"
        for path in (ROOT / "tests").rglob("*.py")
        for value in _numbers_of_examples(path)
    }
    assert said
    assert [one for one in sorted(said) if not re.fullmatch(r"\S+: examples\([\d_]+\)", one)] == []


def _numbers_of_examples(path: Path) -> Iterator[ast.expr]:
    source = path.read_text()
    if "max_examples" in source:
        keywords = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.keyword))
        yield from (keyword.value for keyword in keywords if keyword.arg == "max_examples")


def test_what_a_property_asks_for_where_it_says_nothing_is_shared_too() -> None:
    assert settings.get_profile("ringfleet").max_examples == examples(100)
    assert settings.get_profile("ringfleet").derandomize


def test_only_the_fast_tier_tries_a_part() -> None:
    recipes = re.findall(r"^(\S+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [target for target, recipe in recipes if ENVIRONMENT in recipe] == ["test-fast"]
