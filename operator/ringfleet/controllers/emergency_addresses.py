"""Which emergency address each number is to have, with the Secrets that hold some of them.

::

    NumberClaim that holds the number --has one?--> that
                      no                        --> that of the RoutingProfile that the number follows, if it has one

A Secret is read when a number first needs it, in that number's turn, and again in each sweep of an account, which wakes
the numbers whose address is another one now. What is read lives in this process only, and goes to the carrier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ringfleet.api import RoutingProfile
from ringfleet.controllers.fleet import Fleet
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import NotFound
from ringfleet.model import AccountKey
from ringfleet.model.emergency import EmergencyAddress, address_reference
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.emergency import SaidAddress, address_in, said_address
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import SECRETS
from ringfleet.plan.phone_number.case import DesiredEmergency


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose address a number is to have."""

    words: str
    namespace: str
    uid: str
    said: SaidAddress | None
    held: bool = False
    """It is a profile that is suspended."""

    @property
    def secret(self) -> ObjectRef | None:
        """The Secret that holds it; None: it is written in the object."""
        return ObjectRef(self.namespace, self.said.secret) if self.said and self.said.secret else None


class EmergencyAddresses:
    """See the module."""

    def __init__(self, fleet: Fleet, kube: Kube, installation: str) -> None:
        self._fleet, self._kube, self._installation = fleet, kube, installation
        self._read: dict[ObjectRef, EmergencyAddress | str] = {}
        self._users: dict[ObjectRef, set[AccountKey]] = {}
        """The accounts with numbers that have needed each Secret, as of their last sweep."""
        self._said: dict[str, tuple[str, SaidAddress | None]] = {}
        """By the uid of a profile, its version and what it says."""

    def want(self, record: NumberRecord) -> DesiredEmergency | None:
        """The number's address; None: nobody has one for it, nor requires one."""
        profile = self._fleet.profile_of(record)
        required = profile is not None and profile.spec.emergency_address_required
        owner = self._owner(record, profile)
        if owner is None:
            return None
        wish = DesiredEmergency(owner.words, required=required, held=owner.held)
        if owner.said is None:
            return wish if required or owner.held else None
        match self._read.get(owner.secret) if owner.secret else owner.said.address:
            case None:
                return replace(wish, unread=True)
            case str(unreadable):
                return replace(wish, unreadable=unreadable)
            case EmergencyAddress() as found:
                return replace(wish, address=found, reference=address_reference(self._installation, owner.uid, found))

    def _owner(self, record: NumberRecord, profile: RoutingProfile | None) -> _Owner | None:
        claim = self._fleet.claim_of(record)
        if claim and claim.emergency:
            return _Owner(f"NumberClaim {claim.key}", claim.namespace, claim.uid, claim.emergency)
        if profile is None:
            return None
        meta = profile.metadata
        said, held = self._said_by(profile), profile.spec.suspend
        return _Owner(f"RoutingProfile {profile.key}", meta.namespace, meta.uid, said, held)

    def _said_by(self, profile: RoutingProfile) -> SaidAddress | None:
        """Read once for each version: ten thousand numbers may follow it."""
        uid, version = profile.metadata.uid, profile.metadata.resource_version
        known = self._said.get(uid)
        if known is None or known[0] != version:
            said = profile.spec.emergency_address
            known = self._said[uid] = (version, said_address(said.as_dict() if said else None))
        return known[1]

    @property
    def kept(self) -> frozenset[ObjectRef]:
        """The Secrets whose addresses are in hand."""
        return frozenset(self._read)

    async def read(self, record: NumberRecord) -> None:
        """Read the Secret that the number's address is in, if it is in one that was not read yet."""
        secret = self._secret_of(record)
        if secret and secret not in self._read:
            self._read[secret] = await self._address_in(secret)
        if secret:
            self._users.setdefault(secret, set()).add(record.account)

    async def read_again(self, account: AccountKey) -> list[NumberRecord]:
        """Read the Secrets that the account's numbers need anew; the numbers whose address is another one now, or can't
        be read any more. What no number of any account needs is forgotten."""
        if not any(account in users for users in self._users.values()):
            return []
        needed: dict[ObjectRef, list[NumberRecord]] = {}
        for record in self._fleet.numbers.by("account", account):
            if secret := self._secret_of(record):
                needed.setdefault(secret, []).append(record)
        for secret in [one for one, users in self._users.items() if account in users and one not in needed]:
            self._forget(secret, account)
        changed: list[NumberRecord] = []
        for secret, records in sorted(needed.items()):
            found = await self._address_in(secret)
            if found != self._read.get(secret):
                self._read[secret] = found
                changed += records
        return changed

    def _secret_of(self, record: NumberRecord) -> ObjectRef | None:
        owner = self._owner(record, self._fleet.profile_of(record))
        return owner.secret if owner else None

    def _forget(self, secret: ObjectRef, account: AccountKey) -> None:
        self._users[secret].discard(account)
        if not self._users[secret]:
            del self._users[secret]
            self._read.pop(secret, None)

    async def _address_in(self, secret: ObjectRef) -> EmergencyAddress | str:
        try:
            found = await self._kube.get(SECRETS, *secret)
        except NotFound:
            return address_in(None, str(secret))
        return address_in(found, str(secret))
