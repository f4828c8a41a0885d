"""A routing in Telnyx' terms: what it becomes, what Telnyx can't do, and the tags in which it is remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.carriers.telnyx.trunk import CantBeSaid, Host, Kind, Trunk, kind_of, read_tags, tags_of, trunk_of
from ringfleet.model import Routing, SipTarget


def to(*targets: str | tuple[str, int, int]) -> Routing:
    made = [SipTarget(one) if isinstance(one, str) else SipTarget(*one) for one in targets]
    return Routing("inst-1.uid", "shop/main", tuple(made))


@pytest.mark.parametrize(
    ("routing", "trunk"),
    [
        pytest.param(to(), Trunk(), id="none"),
        pytest.param(to("sip:PBX.example.com"), Trunk(hosts=(Host("pbx.example.com", 5060),)), id="one"),
        pytest.param(
            to("sips:pbx.example.com"), Trunk(hosts=(Host("pbx.example.com", 5061),), transport="TLS"), id="TLS"
        ),
        pytest.param(
            to("sip:pbx.example.com:5070;transport=TCP"),
            Trunk(hosts=(Host("pbx.example.com", 5070),), transport="TCP"),
            id="TCP",
        ),
        pytest.param(
            to(("sip:b.example.com", 20, 1), ("sip:a.example.com", 10, 99)),
            Trunk(hosts=(Host("a.example.com", 5060), Host("b.example.com", 5060))),
            id="one after the other",
        ),
        pytest.param(
            to("sip:b.example.com", "sip:a.example.com"),
            Trunk(hosts=(Host("b.example.com", 5060), Host("a.example.com", 5060)), shared=True),
            id="in turn",
        ),
        pytest.param(to("sip:192.0.2.1"), Trunk(Kind.IP, (Host("192.0.2.1", 5060),)), id="by address"),
        pytest.param(
            to("sip:[2001:DB8::1]:5062"), Trunk(Kind.IP, (Host("2001:db8::1", 5062),)), id="by a long address"
        ),
    ],
)
def test_sip_targets_become_a_trunk(routing: Routing, trunk: Trunk) -> None:
    assert trunk_of(routing) == trunk
    assert kind_of(routing) is trunk.kind


@pytest.mark.parametrize(
    ("routing", "message"),
    [
        pytest.param(to(*(f"sip:{n}.example.com" for n in "abcd")), "3 SIP targets at most", id="four"),
        pytest.param(to("sip:a.example.com", "sips:b.example.com"), "one transport", id="two transports"),
        pytest.param(to("sip:a.example.com", "sip:192.0.2.1"), "all host names, or all IP addresses", id="mixed"),
        pytest.param(to("sip:a.example.com", "sip:a.example.com:5060"), "another host or port", id="twice"),
        pytest.param(
            to(("sip:a.example.com", 1, 1), ("sip:b.example.com", 1, 2)), "the same priority and weight", id="weights"
        ),
        pytest.param(
            to(("sip:a.example.com", 1, 1), ("sip:b.example.com", 1, 1), ("sip:c.example.com", 2, 1)),
            "different priorities",
            id="two and one",
        ),
        pytest.param(to("sip:desk@a.example.com"), "without what stands before the @", id="a user"),
        pytest.param(to("sip:a.example.com;lr"), "transport only", id="a parameter"),
        pytest.param(to("sip:a.example.com?x=1"), "transport only", id="a header"),
        pytest.param(to("sip:"), "no SIP URI of a host", id="no host"),
    ],
)
def test_what_telnyx_can_not_do_is_said(routing: Routing, message: str) -> None:
    with pytest.raises(CantBeSaid, match=message):
        trunk_of(routing)


TEXT = st.text(st.characters(codec="ascii", exclude_categories=("C", "Z")), min_size=1, max_size=20)
ROUTINGS = st.builds(
    Routing,
    reference=st.just("inst-1.uid"),
    name=st.just("shop/main"),
    sip_targets=st.lists(st.builds(SipTarget, TEXT, st.integers(0, 65535), st.integers(0, 65535)), max_size=3).map(
        tuple
    ),
    voice_webhook=st.none() | TEXT,
    voice_application=st.none() | TEXT,
    agent=st.none() | TEXT,
    messaging_webhook=st.none() | TEXT,
    messaging_service=st.none() | TEXT,
    messaging_fallback=st.none() | TEXT,
)


@given(ROUTINGS, st.just("") | TEXT)
def test_what_was_told_is_read_back_from_the_tags(routing: Routing, application: str) -> None:
    tags = tags_of(routing, application)
    assert read_tags(routing.reference, routing.name, tags) == (routing, application)
    assert len(set(tags)) == len(tags) or len(set(routing.sip_targets)) < len(routing.sip_targets)


@given(st.lists(TEXT, max_size=5))
def test_tags_of_other_people_are_no_routing_and_no_error(tags: list[str]) -> None:
    read_tags("inst-1.uid", "shop/main", tags)
