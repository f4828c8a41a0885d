"""The sweep: list what the carrier says the account owns, page by page, and act on what differs.

Orphans of ours get their object, changed numbers are looked at with the carrier's word in hand, lost marks are written
again. Pages are judged as they come, so a listing that breaks off has still done what it could, and concludes nothing
from what it did not show.

Then the whole listing is judged: whether it can be believed, and which numbers are lost. A number that enough listings
have left out is asked for by its digits before it counts as lost; its own reconcile then says so
(`OpenAccount.is_lost`), and the sweep that sees it again takes that back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from ringfleet.api import CarrierAccount, NumberOrder, NumberPool, RoutingProfile
from ringfleet.api.meta import ACCEPT_LISTING
from ringfleet.carriers.errors import CarrierError, CredentialsRejected
from ringfleet.controllers.adoption import adopt_asked, begin_asking
from ringfleet.controllers.adoption_book import Results
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.marked_numbers import Marked, by_pool, drop
from ringfleet.controllers.number_create import record_number
from ringfleet.controllers.number_signing import signed
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import orders_at
from ringfleet.kube.errors import Invalid, KubeError
from ringfleet.model import E164, AccountKey, Holding, ItemState, Mark, Phase, Unreadable
from ringfleet.model.policy import SuspendBy
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.ownership import foreign_mark
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import account_key
from ringfleet.objects.routing_profile import as_told, reference_of, told_at
from ringfleet.plan.carrier_account.asking import Asked
from ringfleet.plan.carrier_account.loss import (
    SETTLING,
    Listing,
    call_roll,
    is_accepted,
    is_short,
    must_be_listed,
    not_found,
    to_ask_for,
)
from ringfleet.plan.carrier_account.orphans import Home, obstacle
from ringfleet.plan.carrier_account.sweep import Findings, Known, called_as_known, compare, unseated, unsigned
from ringfleet.plan.number_pool.supply import ItemSeen

log = structlog.get_logger(__name__)

Records = Mapping[E164, NumberRecord]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a complete listing showed. `findings.orphans` are those that could not be adopted; `marked` has what carries
    our mark, but for what has just left."""

    findings: Findings
    listing: Listing
    troubles: Troubles
    marked: Marked
    addresses: frozenset[str] = frozenset()
    """The carrier's ids of the emergency addresses that the numbers have, whosever they are."""
    unreadable: tuple[Unreadable, ...] = ()
    """The rows that can't be read. They are counted in `findings.owned`, and nothing is done about them."""
    answers: Results = field(default_factory=dict)
    """What became of the numbers that pools ask to adopt."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """What one sweep could not do, number by number: each fails alone."""

    orphaned: set[str] = field(default_factory=set)
    """Why orphans can't be adopted, a sentence each."""
    refused: set[str] = field(default_factory=set)
    """What the API server or the carrier refused to do for a number, a sentence each."""

    def note_refused(self, number: E164, what: str, error: Exception) -> None:
        log.warning("sweep refused", number=number.digits, what=what, error=type(error).__name__)
        self.refused.add(f"{number.digits} could not be {what}: {_words_of(error)}.")


def _words_of(error: Exception) -> str:
    """What may be told of an error: an object that was refused as invalid may be quoted in it, so then only fields."""
    if isinstance(error, Invalid):
        fields = sorted({cause.field for cause in error.causes})
        return f"the API server refuses the object ({', '.join(fields) or 'it does not say which field'})"
    return str(error).rstrip(".")


