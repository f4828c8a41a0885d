"""Who follows what is declared, and how one sees that a follower hears nothing any more.

::

    numbers, claims    informers of our own        silent: nothing heard, not even a bookmark, which comes each minute
                                                   deaf: not even a vain try; only a new process mends that
    intents            Kopf's watches, and a list  silent: nothing heard, and no list read either
                       of all now and then         deaf: a list has found what the watch has not told until the next
                                                   list, or nobody lists any more
"""

from __future__ import annotations

from ringfleet.api import NumberClaim, PhoneNumber
from ringfleet.controllers.intent_watches import Follower
from ringfleet.controllers.services import Services


def observe(services: Services) -> list[Follower]:
    """How every kind is followed now, sorted by kind."""
    limit, relist = services.settings.stale_after.total_seconds(), services.settings.relist.total_seconds()
    numbers, claims = services.number_informer, services.claim_informer
    followers = [
        Follower(kind, age, age >= limit, idle >= limit)
        for kind, age, idle in (
            (PhoneNumber.__name__, numbers.age(), numbers.idle()),
            (NumberClaim.__name__, claims.age(), claims.idle()),
        )
    ]
    followers += [services.intent_watches.see(kind, relist, limit) for kind in services.intent_watches.kinds]
    return sorted(followers, key=lambda one: one.kind)


def troubles(services: Services) -> list[str]:
    """Why the operator can't do its work now, a sentence each; none when it can."""
    if not services.queues.intents.active and not services.leadership.stands_by:
        return ["It is starting or stopping: objects are looked at once all of them have been listed."]
    found = []
    if services.queues.intents.active and not services.leadership.held:
        found.append("It led, and could not say so in time: the API server does not take its Lease.")
    if silent := [one.kind for one in observe(services) if one.silent]:
        found.append(f"Nothing has been heard of {', '.join(silent)} for too long: what is known may be old.")
    if unsaid := sorted({key.kind for key in services.errors.unsaid()}):
        found.append(
            f"The API server takes no status of some {', '.join(unsaid)}: apply crds/ of this version, and see that "
            "the operator has its role."
        )
    return found
