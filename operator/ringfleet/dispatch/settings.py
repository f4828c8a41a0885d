"""The dispatcher's settings: environment and command line in, one frozen value out, read once at start-up."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ringfleet.dispatch.listener import Address
from ringfleet.dispatch.public_address import PublicAddress


class DispatchSettings(BaseSettings):
    """How one dispatcher process runs. Every field is also read from `RINGFLEET_DISPATCH_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="RINGFLEET_DISPATCH_", frozen=True)

    ledger: str = "sqlite:ringfleet-ledger.sqlite"
    """`sqlite:PATH`, or the URL of a PostgreSQL database."""

    listen: str = "127.0.0.1:8095"
    """Where picks are answered."""

    events: str = "127.0.0.1:8096"
    """Where carriers' webhooks come in: a listener of its own, so that no public route reaches picks."""

    events_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")] | None = None
    """The base URL by which carriers reach `events`, such as https://events.example.com: what stands before
    /v1/events in the address that they were given. Carriers that sign the URL need it to be right."""

    trust_forwarded: bool = False
    """Without `events_url`: the proxy in front of `events` sets X-Forwarded-Proto and X-Forwarded-Host, and lets
    nobody else's through, so that they tell which URL was called."""

    health: str = "127.0.0.1:8097"
    """Where /healthz, /readyz and /metrics are."""

    advertise: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$")] | None = None
    """Where the other dispatchers of a PostgreSQL ledger reach this one, such as http://10.0.0.7:8095: what it decides
    is forwarded there. None: the address of `listen`, which does for one host."""

    namespaces: tuple[str, ...] = ()
    """The namespaces whose sets are served; empty means all of them."""

    supply_namespaces: tuple[str, ...] = ()
    """The namespaces of the pools, numbers and carrier accounts that those sets draw from; empty means all of them: a
    shared pool is in another namespace than the sets that its numbers are in."""

    system_namespace: str = "ringfleet-system"
    """The namespace of the operator. While a ConfigMap `ringfleet-freeze` is in it, nothing is picked."""

    keys: Path | None = None
    """The folder of the keys by which recipients are hashed: see `recipients`."""

    tls_cert: Path | None = None
    """The certificate chain of all three listeners, PEM; without it they speak plain HTTP. It is read again when it
    changes, as its key is."""

    tls_key: Path | None = None
    """The key of `tls_cert`, PEM."""

    analytics_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/\S*)?$")] | None = None
    """Where each carrier event goes too, as a CloudEvent, such as https://events.example.com/ringfleet: see
    `analytics`. Every dispatcher of one ledger needs the same."""

    analytics_secret: Path | None = None
    """The file of the secret that signs what goes there; it is read anew each time."""

    relay_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that a carrier's request may be passed on to (`CarrierAccount.spec.webhooks.publicURL`) though they are
    not on the internet, such as 10.20.0.0/16: where the programs are whose names mean a private address here. Whoever
    writes a RoutingProfile has the dispatcher call any address in them."""

    kubeconfig: Path | None = None
    context: str | None = None
    dev_insecure: bool = False
    """No tokens are asked for, the clock can be moved, a missing key is made. On loopback only."""

    log_format: str = Field(default="json", pattern="^(json|console)$")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @property
    def profile_namespaces(self) -> tuple[str, ...] | None:
        """Where the routing profiles are that numbers of the sets follow: those of a pool in its namespace, those of a
        claim in the set's. None: in all namespaces."""
        everywhere = not self.namespaces or not self.supply_namespaces
        return None if everywhere else tuple(sorted({*self.namespaces, *self.supply_namespaces}))

    @property
    def public_address(self) -> PublicAddress:
        return PublicAddress(self.events_url, self.trust_forwarded)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        addresses = [Address.parse(text) for text in (self.listen, self.events, self.health)]
        if self.dev_insecure and not all(address.loopback for address in addresses):
            raise ValueError("dev_insecure asks for no tokens, so it listens on loopback only, such as 127.0.0.1")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("name both files for TLS: the certificate (tls_cert) and its key (tls_key)")
        if (self.analytics_url is None) != (self.analytics_secret is None):
            raise ValueError(
                "name both for analytics: where events go (analytics_url) and what signs (analytics_secret)"
            )
        if not self.dev_insecure and self.keys is None:
            raise ValueError("name the folder of the keys by which recipients are hashed (keys)")
        return self
