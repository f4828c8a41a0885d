"""How a program that runs for long loads its modules: once, and without the garbage collector."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Import in the body what stays for life.

    The collector would walk through all of it again and again, now (a tenth of the time that loading takes) and later,
    to find next to nothing: under 1 MB, which is kept. Nor does pydantic look for plugins: it would read the metadata
    of every package that is installed, and there are none for us.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
