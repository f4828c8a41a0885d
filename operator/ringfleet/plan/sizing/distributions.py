"""The three chances that sizing stands on: Poisson, negative binomial, Erlang-B. Pure numbers, standard library only.

Tails are taken from the incomplete gamma and beta functions, whose logarithms are added before anything is raised to
a power: nothing overflows, and a mean of a hundred thousand costs some thousand additions.

Sources: Numerical Recipes, 6.2 (incomplete gamma) and 6.4 (incomplete beta); Erlang-B by its usual recurrence.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log

_PRECISION = 1e-14
_TINY = 1e-300
_NOTHING = 1e-12
_POISSON_LIKE = 1.001
"""A variance below this many means is a Poisson one as far as whole numbers can tell."""


def poisson_tail(mean: float, count: int) -> float:
    """P(N >= count) for a Poisson N."""
    if count <= 0:
        return 1.0
    if mean < _NOTHING:
        return 0.0
    head = exp(count * log(mean) - mean - lgamma(count))
    if mean < count + 1:
        return head * _gamma_series(count, mean)
    return 1.0 - head * _gamma_fraction(count, mean)


def burst_tail(mean: float, variance: float, count: int) -> float:
    """P(N >= count) for a count of this mean whose variance may be above a Poisson one: negative binomial.

    It is exact for Poisson demand over a gamma-distributed time, or at a gamma-distributed rate. A variance that is not
    above the mean gives the Poisson tail.
    """
    if count <= 0:
        return 1.0
    if mean < _NOTHING:
        return 0.0
    spread = variance / mean
    if spread < _POISSON_LIKE:
        return poisson_tail(mean, count)
    return _incomplete_beta(count, mean / (spread - 1.0), (spread - 1.0) / spread, 1.0 / spread)


def erlang_b(servers: int, load: float) -> float:
    """The share of arrivals that find all `servers` busy and go away. `load` in Erlang."""
    blocking = 1.0
    for n in range(1, servers + 1):
        blocking = load * blocking / (n + load * blocking)
    return blocking


def least_servers(load: float, risk: float) -> int:
    """The fewest servers of which at most the share `risk` of arrivals finds none free. `load` in Erlang."""
    servers, blocking = 0, 1.0 if load else 0.0
    while blocking > risk:
        servers += 1
        blocking = load * blocking / (servers + load * blocking)
    return servers


def least_count(tail: Callable[[int], float], risk: float, near: float) -> int:
    """The least count whose tail P(N >= count) is at most `risk`; none when N is never above 0.

    `tail` falls from 1 to 0. The search begins at `near`, the mean of N.
    """
    if tail(1) == 0.0:
        return 0
    low, high = 0, max(1, int(near))
    while tail(high) > risk:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tail(middle) > risk else (low, middle)
    return high


def _gamma_series(a: float, x: float) -> float:
    """The sum of x^n / (a (a+1) ... (a+n))."""
    term = total = 1.0 / a
    while term > total * _PRECISION:
        a += 1.0
        term *= x / a
        total += term
    return total


def _gamma_fraction(a: float, x: float) -> float:
    """The continued fraction 1/(x+1-a- 1(1-a)/(x+3-a- ...)), by Lentz's method."""
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / _whole(b)
    result, n = d, 0
    while True:
        n += 1
        numerator, b = -n * (n - a), b + 2.0
        c, d = _whole(b + numerator / c), 1.0 / _whole(b + numerator * d)
        result *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            return result


def _incomplete_beta(a: float, b: float, x: float, y: float) -> float:
    """The regularised I_x(a, b); `y` is 1 - x, given because it may be too small for a subtraction."""
    head = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y))
    if x < (a + 1.0) / (a + b + 2.0):
        return head * _beta_fraction(a, b, x) / a
    return 1.0 - head * _beta_fraction(b, a, y) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta, two steps a turn, by Lentz's method."""
    c, d = 1.0, 1.0 / _whole(1.0 - (a + b) * x / (a + 1.0))
    result, n = d, 0
    while True:
        n += 1
        even = n * (b - n) * x / ((a + 2 * n - 1) * (a + 2 * n))
        c, d = _whole(1.0 + even / c), 1.0 / _whole(1.0 + even * d)
        result *= c * d
        odd = -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1))
        c, d = _whole(1.0 + odd / c), 1.0 / _whole(1.0 + odd * d)
        result *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            return result


def _whole(value: float) -> float:
    """The value, or a very small one where it would divide by nothing."""
    return value if abs(value) > _TINY else _TINY
