"""What can go wrong at a carrier, by who must act. An adapter translates once, at its door, with `raise ... from`.

::

    CarrierError
    +-- CarrierUnavailable      wait: down, unreachable, timed out on a call that changes nothing
    |   +-- Throttled           wait for `retry_after` seconds; the call was not processed
    |   +-- CircuitOpen         wait: not even tried, the last calls all failed
    |   +-- ReplyUnreadable     wait, and tell the developer: it answers in words that nobody here knows
    |   +-- ListingIncomplete   wait: a listing that ended early; nothing may be concluded from it
    +-- CredentialsRejected     the user: they are wrong
    |   +-- AccountRestricted   the user, at the carrier: it knows who calls, and the account may not do this
    +-- RequestRejected         the developer or the user: the carrier understood and refused (4xx); `code` says why
    |   +-- NotHeld             the number is not, or not yet, in the account
    |   +-- NotActive           the number is held, but can't be changed yet (being activated, waiting for documents)
    |   +-- ItemsGone           documents that were filed are there no more: file them again
    +-- OutcomeUnknown          look first: a purchase may or may not have happened
"""

from __future__ import annotations

from ringfleet.model import E164, Outcome


class CarrierError(Exception):
    """Anything that a carrier call raises. The message says what, where and which input, in one line.

    `known`: of a purchase, the outcomes of those of its numbers that are known, where each is bought by a call of its
    own. `unsent`: those of them that the carrier has certainly not processed, neither now nor by an earlier try under
    the same key; of a first try that ends without OutcomeUnknown it is all that have no outcome, said or not.
    """

    known: tuple[Outcome, ...] = ()
    unsent: frozenset[E164] = frozenset()


class CarrierUnavailable(CarrierError):
    """The carrier can't be reached or is failing; nothing was changed. Try again later."""


class Throttled(CarrierUnavailable):
    """The carrier asked for fewer calls; this one was not processed. `retry_after` in seconds, None if not said."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CircuitOpen(CarrierUnavailable):
    """The last calls to this account all failed, so this one was not made. `retry_after`: seconds to the next probe."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ReplyUnreadable(CarrierUnavailable):
    """The carrier answered, and the answer can't be read; nothing is concluded from it."""


class ListingIncomplete(CarrierUnavailable):
    """A listing ended before its own total: a fault of the carrier, never a loss of numbers."""


class CredentialsRejected(CarrierError):
    """The carrier refused the account's credentials. Mostly only the user can mend that, so nothing retries soon."""


class AccountRestricted(CredentialsRejected):
    """The carrier knows who calls, and refuses the call because of the account: it is suspended, in trial, or the key
    lacks a right. Nothing was done. `code` and `words` as of `RequestRejected`."""

    def __init__(self, message: str, code: str = "", words: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.words = words or message


class RequestRejected(CarrierError):
    """The carrier understood the request and refused it. `code` is the carrier's own word for why, `words` all that it
    has said: status, code and sentence."""

    def __init__(self, message: str, code: str = "", words: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.words = words or message


class NotHeld(RequestRejected):
    """The account does not hold this number, or its listing does not show it yet."""


class NotActive(RequestRejected):
    """The account holds this number, but it can't be changed yet."""


class ItemsGone(RequestRejected):
    """Documents or end users that were filed are at the carrier no more. `ids`: the carrier's ids of them."""

    def __init__(self, message: str, ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.ids = ids


class OutcomeUnknown(CarrierError):
    """A purchase was sent and no answer came back. It counts as bought until it has been looked up."""

    def __init__(self, message: str, known: tuple[Outcome, ...] = ()) -> None:
        super().__init__(message)
        self.known = known
