"""A CarrierAccount and its Secret as an adapter takes them. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from ringfleet.api import CarrierAccount
from ringfleet.carriers.carrier import AccountSettings
from ringfleet.carriers.registry import PROVIDERS
from ringfleet.model import AccountKey
from ringfleet.plan.conditions import Condition, Reason, not_ready


def token_in(secret: Mapping[str, Any] | None, obj: CarrierAccount) -> tuple[str, Condition | None]:
    """The account's token as its Secret has it, or the condition that says what is missing."""
    ref, namespace = obj.spec.credentials_secret_ref, obj.metadata.namespace
    field = "spec.credentialsSecretRef"
    if secret is None:
        message = f"Secret {namespace}/{ref.name} ({field}.name) does not exist: create it with the key {ref.key!r}."
        return "", not_ready(Reason.SECRET_MISSING, message)
    try:
        token = base64.b64decode(secret.get("data", {})[ref.key], validate=True).decode().strip()
    except (KeyError, binascii.Error, UnicodeDecodeError):
        token = ""
    if token:
        return token, None
    message = f"Secret {namespace}/{ref.name} has no text under the key {ref.key!r} ({field}.key): put the token there."
    return "", not_ready(Reason.SECRET_KEY_MISSING, message)


def settings_of(obj: CarrierAccount, token: str) -> AccountSettings:
    """The account as its adapter needs it."""
    spec = obj.spec
    return AccountSettings(
        name=obj.key,
        endpoint=endpoint_of(obj),
        token=token,
        requests_per_second=spec.limits.requests_per_second,
        concurrency=spec.limits.concurrency,
        timeout=spec.limits.timeout.total_seconds(),
        catalog_ttl=spec.catalog.cache_ttl,
    )


def endpoint_of(obj: CarrierAccount) -> str:
    """Where the account's API is: as its spec says, or where the provider's own is."""
    return obj.spec.endpoint or PROVIDERS[obj.spec.provider].endpoint


def allowed(namespaces: frozenset[str], key: AccountKey, namespace: str) -> bool:
    """Whether objects in `namespace` may use the account: its own namespace, those it lists, or all by `*`."""
    return namespace == key.namespace or "*" in namespaces or namespace in namespaces
