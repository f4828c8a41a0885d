"""One control plane for all test workers of a run: started by whoever comes first, stopped when the last has gone.

    worker --(holds the writing end of a fifo open)-->.
    worker --------------------------------------------> holder: reads the fifo, owns the control plane
    worker --------------------------------------------'         end of file: nobody is left

The holder is a process of its own, for the worker that comes first may be the first to go. The kernel closes the ends
of a worker however it ends, so a killed run leaves nothing behind. A lock in the folder keeps coming and going apart.

Who starts the holder opens both ends and hands one on. If the holder opened its end itself, it would wait there for a
partner, and for ever if its worker was killed meanwhile
(test_a_worker_that_is_killed_while_it_starts_the_holder_leaves_nothing_behind).
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.controlplane.build import find_programs
from tests.controlplane.failures import NothingToRunOn
from tests.controlplane.plane import ControlPlane, ControlPlaneFailed
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
READY_TIMEOUT_S = 300.0


@contextmanager
def shared_control_plane(run: str) -> Iterator[Path]:
    """Give the kubeconfig of the control plane of this `run` of tests; `run` is the same for all its workers.

    Raises:
        ControlPlaneFailed: it could not be started; the message says why.
    """
    folder = folder_of(run)
    with _locked(folder):
        place = _join(folder) or _start(folder)
    try:
        wait_until(lambda: _said(folder, place), "the shared control plane to start", timeout=READY_TIMEOUT_S)
        if (folder / "failed").exists():
            raise ControlPlaneFailed((folder / "failed").read_text())
        yield Path((folder / "kubeconfig").read_text())
    finally:
        os.close(place)


def folder_of(run: str) -> Path:
    """Where the workers of a run meet; gone when the last has left."""
    return Path(tempfile.gettempdir()) / f"ringfleet-shared-{run}"


def _join(folder: Path) -> int | None:
    """Take a place at a holder that runs; None when there is none."""
    try:
        return os.open(folder / "users", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def _start(folder: Path) -> int:
    """Start the holder, and be the first at it."""
    for left in ("users", "kubeconfig", "failed"):
        (folder / left).unlink(missing_ok=True)
    os.mkfifo(folder / "users", 0o600)
    users = os.open(folder / "users", os.O_RDONLY | os.O_NONBLOCK)
    try:
        place = os.open(folder / "users", os.O_WRONLY)
        _start_holder(folder, users)
    finally:
        os.close(users)
    return place


def _start_holder(folder: Path, users: int) -> None:
    with (folder / "log").open("a") as log:
        subprocess.Popen(
            [sys.executable, "-m", "tests.controlplane.shared", str(folder), str(users)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            pass_fds=(users,),
            start_new_session=True,
        )


def _said(folder: Path, place: int) -> bool:
    if (folder / "kubeconfig").exists() or (folder / "failed").exists():
        return True
    if not _is_held(place):
        raise ControlPlaneFailed(_last_words(folder))
    return False


def _is_held(place: int) -> bool:
    """Whether the holder still has the other end."""
    poll = select.poll()
    poll.register(place, 0)
    return not poll.poll(0)  # only what nobody needs to ask for: an error, once there is no reader any more


def _last_words(folder: Path, lines: int = 15) -> str:
    log = folder / "log"
    said = "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
    return f"the holder of the shared control plane has ended: {said}"


def hold(folder: Path, users: int) -> None:
    """The holder: keep a control plane until nobody is left. `users` is the fifo, to read."""
    os.set_blocking(users, True)
    try:
        with ControlPlane(find_programs()) as plane:
            _say(folder / "kubeconfig", str(plane.kubeconfig))
            _wait_until_left(folder, users)
    except (NothingToRunOn, OSError) as error:
        _say(folder / "failed", str(error))
        _wait_until_left(folder, users)


def _wait_until_left(folder: Path, users: int) -> None:
    """Return when nobody is left, and the folder is gone: who comes now starts another holder."""
    left = False
    while not left:
        os.read(users, 1)  # nobody writes: it returns when the last has gone
        with _locked(folder):
            if left := _is_left(users):
                shutil.rmtree(folder)


def _is_left(users: int) -> bool:
    os.set_blocking(users, False)
    try:
        return os.read(users, 1) == b""
    except BlockingIOError:  # somebody has come meanwhile
        return False
    finally:
        os.set_blocking(users, True)


def _say(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.rename(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made anew when a holder has removed it while we waited for it."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (folder / "lock").exists():
                yield
                return


if __name__ == "__main__":
    hold(Path(sys.argv[1]), int(sys.argv[2]))
