"""The cache of built programs: a folder for each build, of which the last two are kept.

    <fingerprint>/<program>   a finished program; it came by a rename
    <fingerprint>/in-use      held, shared, by each process that was given a program of this folder, until it ends
    <fingerprint>/lock        held, alone, by the process that builds into it
    <fingerprint>/build-*     what is being built

Two files, because whoever builds a program that is missing has not to wait for those who use the others. A folder is
removed only by who holds both alone: not even kubectl, which a test starts again and again, is ever taken away from
under a test. The kernel lets go of both when their process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

KEPT = 2
FINGERPRINT = re.compile(r"[0-9a-f]{16}")
IN_USE = "in-use"
LOCK = "lock"
SCRATCH = "build-"

_held: dict[Path, int] = {}  # this process's open files, kept open until it ends


def hold(folder: Path) -> None:
    """Make `folder` when it is not there, and see to it that no other process removes it while this one lives."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):  # a cache that somebody else fills, such as an image's
        return
    if folder not in _held or not _is_there(folder / IN_USE, _held[folder]):
        _held[folder] = _hold(folder)
    os.utime(folder)  # what was used last is removed last


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Hold the folder for the time of a build, and give an empty folder to build in; waits for another builder."""
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Waiting for another build of the control plane to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{SCRATCH}*"):  # by a builder that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH, ignore_cleanup_errors=True) as scratch:
            yield Path(scratch)


def prune(current: Path, names: tuple[str, ...]) -> list[Path]:
    """Remove the builds beside `current` that are not among the last two, unless somebody uses them or builds there.

    A folder without any program of `names`, left by an interrupted build, is no build and goes at once: what was
    compiled for it is in Go's cache.
    """
    others = [folder for folder in current.parent.iterdir() if FINGERPRINT.fullmatch(folder.name) and folder != current]
    builds = [folder for folder in others if any((folder / name).exists() for name in names)]
    kept = sorted(builds, key=_last_used, reverse=True)[: KEPT - 1]
    return [folder for folder in others if folder not in kept and _remove(folder)]


def _hold(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # somebody removed the folder after we made it
            held = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(held, fcntl.LOCK_SH)
            if _is_there(folder / IN_USE, held):
                return held
            os.close(held)


def _is_there(path: Path, opened: int) -> bool:
    """Whether the open file is still the one of that name: who waited for a lock may hold that of a removed file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False


def _last_used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # somebody else removes it at this moment
        return 0.0


def _remove(folder: Path) -> bool:
    with ExitStack() as held:
        for name in (LOCK, IN_USE):
            try:
                lock = held.enter_context((folder / name).open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # it is used, or is being removed by another, or is not ours
                return False
        shutil.rmtree(folder, ignore_errors=True)
    return True
