"""Which carriers there are, and what the house must know of each: the list that a new adapter is added to.

Its name is also in `Provider` of `api/carrier_account.py`; tests/carriers/test_registry.py holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ringfleet.carriers.carrier import AccountSettings, Carrier
from ringfleet.carriers.didhub.webhook import DIDHubWebhook
from ringfleet.carriers.errors import CredentialsRejected
from ringfleet.carriers.webhooks import WebhookReader


@dataclass(frozen=True, slots=True)
class Credential:
    """One value that opens an account."""

    key: str
    """The adapter's name for it, and its key in the account's Secret."""
    what: str
    """What the user puts there, as a message calls it: "auth token"."""
    key_from_account: bool = False
    """True: in the Secret it stands under the key that the account names in spec.credentialsSecretRef.key. Each
    provider has one of these: its token."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One carrier as it is declared here, by the name that `Provider` of `api/carrier_account.py` has for it."""

    open: Callable[[AccountSettings], Carrier]
    """Makes the adapter of one account; raises as `open_carrier` says."""
    endpoint: str
    """The base URL of its API, for an account that names none."""
    credentials: tuple[Credential, ...]
    """All that its adapter needs from the account's Secret. None of them may be missing or empty."""
    webhooks: WebhookReader | None = None
    """Who reads its webhooks; None: it sends none."""


def _didhub(settings: AccountSettings) -> Carrier:
    """Loaded with its HTTP client when there is an account: a program without one does not pay for it."""
    from ringfleet.carriers.didhub.account import DIDHub  # noqa: PLC0415 - see above

    return DIDHub(settings)


PROVIDERS: Mapping[str, Declared] = MappingProxyType(
    {
        "DIDHub": Declared(
            _didhub,
            endpoint="https://api.didhub.io",
            credentials=(Credential("token", "token", key_from_account=True),),
            webhooks=DIDHubWebhook(),
        )
    }
)


def open_carrier(provider: str, settings: AccountSettings) -> Carrier:
    """The adapter of one account. It opens nothing before its first call; close it with `async with`.

    Raises:
        ValueError: there is no such provider, or the endpoint is no URL.
        CredentialsRejected: a credential is missing, or can't be sent in a header at all.
    """
    declared = PROVIDERS.get(provider)
    if declared is None:
        raise ValueError(
            f"{settings.name}: there is no carrier {provider!r}; there are: {', '.join(sorted(PROVIDERS))}"
        )
    if missing := [one.what for one in declared.credentials if not settings.credentials.get(one.key)]:
        raise CredentialsRejected(f"{settings.name}: {provider} needs what is missing here: {', '.join(missing)}")
    return declared.open(settings)
