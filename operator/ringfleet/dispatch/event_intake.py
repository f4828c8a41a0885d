"""Carriers' events on their way into the ledger, once they are signed and read: whose they are, and what they wish.

What is answered for is in the ledger, or concerns nobody; a carrier repeats everything else, under the same id. STOP
words become opt-outs in the transaction that takes in their event, and START takes back, in the same way, only what a
STOP of an earlier second has made: when a carrier repeats or mixes up messages, the opt-out wins. A STOP is never too
old, and none is acknowledged whose sender can't be read: the carrier sends it again, and people see it refused. What
may be a wish and may be none is listed and logged for a person, by the carrier's ids and without its text.

It runs where the ledger and the inventory are; the keys of recipients leave that process no more than they do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import floor, inf, nextafter
from typing import Final, Protocol

import structlog

from ringfleet.carriers.webhooks import WebhookRequest
from ringfleet.dispatch.announcing.announced import ALONE, Standing
from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable, Unwritable
from ringfleet.dispatch.ledger.types import LONGEST_TEXT, Heard, OptIn, Suppression
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.optout_words import Wish, wish_in
from ringfleet.dispatch.problems import Problem, unwritable
from ringfleet.dispatch.relay import letter_of
from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.model.traffic import CarrierEvent, Direction, Happening
from ringfleet.plan.rotation_set.guardrails import everywhere_in

FORGOTTEN: Final = 30 * 86_400.0
"""Seconds. The ledger knows its events for 35 days; an older one could be counted twice."""
AHEAD: Final = 3600.0
"""Seconds that an event may be ahead of us."""

_OF_THE_NUMBER: Final = frozenset({Happening.NUMBER_LABELLED, Happening.NUMBER_CLEARED})

log = structlog.get_logger(__name__)


class Numbers(Protocol):
    """Whose numbers are: `senders.Fleet`."""

    def is_known(self) -> bool: ...

    def accounts_of(self, number: E164) -> Collection[AccountKey]: ...

    def scopes_of(self, number: E164) -> Sequence[tuple[str, str]]: ...

    def opt_out_words(self, number: E164) -> Collection[str]: ...


class Intake:
    """`hashes`: of a recipient, the newest key's first. `now`: POSIX seconds. `target_of`: the URL to which a
    RoutingProfile sends messages, of one that the account was told; None: there is none such."""

    def __init__(
        self,
        ledger: Ledger,
        numbers: Numbers,
        hashes: Callable[[str], tuple[bytes, ...]],
        now: Callable[[], float],
        metrics: Metrics,
        target_of: Callable[[AccountKey, ObjectRef], str | None] = lambda *_: None,
        standing: Standing = ALONE,
    ) -> None:
        self._target_of = target_of
        self._standing = standing
        self._ledger = ledger
        self._numbers = numbers
        self._hashes = hashes
        self._now = now
        self._metrics = metrics

    async def take(self, key: AccountKey, event: CarrierEvent) -> str:
        """What became of it: see `webhooks.Happened`. Raises Problem: nothing, or it is not known."""
        with self._ledger_needed():
            return await self._take_in(key, event)

    async def pass_on(
        self, key: AccountKey, profile: ObjectRef, request: WebhookRequest, peer: E164 | None = None
    ) -> None:
        """See `webhooks.Taker`."""
        target = self._target_of(key, profile)
        if target is None:
            raise Problem(
                "not-found",
                f"RoutingProfile {str(profile)[:100]} sends no messages to a program, or {key} was not told it.",
            )
        person = self._hashes(peer)[0] if peer else b""
        letter = letter_of(target, request.url, request.headers, request.body, person)
        with self._ledger_needed():
            await self._ledger.post([letter], self._now())

    @contextmanager
    def _ledger_needed(self) -> Iterator[None]:
        """Raises Problem: the ledger can't be written, or not with this in it."""
        try:
            yield
        except Unwritable as error:
            raise unwritable() from error
        except LedgerUnavailable as error:
            log.error("ledger unavailable", error=str(error))  # noqa: TRY400 - its message says it all
            self._metrics.ledger_failed()
            refusal = "The ledger can't be written now. Send the event again."
            raise Problem("ledger-unavailable", refusal) from error

    async def _take_in(self, key: AccountKey, event: CarrierEvent) -> str:
        """Raises LedgerUnavailable and Problem."""
        if refused := self._standing.refusal():  # an opt-out would be where nobody looks
            raise refused
        if not self._numbers.is_known():
            raise Problem("inventory-unknown", "The numbers have not been read yet. Send the event again.")
        age = self._now() - event.at.timestamp()
        if age < -AHEAD:
            raise Problem("malformed-request", "The event's created_at is in the future: compare the clocks.")
        if event.undirected:
            directed = self._directed(key, event)
            if directed is None:
                log.info("event ignored", account=str(key), happening=event.happening.value)
                return "ignored"
            event = directed
        heard = self._understand(key, event)
        if age > FORGOTTEN or not heard.can_be_counted or not self._counts(key, event):
            if heard.opt_outs:  # taken twice it is the same; the event is not counted
                return "counted" if await self._ledger.ingest([replace(heard, counts=False)]) else "known"
            if not heard.can_be_counted:
                raise unwritable()
            log.info("event ignored", account=str(key), happening=event.happening.value, number=event.number)
            return "ignored"
        return "counted" if await self._ledger.ingest([heard]) else "known"

    def _directed(self, key: AccountKey, event: CarrierEvent) -> CarrierEvent | None:
        """The event, from the side of the account's number, where the carrier does not say which one that is; None when
        neither is known to be its own: either may be a stranger's, whose number is not kept."""
        caller, called = event.number, event.peer
        if key in self._numbers.accounts_of(caller):
            return event
        if called is None or key not in self._numbers.accounts_of(called):
            return None
        return replace(event, number=called, peer=caller, direction=Direction.INBOUND)

    def _counts(self, key: AccountKey, event: CarrierEvent) -> bool:
        """Whether the account may tell this of the number: its own, or one that nobody is known to own yet; but no
        label of what it does not own, with which whoever buys the number next would begin; nor what a stream tells of a
        number that may be another program's."""
        if event.happening in _OF_THE_NUMBER:
            return key in self._numbers.accounts_of(event.number)
        owners = self._numbers.accounts_of(event.number)
        return key in owners or not (owners or event.streamed)

    def _is_of(self, key: AccountKey, number: E164) -> bool:
        owners = self._numbers.accounts_of(number)
        return not owners or key in owners

    def _understand(self, key: AccountKey, event: CarrierEvent) -> Heard:
        """The event, with what it wishes of opt-outs. Raises Problem: nobody can tell whose wish it is."""
        found = self._wish(key, event)
        if found is None:
            sender = self._hashes(event.peer) if event.peer and _is_inbound(event) else ()
            return Heard(str(key), event, sender=sender, unclear=self._is_unclear(event))
        wish, word = found
        peer, at, scopes = _sender(key, event), event.at.timestamp(), self._brands(key, event.number)
        hashes = self._hashes(peer)
        owns, placed = key in self._numbers.accounts_of(event.number), bool(self._numbers.scopes_of(event.number))
        if wish is Wish.LEAVE:
            reason = f"message: {word}"[:LONGEST_TEXT]  # one letter may be eighteen in its plain form
            opt_outs = tuple(Suppression(scope, hashes[0], at, reason, True, hashes[1:]) for scope in scopes)
            return Heard(str(key), event, opt_outs, sender=hashes, owns=owns, placed=placed)
        everywhere = (*scopes, everywhere_in(key.namespace))  # where it was said to a number of no set
        before = before_the_second(at)
        opt_ins = tuple(OptIn(scope, hash_, before) for scope in everywhere for hash_ in hashes)
        return Heard(str(key), event, opt_ins=opt_ins, sender=hashes, owns=owns, placed=placed)

    def _wish(self, key: AccountKey, event: CarrierEvent) -> tuple[Wish, str] | None:
        """What is to be done by the message; None: nothing, or it is for a person to say what."""
        if event.happening is not Happening.MESSAGE_RECEIVED:
            return None
        found = wish_in(event.text, self._numbers.opt_out_words(event.number))
        if found is None:
            return None
        wish, _ = found
        if wish is not Wish.UNCLEAR:
            self._metrics.wished(wish, taken=event.peer is not None)
            return found
        self._metrics.wished(wish, taken=False)
        sets = sorted({set_ for set_, _ in self._numbers.scopes_of(event.number)})
        ids = {"event_id": event.id, "message_id": event.subject}
        log.warning("message may ask to be left alone", account=str(key), **ids, number=event.number, sets=sets)
        return None

    def _is_unclear(self, event: CarrierEvent) -> bool:
        if event.happening is not Happening.MESSAGE_RECEIVED:
            return False
        found = wish_in(event.text, self._numbers.opt_out_words(event.number))
        return found is not None and found[0] is Wish.UNCLEAR

    def _brands(self, key: AccountKey, number: E164) -> list[str]:
        """Where the wish counts: in each brand that uses the number; in the account's namespace without any, and for a
        number that is another account's now. The ledger adds those that have contacted the person, or used the number,
        lately."""
        sets = self._numbers.scopes_of(number) if self._is_of(key, number) else ()
        return sorted({brand for _, brand in sets}) or [everywhere_in(key.namespace)]


def before_the_second(at: float) -> float:
    """The last moment before the second of `at`. Some carriers tell whole seconds only, so that of a START and a STOP
    of one second nobody knows which was the last word: the STOP holds."""
    return nextafter(floor(at), -inf)


def _is_inbound(event: CarrierEvent) -> bool:
    return event.happening is Happening.MESSAGE_RECEIVED or event.direction is Direction.INBOUND


def _sender(key: AccountKey, event: CarrierEvent) -> E164:
    """Who has written. Raises Problem."""
    if event.peer is None:
        log.warning("opt-out of an unreadable sender", account=str(key), event_id=event.id, message_id=event.subject)
        raise Problem(
            "sender-unreadable",
            "The message asks for an opt-out, and its sender is no number that can be read: send it with a sender in "
            "E.164 form, such as +14155550123.",
        )
    return event.peer
