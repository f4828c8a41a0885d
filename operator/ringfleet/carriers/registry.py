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
from ringfleet.carriers.telnyx.webhook import TelnyxWebhook
from ringfleet.carriers.twilio.webhook import TwilioWebhook
from ringfleet.carriers.webhooks import WebhookReader


@dataclass(frozen=True, slots=True)
class Credential:
    """One value that opens an account."""

    key: str
    """The adapter's name for it, and its key in the account's Secret."""
    what: str
    """What the user puts there, as a message calls it: "auth token"."""
    key_from_account: bool = False
    """True: in the Secret it stands under the key that the account names in spec.credentialsSecretRef.key. A provider
    has one of these at most: its token. Others have keys of their own, by the provider's names."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One carrier as it is declared here, by the name that `Provider` of `api/carrier_account.py` has for it."""

    open: Callable[[AccountSettings], Carrier]
    """Makes the adapter of one account; raises as `open_carrier` says."""
    endpoint: str
    """The base URL of its API, for an account that names none."""
    credentials: tuple[Credential, ...]
    """All that its adapter needs from the account's Secret in any case. None of them may be missing or empty."""
    one_of: tuple[tuple[Credential, ...], ...] = ()
    """Where there are several ways to sign in: what each needs besides. One of them has to be whole."""
    webhooks: WebhookReader | None = None
    """Who reads its webhooks; None: it sends none."""
    one_id: bool = False
    """Whether no two of its accounts have the same id, wherever it is called: then the same id at two endpoints, as of
    two regions, is one account. Else it is one only at the same host."""


Credentials = tuple[Credential, ...]


def missing(needed: Credentials, one_of: tuple[Credentials, ...], given: Mapping[str, str]) -> tuple[Credentials, ...]:
    """What has to be added to the values that are `given` by the adapter's names: one way after the other, each enough
    by itself; none: nothing is missing. Who has begun with one way of signing in is told of that one."""
    ways = [_absent((*needed, *way), given) for way in one_of or ((),)]
    if not all(ways):
        return ()
    begun = [rest for way, rest in zip(one_of, ways, strict=False) if len(_absent(way, given)) < len(way)]
    return tuple(begun or ways)


def _absent(credentials: Credentials, given: Mapping[str, str]) -> Credentials:
    return tuple(one for one in credentials if not given.get(one.key))


def _didhub(settings: AccountSettings) -> Carrier:
    """Loaded with its HTTP client when there is an account: a program without one does not pay for it."""
    from ringfleet.carriers.didhub.account import DIDHub  # noqa: PLC0415 - see above

    return DIDHub(settings)


def _twilio(settings: AccountSettings) -> Carrier:
    from ringfleet.carriers.twilio.account import Twilio  # noqa: PLC0415 - as with DIDHub

    return Twilio(settings)


def _telnyx(settings: AccountSettings) -> Carrier:
    from ringfleet.carriers.telnyx.account import Telnyx  # noqa: PLC0415 - as with DIDHub

    return Telnyx(settings)


PROVIDERS: Mapping[str, Declared] = MappingProxyType(
    {
        "DIDHub": Declared(
            _didhub,
            endpoint="https://api.didhub.io",
            credentials=(Credential("token", "token", key_from_account=True),),
            webhooks=DIDHubWebhook(),
        ),
        "Twilio": Declared(
            _twilio,
            endpoint="https://{product}.twilio.com",
            credentials=(Credential("accountSid", "account SID"),),
            one_of=(
                (Credential("authToken", "auth token"),),
                (Credential("apiKeySid", "SID of an API key"), Credential("apiKeySecret", "secret of that API key")),
            ),
            webhooks=TwilioWebhook(),
            one_id=True,  # account SIDs are random
        ),
        "Telnyx": Declared(
            _telnyx,
            endpoint="https://api.telnyx.com",
            credentials=(Credential("apiKey", "API key"),),
            webhooks=TelnyxWebhook(),
            one_id=True,  # the id of an organization is a UUID
        ),
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
    if ways := missing(declared.credentials, declared.one_of, settings.credentials):
        whats = " or ".join(", ".join(one.what for one in way) for way in ways)
        raise CredentialsRejected(f"{settings.name}: {provider} needs what is missing here: {whats}")
    return declared.open(settings)
