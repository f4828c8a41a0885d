"""A CarrierAccount and its Secret as an adapter takes them. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from ringfleet.api import CarrierAccount
from ringfleet.api.carrier_account import InboundBy
from ringfleet.carriers.carrier import AccountSettings
from ringfleet.carriers.registry import PROVIDERS, Credential, Credentials, missing
from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account.identity import BY_CREDENTIALS, USELESS, Identity, Standing
from ringfleet.plan.conditions import Condition, Reason, not_ready


def credentials_in(secret: Mapping[str, Any] | None, obj: CarrierAccount) -> Mapping[str, str] | Condition:
    """The account's credentials as its Secret has them, or the condition that says what is missing."""
    declared = PROVIDERS[obj.spec.provider]
    return read_credentials(secret, obj, declared.credentials, declared.one_of)


def read_credentials(
    secret: Mapping[str, Any] | None,
    obj: CarrierAccount,
    needed: Credentials,
    one_of: tuple[Credentials, ...] = (),
) -> Mapping[str, str] | Condition:
    """The values `needed`, and those of `one_of` that are there, by the adapter's names for them; or the condition that
    says what is missing."""
    ref = obj.spec.credentials_secret_ref
    keys = {one: ref.key if one.key_from_account else one.key for one in (*needed, *chain(*one_of))}
    place = f"Secret {obj.metadata.namespace}/{ref.name}"
    data = (secret or {}).get("data") or {}
    found = {one.key: text for one, key in keys.items() if (text := _text(data, key))}
    ways = missing(needed, one_of, found)
    if secret is None:
        whole = ", or with ".join(_named(repr(keys[one]) for one in way) for way in ways)
        message = f"{place} ({_FIELD}.name) does not exist: create it with {whole}."
        return not_ready(Reason.SECRET_MISSING, message)
    if ways:
        told = ", or under ".join(_named(_told_key(one, keys[one]) for one in way) for way in ways)
        whats = ", or ".join(_listed([f"the {one.what}" for one in way]) for way in ways)
        message = f"{place} has no text under {told}: put {whats} there."
        return not_ready(Reason.SECRET_KEY_MISSING, message)
    return found


_FIELD = "spec.credentialsSecretRef"


def _told_key(credential: Credential, key: str) -> str:
    return f"{key!r} ({_FIELD}.key)" if credential.key_from_account else repr(key)


def _named(keys: Iterable[str]) -> str:
    """`the key 'token'`, or `the keys 'token' and 'account-sid'`."""
    listed = list(keys)
    return f"the key{'s' if len(listed) > 1 else ''} {_listed(listed)}"


def _listed(words: list[str]) -> str:
    """`one`, `one and two`, or `one, two and three`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _text(data: Mapping[str, str], key: str) -> str:
    """What stands under the key, without white space around it; "" when nothing does, or no text."""
    try:
        return base64.b64decode(data[key], validate=True).decode().strip()
    except (KeyError, binascii.Error, UnicodeDecodeError):
        return ""


def settings_of(obj: CarrierAccount, credentials: Mapping[str, str]) -> AccountSettings:
    """The account as its adapter needs it."""
    spec = obj.spec
    return AccountSettings(
        name=obj.key,
        endpoint=endpoint_of(obj),
        credentials=credentials,
        requests_per_second=spec.limits.requests_per_second,
        concurrency=spec.limits.concurrency,
        timeout=spec.limits.timeout.total_seconds(),
        subaccount=spec.subaccount,
        trust_product=spec.trust_product,
    )


def endpoint_of(obj: CarrierAccount) -> str:
    """Where the account's API is: as its spec says, or where the provider's own is."""
    return obj.spec.endpoint or PROVIDERS[obj.spec.provider].endpoint


def told_endpoint(obj: CarrierAccount) -> str:
    """The same as a message may tell it: without what may be a secret, should a stored object have such an endpoint."""
    try:
        url = urlsplit(endpoint_of(obj))
        host = url.netloc.rpartition("@")[2]
    except ValueError:
        return "its endpoint"
    return "".join(f"{url.scheme}://{host}{url.path}".split())


def standing_of(obj: CarrierAccount, id_: str, useless: bool = False) -> Standing:
    """The account among those that are one with it at the carrier; `id_` is the carrier's own id of it, or what stands
    for it while it is not told."""
    told = id_ and not id_.startswith(BY_CREDENTIALS)
    host = "" if told and PROVIDERS[obj.spec.provider].one_id else _host(endpoint_of(obj))
    identity = Identity(obj.spec.provider.value, host, id_)
    key, created = AccountKey(obj.metadata.namespace, obj.metadata.name), obj.metadata.creation_timestamp or _NEVER
    return Standing(key, identity, created, useless)


def said_useless(obj: CarrierAccount) -> bool:
    """Whether the account was useless when its status was written; one that is new was not."""
    return any(one.type == "Ready" and one.status != "True" and one.reason in USELESS for one in obj.status.conditions)


_NEVER = datetime.max.replace(tzinfo=UTC)
"""Of an object that has no creation time: no other one is younger."""


def _host(endpoint: str) -> str:
    """Host and port as one writes them in one way only."""
    try:
        url = urlsplit(endpoint)
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        return endpoint
    return f"{(url.hostname or '').rstrip('.')}:{port}"


def allowed(namespaces: frozenset[str], key: AccountKey, namespace: str) -> bool:
    """Whether objects in `namespace` may use the account: its own namespace, those it lists, or all by `*`."""
    return namespace == key.namespace or "*" in namespaces or namespace in namespaces


def events_url(obj: CarrierAccount, public_url: str) -> str:
    """Where the carrier tells the dispatcher the account's events."""
    return f"{public_url.rstrip('/')}/v1/events/{obj.key}"


def streams_to(obj: CarrierAccount) -> str | None:
    """Where the account's event stream is to send; None: it is to have none, or is being deleted."""
    hooks = obj.spec.webhooks
    if hooks is None or hooks.public_url is None or obj.metadata.deletion_timestamp:
        return None
    return None if hooks.inbound is InboundBy.RELAY else events_url(obj, hooks.public_url)
