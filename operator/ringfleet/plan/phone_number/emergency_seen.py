"""What is seen of a number and its emergency address: whether it has one, whose that is, whether it can have one."""

from __future__ import annotations

from ringfleet.model import Capability
from ringfleet.model.emergency import EmergencyStanding, EmergencyState
from ringfleet.model.geography import whereabouts
from ringfleet.model.numbering import is_american
from ringfleet.plan.phone_number.case import Case, DesiredEmergency


def standing_of(case: Case) -> EmergencyStanding | None:
    told = case.holding.emergency if case.holding else None
    return told or case.state.emergency.standing


def is_ours(case: Case) -> bool:
    """Whether the number has an address that we have set, or may have."""
    known, standing = case.state.emergency, standing_of(case)
    if known.reference is None and known.setting is None:
        return False
    if standing is None:
        return True
    return standing.address is not None and (known.setting is not None or known.set_to == standing.address)


def is_set(case: Case, wish: DesiredEmergency) -> bool:
    """Whether the number has the wished address, registered or not."""
    known, standing = case.state.emergency, standing_of(case)
    return (
        standing is not None
        and known.reference == wish.reference
        and known.set_to == standing.address
        and standing.address is not None
    )


def is_removing(case: Case) -> bool:
    standing = standing_of(case)
    return standing is not None and standing.state is EmergencyState.REMOVING


def is_refused(case: Case, wish: DesiredEmergency) -> bool:
    refused = case.state.emergency.refused
    return refused is not None and refused.reference == wish.reference and not case.desired.emergency_again


def applies(case: Case) -> bool:
    """Whether the carrier gives such a number an address."""
    return makes_calls(case) and _register(case) in (case.desired.emergency_countries or ())


def makes_calls(case: Case) -> bool:
    """One of which nobody has said what it can do counts as one that can."""
    if case.holding and case.holding.capabilities:
        return Capability.VOICE in case.holding.capabilities
    return case.desired.calls is not False


def country_of(case: Case) -> str | None:
    """By the carrier's word, or else by its digits."""
    told = case.holding.country if case.holding else case.desired.country
    return told or whereabouts(case.desired.number).country


def _register(case: Case) -> str | None:
    """The country whose emergency services know the number: the territories of the United States have theirs."""
    country = country_of(case)
    return "US" if is_american(country) else country