async def sweep(services: Services, key: AccountKey, account: OpenAccount) -> Swept:
    """List the whole account once.

    Raises:
        ListingIncomplete: the carrier's listing ended early; what it did show has been acted on.
        CarrierError: the carrier can't be asked; the same.
    """
    records = records_at(services, key)
    known = {number: _known_of(services, record) for number, record in records.items()}
    expected = must_be_listed(known, account.roll.shown, _settling(services, key))
    findings, troubles, listed, marked = Findings(), Troubles(), set[E164](), set[E164]()
    unreadable: list[Unreadable] = []
    of_pools: Marked = {}
    addresses = set[str]()
    asked, answers = begin_asking(services, key)
    async for page in account.carrier.holdings():
        unreadable += page.unreadable
        listed.update(holding.number for holding in page)
        listed.update(row.number for row in page.unreadable if row.number)
        marked.update(holding.number for holding in page if _is_ours(services, holding))
        addresses.update(one.emergency.address for one in page if one.emergency and one.emergency.address)
        _tell_others(services, key, page)
        by_pool(page, services.installation, of_pools)
        await _adopt_asked(services, key, account, page, asked, answers, troubles)
        findings += await _act(services, key, account, _shown(services, key, page), page, troubles)
    drop(of_pools, account.roll.released | account.roll.unmarked)  # some of them while the listing ran
    findings = replace(findings, owned=findings.owned + len(unreadable))
    nameless = sum(row.number is None for row in unreadable)
    listing = Listing(frozenset(listed), frozenset(marked), frozenset(known), expected, nameless)
    return Swept(findings, listing, troubles, of_pools, frozenset(addresses), tuple(unreadable), answers)


def _is_ours(services: Services, holding: Holding) -> bool:
    return holding.mark is not None and holding.mark.installation == services.installation


def records_at(services: Services, key: AccountKey) -> dict[E164, NumberRecord]:
    """The objects of the account's numbers, of namespaces that it lets in: of each number the one that stands for it,
    by what is known of its mark, else one that only observes it.

    Those of its duplicates are among them: the carrier lists them all, and nobody else looks.
    """
    keys = services.accounts.identities.same_as(key)
    records = (record for one in keys for record in services.fleet.numbers.by("account", one))
    let_in = (record for record in records if services.fleet.lets_in(record.account, record.namespace))
    taken = services.fleet.taken_by
    standing = (record for record in let_in if taken(record, record.state.foreign_mark) is None)
    return {record.number: record for record in sorted(standing, key=lambda record: not record.observed)}


def _shown(services: Services, key: AccountKey, page: Iterable[Holding]) -> dict[E164, NumberRecord]:
    """The objects of a page's numbers as they are now: some came, went or changed since the listing began."""
    found = {holding.number: _record_of(services, key, holding) for holding in page}
    return {number: record for number, record in found.items() if record is not None}


def _record_of(services: Services, key: AccountKey, holding: Holding) -> NumberRecord | None:
    """The object that stands for the number, by the mark that it carries now; else one that was given back, or that
    only observes it."""
    objects = services.fleet.objects_of(holding.number, key)
    if owner := services.fleet.owner(holding.number, key, holding.mark):
        return owner
    idle = [record for record in objects if record.observed or record.state.phase is Phase.RELEASED]
    return min(idle, key=lambda record: (record.observed, record.namespace), default=None)


def _tell_others(services: Services, key: AccountKey, page: Iterable[Holding]) -> None:
    """Tell the other objects of a number, which do nothing, when the mark that they know is not the one it carries."""
    for holding in page:
        for record in services.fleet.objects_of(holding.number, key):
            if foreign_mark(holding.mark, record, services.installation) != record.state.foreign_mark:
                _tell(services, record, holding)


def _tell(services: Services, record: NumberRecord, holding: Holding) -> bool:
    """Keep the carrier's word on a number for its next look; whether it is news.

    What is kept already is none: a number whose turns fail keeps to its back-off, however often a sweep says the same.
    """
    if services.pending_observations.get(record.place) == holding:
        return False
    services.pending_observations[record.place] = holding
    services.queues.wake_number(record)
    return True


