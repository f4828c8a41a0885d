"""From a request to an ask, and from a verdict to an answer. What is decided in between is the ledger's.

This is the hot path: a set is looked up once, places and windows are remembered, and no object of the API server is
touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import blake2b
from time import monotonic
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from ringfleet.dispatch.announcing.announced import ALONE, Standing
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import Inventory, SetView
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import (
    Ask,
    Deferred,
    Exhausted,
    KeyReused,
    NoNumber,
    Picked,
    Quiet,
    Suppressed,
    TooOften,
    UnknownDeferral,
    Verdict,
    Why,
)
from ringfleet.dispatch.problems import Problem, later, write_time
from ringfleet.dispatch.recipients import Hasher, is_recipient
from ringfleet.dispatch.schema import DeferredReply, Kind, PickReply, PickRequest
from ringfleet.model import E164
from ringfleet.model.geography import whereabouts
from ringfleet.plan.rotation_set.calendar import NEVER as NO_MOMENT
from ringfleet.plan.rotation_set.calendar import Window, quiet_until
from ringfleet.plan.rotation_set.guardrails import QuietHours

LONGEST_KEY = 255
AGE_SECONDS = 0.1
NEVER = NO_MOMENT.timestamp()
JSON = "application/json"

_decode = msgspec.json.Decoder(PickRequest).decode
_encode = msgspec.json.Encoder().encode


class Question(NamedTuple):
    """What an answer goes by: of which set, when, and in which windows it was asked."""

    view: SetView
    now: float
    window: Window


Begun = tuple[Question, Awaitable[Verdict]]
Answer = tuple[int, Mapping[str, str] | None, bytes]
"""Status, headers beside those of every answer, and the JSON."""


class Picker:
    """Answers picks. `hasher` gives the keys that are in force now."""

    def __init__(
        self,
        ledger: Ledger,
        inventory: Inventory,
        clock: Clock,
        hasher: Callable[[], Hasher],
        standing: Standing = ALONE,
    ) -> None:
        self._standing = standing
        self._ledger = ledger
        self._inventory = inventory
        self._clock = clock
        self._hasher = hasher
        self._aged, self._aged_until = 0.0, 0.0

    async def pick(self, namespace: str, name: str, key: str | None, body: bytes, dry_run: bool) -> Response:
        """The answer to `POST .../picks`.

        Raises:
            Problem: what is wrong with the request, or why no number is given.
            LedgerUnavailable: the ledger can't be written.
        """
        view = self.find(namespace, name)
        request = self._read(view, body)
        if not dry_run:
            key = read_key(key)
        now = self._clock.now()
        window = view.window(now)
        if view.day != window.day:
            await self._inventory.enter_day(view, window.day)
        verdict = await self._ledger.pick(self._ask(view, request, now, window, key, dry_run))
        status, headers, said = self.answer(Question(view, now, window), verdict)
        return Response(said, status, headers, JSON)

    def begin(self, namespace: str, name: str, key: str | None, body: bytes) -> Begun | None:
        """The same without waiting for anything but the ledger. None: there is more to wait for, or it is a no, which
        `pick` tells: nothing was asked then."""
        try:
            view = self.find(namespace, name)
            request = self._read(view, body)
            key = read_key(key)
            now = self._clock.now()
            window = view.window(now)
            if view.day != window.day:
                return None
            ask = self._ask(view, request, now, window, key, dry_run=False)
        except Problem:
            return None
        return Question(view, now, window), self._ledger.pick(ask)

    def _read(self, view: SetView, body: bytes) -> PickRequest:
        """What is asked of the set, if it may be asked now. Raises Problem."""
        if refused := self._standing.refusal():
            raise refused
        if view.want.suspended:
            raise Problem("set-suspended", f"RotationSet {view.want.key} is suspended (spec.suspend).")
        if freeze := self._inventory.freeze_of(view):
            raise Problem("frozen", freeze.message)
        request: PickRequest = read(_decode, body)
        if not is_recipient(request.to):
            raise not_a_number("/to")
        return request

    def knows(self, namespace: str, name: str) -> bool:
        """Whether there is such a set, whatever is to be said of it."""
        return self._inventory.view(namespace, name) is not None

    def find(self, namespace: str, name: str) -> SetView:
        """The set, which must be there and make sense. Raises Problem."""
        view = self._inventory.view(namespace, name)
        if view is None:
            if not self._inventory.synced.is_set():
                raise Problem("inventory-unknown", "The dispatcher has not yet read its inventory from the API server.")
            raise Problem("not-found", f"There is no RotationSet {namespace}/{name}.")
        if view.fault is not None:
            raise Problem("set-invalid", f"RotationSet {namespace}/{name} can't be used: {view.fault}.")
        return view

    def _ask(
        self, view: SetView, request: PickRequest, now: float, window: Window, key: str | None, dry_run: bool
    ) -> Ask:
        want, parts = view.want, view.asks
        where = whereabouts(E164(request.to))
        hasher = self._hasher()
        hashes = hasher.hashes(request.to)
        reply = request.kind is Kind.REPLY and want.replies_free
        return Ask(
            set=parts.set,
            recipient=hashes[0],
            known_as=hashes[1:],
            now=now,
            day=window.day.toordinal(),
            tomorrow=window.tomorrow,
            hour_ends=window.hour_ends,
            begins=window.today,
            tiers=view.tiers(where.places),
            scopes=parts.scopes,
            account=_account(view, request.account),
            key=None if dry_run else key,
            fingerprint=_fingerprint(request, hasher.oldest_of(hashes, request.to)),
            reply=reply,
            reply_window=parts.reply_window,
            mode=want.sticky,
            sticky_ttl=parts.sticky_ttl,
            max_wait=parts.max_wait,
            room_kept=parts.room_kept,
            opens=partial(_opens, want.terms.quiet, where.zones),
            frequency=parts.frequency,
            defers=want.defers,
            deferral=request.deferred_id,
            dry_run=dry_run,
            quiet_until=_quiet_until(want.terms.quiet, where.zones, int(now // 60)),
        )

    def answer(self, question: Question, verdict: Verdict) -> Answer:
        """What is answered to a pick. Raises Problem: why there is no number."""
        view, now, window = question
        match verdict:
            case Picked():
                picked = PickReply(
                    pick_id=verdict.id,
                    number=verdict.number,
                    account=verdict.account,
                    attestation=view.attestations.get(verdict.number),
                    sticky=verdict.sticky,
                    reassigned=verdict.reassigned,
                    geo_level=verdict.tier,
                    remaining_today=verdict.remaining,
                    window_resets_at=_write_time(window.tomorrow),
                    reasons=verdict.reasons,
                    inventory_age_seconds=self._age(),
                )
                return 200, None, _encode(picked)
            case Deferred():
                put_off = DeferredReply(
                    verdict.id, verdict.number, write_time(verdict.not_before), verdict.reasons, self._age()
                )
                wait = {"Retry-After": str(max(0, int(verdict.not_before - now) + 1))}
                return 202, wait, _encode(put_off)
            case _:
                raise self._refusal(view, verdict)

    def _refusal(self, view: SetView, verdict: Verdict) -> Problem:
        set_ = f"RotationSet {view.want.key}"
        match verdict:
            case Suppressed(scope):
                return Problem("recipient-suppressed", f"The recipient has opted out of {_scope(scope)}.")
            case Quiet(not_before) if not_before >= NEVER:
                return Problem(
                    "time-zone-unknown",
                    "The recipient's number tells no time zone, and nobody is called at night: say in the set's "
                    "spec.quietHours.defaultTimeZone by which clock to call such a recipient.",
                )
            case Quiet(not_before):
                return later("quiet-hours", "Nobody is called at night, by the recipient's own clock.", not_before)
            case TooOften(not_before):
                often = view.want.terms.frequency
                return later(
                    "recipient-frequency",
                    f"{set_} contacts a recipient at most {often.contacts} times in {often.window}.",
                    not_before,
                )
            case Exhausted(not_before, excluded):
                return later(
                    "budget-exhausted", f"No number of {set_} has budget left.", not_before, excluded=_counts(excluded)
                )
            case NoNumber(excluded):
                unfit = dict(sorted(view.unfit.items()))
                return Problem(
                    "no-eligible-number",
                    f"No number of {set_} may be used for this contact, and time alone will not change it.",
                    excluded=_counts(excluded),
                    **({"unfit": unfit} if unfit else {}),
                )
            case KeyReused():
                return Problem("idempotency-key-reused", "This Idempotency-Key has come with another request before.")
            case UnknownDeferral():
                return Problem(
                    "unknown-deferral",
                    "There is no such deferral for this recipient, or it was used or cancelled: ask without it.",
                )
            case _:
                raise AssertionError(verdict)

    def _age(self) -> float:
        """To a tenth of a second, in which it is reckoned once."""
        now = monotonic()
        if now >= self._aged_until:
            self._aged, self._aged_until = round(self._inventory.age(), 1), now + AGE_SECONDS
        return self._aged


def read(decode: Callable[[bytes], Any], body: bytes) -> Any:
    """The body as the structs of `door` say. Raises Problem, which names the field and what is wrong with it."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).rpartition(" - at `$")
        pointer = path.rstrip("`").replace("[", "/").replace("]", "").replace(".", "/") if detail else ""
        said = detail or str(error)
        raise Problem(
            "malformed-request", f"The body can't be read: {said}.", errors=[{"pointer": pointer, "detail": said}]
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem("malformed-request", "The body is not JSON.") from error


def not_a_number(pointer: str) -> Problem:
    """The field is no possible number, or one that is written in another way."""
    detail = (
        "It is not a possible number in E.164 form, such as +14155550123: country code and number, and nothing else"
    )
    return Problem(
        "malformed-request",
        f"The body can't be read: {pointer} is not a number.",
        errors=[{"pointer": pointer, "detail": detail}],
    )


def read_key(header: str | None) -> str:
    """The Idempotency-Key, quoted as the draft has it or not. Raises Problem."""
    key = (header or "").strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key:
        raise Problem(
            "idempotency-key-missing",
            "Send an Idempotency-Key of your own with each pick, such as a UUID; the same again when you repeat it.",
        )
    if len(key) > LONGEST_KEY:
        raise Problem("malformed-request", f"The Idempotency-Key is longer than {LONGEST_KEY} characters.")
    return key


def _account(view: SetView, named: str | None) -> str | None:
    if named is None:
        if len(view.accounts) > 1:
            raise Problem(
                "account-required",
                f"RotationSet {view.want.key} has numbers of several accounts: name the one that the contact leaves "
                "through, because a number may be used only there.",
                accounts=sorted(view.accounts),
            )
        return None
    return named if "/" in named else f"{view.want.namespace}/{named}"


def _fingerprint(request: PickRequest, oldest: bytes) -> bytes:
    """`oldest`: the recipient's hash under the oldest key, which a newer key does not change. Fingerprints are stored:
    from one without a key, a number would be found by trying all there are. The id of a deferral is no part of it: with
    the id, and without, it is the same contact."""
    said = f"{request.account}\n{request.kind}\nNone"  # as programs wrote it to which it was one
    return blake2b(said.encode(), digest_size=16, key=oldest).digest()


@lru_cache(maxsize=16384)
def _quiet_until(quiet: QuietHours, zones: tuple[str, ...], minute: int) -> float | None:
    """NEVER: no moment is known. Any time of the ledger's is a finite number."""
    until = quiet_until(quiet, zones, datetime.fromtimestamp(minute * 60, UTC))
    return until.timestamp() if until else None


def _opens(quiet: QuietHours, zones: tuple[str, ...], moment: float) -> float:
    """When the recipient may be called, from the moment on. Who may never be is not put off."""
    until = _quiet_until(quiet, zones, int(moment // 60))
    return moment if until is None or until >= NEVER else until


@lru_cache(maxsize=1024)
def _write_time(moment: float) -> str:
    return write_time(moment)


def _counts(excluded: tuple[tuple[Why, int], ...]) -> dict[str, int]:
    return {str(why): count for why, count in excluded}


def _scope(scope: str) -> str:
    kind, _, of = scope.partition(":")
    if kind == "set":
        return f"RotationSet {of}"
    namespace, _, brand = of.partition("/")
    return f"brand {brand} in namespace {namespace}" if brand else f"all sets of namespace {namespace}"
