"""For which registered campaign (in the US: A2P 10DLC) a carrier lets a number send messages, and how that stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class CampaignState(StrEnum):
    """Where a number stands with its campaign. Only Assigned may send."""

    ASSIGNED = "Assigned"
    """The number sends for the campaign, which is approved."""
    PENDING = "Pending"
    """The carrier has not finished yet: neither with the number nor, perhaps, with the campaign."""
    FAILED = "Failed"
    """The carrier or the registry has said no."""
    UNASSIGNED = "Unassigned"
    """The number is in no campaign."""


@dataclass(frozen=True, slots=True)
class CampaignSeat:
    """What a carrier says of a number and its campaign. `campaign`: the campaign's id; empty: it is in none. `message`:
    what the carrier says of a failure, or nothing."""

    campaign: str
    state: CampaignState
    message: str = ""

    def called(self, wanted: str | None, aliases: Collection[str]) -> CampaignSeat:
        """The same, with the campaign called as its profile calls it: a carrier and the registry each have an id."""
        known = wanted is not None and wanted in aliases
        return CampaignSeat(wanted or "", self.state, self.message) if known else self

    def lets_send(self, campaign: str | None) -> bool:
        """Whether the number may send for this campaign; None: for whichever it is in."""
        return self.state is CampaignState.ASSIGNED and campaign in (None, self.campaign)


NO_SEAT = CampaignSeat("", CampaignState.UNASSIGNED)


def says_more(seat: CampaignSeat, known: CampaignSeat | None) -> bool:
    """Whether that is news. That a number is in no campaign is none of one that never was in any."""
    return seat != known and not (known is None and seat == NO_SEAT)
