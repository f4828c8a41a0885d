"""Imported by the fork server (`tests/programs.py`): every model of our kinds is built, as a program does at first use.

Else each process that is forked would build them again.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfleet.api.meta import Part


def _below(model: type[Part]) -> Iterator[type[Part]]:
    for one in model.__subclasses__():
        yield one
        yield from _below(one)


for _model in _below(Part):
    _model.model_rebuild()
