"""Large folders in the machine's temporary one: removed by their owner, and by whoever comes next when it was killed.

<prefix><random>/lock    held, alone, by the owner; the kernel lets go of it when the owner ends, however it ends
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

LOCK = "lock"
STALE_AFTER_S = 60.0  # younger folders may not be locked by their owner yet


class OwnFolder:
    """A new folder, ours until `remove`. Those of this prefix whose owner was killed are removed first."""

    def __init__(self, prefix: str) -> None:
        remove_stale(prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._lock = _lock(self.path)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def remove_stale(prefix: str) -> None:
    """Remove the folders of this prefix that nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            if time.time() - folder.stat().st_mtime < STALE_AFTER_S:
                continue
            lock = _lock(folder)
        except OSError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _lock(folder: Path) -> IO[str]:
    """Hold `folder`: the lock ends with the process. Raises OSError when another holds it or it is not ours."""
    lock = (folder / LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock
