"""What a carrier that reviews documents can be asked: the protocol that adapters implement beside `Carrier`.

Everything that is created carries a `reference` of ours that holds the hash of its content. So a lost reply, a retry
or a second operator creates nothing twice: `find_...` looks by reference first, and what is there is used. A create
call is never retried by the transport; it raises OutcomeUnknown when its reply is lost. The rest may be repeated.

Nothing of a Party or a Paper is logged, or quoted in an error: only references and ids.
"""

from __future__ import annotations

from typing import Protocol

from ringfleet.model import NumberType
from ringfleet.model.compliance import EndUserType, Filing, Paper, Party, Regulation, Shortcoming, Waste


class Registrar(Protocol):
    """The compliance side of one account at one carrier."""

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation | None:
        """What is required; None when the carrier sells no such numbers. No requirements: nothing is asked."""
        ...

    async def find_item(self, reference: str) -> str | None:
        """The id of the end user or document that was created under `reference`, or None."""
        ...

    async def create_party(self, party: Party, reference: str) -> str:
        """Create end user and address; their id. Raises RequestRejected when the carrier does not take them."""
        ...

    async def upload(self, paper: Paper, reference: str) -> str:
        """Upload one document; its id. Raises RequestRejected when the carrier does not take it."""
        ...

    async def find_filing(self, reference: str) -> Filing | None:
        """The bundle that was created under `reference`, or None."""
        ...

    async def filing(self, external_id: str) -> Filing | None:
        """The bundle as it stands now; None when it is gone."""
        ...

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,
        party: Party,
        renews: str | None = None,
    ) -> Filing:
        """Create a bundle of these items, as a draft. `contact`: an e-mail address that the carrier may write to.

        `party`: what the item of `create_party` was made of, for carriers that are told in the bundle who it is.
        `renews`: the id of the approved bundle that is to take this one over; only where `Regulation.in_place`. Raises
        ItemsGone, and has made nothing, when an item is at the carrier no more.
        """
        ...

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:
        """Make these the items of a draft or rejected bundle; it is a draft afterwards. `party` and ItemsGone as of
        `open_filing`."""
        ...

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        """What the carrier's own check finds missing in a draft; empty: it may be submitted. A Shortcoming's `paper` is
        the carrier's id of the item, here and in a Filing."""
        ...

    async def submit(self, external_id: str) -> None:
        """Hand the bundle in for review. One that is handed in already is success."""
        ...

    async def take_over(self, external_id: str, successor: str, reference: str) -> Filing:
        """Put what the approved bundle `successor` holds in place of what this one holds; the bundle afterwards, which
        has this reference from then on. Twice is once. Only where `Regulation.in_place`. Raises RequestRejected when
        the carrier does not let it: both are as they were."""
        ...

    async def tidy(self, waste: Waste) -> None:
        """Delete what is left and needed no more: bundles whose content another one has taken over, drafts of ours, end
        users and documents of ours that are in no bundle. What the carrier keeps all the same stays. Only where
        `Regulation.deletes`."""
        ...

    async def attach(self, number_id: str, external_id: str) -> None:
        """Give a number that waits for documents this bundle. Twice is once."""
        ...
