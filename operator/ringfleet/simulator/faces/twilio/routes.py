"""The Twilio face, put together."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ringfleet.simulator.faces.twilio import (
    account,
    available,
    compliance,
    history,
    numbers,
    streams,
    targets,
    trust,
    webhooks,
    wire,
)
from ringfleet.simulator.faces.twilio.streams import kept, told
from ringfleet.simulator.http.pipeline import Face

TWILIO: Final = Face(
    name=webhooks.NAME,
    routes=(
        *account.ROUTES,
        *available.ROUTES,
        *numbers.ROUTES,
        *history.ROUTES,
        *targets.ROUTES,
        *trust.ROUTES,
        *streams.ROUTES,
        *compliance.ROUTES,
    ),
    statuses=wire.STATUSES,
    token_of=wire.token_of,
    decode=wire.decode,
    error=wire.say_no,
    notify=webhooks.notify,
    repeats=False,
    acts_for=account.acts_for,
)
STREAMS: Final = replace(TWILIO, name=kept.NAME, routes=(), notify=told.notify, repeats=True)
"""The same without a path of its own: what sinks are told is told again."""