def _known_of(services: Services, record: NumberRecord) -> Known:
    state = record.state
    return Known(
        phase=state.phase,
        external_id=state.external_id,
        routing=state.routed.external_id if state.routed else None,
        bundle=state.attached,
        monthly=record.price.monthly if record.price else None,
        renews_at=record.renews_at,
        drifted=state.drift is not None,
        activating=state.activating,
        suspended=state.stopped is SuspendBy.VERB or (state.phase is Phase.SUSPENDED and state.stopped is None),
        parked=state.stopped is SuspendBy.PARKING,
        observed=record.observed,
        leaving=record.deleting or state.phase is Phase.RELEASING,
        unable=not record.capabilities,
        attestation=record.attestation,
        campaign=state.routed.campaign if state.routed else None,
        seat=record.seat,
        emergency=state.emergency.standing,
        home=services.fleet.mark_for(record.namespace, record.pool) if record.pool else None,
        foreign_mark=state.foreign_mark,
    )


def _on_order(services: Services, key: AccountKey) -> set[E164]:
    """The numbers of orders that have not ended: whatever the listing shows of them, the order deals with it."""
    return _numbers_of(services, (order for order in orders_at(services, key) if not order.status.done))


def _settling(services: Services, key: AccountKey) -> set[E164]:
    """The numbers of orders that have not ended, or so lately that a listing may not show them yet."""
    since = services.clock() - SETTLING
    orders = orders_at(services, key)
    return _numbers_of(services, (order for order in orders if (order.status.completed_at or since) >= since))


def _numbers_of(services: Services, orders: Iterable[NumberOrder]) -> set[E164]:
    return {item.number for order in orders for item in services.fleet.order_seen(order).items}


async def _act(
    services: Services,
    key: AccountKey,
    account: OpenAccount,
    records: Records,
    page: Iterable[Holding],
    troubles: Troubles,
) -> Findings:
    """Judge one page and do what it asks for."""
    known = {number: _known_of(services, record) for number, record in records.items()}
    page = [await _signed(services, key, account, known.get(holding.number), holding, troubles) for holding in page]
    page = [await _enrolled(services, account, known.get(holding.number), holding, troubles) for holding in page]
    roll = account.roll  # what has left is no orphan while the listing shows it as it was
    spoken_for = _on_order(services, key) | roll.released | roll.unmarked
    found = compare(page, known, spoken_for, services.installation)
    orphans = tuple([holding for holding in found.orphans if not await _adopt(services, key, holding, troubles)])
    news = _note(services, account, records, found)
    account.unlisted -= records.keys()
    for holding in found.unmarked:
        await _mark_again(services, account, records[holding.number], holding, troubles)
    return replace(found, orphans=orphans, changed=news, unmarked=())


async def _signed(
    services: Services,
    key: AccountKey,
    account: OpenAccount,
    known: Known | None,
    holding: Holding,
    troubles: Troubles,
) -> Holding:
    """The number with its calls signed, where the account names what signs them and they are not.

    Raises:
        CredentialsRejected: that is about the account, not about this number.
    """
    if known is None or not unsigned(holding, known, services.installation):
        return holding
    try:
        return await signed(services, key, account, holding)
    except CredentialsRejected:
        raise
    except CarrierError as error:
        troubles.note_refused(holding.number, "put into the trust product", error)
        return holding


async def _enrolled(
    services: Services, account: OpenAccount, known: Known | None, holding: Holding, troubles: Troubles
) -> Holding:
    """The number in the campaign that its profile names, where it is not, or where the listing does not say.

    Raises:
        CredentialsRejected: that is about the account, not about this number.
    """
    holding = called_as_known(holding, known)
    if known is None or not unseated(holding, known, services.installation):
        return holding
    assert known.campaign
    try:
        seat = await account.carrier.enrol(holding.number, holding.external_id, known.campaign)
    except CredentialsRejected:
        raise
    except CarrierError as error:
        troubles.note_refused(holding.number, f"put into campaign {known.campaign}", error)
        return holding
    return replace(holding, seat=seat)


