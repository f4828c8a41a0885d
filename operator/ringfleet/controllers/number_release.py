"""The last steps of a number that may go: look at everything once more, live, and only then tell the carrier.

::

    live number   still asked, bound to nobody, not protected     |
    live pool     names it in memory.release.granted, not frozen  |  any of them says no: it stays, and is planned anew
    live carrier  shows it, with the mark of its very pool        |
    live freeze   nobody has frozen number, account or all        |
    then          Release: given back.   LetGo: our mark comes off.

Both calls are safe to repeat: what is gone already is gone, and a mark that is off stays off.

A number under Retain that nobody can tell the carrier of, or nobody has to, leaves only its object: its namespace is
being deleted, or its account or the account's Secret is gone. Then nothing changes at the carrier: the number keeps our
mark, and the next sweep of an account that shows it takes it back into its pool, or reports it.
"""

from __future__ import annotations

import structlog

from ringfleet.api import CarrierAccount
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.desired_number import going, number_want
from ringfleet.controllers.freeze import LOOK_HOLDS, Frozen, moving, refuse_frozen
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import NotFound
from ringfleet.model import AccountKey, Holding
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import CARRIER_ACCOUNTS, NUMBER_POOLS, PHONE_NUMBERS, SECRETS
from ringfleet.plan.conditions import Reason
from ringfleet.plan.phone_number.removal import Way
from ringfleet.plan.phone_number.steps import Leave

log = structlog.get_logger(__name__)


class NotOurs(Exception):
    """The number does not carry the mark of its pool at the carrier, so it is not this object's to give back."""


async def leave(services: Services, account: OpenAccount, record: NumberRecord, step: Leave) -> bool:
    """Let the number go the way of `step`, if a last live look has nothing against it. Whether it has gone.

    Raises:
        NotOurs: it is to be given back, and the carrier shows it without the mark of its pool.
    """
    if await _look_live(services, record, step.way) is None:
        return False
    holding = await account.carrier.find(record.number)
    began = services.monotonic()  # the carrier may have taken its time, in which the number was taken back
    live = await _look_live(services, record, step.way)
    if live is None:
        return False
    if holding is not None and not _is_ours(services, live, holding, step.way):
        if step.way is Way.RELEASE:
            raise NotOurs(f"{record.account} shows {record.name} without the mark of its pool")
        log.info("number let go by its object only", number=record.name, account=str(record.account))
        if holding.mark is None:
            services.fleet.marked.forget(record.number)
        return True  # its mark is off already, or it is another's, whose mark stays
    if holding is not None:
        try:
            with moving(services, record.account, record.pool_ref):
                await refuse_frozen(services, record.account, record.pool_ref)
                if services.monotonic() > began + LOOK_HOLDS:
                    log.warning("not let go: the last look took too long", number=record.name)
                    return False
                if not services.leadership.held:
                    log.warning("not let go: another operator may lead by now", number=record.name)
                    return False
                await _tell(account, holding, step.way)
        except Frozen as error:
            log.warning("not let go", number=record.name, account=str(record.account), error=str(error))
            return False
    account.note_left(record.number, released=step.way is Way.RELEASE)
    services.fleet.marked.forget(record.number)
    log.info("number left", number=record.name, account=str(record.account), way=str(step.way))
    return True


async def _look_live(services: Services, record: NumberRecord, way: Way) -> NumberRecord | None:
    """The number, read live, if number and pool still say that it may go this way."""
    live = await _look_at_number(services, record)
    return live if live and await _still_granted(services, live, way) else None


async def _look_at_number(services: Services, record: NumberRecord) -> NumberRecord | None:
    try:
        services.fleet.learn("PhoneNumber", await services.kube.get(PHONE_NUMBERS, record.namespace, record.name))
    except NotFound:
        return None
    return services.fleet.number(record.namespace, record.name)


async def _still_granted(services: Services, record: NumberRecord, way: Way) -> bool:
    """Whether number and pool, read live, still say that it may go this way."""
    if record.pool:
        try:
            pool = await services.kube.get(NUMBER_POOLS, record.namespace, record.pool)
            services.fleet.learn("NumberPool", pool)
        except NotFound:
            if services.fleet.pool_of(record):
                return False  # deleted this very moment: its numbers are planned anew without it
    if way is not Way.RELEASE:
        await services.namespaces.look(record.namespace, live=True)
    asked, leaving = going(services, record), number_want(services, record).leaving
    return asked is not None and leaving is not None and leaving.granted and asked.way is way


def _is_ours(services: Services, record: NumberRecord, holding: Holding, way: Way) -> bool:
    """Whether the mark says that the number is this very object's. To take the mark off, its namespace is enough."""
    mark = holding.mark
    if mark is None or (mark.installation, mark.namespace) != (services.installation, record.namespace):
        return False
    return way is Way.LET_GO or mark.pool == record.pool


async def _tell(account: OpenAccount, holding: Holding, way: Way) -> None:
    if way is Way.RELEASE:
        await account.carrier.release(holding.external_id)
    else:
        await account.carrier.mark(holding.external_id, None)


# Leaving only the object.


async def find_nobody_to_tell(services: Services, record: NumberRecord) -> str | None:
    """Why the number's object may go although the carrier is not told, by a live look; None: it may not."""
    live = await _look_at_number(services, record)
    if live is None:
        return None
    if await _still_granted(services, live, Way.LEAVE):
        return f"namespace {live.namespace} is being deleted"
    if not await _still_granted(services, live, Way.LET_GO):
        return None
    return await find_account_gone(services, live.account)


async def find_account_gone(services: Services, key: AccountKey) -> str | None:
    """What of the account is gone for good, so that the carrier can't be called; None: nothing."""
    try:
        account = CarrierAccount.parse(await services.kube.get(CARRIER_ACCOUNTS, key.namespace, key.name))
    except NotFound:
        return f"CarrierAccount {key} is gone"
    secret = account.spec.credentials_secret_ref.name
    try:
        await services.kube.get(SECRETS, key.namespace, secret)
    except NotFound:
        return (
            None if services.accounts.get(key) else f"Secret {key.namespace}/{secret} of CarrierAccount {key} is gone"
        )
    return None


async def tell_left_behind(services: Services, record: NumberRecord, why: str) -> None:
    """Say that the number stays at the carrier with our mark: in an event, where the namespace still takes one."""
    log.info("number left at the carrier", number=f"{record.namespace}/{record.name}", account=str(record.account))
    if services.namespaces.is_ending(record.namespace):
        return
    note = (
        f"Its object goes, and {record.number} stays at the carrier, paid for and with our mark, because {why}. The "
        "next sweep of an account that shows the number takes it back into its pool, or reports it as an orphan."
    )
    await services.status.announce(PHONE_NUMBERS, record, Reason.LEFT_AT_CARRIER, note)
