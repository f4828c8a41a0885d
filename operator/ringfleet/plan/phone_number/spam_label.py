"""What is advised when a number has a spam label: its own object says so, and so does the claim that holds it."""

from __future__ import annotations


def advice_to_replace(number: str, label: str) -> str:
    """`label`: in the carrier's words."""
    return (
        f"Carriers show {number} as {label!r} to the people it calls, and hardly anybody answers then. Look at what is "
        "called, and how often; have the label taken off at the carrier, or make another NumberClaim, use its number, "
        "and delete the NumberClaim that holds this one."
    )
