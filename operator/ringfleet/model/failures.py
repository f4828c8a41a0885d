"""Why a carrier did not sell one number of an order: one word for every carrier, kept in `Outcome.reason`."""

from __future__ import annotations

from enum import StrEnum


class FailureReason(StrEnum):
    """Stable, CamelCase, shown to people in a `NumberOrder`. An adapter translates its carrier's words into these."""

    NUMBER_TAKEN = "NumberTaken"
    """Sold to another, or already held: choose another number."""

    OFFER_EXPIRED = "OfferExpired"
    """The offer was too old: search again."""

    PRICE_CHANGED = "PriceChanged"
    """The carrier asks another price than the offer said: search again."""

    INSUFFICIENT_FUNDS = "InsufficientFunds"
    """The account has too little money: the user must top it up."""

    NOT_SENT = "NotSent"
    """The carrier could not be called, and never heard of it: the pool orders another number elsewhere."""

    ALREADY_HELD = "AlreadyHeld"
    """Of a number that the order names: it is ours already, or another order has chosen it."""

    NOT_OFFERED = "NotOffered"
    """The same: the carrier does not offer it."""

    NOT_OF_MARKET = "NotOfMarket"
    """The same: it is not what the order's market asks for."""

    PRICE_ABOVE_CAP = "PriceAboveCap"
    """The same: it costs more than price caps or quotas let it."""

    LIMIT_REACHED = "LimitReached"
    """The same: pool, quotas or account leave no more."""

    CARRIER_REFUSED = "CarrierRefused"
    """Anything else; the outcome's message says what."""
