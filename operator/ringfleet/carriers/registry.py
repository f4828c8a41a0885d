"""Which carriers there are, and what the house must know of each: the list that a new adapter is added to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ringfleet.carriers.carrier import AccountSettings, Carrier
from ringfleet.carriers.didhub.webhook import DIDHubWebhook
from ringfleet.carriers.webhooks import WebhookReader


@dataclass(frozen=True, slots=True)
class Provider:
    """One carrier as it is declared here."""

    open: Callable[[AccountSettings], Carrier]
    """Makes the adapter of one account; raises as `open_carrier` says."""
    endpoint: str
    """The base URL of its API, for an account that names none."""
    webhooks: WebhookReader | None = None
    """Who reads its webhooks; None: it sends none."""


def _didhub(settings: AccountSettings) -> Carrier:
    """Loaded with its HTTP client when there is an account: a program without one does not pay for it."""
    from ringfleet.carriers.didhub.account import DIDHub  # noqa: PLC0415 - see above

    return DIDHub(settings)


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {"didhub": Provider(_didhub, endpoint="https://api.didhub.io", webhooks=DIDHubWebhook())}
)


def open_carrier(provider: str, settings: AccountSettings) -> Carrier:
    """The adapter of one account. It opens nothing before its first call; close it with `async with`.

    Raises:
        ValueError: there is no such provider, or the endpoint is no URL.
        CredentialsRejected: the token can't be sent in a header at all.
    """
    declared = PROVIDERS.get(provider)
    if declared is None:
        raise ValueError(
            f"{settings.name}: there is no carrier {provider!r}; there are: {', '.join(sorted(PROVIDERS))}"
        )
    return declared.open(settings)
