"""What a change of a claim wakes: the claim queue, itself when it needs a turn, its set, its number, its pool."""

from __future__ import annotations

from datetime import timedelta

from ringfleet.controllers.connection_secret import LOOK_AGAIN
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import spread, wake_needy, wake_pool, wake_set
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.plan.next_look import next_look_at_claim


class ClaimTriggers:
    """Hears of every change of a claim, by the informer and by our own writes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def note_claim(self, old: ClaimRecord | None, new: ClaimRecord | None) -> None:
        """A claim has changed, come (`old` None) or gone (`new` None)."""
        self._services.claim_queue.note_claim(old, new)
        claim = new or old
        assert claim
        wake_set(self._services, old)
        wake_set(self._services, new)
        if old is None and self._services.clock() - claim.created < _JUST_CREATED:
            self._services.arrivals[claim.uid] = self._services.clock()
        if new is None:
            self._services.arrivals.pop(claim.uid, None)
        else:
            self._wake_claim_when_due(new)
        if old and (new is None or new.uid != old.uid):
            self._note_departed(old)
        if old and new and _rules(old) != _rules(new):
            for record in self._services.fleet.numbers_of(claim):
                self._services.queues.wake_number(record)
        if old and (new is None or old.bundle != new.bundle):
            self._let_stock_go_back(claim)
        if old is None or new is None or _demand(old) != _demand(new):
            wake_pool(self._services, claim.pool)

    def _note_departed(self, claim: ClaimRecord) -> None:
        """A claim was deleted: its key lets its number go."""
        self._services.untold.discard(claim.uid)
        if self._services.fleet.numbers_of(claim):
            self._services.queues.wake_claim(claim)

    def _let_stock_go_back(self, claim: ClaimRecord) -> None:
        """Numbers of its pool that were kept registered to a bundle for claims that wait for them may be so no more."""
        wake_needy(self._services, self._services.fleet.numbers.by("left registered", tuple(claim.pool)))

    def _wake_claim_when_due(self, claim: ClaimRecord) -> None:
        """A claim that carries our finalizer and is not to, since an earlier version has put it on, or that is to and
        does not, has it put right within some minutes: there may be ten thousand after an upgrade."""
        now = self._services.clock()
        if next_look_at_claim(claim, now) is not None:
            self._services.queues.wake_claim(claim)
        elif claim.guarded is not claim.to_be_guarded:
            delay = spread(claim.uid, LOOK_AGAIN)
            self._services.queues.wake("NumberClaim", claim.namespace, claim.name, delay)


def _rules(claim: ClaimRecord) -> object:
    """What of a claim says how its number is to be."""
    return claim.suspended, claim.routing_profile, claim.bundle, claim.emergency


def _demand(claim: ClaimRecord) -> object:
    """What of a claim concerns its pool: whether it has a number, and what is to be ordered for it."""
    return claim.bound, claim.on_no_stock, (claim.ask, claim.bundle) if claim.has_one_ordered else None


_JUST_CREATED = timedelta(seconds=2)
"""A creation time has whole seconds; a claim that is first seen so soon after it has just come."""
