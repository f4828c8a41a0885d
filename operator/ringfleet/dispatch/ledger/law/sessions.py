"""Which proxy number a participant of a masked session gets: the law. Pure.

What comes in is routed by who calls and which number was dialled, so that this pair names one session. Hence, of one
participant, no two sessions are open under one number, and a number rests for the participant after a session (reuse
quarantine), lest a late call reaches the wrong person. Nothing else binds numbers: each leg has its own, and the two
legs of a session may share one::

    the service's numbers
      that are not on their way out                                  none: 80205
      in the participant's country                                   none: 80203
      for calls, for messages, as the service's channels need        none: 80201, 80202
      as near as the service says                                    none: 80206
      not reserved, unless the request names it                      none: 80207
      of the carrier account of the session's other leg              none: 80206
      that no open session of the participant has, and none rests    none: 80206
      with fewer sessions than maxSessionsPerNumber                  none: 80208

Of what is left, in the narrowest place that has any, the least loaded. With D sessions of the busiest participant at
once, those that rest included, H legs and C sessions a number, no choice is refused with D + ceil(H/C) - 1 numbers
(`plan/sizing/formulas.py`): D - 1 are barred at most, and floor((H - 1)/C) full. Least loaded does with about
max(D, ceil(H/C)); first fit would put thousands of sessions on one number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from ringfleet.dispatch.ledger.session_types import Bar, Exhaustion, ProxyNumber, Refused, Service, Wish
from ringfleet.model.proxy import NumberSelection
from ringfleet.model.rotation import Channel


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of one participant at the moment, in all services."""

    barred: Mapping[str, Bar] = field(default_factory=dict)
    """The numbers of open sessions, and those that rest."""
    had: Sequence[str] = ()
    """The numbers of sessions that have ended and are remembered, the latest first."""


NOTHING_HELD = Held()


def choose_all(
    service: Service,
    wishes: Sequence[tuple[Wish, Held]],
    load: Mapping[str, int],
    account: str | None = None,
    own: frozenset[str] = frozenset(),
) -> list[ProxyNumber] | Refused:
    """A number for each of the participants that come into one session together, or why there is none for one of them.

    `load`: how many open sessions each number has. `account` and `own`: of the legs which the session has already;
    None: it has none. Where the service has several accounts, the one with the least loaded number goes first.
    """
    refused: Refused | None = None
    for tried in [account] if account is not None else _accounts(service, load):
        found = _choose_at(service, wishes, load, tried, own)
        if not isinstance(found, Refused):
            return found
        if refused is None or found.leg > refused.leg:
            refused = found  # the account that came farthest says what would help
    return refused or []


def _accounts(service: Service, load: Mapping[str, int]) -> list[str | None]:
    least: dict[str, int] = {}
    for one in service.numbers:
        if not one.draining:
            now = load.get(one.number, 0)
            least[one.account] = min(now, least.get(one.account, now))
    return [*sorted(least, key=lambda name: (least[name], name))] if len(least) > 1 else [None]


def _choose_at(
    service: Service,
    wishes: Sequence[tuple[Wish, Held]],
    load: Mapping[str, int],
    account: str | None,
    own: frozenset[str],
) -> list[ProxyNumber] | Refused:
    found: list[ProxyNumber] = []
    for leg, (wish, held) in enumerate(wishes):
        one = choose(service, wish, held, load, account, own.union(known.number for known in found))
        if not isinstance(one, ProxyNumber):
            return Refused(one.why, leg, one.bar, one.excluded)
        found.append(one)
    return found


def choose(
    service: Service,
    wish: Wish,
    held: Held,
    load: Mapping[str, int],
    account: str | None = None,
    own: frozenset[str] = frozenset(),
) -> ProxyNumber | Refused:
    """A number for one participant. `own`: the numbers of the session's other legs, which it has room on."""
    if wish.named is not None:
        return _named(service, wish.named, held, load, account, own)
    tiers = service.tiers(wish.places)
    barred, most = held.barred, service.per_number

    def is_free(one: ProxyNumber) -> bool:
        return (
            one.number not in barred
            and account in (None, one.account)
            and (load.get(one.number, 0) < most or one.number in own)
        )

    if service.selection is NumberSelection.PREFER_STICKY and held.had:
        near = {one.number: one for tier in tiers for one in service.near(tier)}
        if known := next((near[number] for number in held.had if number in near and is_free(near[number])), None):
            return known
    for tier in tiers:
        if least := _least(service, tier, held, load, own, is_free):
            return least
    return _explain(service, tiers, held, load, account)


