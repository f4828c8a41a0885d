"""Which test goes to which worker: stories each as one is free, all else a module at a time.

A story takes seconds, so that the workers end together only if stories are given out one by one. Of all other tests
there are thousands that take milliseconds: a module at a time spares the controller half of its work, and what a
module has made that is dear, such as simulated worlds, is made once.

pytest-xdist's `loadgroup` would do, by a mark; it has no effect under pytest 9, which keeps the id of a test elsewhere.
"""

from __future__ import annotations

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

STORIES = ("tests/cluster/", "tests/chaos/")


class Scheduling(LoadScopeScheduling):
    """See the module. The order in which tests were collected is kept: the longest go first (tests/conftest.py)."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False  # by the number of tests, which would put stories last
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(STORIES) else nodeid.partition("::")[0]
