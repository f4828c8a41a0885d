"""The emergency address of a number at the Twilio face: given and taken off later than the call says.

Two traps are as they are there: `EmergencyStatus` is read and has no effect, and an address is not exchanged for
another one before it is unregistered.
"""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.compliance.addresses import ADDRESS
from ringfleet.simulator.faces.twilio.wire import Json, parse_sid
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.selling.holdings import Holding

_REGISTRATION: Final = "emergency_registration"
_GOING: Final = "pending-unregistration"


def give(exchange: Exchange, held: Holding, sid: str | None, before: str | None) -> None:
    """The number's address is to be this one; None: none. `before`: the one that it has."""
    if sid == before:
        return
    if before is not None and sid is not None:
        raise invalid("EmergencyAddressSid", "the number has another emergency address: take that off first")
    if sid is not None:
        _refuse_unless_usable(exchange, held, sid)
    forget(exchange, held)
    slow = exchange.faults.strike(Fault.SLOW_EMERGENCY, Operation.NUMBER_PATCH, held.account, held.number)
    failed = sid is not None and exchange.faults.strike(
        Fault.EMERGENCY_FAILED, Operation.NUMBER_PATCH, held.account, held.number
    )
    settles = exchange.clock.now() + (slow.seconds if slow else 0)
    exchange.records.add(held.account, _REGISTRATION, {"settles": settles, "failed": bool(failed)}, held.id)


def _refuse_unless_usable(exchange: Exchange, held: Holding, sid: str) -> None:
    address = exchange.records.get(held.account, ADDRESS, parse_sid("AD", sid))
    if address is None or address.content.get("emergency") != "true":
        raise invalid("EmergencyAddressSid", f"{sid} is no address for emergency calls")
    if status(exchange, held, None) == _GOING:
        raise invalid("EmergencyAddressSid", "the number's former address is not unregistered yet")


def status(exchange: Exchange, held: Holding, sid: str | None) -> str:
    """How the number stands, whose address is `sid`."""
    record = exchange.records.of(held.account, _REGISTRATION, held.id)
    if record is None:
        return "registered" if sid else "unregistered"
    waits = exchange.clock.now() < record.content["settles"]
    if sid is None:
        return _GOING if waits else "unregistered"
    done = "registration-failure" if record.content["failed"] else "registered"
    return "pending-registration" if waits else done


def words(exchange: Exchange, held: Holding, sid: str | None) -> Json:
    """What the number's answer says of it."""
    now = status(exchange, held, sid)
    return {
        "emergency_status": "Active" if now == "registered" else "Inactive",
        "emergency_address_sid": sid,
        "emergency_address_status": now,
    }


def is_in_the_way(exchange: Exchange, held: Holding, sid: str | None) -> bool:
    """Whether the number can't be given back because of its address."""
    return sid is not None or status(exchange, held, sid) == _GOING


def forget(exchange: Exchange, held: Holding) -> None:
    if (record := exchange.records.of(held.account, _REGISTRATION, held.id)) is not None:
        exchange.records.remove(record)
