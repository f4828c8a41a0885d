"""Who wakes whom: what is seen of intents, numbers and claims becomes keys in the queues, and turns in the claim queue.

::

    an intent changed  (Kopf, relist, our own write) -> its key, and the keys of what depends on it
    a number changed   (informer, our own write)     -> itself when it needs a step, now or by time (plan/next_look.py);
                                                        its pool soon, its profile later; the claim queue, which may
                                                        have a claim for it
    a claim changed    (informer, our own write)     -> the claim queue; itself at once if it needs a turn; its number

Each of the three has a room: intent_triggers.py, number_triggers.py, claim_triggers.py. Whom a cause wakes that more
than one of them, or a controller, may see is in wake.py.
"""

from __future__ import annotations

from functools import partial

from ringfleet.controllers.claim_triggers import ClaimTriggers
from ringfleet.controllers.claimed_number import tells_of
from ringfleet.controllers.connection_secret import LOOK_AGAIN
from ringfleet.controllers.fleet import INTENTS
from ringfleet.controllers.intent_triggers import IntentTriggers
from ringfleet.controllers.number_traffic import NUMBER_TRAFFIC
from ringfleet.controllers.number_triggers import NumberTriggers
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import spread


def follow(services: Services) -> None:
    """From now on, wake what a change concerns."""
    intents, numbers, claims = IntentTriggers(services), NumberTriggers(services), ClaimTriggers(services)
    for model in INTENTS:
        services.fleet.store(model.__name__).subscribe(partial(intents.note_intent, model.__name__))
    services.fleet.numbers.subscribe(lambda _, old, new: numbers.note_number(old, new))
    services.fleet.claims.subscribe(lambda _, old, new: claims.note_claim(old, new))
    services.fleet.freezes.subscribe(lambda _place, _old, _new: intents.note_freeze())


def open_queue(services: Services) -> None:
    """Everything is listed. What was asked to go before we looked is remembered, for the breaker. A claim whose status
    and number do not say the same has a turn: a process ended between the two writes, or the number went meanwhile. So
    has one that waits: what it waits for, by its status, may have come while nobody looked. What claims have written
    somewhere is looked at as it would have been by the process before, not all at once."""
    for record in services.fleet.numbers.values():
        if record.state.farewell is None and (record.deleting or record.notes.asked):
            services.found_going.add(record.uid)
    for claim in services.fleet.claims.values():
        held = services.fleet.numbers_of(claim)
        waits = claim.bound is None and not claim.failed
        fits = all(tells_of(services, claim, record) for record in held)
        if waits or (claim.bound is None) is not (not held) or not fits:
            services.queues.wake_claim(claim)
        elif claim.bound and (claim.write_to or claim.written_to):
            services.queues.wake("NumberClaim", claim.namespace, claim.name, spread(claim.uid, LOOK_AGAIN))
    services.claim_queue.open()
    if services.dispatcher.numbers_interval is not None:
        services.queues.add(NUMBER_TRAFFIC)
