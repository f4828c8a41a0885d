"""Emergency addresses (E911) at a carrier: the protocol that adapters implement, beside `carriers/carrier.py`.

::

    address --made once, never changed--> the carrier's id --put on--> number --registered in its own time--> Registered

An address carries our reference (`model/emergency.py`), by which it is looked for before it is made: a lost reply makes
no second one. A number has one address at most. How it stands is in every `Holding` (`emergency`), since a carrier
registers it later. The sentences of a refusal are the carrier's, and may quote the address: whoever shows one sees to
that.
"""

from __future__ import annotations

from typing import Protocol

from ringfleet.model.emergency import EmergencyAddress, EmergencyStanding, HeldAddress


class EmergencyDesk(Protocol):
    """The emergency addresses of one account."""

    async def ensure_address(self, address: EmergencyAddress, reference: str) -> str:
        """The carrier's id of the address of this reference, which is made if there is none. Twice is once; of two that
        other hands have made, all callers get the same.

        Raises:
            RequestRejected: the carrier does not take the address.
            CarrierUnavailable: also when it may have been made, and the reply was lost: it is found the next time.
        """
        ...

    async def put_on(self, external_id: str, address_id: str) -> EmergencyStanding:
        """Give the number the address; how it stands then. Where it has another one that goes first, and the carrier
        takes its time for that, it is still going: call again when it has gone. Twice is once."""
        ...

    async def take_off(self, external_id: str) -> EmergencyStanding:
        """Take off whichever address the number has. Twice is once."""
        ...

    async def addresses(self) -> tuple[HeldAddress, ...]:
        """All addresses of the account that carry a reference, whoever has made them."""
        ...

    async def drop_address(self, address_id: str) -> bool:
        """Delete an address. False: the carrier keeps it, because a number has it. One that is gone is success."""
        ...
