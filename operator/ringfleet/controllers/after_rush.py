"""What still follows on bindings and nobody waits for, put off while other claims are being bound.

::

    a claim is bound --> its event, and the phase that its number shows --> put off
                 no claim was handed a number for a moment, or it has waited for half a minute --> it has its turn

One key for all that is put off looks now and then. A turn a second for each of them would take the very time that the
bindings need: at a hundred claims a second there are a thousand of them within ten seconds.
"""

from __future__ import annotations

from ringfleet.controllers.claim_queue import IDLE_AFTER, LONGEST_GIVING_WAY
from ringfleet.controllers.services import Services
from ringfleet.objects.refs import Key

AFTER_RUSH = Key("AfterRush", "", "")
"""The one key."""


def put_off(services: Services, key: Key) -> None:
    """Let the key have its turn when the claims that wait now are bound."""
    services.put_off.setdefault(key, services.monotonic())
    services.queues.add(AFTER_RUSH, IDLE_AFTER)


async def let_follow(services: Services, _: Key) -> float | None:
    """Give those their turn that have waited long enough. Returns the delay, in seconds, until the others are looked
    at."""
    now, busy = services.monotonic(), services.claim_queue.busy()
    longest = LONGEST_GIVING_WAY.total_seconds()
    due = [key for key, since in services.put_off.items() if not busy or now >= since + longest]
    for key in due:
        del services.put_off[key]
        services.queues.add(key, at_once=True)
    return IDLE_AFTER if services.put_off else None
