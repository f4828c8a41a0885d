"""Which wire faces there are: the list that a new one is added to. Each answers at its own paths, for all accounts."""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.faces.didhub.routes import DIDHUB
from ringfleet.simulator.faces.telnyx.routes import TELNYX
from ringfleet.simulator.faces.twilio.routes import STREAMS, TWILIO
from ringfleet.simulator.http.pipeline import Face

FACES: Final[tuple[Face, ...]] = (DIDHUB, TWILIO, STREAMS, TELNYX)
"""The first is the one that the control endpoint makes webhooks at, unless it is told another."""
