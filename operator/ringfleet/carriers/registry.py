"""Which carriers there are, and whose webhooks are read: the lists that a new adapter is added to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ringfleet.carriers.carrier import AccountSettings, Carrier
from ringfleet.carriers.didhub.webhook import DIDHubWebhook
from ringfleet.carriers.webhooks import WebhookReader


def _didhub(settings: AccountSettings) -> Carrier:
    """Loaded with its HTTP client when there is an account: a program without one does not pay for it."""
    from ringfleet.carriers.didhub.account import DIDHub  # noqa: PLC0415 - see above

    return DIDHub(settings)


PROVIDERS: Mapping[str, Callable[[AccountSettings], Carrier]] = MappingProxyType({"didhub": _didhub})

WEBHOOKS: Mapping[str, WebhookReader] = MappingProxyType({"didhub": DIDHubWebhook()})
"""Who reads the webhooks of a provider; one that is not here sends none."""


def open_carrier(provider: str, settings: AccountSettings) -> Carrier:
    """The adapter of one account. It opens nothing before its first call; close it with `async with`.

    Raises:
        ValueError: there is no such provider, or the endpoint is no URL.
        CredentialsRejected: the token can't be sent in a header at all.
    """
    adapter = PROVIDERS.get(provider)
    if adapter is None:
        raise ValueError(
            f"{settings.name}: there is no carrier {provider!r}; there are: {', '.join(sorted(PROVIDERS))}"
        )
    return adapter(settings)
