"""Two carriers with different prices, for stories about which of them is ordered from."""

from __future__ import annotations

from tests.cluster.stage import Stage, an_account_at

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100, "concurrency": 8}}
CHEAP_AT_TELNYX = {"country": "US", "type": "geographic", "area_code": "415", "monthly_price": "1.00"}
"""Twilio has one price for all area codes of a country, that of the dearest."""


def account(stage: Stage, provider: str) -> None:
    """An account of its own at the simulator, by the provider's face and name."""
    name = provider.lower()
    stage.simulator.control("POST", "accounts", {"token": f"{name}-secret", "id": name, "balance": "100.00"})
    stage.apply(*an_account_at(provider, stage.simulator.url, name, f"{name}-secret", name, **OFTEN))
