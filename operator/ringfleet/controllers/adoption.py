"""Adopting by wish: what the pools' `spec.adopt` ask for, and what the sweeps of their accounts make of it.

::

    pool's turn   reads spec and ConfigMap --> book: what is asked     ; anew? its accounts are swept at once
    sweep         each number of a page is judged by the book, adopted or refused --> book: what became of it
    pool's turn   says so in status.adoption and AdoptionIncomplete

Nothing is remembered beyond the process: after a restart the pools ask again, and the next sweep answers. Judging is
`plan/carrier_account/asking.py`, telling `plan/number_pool/adoption.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from ringfleet.api import NumberPool
from ringfleet.api.number_pool import Adopt
from ringfleet.controllers.adoption_book import LIST_AGAIN, Noted, Results
from ringfleet.controllers.number_create import record_number
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import KubeError, NotFound
from ringfleet.model import E164, AccountKey, Holding, Phase
from ringfleet.model.pasted import read_numbers
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.refs import CONFIG_MAPS, account_key, market_of
from ringfleet.plan.carrier_account.asking import Asked, Known, judge
from ringfleet.plan.number_pool.adoption import AdoptionSeen

log = structlog.get_logger(__name__)

# The pool's turn.


async def read_wish(services: Services, pool: NumberPool) -> None:
    """Note what the pool asks for now; when that is new, its accounts are woken to be swept.

    Raises:
        KubeError: its ConfigMap can't be read, for another cause than that it is not there.
    """
    place, adopt = ObjectRef(pool.metadata.namespace, pool.metadata.name), pool.spec.adopt
    if adopt is None or pool.metadata.deletion_timestamp:
        services.adoption.forget(place)
        return
    before, now = services.adoption.noted(place), services.monotonic()
    if before and before.generation == pool.metadata.generation and (not before.has_list or _is_fresh(before, now)):
        return
    noted = await _read(services, pool, adopt)
    if services.adoption.note(place, noted):
        for account in noted.accounts:
            services.queues.wake_account(account)


def adoption_seen(services: Services, pool: NumberPool) -> AdoptionSeen | None:
    """How far the pool's adoption has come; None: it asks for none."""
    place = ObjectRef(pool.metadata.namespace, pool.metadata.name)
    noted = services.adoption.noted(place)
    again = noted.read_at + LIST_AGAIN.total_seconds() - services.monotonic() if noted and noted.has_list else None
    return services.adoption.seen(place, max(0.1, again) if again is not None else None)


def _is_fresh(noted: Noted, now: float) -> bool:
    return now < noted.read_at + LIST_AGAIN.total_seconds()


async def _read(services: Services, pool: NumberPool, adopt: Adopt) -> Noted:
    namespace, market = pool.metadata.namespace, market_of(pool.spec.market)
    text, trouble = await _text_of(services, namespace, adopt)
    pasted = read_numbers(text, market.country)
    asked = Asked(
        ObjectRef(namespace, pool.metadata.name),
        market,
        frozenset((*map(E164, adopt.numbers), *pasted.numbers)),
        adopt.match,
        adopt.established,
    )
    return Noted(
        asked,
        tuple(account_key(one.account_ref, namespace) for one in pool.spec.carriers),
        pool.metadata.generation,
        services.monotonic(),
        adopt.config_map_key_ref is not None,
        {one.line: one.reason for one in pasted.unread},
        trouble,
    )


async def _text_of(services: Services, namespace: str, adopt: Adopt) -> tuple[str, str]:
    """The list that the pool names, and why it can't be read; both empty when it names none."""
    ref = adopt.config_map_key_ref
    if ref is None:
        return "", ""
    try:
        found = await services.kube.get(CONFIG_MAPS, namespace, ref.name)
    except NotFound:
        return "", f"ConfigMap {ref.name} of spec.adopt does not exist: create it with the key {ref.key!r}."
    text = (found.get("data") or {}).get(ref.key)
    if not isinstance(text, str):
        return "", f"ConfigMap {ref.name} of spec.adopt has no key {ref.key!r} under data: put the list there."
    return text, ""


# The sweep's.


def begin_asking(services: Services, account: AccountKey) -> tuple[tuple[Asked, ...], Results]:
    """What a sweep of the account that begins now looks for, and where it writes what became of it. A pool of a
    namespace that the account does not let in hears nothing of it."""
    asked, results = services.adoption.begin(account)
    let_in = tuple(one for one in asked if services.fleet.lets_in(account, one.pool.namespace))
    return let_in, {one.pool: results[one.pool] for one in let_in}


async def adopt_asked(
    services: Services,
    account: AccountKey,
    page: Iterable[Holding],
    spoken_for: frozenset[E164] | set[E164],
    asked: tuple[Asked, ...],
    results: Results,
) -> dict[E164, KubeError]:
    """Adopt those of a page that pools ask for, and note what became of each; those that the API server refused.
    `spoken_for`: the numbers of orders, and those that we have just let go."""
    failed: dict[E164, KubeError] = {}
    for holding in page:
        if holding.number in spoken_for:
            continue
        known = _known_of(services, account, holding)
        verdict = judge(holding, known, asked, services.installation, services.clock())
        for pool, why in verdict.refused.items():
            results[pool].refused[holding.number] = why
        if verdict.by is not None:
            try:
                why = await _adopt(services, account, holding, verdict.by)
            except KubeError as error:
                failed[holding.number], why = error, "the API server did not take its PhoneNumber"
            if why:
                results[verdict.by.pool].refused[holding.number] = why
                continue
        for pool in verdict.adopted:
            results[pool].adopted.add(holding.number)
    return failed


def _known_of(services: Services, account: AccountKey, holding: Holding) -> Known | None:
    objects = services.fleet.objects_of(holding.number, account)
    owner = services.fleet.owner(holding.number, account, holding.mark)
    watching = (one for one in objects if one.observed and one.state.phase is not Phase.RELEASED)
    record = owner or next(watching, None)
    if record is None or record.state.phase is Phase.RELEASED:
        return None
    return Known(record.pool_ref, record.observed, record.bought_as is not None)


async def _adopt(services: Services, account: AccountKey, holding: Holding, asked: Asked) -> str:
    """Make the number's object; a clause that says why not, empty when it is there."""
    namespace, name = asked.pool.namespace, holding.number.digits
    await services.namespaces.look(namespace)
    if services.namespaces.is_ending(namespace):
        return f"namespace {namespace} is being deleted"
    if services.fleet.number(namespace, name) is not None:
        return f"PhoneNumber {namespace}/{name} is there and stands for something else: delete it if it is wrong"
    mark = services.fleet.mark_for(*asked.pool)
    await record_number(services, holding, account, mark, None, established=asked.established)
    log.info("number adopted by wish", number=name, account=str(account), pool=str(asked.pool))
    return ""
