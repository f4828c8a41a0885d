"""By what carriers know a routing profile, and how its content is digested."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Routing, SipTarget
from ringfleet.objects.routing_profile import REFERENCE_LENGTH, content_hash, reference_of


@given(st.lists(st.tuples(st.text(), st.uuids().map(str)), min_size=2, max_size=2, unique_by=lambda one: one[1]))
def test_two_profiles_never_have_one_reference_and_every_reference_fits_the_carriers_field(
    both: list[tuple[str, str]],
) -> None:
    first, second = (reference_of(*one) for one in both)
    assert first != second
    assert max(len(first), len(second)) <= REFERENCE_LENGTH


def test_the_digest_is_of_all_that_a_carrier_is_told_and_not_of_the_reference() -> None:
    routing = Routing("home.1", "shop/desk", (SipTarget("sip:a.example.com"),))
    assert content_hash(replace(routing, reference=str(uuid4()))) == content_hash(routing)
    others = (
        replace(routing, name="shop/door"),
        replace(routing, sip_targets=(SipTarget("sip:a.example.com", 20),)),
        replace(routing, messaging_webhook="https://example.com/sms"),
    )
    assert len({content_hash(one) for one in (routing, *others)}) == 4
