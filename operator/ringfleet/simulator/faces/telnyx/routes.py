"""The Telnyx face, put together."""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.faces.telnyx import (
    account,
    campaigns,
    compliance,
    history,
    numbers,
    orders,
    search,
    targets,
    webhooks,
    wire,
)
from ringfleet.simulator.http.pipeline import Face

TELNYX: Final = Face(
    name=webhooks.NAME,
    routes=(
        *account.ROUTES,
        *search.ROUTES,
        *compliance.ROUTES,
        *orders.ROUTES,
        *numbers.ROUTES,
        *history.ROUTES,
        *targets.ROUTES,
        *campaigns.ROUTES,
    ),
    statuses=wire.STATUSES,
    token_of=wire.token_of,
    decode=wire.decode,
    error=wire.say_no,
    notify=webhooks.notify,
)
