"""Setting and taking off the emergency address of a number, and deleting the addresses that nobody uses any more.

What a number is given is written to its status before the carrier hears of it, so that a crash finds it: the address is
looked for by its reference before it is made, and what is on the number is looked at before it is taken off.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from ringfleet.carriers.emergency import EmergencyDesk
from ringfleet.carriers.errors import CarrierError, CredentialsRejected, NotActive, NotHeld, RequestRejected
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.redaction import WITHHELD, Discretion
from ringfleet.controllers.services import Services
from ringfleet.model import E164, GONE, AccountKey
from ringfleet.model.emergency import (
    NO_ADDRESS,
    EmergencyAddress,
    EmergencyStanding,
    EmergencyState,
    is_our_address,
)
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.phone_number.case import NumberEmergency
from ringfleet.plan.phone_number.emergency import note_refusal
from ringfleet.plan.phone_number.steps import SetEmergency

log = structlog.get_logger(__name__)


def intended(known: NumberEmergency, step: SetEmergency) -> NumberEmergency:
    """What is written before the carrier is told."""
    return replace(known, setting=step.reference)


async def set_address(
    services: Services, account: OpenAccount, record: NumberRecord, known: NumberEmergency, step: SetEmergency
) -> NumberEmergency:
    """Give the number its address; what is so then, and also what the carrier has said against it.

    Raises:
        CarrierError: nothing is known of it, and the key is tried again. A number that the carrier does not show, or
            that is not active yet, is no refusal of the address.
    """
    desk = account.carrier.emergency
    assert desk  # the account's abilities name countries
    try:
        id_ = await ensured(account, desk, step.address, step.reference)
        standing = await desk.put_on(step.external_id, id_)
    except (NotHeld, NotActive):
        raise
    except RequestRejected as error:
        account.addresses.pop(step.reference, None)  # it may be gone there, and is looked for anew
        log.warning("emergency address refused", number=record.name, code=error.code)
        unset = replace(known, setting=None)  # the number keeps what it has
        return note_refusal(unset, step.reference, error.code, _told(error, step.address), services.clock())
    if standing.address is None and standing.state is not EmergencyState.REMOVING:
        standing = EmergencyStanding(EmergencyState.PENDING, id_)  # accepted, and not shown yet
    if standing.address == id_:
        return NumberEmergency(standing, step.reference, id_)
    return NumberEmergency(standing, setting=step.reference)  # the former one goes first


async def ensured(account: OpenAccount, desk: EmergencyDesk, address: EmergencyAddress, reference: str) -> str:
    """The carrier's id of the address, which many numbers may be waiting for: one of them makes it."""
    async with account.addresses_lock:
        if (known := account.addresses.get(reference)) is None:
            known = account.addresses[reference] = await desk.ensure_address(address, reference)
        return known


def _told(error: RequestRejected, address: EmergencyAddress) -> str:
    """The carrier's sentence, or that it quotes the address."""
    values = (address.name, address.street, address.extended, address.city, address.postal_code)
    discretion = Discretion(filter(None, values), ())
    words = error.words.partition(error.code)[2].lstrip(": ") if error.code else error.words
    return words if discretion.allows(words) else WITHHELD


async def clear_address(account: OpenAccount, number: E164, known: NumberEmergency) -> NumberEmergency:
    """Take off the address that we gave the number, if a live look shows that very address. What is so then."""
    desk = account.carrier.emergency
    if desk is None:
        return NumberEmergency()
    holding = await account.carrier.find(number)
    if holding is None:
        raise NotHeld(f"the account does not list {number.digits}")
    standing = holding.emergency or NO_ADDRESS
    if standing.address is None or standing.address not in await _ours(desk, known):
        return NumberEmergency(standing)
    standing = await desk.take_off(holding.external_id)
    going = EmergencyStanding(EmergencyState.REMOVING) if standing.address else standing
    return NumberEmergency(going)


async def _ours(desk: EmergencyDesk, known: NumberEmergency) -> set[str]:
    """The carrier's ids of the address that we set, and of the one that we may have set when an operator died."""
    begun = {held.id for held in await desk.addresses() if held.reference == known.setting} if known.setting else set()
    return begun | ({known.set_to} if known.set_to else set())


async def keep_addresses(services: Services, key: AccountKey, account: OpenAccount) -> None:
    """With a sweep: read the Secrets of addresses anew, and delete the addresses of ours that no number has, nor is to
    have. Nothing is deleted while no listing is believed.

    What goes wrong here is no trouble of the account's: it is done with the next sweep.

    Raises:
        CredentialsRejected: that is about the account.
    """
    desk = account.carrier.emergency
    for record in await services.emergency.read_again(key):
        services.queues.wake_number(record)
    if desk is None or account.listed_addresses is None:
        return
    try:
        await _drop_unused(services, key, account, desk, account.listed_addresses)
    except CredentialsRejected:
        raise
    except CarrierError as error:
        log.warning("emergency addresses not tidied", account=str(key), error=type(error).__name__)


async def _drop_unused(
    services: Services, key: AccountKey, account: OpenAccount, desk: EmergencyDesk, listed: frozenset[str]
) -> None:
    for held in await desk.addresses():
        if held.id in listed or not is_our_address(services.installation, held.reference):
            continue
        if held.reference in _wanted(services, key):
            continue
        account.addresses.pop(held.reference, None)
        if await desk.drop_address(held.id):
            log.info("emergency address deleted", account=str(key), external_id=held.id)


def _wanted(services: Services, key: AccountKey) -> set[str]:
    """The references of the addresses that numbers at the account are to have, or may have been given."""
    wanted: set[str] = set()
    for one in services.accounts.identities.same_as(key):
        held = (record for record in services.fleet.numbers.by("account", one) if record.state.phase not in GONE)
        for record in held:
            wish, known = services.emergency.want(record), record.state.emergency
            named = (wish.reference if wish else None, known.reference, known.setting)
            wanted |= {reference for reference in named if reference}
    return wanted
