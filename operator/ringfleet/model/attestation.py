"""Where calls are signed (STIR/SHAKEN), and what is known of how a number's are."""

from __future__ import annotations

from enum import StrEnum

from ringfleet.model import Holding
from ringfleet.model.numbering import is_american


class Signing(StrEnum):
    """How a number's calls are signed, as its status tells it."""

    A = "A"
    """The carrier vouches for the caller, and for the caller's right to the number."""
    B = "B"
    """The carrier vouches for the caller only."""
    C = "C"
    """The carrier vouches for neither."""
    NOT_APPLICABLE = "NotApplicable"
    """Calls from numbers of this country are not signed."""


def signs_calls(country: str | None) -> bool:
    """Whether calls from numbers of the country are signed: in the United States with their territories (47 CFR
    64.6301), and in Canada. Of a number whose country is not known they count as signed."""
    return country is None or country == "CA" or is_american(country)


def attestation_of(holding: Holding) -> str | None:
    """How the number's calls are signed, a word of `Signing`; None: the carrier does not say how."""
    if holding.attestation is None and not signs_calls(holding.country):
        return Signing.NOT_APPLICABLE.value
    return holding.attestation


def attestation_now(holding: Holding | None, known: str | None) -> str | None:
    """The same, of a number of which this was known before; `holding` None, or of a carrier that could not be asked
    how: that still holds. A number must not become unfit because nobody answers."""
    return attestation_of(holding) if holding and holding.signing_asked else known
