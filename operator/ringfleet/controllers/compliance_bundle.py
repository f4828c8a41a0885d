"""One turn of a ComplianceBundle: read it and all that it names, decide, write, make one call, decide anew.

::

    decide -> its record written to the status -> its one call -> the answer settled -> decide ... -> no call left

What a call creates was written before the call, by the reference that it is created under
(`plan/compliance_bundle/filing.py`), so a crash anywhere finds it again. When a write meets another writer the whole
turn is forgotten, and begins anew.
"""

from __future__ import annotations

from dataclasses import replace

from ringfleet.api import ComplianceBundle
from ringfleet.controllers.bundle_attachments import counted
from ringfleet.controllers.bundle_calls import Caller
from ringfleet.controllers.bundle_documents import read_dossier
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey
from ringfleet.objects.compliance_bundle import bundle_status, bundle_view, filings_status
from ringfleet.objects.refs import Key
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.decide import BundleDecision, BundleFacts, BundleView, decide, go_on


async def reconcile_bundle(services: Services, key: Key) -> float | None:
    """Take every filing of the bundle as far as it goes now. Returns the delay, in seconds, until another turn."""
    bundle = services.fleet.get(ComplianceBundle, key.namespace, key.name)
    if bundle is None or bundle.metadata.deletion_timestamp:
        return None
    dossier = await read_dossier(services.kube, bundle, services.settings.documents_dir)
    view = bundle_view(bundle, dossier, services.installation, services.settings.filing_grace)
    caller = Caller(services, bundle.key, dossier)
    facts = gather(services, key.namespace, view)
    while True:
        decision = decide(view, facts, services.clock())
        bundle = await _write(services, bundle, decision)
        if decision.call is None:
            return decision.requeue
        outcome = await caller.make(decision.call)
        facts = replace(facts, accounts=see_accounts(services, key.namespace, view))
        facts = go_on(facts, decision, outcome, services.clock())


def gather(services: Services, namespace: str, view: BundleView) -> BundleFacts:
    """All that the bundle's turn depends on before its first call."""
    return BundleFacts(see_accounts(services, namespace, view), services.settings.review_interval)


def see_accounts(services: Services, namespace: str, view: BundleView) -> dict[AccountKey, AccountSeen]:
    """The accounts that it is filed at, as they are now: whether they can be called at all."""
    return {key.account: services.accounts.seen(key.account, namespace) for key in view.filings}


async def _write(services: Services, bundle: ComplianceBundle, decision: BundleDecision) -> ComplianceBundle:
    """Write what is remembered and said; the bundle as it is then."""
    meta = bundle.metadata
    filings = counted(services, meta.namespace, filings_status(bundle, decision))
    await services.status.write(bundle, bundle_status(bundle, filings, decision, services.clock()))
    return services.fleet.get(ComplianceBundle, meta.namespace, meta.name) or bundle
