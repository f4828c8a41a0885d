"""One turn of a ComplianceBundle: read it and all that it names, decide, write, call, decide anew at the first answer.

::

    decide -> its records written to the status -> its calls -> the first answer settled -> decide ... -> no call left

At most one call is on its way to each account, and nobody waits for another account's: a slow carrier holds up the
filing at no other. Only the turn writes, so that two answers never meet. What a call creates was written before the
call, by the reference that it is created under (`plan/compliance_bundle/filing.py`), so a crash anywhere finds it
again. When a write meets another writer the whole turn is forgotten, and begins anew.
"""

from __future__ import annotations

import asyncio
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
from ringfleet.plan.compliance_bundle.decide import (
    BundleDecision,
    BundleFacts,
    BundleView,
    Call,
    CallOutcome,
    decide,
    go_on,
)


async def reconcile_bundle(services: Services, key: Key) -> float | None:
    """Take every filing of the bundle as far as it goes now. Returns the delay, in seconds, until another turn."""
    bundle = services.fleet.get(ComplianceBundle, key.namespace, key.name)
    if bundle is None or bundle.metadata.deletion_timestamp:
        return None
    dossier = await read_dossier(services.kube, bundle, services.settings.documents_dir)
    view = bundle_view(bundle, dossier, services.installation, services.settings.filing_grace)
    caller = Caller(services, bundle.key, dossier)
    facts = gather(services, key.namespace, view)
    under_way: dict[asyncio.Task[CallOutcome], Call] = {}
    try:
        while True:
            decision = decide(view, facts, services.clock())
            bundle = await _write(services, bundle, decision)
            under_way |= {asyncio.create_task(caller.make(call)): call for call in decision.calls}
            if not under_way:
                return decision.requeue
            ended, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            facts = replace(facts, accounts=see_accounts(services, key.namespace, view))
            for task in ended:
                facts = go_on(facts, decision, under_way.pop(task), task.result(), services.clock())
                decision = replace(decision, under_way=facts.under_way)
    except asyncio.CancelledError:
        for task in under_way:
            task.cancel()
        raise
    finally:  # the next turn looks for what came of the calls, so that none of them may still be on its way
        await asyncio.gather(*under_way, return_exceptions=True)


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
