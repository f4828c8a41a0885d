"""What a change of a number wakes: itself when it needs a step, its pool, its profile, its set, and its claim."""

from __future__ import annotations

from ringfleet.controllers.bundle_attachments import carried_by
from ringfleet.controllers.claimed_number import tells_of
from ringfleet.controllers.rebinding import former_number
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import (
    PROFILE_DELAY,
    USE_DELAY,
    wake_bundle_counts,
    wake_needy,
    wake_pool,
    wake_quotas,
    wake_set,
)
from ringfleet.model import GONE, Phase
from ringfleet.objects.number_claim import shown_of
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.conditions import Reason
from ringfleet.plan.phone_number.phase import IN_FLIGHT


class NumberTriggers:
    """Hears of every change of a number, by the informer and by our own writes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def note_number(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A number has changed, come (`old` None) or gone (`new` None)."""
        self._services.quotas.forget()
        self._services.claim_queue.note_number(old, new)
        if old is None and new:
            self._tell_who_named(new)
        self._tell_who_had(old, new)
        self._note_bundle_of(old, new)
        self._note_use(old, new)
        if new:
            wake_needy(self._services, (new,))
        elif old:
            self._services.needy.note(old, needy=False)
        self._note_standing(old, new)
        self._note_service(old, new)
        self._note_documents(old, new)
        self._note_member(old, new)
        record = new or old
        if record is None or (old and new and _looks_the_same(old, new)):
            return
        if record.pool_ref:
            wake_pool(self._services, record.pool_ref)
        if not (old and new and _as_follower(old) == _as_follower(new)):
            routed = [(seen.namespace, seen.state.routed.profile) for seen in (old, new) if seen and seen.state.routed]
            for place in dict.fromkeys(routed):
                self._wake_profile(*place)
        self._note_holder(old, new)

    def _note_standing(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """Whose the number is may have changed: its other objects look again, and so does a claim that holds it."""
        if old and new and (_standing(old), old.left_alone) == (_standing(new), new.left_alone):
            return
        record = new or old
        assert record
        for other in self._services.fleet.numbers.by("number", record.number):
            if other.place != record.place:
                self._services.claim_queue.note_number(other, other)
                wake_needy(self._services, [other])
                if other.pool_ref:
                    wake_pool(self._services, other.pool_ref)
        claim = self._services.fleet.claim_of(record)
        if claim and old and new and old.left_alone is not new.left_alone:
            self._services.queues.wake_claim(claim)

    def _note_service(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """The number has come to be of no use, or is of use again, or costs or is received otherwise: the claim that
        holds it says so."""
        claim = self._services.fleet.claim_of(new) if new else None
        if claim is None or claim.bound is None or new is None:
            return
        if not tells_of(self._services, claim, new) if old is None else _as_held(old) != _as_held(new):
            self._services.queues.wake_claim(claim)

    def _note_documents(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A number waits for documents no more: the order that bought it says so."""
        if old is None or old.pool is None or old.state.phase not in IN_FLIGHT:
            return
        if new is not None and new.state.phase in IN_FLIGHT:
            return
        for order in self._services.fleet.orders_for(old.namespace, old.pool):
            counts = order.status.counts
            if order.status.done and counts and counts.pending_documents:
                self._services.queues.wake_order(order.metadata.namespace, order.metadata.name)

    def _note_use(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """Who uses the number's account, or the profiles that it is routed by, may have changed."""
        record = new or old
        assert record
        services = self._services
        if old is None or new is None or (old.state.phase in GONE) is not (new.state.phase in GONE):
            services.queues.wake("AccountUse", record.account.namespace, record.account.name, USE_DELAY)
            concerned = {place for seen in (old, new) if seen for place in services.fleet.profiles_of(seen)}
        elif (old.state.routed, old.claim) == (new.state.routed, new.claim):
            return
        else:  # of the profiles in both it is a user before and after
            concerned = set(services.fleet.profiles_of(old) ^ services.fleet.profiles_of(new))
        for place in concerned:
            services.queues.wake("ProfileUse", *place, USE_DELAY)

    def _note_bundle_of(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """The number may carry another bundle than before."""
        before, after = carried_by(old), carried_by(new)
        if before != after:
            for namespace in {carried.namespace for carried in (before, after) if carried}:
                wake_bundle_counts(self._services, namespace)

    def _note_member(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """The sets whose claim holds the number, or held it, may count it otherwise than before."""
        if old and new and _as_member(old) == _as_member(new):
            return
        for claim in (self._services.fleet.claim_of(record) for record in (old, new) if record and record.claim):
            wake_set(self._services, claim)

    def _tell_who_named(self, number: NumberRecord) -> None:
        """Claims may have asked for the number by name before there was one."""
        claims = self._services.fleet.claims.by("named", number.place)
        self._services.claim_queue.reconsider([claim for claim in claims if claim.pool == number.pool_ref])

    def _tell_who_had(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A claim that came back before the number did takes it up, or has it back; one that was made anew while the
        number was still being let go asks for it."""
        if new is None or (old and _as_former(old) == _as_former(new)):
            return
        if old and old.claim and old.claim != new.claim:
            heir = self._services.fleet.claim(old.claim.namespace, old.claim.name)
            if heir and heir.uid != old.claim.uid:
                self._services.claim_queue.reconsider([heir])
        holder = new.claim or new.last_claim
        claim = self._services.fleet.claim(holder.namespace, holder.name) if holder else None
        if claim and former_number(self._services.fleet, claim) is new:
            self._services.queues.wake_claim(claim)

    def _wake_profile(self, namespace: str, profile: str) -> None:
        """`profile` as numbers of `namespace` know it."""
        there, _, name = profile.rpartition("/")
        self._services.queues.wake("RoutingProfile", there or namespace, name, PROFILE_DELAY)

    def _note_holder(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """Who holds the number may have changed: the quotas of either count it, and its claim may have lost it."""
        record = new or old
        assert record
        wake_quotas(self._services, record.namespace)
        before, after = old.claim if old else None, new.claim if new else None
        if before == after:
            if after and after.namespace != record.namespace:  # whose price may be another
                wake_quotas(self._services, after.namespace)
            return
        for holder in {holder for holder in (before, after) if holder}:
            wake_quotas(self._services, holder.namespace)
            claim = self._services.fleet.claim_by_uid(holder.uid)
            if claim and not self._services.claim_queue.assignment(claim):  # else its own turn is binding it
                self._services.queues.wake_claim(claim)
            if holder.namespace != record.namespace and self._services.quotas.of(holder.namespace):
                self._services.claim_queue.note_room(holder.namespace)


def _as_follower(record: NumberRecord) -> tuple[object, ...]:
    """What a routing profile sees of a number. Of its claim only where that is of another namespace, whose profiles
    then count the number."""
    state, claim = record.state, record.claim
    borrower = claim.namespace if claim and claim.namespace != record.namespace else None
    return (
        *(state.routed, state.drift, state.phase in GONE),
        *(record.observed, record.account, record.pool, record.routing_profile, borrower),
    )


def _as_former(record: NumberRecord) -> tuple[object, ...]:
    """What decides whether a claim had the number before."""
    return (record.claim, record.last_claim, record.state.phase)


def _standing(record: NumberRecord) -> object:
    """What decides whose a number is, when it has several objects."""
    state = record.state
    return (record.account, record.observed, state.foreign_mark, state.phase is Phase.RELEASED)


def _as_held(record: NumberRecord) -> tuple[object, ...]:
    """What the claim that holds the number tells of it."""
    said = record.ready
    serves = said is None or (said.status == "True" and said.reason != Reason.SUSPENDED)
    hindered = None if serves or said is None else (said.status, said.reason, said.message, record.reconciling)
    address = record.emergency and (record.emergency.status, record.emergency.reason, record.emergency.message)
    return (hindered, address, record.state.routed, shown_of(record))


def _as_member(record: NumberRecord) -> tuple[object, ...]:
    """What a rotation set sees of a number."""
    state = record.state
    return (
        *(record.claim, record.deleting, record.notes, record.suspended, record.country, record.price),
        record.left_alone,
        *(state.phase, state.routed, state.stopped, record.attestation, record.spam_label, record.seat),
    )


def _looks_the_same(old: NumberRecord, new: NumberRecord) -> bool:
    """Whether pool and profile would count the number as before."""
    return _looks(old) == _looks(new)


def _looks(record: NumberRecord) -> tuple[object, ...]:
    state = record.state
    return (
        *(state.phase, record.pool, record.price, state.routed, state.drift, state.farewell),
        *(record.claim, record.deleting, record.notes, record.protected, record.free_since, record.renews_at),
        *(record.left_alone, record.state.foreign_mark),
    )