async def _adopt_asked(
    services: Services,
    key: AccountKey,
    account: OpenAccount,
    page: Iterable[Holding],
    asked: tuple[Asked, ...],
    answers: Results,
    troubles: Troubles,
) -> None:
    """Give those of the page an object that pools ask to adopt: the page is judged after that, and marks them."""
    if not asked:
        return
    spoken_for = _on_order(services, key) | account.roll.released | account.roll.unmarked
    failed = await adopt_asked(services, key, page, spoken_for, asked, answers)
    for number, error in failed.items():
        troubles.note_refused(number, "adopted", error)


async def _adopt(services: Services, key: AccountKey, holding: Holding, troubles: Troubles) -> bool:
    """Adopt an orphan, or note why not. Whether it has its object now."""
    mark = holding.mark
    if mark is None:
        return False
    await services.namespaces.look(mark.namespace)
    if why := obstacle(home_of(services, key, holding, mark), key, holding.number.digits):
        troubles.orphaned.add(why)
        return False
    try:
        await record_number(services, holding, key, mark, _origin_of(services, key, holding, mark))
    except KubeError as error:
        troubles.note_refused(holding.number, "adopted", error)
        return False
    log.warning("orphan adopted", number=holding.number.digits, account=str(key), pool=f"{mark.namespace}/{mark.pool}")
    return True


def home_of(services: Services, key: AccountKey, holding: Holding, mark: Mark) -> Home:
    """Where the number belongs, and what is there already."""
    pool = services.fleet.get(NumberPool, mark.namespace, mark.pool)
    carriers = {account_key(one.account_ref, mark.namespace) for one in pool.spec.carriers} if pool else ()
    there = services.fleet.number(mark.namespace, holding.number.digits)
    return Home(
        pool=ObjectRef(mark.namespace, mark.pool),
        exists=pool is not None,
        ending=services.namespaces.is_ending(mark.namespace),
        listed=key in carriers,
        let_in=services.fleet.lets_in(key, mark.namespace),
        taken=there.account if there and there.account != key else None,
        released=there is not None and there.state.phase is Phase.RELEASED,
    )


def _origin_of(services: Services, key: AccountKey, holding: Holding, mark: Mark) -> str | None:
    """The order that bought the number for the pool of its mark; None: it is gone.

    The mark decides. Another order may name the number too: one that somebody was faster than, or one that bought it
    before it was given back.
    """
    for order in services.fleet.orders_at(key):
        home = services.fleet.mark_for(order.metadata.namespace, order.spec.pool_ref.name)
        if home == mark and any(_has_bought(item, holding.number) for item in services.fleet.order_seen(order).items):
            return order.metadata.name
    return None


def _has_bought(item: ItemSeen, number: E164) -> bool:
    return item.number == number and item.state is not ItemState.FAILED


def _note(services: Services, account: OpenAccount, records: Records, found: Findings) -> tuple[Holding, ...]:
    """Keep the carrier's word on changed numbers for their next look; those of which it is news."""
    for holding in found.changed:
        record = records[holding.number]
        if record.state.phase is Phase.LOST:
            log.info("number found again", number=record.name, account=str(record.account))
        account.note_found(holding.number)
    return tuple([holding for holding in found.changed if _tell(services, records[holding.number], holding)])


async def _mark_again(
    services: Services, account: OpenAccount, record: NumberRecord, holding: Holding, troubles: Troubles
) -> None:
    """Write a mark that was lost.

    Raises:
        CredentialsRejected: that is about the account, not about this number.
    """
    if record.pool is None:
        return
    try:
        await account.carrier.mark(holding.external_id, services.fleet.mark_for(record.namespace, record.pool))
    except CredentialsRejected:
        raise
    except CarrierError as error:
        troubles.note_refused(holding.number, "marked again", error)


