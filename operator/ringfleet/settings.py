"""The operator's settings: environment and command line in, one frozen value out, read once at start-up."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How one operator process runs. Every field is also read from `RINGFLEET_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="RINGFLEET_", frozen=True)

    namespaces: tuple[str, ...] = ()
    """The namespaces to serve; empty means all of them."""

    installation: str | None = None
    """The id that marks our numbers at the carriers; by default the uid of the namespace kube-system, shortened."""

    identity: str = Field(default_factory=socket.gethostname)
    """Who holds a lease: stable across restarts of one replica (the pod's name), unique among replicas."""

    kubeconfig: Path | None = None
    context: str | None = None
    workers: int = Field(default=24, ge=1)
    """How many accounts, pools, orders and profiles are reconciled at the same time."""

    number_workers: int = Field(default=32, ge=1)
    """How many numbers are."""

    health_port: int = Field(default=8080, ge=0, le=65535)
    health_host: str = "127.0.0.1"
    relist: timedelta = timedelta(minutes=5)
    """How often the intents are listed anew, because a watch may miss a deletion."""

    cart_lease: timedelta = timedelta(seconds=30)
    """How long a silent operator keeps an account's cart before another may take it."""

    stale_after: timedelta = timedelta(minutes=5)
    """Liveness fails when no event and no bookmark has come for this long."""

    log_format: str = Field(default="json", pattern="^(json|console)$")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
