"""The core speaks of no carrier: a second one is an adapter, a face and its name in `api/carrier_account.py`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ringfleet
from ringfleet.carriers.registry import PROVIDERS

ROOT = Path(ringfleet.__file__).parent
CORE = ("api", "model", "plan", "objects", "kube", "controllers", "dispatch", "dryrun", "handlers", "settings.py")
SAYS_WHICH_PROVIDERS_THERE_ARE = ROOT / "api" / "carrier_account.py"
CARRIERS_OWN = ("cart", "checkout", *PROVIDERS)
"""Words of one carrier's API, and the names of all."""


@pytest.mark.parametrize("word", CARRIERS_OWN)
def test_no_word_of_a_carrier_is_in_the_core(word: str) -> None:
    told = [str(path.relative_to(ROOT)) for path in _sources() if _says(path, word)]
    assert told == []


def _sources() -> list[Path]:
    found = [
        path for part in CORE for path in ((ROOT / part).rglob("*.py") if (ROOT / part).is_dir() else [ROOT / part])
    ]
    assert len(found) > 100, "the core has moved"
    return [path for path in found if path != SAYS_WHICH_PROVIDERS_THERE_ARE]


def _says(path: Path, word: str) -> bool:
    """As a word of its own or a part of a name, such as `cart_lease` or `WaitingForCart`; a carrier's name anywhere."""
    text = path.read_text()
    if word in PROVIDERS:
        return word.lower() in text.lower()
    return word in {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)}
