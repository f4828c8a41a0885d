"""`python -m tests.soak.operator ...`: the operator as it is, on a clock that is ahead by SOAK_AHEAD seconds.

What is moved is the clock that its services are built with. Delays stay real: a day passes while no operator runs, and
the next one finds what is due.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import partial

from ringfleet.cli.main import main
from ringfleet.controllers.runtime import build_services
from ringfleet.handlers import operator

AHEAD = "SOAK_AHEAD"


def moved_clock(ahead: timedelta) -> datetime:
    return datetime.now(UTC) + ahead


if __name__ == "__main__":
    ahead = timedelta(seconds=float(os.environ[AHEAD]))
    operator.build_services = partial(build_services, clock=partial(moved_clock, ahead))
    main(prog_name="ringfleet")
