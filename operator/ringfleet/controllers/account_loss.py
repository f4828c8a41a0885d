"""What is concluded from a whole listing: whether it can be believed, and which numbers are lost.

A number that enough listings have left out is asked for by its digits before it counts as lost; its own reconcile then
says so (`OpenAccount.is_lost`), and the sweep that sees it again takes that back.
"""

from __future__ import annotations

import structlog

from ringfleet.api import CarrierAccount
from ringfleet.api.meta import ACCEPT_LISTING
from ringfleet.controllers.account_sweep import records_at
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account.loss import Listing, call_roll, is_accepted, is_short, not_found, to_ask_for

log = structlog.get_logger(__name__)


def accepted(obj: CarrierAccount, account: OpenAccount) -> bool:
    """Whether a person has said that the doubted listing is right."""
    return is_accepted(obj.metadata.annotations.get(ACCEPT_LISTING), account.doubted)


def believe(obj: CarrierAccount, account: OpenAccount, listing: Listing) -> bool:
    """Take the listing as the new measure, or doubt it: then the old one stays, and nothing may be concluded.

    A process that has never heard of a listing, as after a restored backup, measures by the objects.
    """
    owned = len(listing.listed)
    if account.last_owned is None:
        account.last_owned = len(listing.expected)
    same = owned == account.doubted and accepted(obj, account)
    if is_short(owned, account.last_owned, len(account.roll.released)) and not same:
        log.warning("listing shrunk", account=obj.key, owned=owned, before=account.last_owned)
        account.doubted = owned
        return False
    account.last_owned, account.doubted = owned, None
    return True


async def find_lost(services: Services, key: AccountKey, account: OpenAccount, listing: Listing, counts: bool) -> None:
    """Count who was left out of a believed listing, and ask for those that were left out often enough.

    Raises:
        CarrierError: the carrier can't be asked; it is, after the next listing.
    """
    account.roll = call_roll(account.roll, listing, counts)
    suspects = to_ask_for(account.roll)
    records = records_at(services, key, account) if suspects else {}
    for number in suspects:
        if await account.carrier.find(number):
            account.note_found(number)
        elif record := records.get(number):
            account.roll = not_found(account.roll, number)
            log.warning("number lost", number=f"{record.namespace}/{record.name}", account=str(key))
            services.queues.wake_number(record)
