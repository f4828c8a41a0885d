"""Which CarrierAccounts are one account at the carrier, and which one of them works.

Whoever copies the company's token into a second namespace makes a second object of one account. Were both to buy and
sweep, they would buy twice and take over each other's numbers::

    the carrier answers        -> its own id of the account is read (status.accountId)
    one object has that id     -> it works
    two or more have it        -> the oldest works; the others say DuplicateAccount, buy, sweep and adopt nothing
    the oldest is deleted      -> the next oldest works
    the oldest is useless      -> the same: the carrier refuses it, or it has no credentials (`USELESS`)
    that is mended             -> the oldest works again, and the others step back

An object may come to open another account than before, when its token or endpoint is swapped. Where something of it is
at the old one, it then does nothing, and says AccountChanged, until the old one is back or a person has accepted the
other. It counts as useless meanwhile, and takes nobody's place at the new one.

An account that a person has suspended, or whose carrier is down, is still the one that works: the first is meant so,
and from the second another object has nothing. A useless one stays so until the carrier has taken its credentials, so
that an outage changes nothing about who works. Where orders buy in turn, the two never buy at once: purchases have
one lock for each account at the carrier, and an order that one of them has sent goes before all others.

A duplicate still serves the numbers that are its own already (routing, suspending, giving back), and brings an order to
its end that was sent before: what may have been bought has to be looked up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from ringfleet.model import AccountKey
from ringfleet.plan.conditions import Reason


@dataclass(frozen=True, slots=True)
class Identity:
    """One account at one carrier, however many objects name it."""

    provider: str
    """The carrier, as spec.provider names it."""
    host: str
    """The host and port that answer, such as `api.example.com:443`: two sandboxes may both have an account `sandbox`.
    Empty of a carrier whose ids say it all: one account may then be reached at several endpoints."""
    id: str
    """The carrier's own id of the account; of a carrier that tells none, a digest of the credentials."""

    @property
    def digest(self) -> str:
        """A short name for it, of lower-case letters and digits."""
        return sha256("\0".join((self.provider, self.host, self.id)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Standing:
    """One CarrierAccount among those of the same identity."""

    account: AccountKey
    """The object."""
    identity: Identity
    """The account at the carrier that it names."""
    created: datetime
    """When the object was made, in whole seconds as the API server keeps it."""
    useless: bool = False
    """Whether it can't work whatever the carrier does, until a person mends it."""


USELESS = frozenset(
    {
        *(Reason.CREDENTIALS_REJECTED, Reason.ACCOUNT_RESTRICTED, Reason.SECRET_MISSING, Reason.SECRET_KEY_MISSING),
        Reason.ACCOUNT_CHANGED,
    }
)
"""Why an object can't work until a person mends it; others of the same account need not wait for that."""


def first_of(standings: Iterable[Standing]) -> AccountKey:
    """The one that works: the oldest that is not useless; of equal age, the first by namespace and name.

    Raises:
        ValueError: there is none.
    """
    oldest = min(standings, key=lambda one: (one.useless, one.created, one.account.namespace, one.account.name))
    return oldest.account


BY_CREDENTIALS = "credentials "
"""Begins what stands for the id of an account that does not tell it."""
UNTOLD = "untold"
"""How a person calls an account that does not tell its id."""


def is_another(before: str | None, now: str | None, accepted: str | None) -> bool:
    """Whether an object opens another account at the carrier than it did before, and no person has `accepted` that, by
    the new one's id. One that has told its id and now tells none is another one: where an account is silent while it
    has nothing, this one had something."""
    return before is not None and (now or UNTOLD) not in (before, accepted)


def changed_message(before: str, now: str | None, secret: str, annotation: str) -> str:
    """What an object says that opens another account than before, and what to do."""
    other = f"account {now}" if now else "an account that does not tell its id, as one does that has nothing yet,"
    return (
        f"The credentials and endpoint open {other} at the carrier, and what this CarrierAccount has (numbers, "
        f"orders that were sent, filed documents) is at account {before}: nothing is bought, swept or changed at the "
        f"carrier. Put the credentials of {before} into Secret {secret} again, or correct spec.endpoint; for the other "
        f"account make a CarrierAccount of its own. If the carrier has moved everything there, annotate this one with "
        f"{annotation}={now or UNTOLD}: orders that were sent to {before} then buy nothing more, and numbers that "
        f"{now or 'it'} does not have become Lost as with any listing."
    )


def duplicate_message(account: AccountKey, first: AccountKey) -> str:
    """What a duplicate says of itself, and what to do."""
    if account.namespace == first.namespace:
        share = f"let the carriers of your pools name {first.name}"
    else:
        share = (
            f"share {first} by adding namespace {account.namespace} to its spec.allowedNamespaces, let the carriers of "
            "your pools name it with its namespace"
        )
    return (
        f"It is the same account at the carrier (status.accountId) as CarrierAccount {first}, which is older: two "
        f"would buy twice, so this one buys, sweeps and adopts nothing. To go on, {share}, and delete this one when it "
        "has no number any more; or give it a token of an account of its own."
    )
