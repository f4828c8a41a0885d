"""Which test goes to which worker: each as one is free, but for modules whose tests share what is dear to make.

pytest-xdist's `loadgroup` would do, by a mark; it has no effect under pytest 9, which keeps the id of a test elsewhere.
"""

from __future__ import annotations

from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER = ("tests/plan/number_pool/test_forecast.py",)
"""The worlds that were simulated are kept in the process, and asked about by several tests."""


class Scheduling(LoadScopeScheduling):
    """Gives tests out one by one, and the modules of `TOGETHER` as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in TOGETHER else nodeid
