"""How a program that runs for long loads its modules: once, and without the garbage collector."""

from __future__ import annotations

import gc
import os
import sys
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


@contextmanager
def without(package: str) -> Iterator[None]:
    """Import in the body what uses `package` where it is there, and can do without: it finds none, unless it is loaded.

    https://docs.python.org/3/reference/import.html#the-module-cache
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # the documented mark of what can't be imported
    try:
        yield
    finally:
        del sys.modules[package]
