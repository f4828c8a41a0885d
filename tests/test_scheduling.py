"""What the tests' own order names is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scheduling import DEAR, ON_POSTGRES

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("place", [*DEAR, *ON_POSTGRES])
def test_what_is_begun_first_is_there(place: str) -> None:
    assert (ROOT / place).exists()