def _least(
    service: Service,
    tier: str,
    held: Held,
    load: Mapping[str, int],
    own: frozenset[str],
    is_free: Callable[[ProxyNumber], bool],
) -> ProxyNumber | None:
    """Of the free numbers at a place the least loaded, of equals one that the session's other leg does not have, of
    those the first; with AvoidSticky those first that the participant never had. Most are passed over by their load
    alone, since they come in the order of their numbers."""
    had: dict[str, int] = {}
    if service.selection is NumberSelection.AVOID_STICKY:
        had = {number: age for age, number in enumerate(reversed(list(dict.fromkeys(held.had))), 1)}
    best: ProxyNumber | None = None
    least = (0, 0, False)
    for one in service.near(tier):
        count = load.get(one.number, 0)
        if best is not None and not had and (count, False) >= least[1:]:
            continue
        if not is_free(one):
            continue
        is_own = one.number in own
        rank = (had.get(one.number, 0), count + is_own, is_own)
        if best is None or rank < least:
            best, least = one, rank
    return best


Sieve = tuple[Exhaustion, Bar, Callable[[ProxyNumber], bool]]


def _named(
    service: Service, named: str, held: Held, load: Mapping[str, int], account: str | None, own: frozenset[str]
) -> ProxyNumber | Refused:
    """The number that a request names, wherever it is, reserved or not."""
    one = next((one for one in service.numbers if one.number == named), None)
    if one is None:
        return Refused(Exhaustion.NOT_IN_SERVICE, 0, Bar.UNKNOWN)
    sieves: tuple[Sieve, ...] = (
        (Exhaustion.NOT_IN_SERVICE, Bar.DRAINING, lambda one: not one.draining),
        *_can(service),
        *_goes(held, account),
        (Exhaustion.ALL_IN_USE, Bar.FULL, lambda one: load.get(one.number, 0) < service.per_number or named in own),
    )
    return _sift([one], sieves) or one


def _explain(
    service: Service, tiers: tuple[str, ...], held: Held, load: Mapping[str, int], account: str | None
) -> Refused:
    """Why no number is left: what bars the last that are."""
    countries = {f"c:{tier.split(':')[1]}" for tier in tiers if tier}
    sieves: tuple[Sieve, ...] = (
        (Exhaustion.EMPTY, Bar.DRAINING, lambda one: not one.draining),
        (Exhaustion.NONE_IN_COUNTRY, Bar.OTHER_COUNTRY, lambda one: not countries or bool(countries & {*one.places})),
        *_can(service),
        (Exhaustion.NONE_COMPATIBLE, Bar.ELSEWHERE, lambda one: bool({*tiers} & {*one.places})),
        (Exhaustion.ONLY_RESERVED, Bar.RESERVED, lambda one: not one.reserved),
        *_goes(held, account),
        (Exhaustion.ALL_IN_USE, Bar.FULL, lambda one: load.get(one.number, 0) < service.per_number),
    )
    refused = _sift(service.numbers, sieves)
    assert refused is not None, "a number that nothing bars was not chosen"
    return refused


def _can(service: Service) -> tuple[Sieve, ...]:
    return (
        (
            Exhaustion.NO_VOICE,
            Bar.NO_VOICE,
            lambda one: Channel.VOICE in one.channels or Channel.VOICE not in service.channels,
        ),
        (
            Exhaustion.NO_MESSAGES,
            Bar.NO_MESSAGES,
            lambda one: Channel.SMS in one.channels or Channel.SMS not in service.channels,
        ),
    )


def _goes(held: Held, account: str | None) -> tuple[Sieve, ...]:
    return (
        (Exhaustion.NONE_COMPATIBLE, Bar.OTHER_ACCOUNT, lambda one: account in (None, one.account)),
        (Exhaustion.NONE_COMPATIBLE, Bar.RESTING, lambda one: held.barred.get(one.number) is not Bar.RESTING),
        (Exhaustion.NONE_COMPATIBLE, Bar.IN_USE, lambda one: one.number not in held.barred),
    )


def _sift(numbers: Iterable[ProxyNumber], sieves: Iterable[Sieve]) -> Refused | None:
    """The sieve that lets none through; None: something passes all. An empty service fails at the first."""
    left, excluded = list(numbers), []
    for why, bar, passes in sieves:
        through = [one for one in left if passes(one)]
        if len(through) < len(left):
            excluded.append((bar, len(left) - len(through)))
        if not through:
            return Refused(why, 0, bar, tuple(excluded))
        left = through
    return None


def ends_at(created: float, last: float, ttl: float, expires: float | None, longest: float) -> float:
    """When a session ends by itself, in POSIX seconds: at `expires` when it says one, else `ttl` seconds after its last
    interaction; never later than `longest` seconds after it was created. 0 seconds: without end."""
    by_itself = expires if expires is not None else last + ttl if ttl else inf
    return min(by_itself, created + longest if longest else inf)
