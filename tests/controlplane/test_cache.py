"""The last two builds are kept, and nothing that is used is taken away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.controlplane.cache import IN_USE, LOCK, building, hold, prune

ROOT = Path(__file__).parent.parent.parent
NAMES = ("etcd", "kubectl")
HOLDER = """
import sys
from pathlib import Path
from tests.controlplane.cache import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def a_build(root: Path, number: int, program: str = "kubectl") -> Path:
    """The build of this number: the higher, the later it was used."""
    folder = root / f"{number:016x}"
    folder.mkdir()
    for name in (program, LOCK, IN_USE):
        (folder / name).touch()
    os.utime(folder, (number, number))
    return folder


@contextmanager
def another_process_that_uses(folder: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        yield


def left(root: Path) -> list[str]:
    return sorted(folder.name.lstrip("0") for folder in root.iterdir())


def test_the_last_two_builds_stay(tmp_path: Path) -> None:
    builds = [a_build(tmp_path, number) for number in range(1, 6)]
    assert sorted(prune(builds[2], NAMES)) == [builds[0], builds[1], builds[3]]
    assert left(tmp_path) == ["3", "5"]


def test_what_is_no_build_of_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "go-1.26.6").mkdir()
    (tmp_path / "notes").touch()
    prune(a_build(tmp_path, 1), NAMES)
    assert left(tmp_path) == ["1", "go-1.26.6", "notes"]


def test_a_folder_without_a_finished_program_is_no_build(tmp_path: Path) -> None:
    a_build(tmp_path, 1)
    a_build(tmp_path, 2, program="notes")
    prune(a_build(tmp_path, 3), NAMES)
    assert left(tmp_path) == ["1", "3"]


def test_a_build_that_another_process_uses_stays_until_that_ends(tmp_path: Path) -> None:
    builds = [a_build(tmp_path, number) for number in range(1, 4)]
    with another_process_that_uses(builds[0]):
        os.utime(builds[0], (1, 1))
        assert prune(builds[2], NAMES) == []
        assert (builds[0] / "kubectl").exists()
    assert prune(builds[2], NAMES) == [builds[0]]


def test_a_folder_in_which_somebody_builds_stays(tmp_path: Path) -> None:
    builds = [a_build(tmp_path, number) for number in range(1, 4)]
    with building(builds[0]):
        os.utime(builds[0], (1, 1))
        assert prune(builds[2], NAMES) == []
    os.utime(builds[0], (1, 1))
    assert prune(builds[2], NAMES) == [builds[0]]


def test_a_build_that_is_used_again_outlives_those_that_are_not(tmp_path: Path) -> None:
    builds = [a_build(tmp_path, number) for number in range(1, 5)]
    with another_process_that_uses(builds[0]):
        pass
    prune(builds[3], NAMES)
    assert left(tmp_path) == ["1", "4"]


def test_a_folder_that_was_removed_is_made_and_held_anew(tmp_path: Path) -> None:
    folder = a_build(tmp_path, 1)
    hold(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    hold(folder)
    newer = [a_build(tmp_path, number) for number in (2, 3)]
    (folder / "kubectl").touch()
    os.utime(folder, (1, 1))
    assert prune(newer[1], NAMES) == []


def test_a_builder_removes_what_a_killed_one_has_left(tmp_path: Path) -> None:
    left_over = tmp_path / "build-killed"
    left_over.mkdir()
    with building(tmp_path) as scratch:
        assert not left_over.exists()
        assert list(scratch.iterdir()) == []
    assert left(tmp_path) == ["lock"]
