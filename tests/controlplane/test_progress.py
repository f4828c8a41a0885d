"""What is said of how far a build is."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.controlplane.progress import FIRST, LINK, Progress, Stand, bar, describe


@pytest.mark.parametrize(
    ("stand", "elapsed", "remaining"),
    [
        (Stand(packages=1000, before=0, programs=0), 0.0, None),  # nothing was compiled: no rate
        (Stand(packages=1000, before=0, compiled=FIRST - 1), 9.0, None),  # too few
        (Stand(packages=1000, before=0, compiled=250), 50.0, 150.0),
        (Stand(packages=1000, before=500, compiled=250), 50.0, 50.0),  # an earlier build's packages took no time today
        (Stand(packages=1000, before=0, compiled=1000), 200.0, 0.0),
        (Stand(packages=1000, before=1000, programs=2), 1.0, None),
        (Stand(packages=1000, before=1000, programs=2, linked=1), 12.0, 12.0),  # only links are left
        (Stand(packages=100 + LINK, before=0, compiled=100, programs=1), 10.0, 10.0 * 2 * LINK / 100),
    ],
)
def test_the_time_that_is_left_follows_from_what_this_build_has_done(
    stand: Stand, elapsed: float, remaining: float | None
) -> None:
    assert stand.remaining_s(elapsed) == (None if remaining is None else pytest.approx(remaining))


@pytest.mark.parametrize(
    ("stand", "elapsed", "said"),
    [
        (Stand(packages=2715, before=0), 1.0, "0 of 2715 packages"),
        (Stand(packages=2000, before=1000, compiled=500), 125.0, "1500 of 2000 packages, about 3 min left"),
        (Stand(packages=2000, before=1000, compiled=500), 120.0, "1500 of 2000 packages, about 2 min left"),
        (Stand(packages=2000, before=1000, compiled=500), 59.0, "1500 of 2000 packages, less than a minute left"),
    ],
)
def test_a_line_counts_what_is_compiled_already_as_done(stand: Stand, elapsed: float, said: str) -> None:
    assert describe(stand, elapsed) == said


@pytest.mark.parametrize(
    ("done", "total", "drawn"),
    [(0, 0, "[....]"), (0, 8, "[....]"), (7, 8, "[###.]"), (8, 8, "[####]")],
)
def test_a_bar_is_full_only_when_all_is_done(done: int, total: int, drawn: str) -> None:
    assert bar(done, total, width=4) == drawn


def test_off_a_terminal_each_line_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("Building x", clock=lambda: 75.0) as progress:
        progress.say("fetching")
        progress.count(packages=10, before=8, programs=1)
        progress.say("x")
        progress.package("b")
    assert capsys.readouterr().out.splitlines() == [
        "Building x",
        "  0:00  fetching",
        "  0:00  8 of 10 packages: x",
        "  0:00  compiled 1 packages",
    ]


def test_an_interrupted_build_says_how_much_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(KeyboardInterrupt), Progress("Building x") as progress:
        progress.count(packages=10, before=2, programs=1)
        progress.package("b")
        raise KeyboardInterrupt
    assert "interrupted with 7 packages left" in capsys.readouterr().out.splitlines()[-1]
