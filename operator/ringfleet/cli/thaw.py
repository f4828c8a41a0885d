"""`ringfleet thaw`, which is told with `ringfleet freeze`: see `cli/freeze.py`."""

from __future__ import annotations

from ringfleet.cli.freeze import thaw

__all__ = ["thaw"]