async def read_routings(services: Services, key: AccountKey, account: OpenAccount) -> None:
    """See what the account has of the profiles that it was told: those that were edited or deleted there are woken.

    A listing of profiles that fails is no trouble of the account's: nothing is concluded, and it is read with the next.
    """
    told = [profile for profile in services.fleet.all(RoutingProfile) if key in told_at(profile)]
    ours = {reference_of(services.installation, profile.metadata.uid): profile for profile in told}
    if not ours:
        return
    try:
        read = {held.routing.reference: held async for page in account.carrier.routings() for held in page}
    except CarrierError as error:
        log.warning("routing profiles not read", account=str(key), error=str(error))
        return
    for reference, profile in ours.items():
        held = account.routings[reference] = read.get(reference)
        if (as_told(held) if held else None) != told_at(profile)[key]:
            log.warning("routing profile changed at the carrier", profile=profile.key, account=str(key))
            services.queues.wake("RoutingProfile", profile.metadata.namespace, profile.metadata.name)


def accepted(obj: CarrierAccount, account: OpenAccount) -> bool:
    """Whether a person has said that the doubted listing is right."""
    return is_accepted(obj.metadata.annotations.get(ACCEPT_LISTING), account.doubted)


def believe(obj: CarrierAccount, account: OpenAccount, listing: Listing) -> bool:
    """Take the listing as the new measure, or doubt it: then the old one stays, and nothing may be concluded.

    A process that has never heard of a listing, as after a restored backup, measures by the objects.
    """
    owned = listing.owned
    if account.last_owned is None:
        account.last_owned = len(listing.expected)
    same = owned == account.doubted and accepted(obj, account)
    if is_short(owned, account.last_owned, len(account.roll.released)) and not same:
        log.warning("listing shrunk", account=obj.key, owned=owned, before=account.last_owned)
        account.doubted = owned
        return False
    account.last_owned, account.doubted = owned, None
    return True


async def find_lost(services: Services, key: AccountKey, account: OpenAccount, swept: Swept, counts: bool) -> None:
    """Count who was left out of a believed listing, and ask for those that were left out often enough. One that can't
    be asked for is asked for after the next listing.

    Raises:
        CredentialsRejected: that is about the account, not about a number.
    """
    account.at_carrier.roll = call_roll(account.roll, swept.listing, counts)
    suspects = to_ask_for(account.roll)
    records = records_at(services, key) if suspects else {}
    for number in suspects:
        try:
            found = await account.carrier.find(number)
        except CredentialsRejected:
            raise
        except CarrierError as error:
            swept.troubles.note_refused(number, "asked for", error)
            continue
        if found:
            account.note_found(number)
        elif record := records.get(number):
            account.at_carrier.roll = not_found(account.roll, number)
            log.warning("number lost", number=f"{record.namespace}/{record.name}", account=str(key))
            services.queues.wake_number(record)
    await _find_elsewhere(services, key, account)


async def _find_elsewhere(services: Services, key: AccountKey, account: OpenAccount) -> None:
    """Ask once for each lost number which other account has it; who is found is told. One that is back is forgotten.

    Where an owner has a thousand accounts, each number costs as many calls: few are asked for with one listing.
    """
    known = account.at_carrier.elsewhere
    records = {
        record.number: record
        for one in services.accounts.identities.same_as(key)
        for record in services.fleet.numbers.each("account", one)
        if record.state.phase is Phase.LOST or account.is_lost(record.number)
    }
    for number in known.keys() - records.keys():
        del known[number]
    for number in sorted(records.keys() - known.keys())[:_ELSEWHERE_AT_ONCE]:
        try:
            known[number] = await account.carrier.whereabouts(number)
        except CredentialsRejected:
            raise
        except CarrierError as error:
            log.warning("lost number not looked for in other accounts", number=number.digits, error=str(error))
            return
        if known[number]:
            services.queues.wake_number(records[number])


_ELSEWHERE_AT_ONCE = 5
"""How many lost numbers are looked for in other accounts after one listing; the others after the next."""
