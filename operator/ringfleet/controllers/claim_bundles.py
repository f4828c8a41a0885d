"""Which ComplianceBundle the number of a claim is to be registered to, as far as claims, quotas and bundles tell.

What it means for the claim is decided in `plan/compliance_bundle/tenancy.py`. A claim and a quota name bundles of their
own namespace only, so that nobody's documents serve another namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from ringfleet.api import ComplianceBundle, NumberPool, NumberQuota
from ringfleet.controllers.carrier_clients import Accounts
from ringfleet.controllers.fleet import Fleet
from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.compliance_bundle import bundle_seen, filing_ref
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.refs import account_key
from ringfleet.plan.compliance_bundle.selection import Ambiguous, Approved, BundleStanding, bundle_for
from ringfleet.plan.compliance_bundle.tenancy import POOLS_OWN, BundleAt, Papers, Unnamed, judge_papers, name_one


class ClaimBundles:
    """See the module. Synchronous: the queue of claims asks it."""

    def __init__(self, fleet: Fleet, accounts: Accounts, clock: Callable[[], datetime]) -> None:
        self._fleet = fleet
        self._accounts = accounts
        self._clock = clock

    def papers(self, claim: ClaimRecord) -> Papers:
        """The bundle that the claim's number is registered to, and where."""
        pool = self._fleet.get(NumberPool, *claim.pool)
        named = self.named(claim, pool) if pool else None
        if pool is None or named is None:
            return POOLS_OWN
        places = self._places(pool, named)
        return judge_papers(named, {account: self._at(named, pool, account) for account in places})

    def named(self, claim: ClaimRecord, pool: NumberPool) -> ObjectRef | Unnamed | None:
        """The bundle that is named for the claim, or several; None: none is, so that the pool's own counts."""
        if claim.bundle:
            return ObjectRef(claim.namespace, claim.bundle)
        if claim.namespace == pool.metadata.namespace:
            return None
        market = pool.spec.market
        return name_one(self._defaults(claim.namespace, pool), market.country, market.type)

    def unnamed(self, claim: ClaimRecord) -> str | None:
        """What is said of a claim that goes by its pool's bundle where the pool, at every carrier that asks for
        documents, has several and names none; None: that is not so."""
        pool = self._fleet.get(NumberPool, *claim.pool)
        if pool is None or self.named(claim, pool) is not None:
            return None
        accounts = [account_key(one.account_ref, pool.metadata.namespace) for one in pool.spec.carriers]
        if any(self.demanded(pool, account) is not True for account in accounts):
            return None
        found = [self.pools_own(pool, account) for account in accounts]
        said = [one.message for one in found if isinstance(one, Ambiguous)]
        return " ".join(dict.fromkeys(said)) if len(said) == len(found) else None

    def pools_own(self, pool: NumberPool, account: AccountKey) -> BundleStanding:
        """How the bundle stands that the pool uses at the account for its stock."""
        market, ref = pool.spec.market, pool.spec.compliance_bundle_ref
        bundles = self._fleet.all_in(pool.metadata.namespace, ComplianceBundle)
        seen = [bundle_seen(one) for one in bundles if one.metadata.deletion_timestamp is None]
        return bundle_for(market.country, market.type, account, seen, self._clock(), ref.name if ref else None)

    def may_use(self, claim: ClaimRecord, bundle: ObjectRef) -> bool:
        """Whether the claim's number is, or might be, registered to the bundle of the claim's namespace."""
        if claim.bundle or claim.namespace == claim.pool.namespace:
            return claim.bundle == bundle.name
        quotas = self._fleet.all_in(claim.namespace, NumberQuota)
        return any(ref.name == bundle.name for quota in quotas for ref in quota.spec.compliance_bundle_refs)

    def _defaults(self, namespace: str, pool: NumberPool) -> Iterator[ObjectRef]:
        country, type_ = pool.spec.market.country, pool.spec.market.type
        for quota in self._fleet.all_in(namespace, NumberQuota):
            for ref in quota.spec.compliance_bundle_refs:
                bundle = self._living(ObjectRef(namespace, ref.name))
                if bundle is None or (bundle.spec.country == country and type_ in bundle.spec.number_types):
                    yield ObjectRef(namespace, ref.name)

    def _living(self, place: ObjectRef) -> ComplianceBundle | None:
        found = self._fleet.get(ComplianceBundle, *place)
        return found if found and found.metadata.deletion_timestamp is None else None

    def _places(self, pool: NumberPool, named: ObjectRef | Unnamed) -> tuple[AccountKey, ...]:
        """The accounts of the pool, and those where the bundle is filed besides: a pool may have numbers of an account
        that it orders from no more."""
        namespace = pool.metadata.namespace
        carriers = [account_key(one.account_ref, namespace) for one in pool.spec.carriers]
        bundle = self._living(named) if isinstance(named, ObjectRef) else None
        filed = [filing_ref(one).account for one in bundle.status.filings] if bundle else []
        return tuple(dict.fromkeys((*carriers, *filed)))

    def _at(self, named: ObjectRef | Unnamed, pool: NumberPool, account: AccountKey) -> BundleAt:
        place = named if isinstance(named, ObjectRef) else ObjectRef("", "")
        return BundleAt(self.demanded(pool, account), self.standing(place, pool, account))

    def demanded(self, pool: NumberPool, account: AccountKey) -> bool | None:
        """Whether the carrier asks for documents in the pool's market; None: it has not said."""
        opened, market = self._accounts.get(account), pool.spec.market
        if opened is None:
            return None
        if opened.carrier.registrar is None:
            return False
        said = opened.demands.get((market.country, market.type))
        return said.documents if said else None

    def standing(self, place: ObjectRef, pool: NumberPool, account: AccountKey) -> BundleStanding:
        """How this very bundle, of whatever namespace, stands at the account for the pool's market."""
        market, bundle = pool.spec.market, self._living(place)
        seen = [replace(bundle_seen(bundle), name=str(place))] if bundle else []
        return bundle_for(market.country, market.type, account, seen, self._clock(), named=str(place))

    def approved_id(self, place: ObjectRef, pool: NumberPool, account: AccountKey) -> str | None:
        """The carrier's id of the bundle where it is approved."""
        standing = self.standing(place, pool, account)
        return standing.external_id if isinstance(standing, Approved) else None

    def revisions(self, place: ObjectRef, account: AccountKey) -> frozenset[str]:
        """The carrier's ids of all revisions of the bundle that numbers may carry."""
        bundle = self._fleet.get(ComplianceBundle, *place)
        filings = [one for one in bundle.status.filings if filing_ref(one).account == account] if bundle else []
        return frozenset(
            id_ for one in filings for id_ in _ids(one.approved.id if one.approved else None, one.superseded)
        )

    def tenants(self, id_: str, account: AccountKey, but: str) -> ObjectRef | None:
        """The bundle of another namespace than `but` that the account's carrier knows by the id, if there is one."""
        for bundle in self._fleet.all(ComplianceBundle):
            place = ObjectRef(bundle.metadata.namespace, bundle.metadata.name)
            if place.namespace != but and id_ in self.revisions(place, account):
                return place
        return None


def _ids(approved: str | None, superseded: tuple[str, ...]) -> Iterator[str]:
    yield from superseded
    if approved:
        yield approved
