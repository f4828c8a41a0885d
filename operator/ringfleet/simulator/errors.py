"""What the exchange says no to. A face turns the code into its carrier's status and words."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    NOT_FOUND = "not_found"
    INVALID_REQUEST = "invalid_request"
    NUMBER_UNAVAILABLE = "number_unavailable"
    NUMBER_NOT_ACTIVE = "number_not_active"
    TOKEN_EXPIRED = "select_token_expired"  # noqa: S105 - a reason, not a secret
    PRICE_CHANGED = "price_changed"
    CART_EMPTY = "cart_empty"
    REFERENCE_TAKEN = "reference_taken"
    BUNDLE_STATE = "bundle_state"
    BUNDLE_INCOMPLETE = "bundle_incomplete"
    BUNDLE_MISSING = "bundle_missing"
    INVALID_NUMBER = "invalid_number"
    NOTHING_FOR_SALE = "nothing_for_sale"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARRIER_ERROR = "carrier_error"
    ADDRESS_ATTACHED = "address_attached"
    ADDRESS_MISSING = "address_missing"
    ADDRESS_INVALID = "address_invalid"
    ADDRESS_IN_USE = "address_in_use"
    NOT_SEARCHED = "not_searched"
    OWNED_ALREADY = "owned_already"
    LOCKED = "locked"


class Refused(Exception):
    """The exchange understood the call and said no. What it had already written stays written."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ReferenceTaken(Refused):
    """Something was created under this reference before; `existing` is its id, of the kind `kind`."""

    def __init__(self, kind: str, existing: int) -> None:
        super().__init__(Code.REFERENCE_TAKEN, f"the reference belongs to another {kind} of this account")
        self.kind = kind
        self.existing = existing


def not_found(what: str, name: str) -> Refused:
    return Refused(Code.NOT_FOUND, f"there is no {what} {name}")


def invalid(field: str, message: str) -> Refused:
    return Refused(Code.INVALID_REQUEST, f"{field}: {message}")
