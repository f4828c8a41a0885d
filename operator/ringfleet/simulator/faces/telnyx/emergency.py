"""The emergency address of a number at the Telnyx face, which is enabled and disabled later than the call says."""

from __future__ import annotations

import re
from typing import Final

from ringfleet.simulator.errors import Code, Refused, invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx.wire import Json, parse_id
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.records import Record
from ringfleet.simulator.selling.holdings import Holding

ADDRESS: Final = "telnyx_address"
COUNTRIES: Final = ("US", "CA", "PR")
_EMERGENCY: Final = "telnyx_emergency"


def refuse_unless_known(said: Json) -> None:
    """The emergency services know an address of their country by its house number."""
    if said["country_code"] in COUNTRIES and not re.search(r"\d", said["street_address"]):
        raise Refused(Code.ADDRESS_INVALID, "the address could not be validated for emergency use")


def enable(exchange: Exchange, held: Holding, body: Fields) -> None:
    """Or disable it, which takes the id of the address too."""
    enabled, named = body.flag("emergency_enabled"), body.required_text("emergency_address_id")
    if enabled is None:
        raise invalid("emergency_enabled", "is required")
    address = exchange.records.get(held.account, ADDRESS, parse_id(named))
    if address is None:
        raise invalid("emergency_address_id", "there is no such address")
    known = address.content["validate_address"] and address.content["country_code"] in COUNTRIES
    if enabled and not known:
        raise invalid("emergency_address_id", "the address was not validated for emergency use")
    forget(exchange, held)
    strike = exchange.faults.strike
    slow = strike(Fault.SLOW_EMERGENCY, Operation.NUMBER_PATCH, held.account, held.number)
    failed = enabled and strike(Fault.EMERGENCY_FAILED, Operation.NUMBER_PATCH, held.account, held.number)
    settles = exchange.clock.now() + (slow.seconds if slow else 0)
    content = {"address": named, "enabled": enabled, "settles": settles, "failed": bool(failed)}
    exchange.records.add(held.account, _EMERGENCY, content, held.id)


def words(exchange: Exchange, held: Holding) -> Json:
    """What the answers about the number say of it."""
    record = _record(exchange, held)
    if record is None:
        return {"emergency_enabled": False, "emergency_address_id": None, "emergency_status": "disabled"}
    enabled, address = record.content["enabled"], record.content["address"]
    waits = exchange.clock.now() < record.content["settles"]
    if enabled:
        done = "provisioning-failed" if record.content["failed"] else "active"
        return _words(True, address, "provisioning" if waits else done)
    return _words(False, address if waits else None, "deprovisioning" if waits else "disabled")


def _words(enabled: bool, address: str | None, status: str) -> Json:
    return {"emergency_enabled": enabled, "emergency_address_id": address, "emergency_status": status}


def is_enabled(exchange: Exchange, held: Holding) -> bool:
    record = _record(exchange, held)
    return record is not None and bool(record.content["enabled"])


def has(exchange: Exchange, held: Holding, address: str) -> bool:
    """Whether the number has the address of this id."""
    record = _record(exchange, held)
    return record is not None and bool(record.content["enabled"]) and record.content["address"] == address


def forget(exchange: Exchange, held: Holding) -> None:
    if (record := _record(exchange, held)) is not None:
        exchange.records.remove(record)


def _record(exchange: Exchange, held: Holding) -> Record | None:
    return exchange.records.of(held.account, _EMERGENCY, held.id)
