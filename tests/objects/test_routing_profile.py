"""By what carriers know a routing profile, and how its content is digested."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from ringfleet.api import CarrierAccount
from ringfleet.model import Routing, SipTarget
from ringfleet.objects.routing_profile import REFERENCE_LENGTH, content_hash, reference_of, relayed


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
        replace(routing, messaging_webhook="https://example.com/sms", messaging_fallback="https://b.example.com"),
    )
    assert len({content_hash(one) for one in (routing, *others)}) == 5


def test_an_upgrade_tells_nothing_anew_that_was_told_before() -> None:
    """The digest that the version before it has written."""
    targets = (SipTarget("sip:a.example.com", 20, 5),)
    before = Routing("home.1", "shop/desk", targets, messaging_webhook="https://example.com/sms")
    assert content_hash(before) == "6617fdea1e52"


def an_account(**webhooks: str) -> CarrierAccount:
    spec = {"provider": "Twilio", "credentialsSecretRef": {"name": "s"}, "webhookSecretRef": {"name": "s", "key": "k"}}
    metadata = {"name": "main", "namespace": "carriers"}
    return CarrierAccount.parse({"metadata": metadata, "spec": {**spec, "webhooks": webhooks}})


def test_an_account_with_a_public_url_is_told_to_call_the_dispatcher_first_and_the_program_when_that_is_away() -> None:
    routing = Routing("home.1", "shop/desk", messaging_webhook="https://example.com/sms")
    told = relayed(routing, an_account(publicURL="https://events.example.com/"))
    assert told == replace(
        routing,
        messaging_webhook="https://events.example.com/v1/events/carriers/main/shop/desk",
        messaging_fallback="https://example.com/sms",
    )
    calls_only = Routing("home.1", "shop/desk", voice_webhook="https://example.com/voice")
    assert relayed(calls_only, an_account(publicURL="https://events.example.com")) == calls_only
    assert relayed(routing, an_account()) == relayed(routing, None) == routing
