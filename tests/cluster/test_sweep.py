"""The sweep: what the carrier's own list of numbers tells, and what is done about it."""

from __future__ import annotations

from tests.cluster.stage import OperatorProcess, Stage

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100}}


def test_an_orphan_of_ours_is_adopted_and_what_is_not_ours_is_counted_and_left_alone(stage: Stage) -> None:
    open_pool(stage, target=2)
    stage.wait_ready()
    orphan = buy_by_hand(stage, our_mark(stage))
    theirs = buy_by_hand(stage, None)
    stage.wait_for(lambda: orphan in stage.numbers(), "the orphan to have an object")
    stage.wait_ready(orphan[1:], "phonenumber")
    stage.wait_for(lambda: counts(stage) == {"owned": 4, "ours": 3, "unmanaged": 1, "orphans": 0}, "all to be counted")
    stage.wait_for(lambda: stage.get("numberpool", "us-west")["status"]["surplus"] == 1, "a surplus of one")
    assert theirs not in stage.numbers()
    unmanaged = next(number for number in stage.simulator.owned() if number["number"] == theirs)
    assert (unmanaged["routing_profile_id"], unmanaged["reference"]) == (None, None)


def test_an_orphan_whose_pool_is_gone_is_reported_and_adopted_when_the_pool_is_there(stage: Stage) -> None:
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    orphan = buy_by_hand(stage, our_mark(stage, "gone"))
    stage.wait_reason("carrieraccount", "sandbox", "OrphansFound", "Orphans")
    assert counts(stage)["orphans"] == 1
    stage.pool("gone", target=1)
    stage.wait_for(lambda: orphan in stage.numbers(), "the orphan to have an object")
    stage.wait_gone("carrieraccount", "sandbox", "Orphans")


def test_an_orphan_that_is_suspended_is_adopted_as_suspended_and_one_that_waits_for_documents_as_waiting(
    stage: Stage,
) -> None:
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    suspended = buy_by_hand(stage, None)
    stage.simulator.set_faults({"fault": "pending_documents"})
    waiting = buy_by_hand(stage, None)
    stage.simulator.set_faults()
    stage.at_carrier("POST", f"numbers/{id_of(stage, suspended)}/suspend")
    for number in (suspended, waiting):
        stage.at_carrier("PATCH", f"numbers/{id_of(stage, number)}", {"reference": our_mark(stage)})
    stage.wait_for(lambda: stage.numbers() == {suspended, waiting}, "both orphans to have an object")
    stage.wait_reason("phonenumber", waiting[1:], "PendingDocuments")
    stage.wait_for(lambda: phase(stage, suspended) == "Suspended", "the suspended one to say so")
    assert {number["routing_profile_id"] for number in stage.simulator.owned()} == {None}
    stage.at_carrier("POST", f"numbers/{id_of(stage, suspended)}/resume")
    stage.simulator.control("POST", "documents/approve", {"numbers": None})
    for number in (suspended, waiting):
        stage.wait_ready(number[1:], "phonenumber")
    assert None not in {number["routing_profile_id"] for number in stage.simulator.owned()}


def test_drifted_routing_and_a_removed_mark_are_put_right(stage: Stage) -> None:
    open_pool(stage, target=2)
    stage.wait_ready()
    before = stage.simulator.owned()
    drifted, unmarked = (number["id"] for number in before)
    stage.at_carrier("PATCH", f"numbers/{drifted}", {"routing_profile_id": None})
    stage.at_carrier("PATCH", f"numbers/{unmarked}", {"reference": None})
    stage.wait_for(lambda: stage.simulator.owned() == before, "both numbers to be as they were")


def test_under_the_policy_report_drifted_routing_is_only_reported(stage: Stage) -> None:
    open_pool(stage, target=1, driftPolicy="Report")
    stage.wait_ready()
    id_, _ = at_carrier(stage)
    stage.at_carrier("PATCH", f"numbers/{id_}", {"routing_profile_id": None})
    (name,) = (number[1:] for number in stage.numbers())
    said = stage.wait_reason("phonenumber", name, "RoutingDrifted")
    assert said["message"].endswith("spec.driftPolicy is Report.")
    assert (
        stage.wait_for(lambda: stage.get("rp", "front-desk")["status"].get("drifted"), "the profile to count it") == 1
    )
    assert at_carrier(stage) == (id_, None)
    stage.patch("numberpool", "us-west", driftPolicy="Repair")
    stage.wait_ready(name, "phonenumber")
    assert at_carrier(stage)[1] is not None


def test_nothing_is_concluded_from_a_listing_that_breaks_off(stage: Stage) -> None:
    open_pool(stage, target=4)
    stage.wait_ready()
    stage.wait_for(lambda: counts(stage)["ours"] == 4, "all four to be counted")
    stage.simulator.set_faults({"fault": "truncated_listing"})
    stage.wait_reason("carrieraccount", "sandbox", "ListingIncomplete", "ListingIncomplete")
    assert counts(stage)["ours"] == 4
    assert {number["status"]["phase"] for number in stage.list("phonenumbers")} == {"Available"}
    stage.simulator.set_faults()
    stage.wait_gone("carrieraccount", "sandbox", "ListingIncomplete")
    assert sum(stage.bills().values()) == 4


def test_a_number_that_is_slowly_activated_is_on_order_until_it_is_active(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "slow_activation", "seconds": 3600})
    open_pool(stage, target=2)
    stage.wait_for(lambda: reasons(stage) == ["Activating", "Activating"], "both to be activating")
    assert {number["status"]["phase"] for number in stage.list("phonenumbers")} == {"Ordering"}
    assert stage.get("numberpool", "us-west")["status"]["inFlight"] == 2
    stage.simulator.control("POST", "clock", {"advance_seconds": 3600})
    stage.wait_ready()
    assert sum(stage.bills().values()) == 2


def test_a_number_that_waits_for_documents_shows_until_when(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "pending_documents"})
    open_pool(stage, target=1)
    stage.wait_reason("numberpool", "us-west", "PendingDocuments")
    (number,) = stage.list("phonenumbers")
    assert number["status"]["phase"] == "PendingDocuments"
    assert number["status"]["documentsDeadline"] > number["metadata"]["creationTimestamp"]
    stage.simulator.control("POST", "documents/approve", {"numbers": None})
    stage.wait_ready()
    assert "documentsDeadline" not in stage.list("phonenumbers")[0]["status"]


def test_an_order_that_is_deleted_while_it_searches_is_replaced(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "latency", "operations": ["search"], "seconds": 1})
    open_pool(stage, target=3)
    stage.wait_for(lambda: names(stage, "numberorders") == {"us-west-1"}, "the first order")
    stage.delete("numberorder", "us-west-1", wait=False)
    stage.wait_ready()
    stage.wait_for(lambda: "us-west-1" not in names(stage, "numberorders"), "the order to be gone")
    assert len(stage.numbers()) == 3
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)


def test_an_order_that_is_deleted_while_its_outcome_is_unknown_stays_until_it_is_known(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "reply_lost", "operations": ["checkout"], "how": "close"})
    open_pool(stage, target=3)
    before = stage.wait_for(lambda: attempts(stage, "us-west-1"), "the reply to a checkout to be lost")
    stage.delete("numberorder", "us-west-1", wait=False)
    stage.wait_for(lambda: attempts(stage, "us-west-1") > before + 1, "the order to be looked up and looked up again")
    stage.simulator.set_faults()
    stage.wait_ready()
    stage.wait_for(lambda: "us-west-1" not in names(stage, "numberorders"), "the order to be gone")
    assert len(stage.numbers()) == 3
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)


def test_a_profile_that_is_changed_and_changed_back_reaches_its_numbers_each_time(stage: Stage) -> None:
    open_pool(stage, target=3)
    stage.wait_ready()
    for uri in ("sip:other.example.com", "sip:pbx.example.com", "sip:other.example.com"):
        stage.profile(uri=uri)
        stage.wait_for(lambda uri=uri: trunk(stage) == uri, f"the carrier to know {uri}")
        stage.wait_for(lambda: stage.get("rp", "front-desk")["status"].get("routed") == 3, "the profile to count them")
    profile = stage.simulator.owned()[0]["routing_profile_id"]
    assert {number["routing_profile_id"] for number in stage.simulator.owned()} == {profile}


def test_a_profile_that_was_edited_at_the_carrier_is_put_right(stage: Stage) -> None:
    open_pool(stage, target=1)
    stage.wait_ready()
    (profile,) = stage.at_carrier("GET", "routing-profiles")["data"]
    edited = {"name": profile["name"], "sip_targets": [{"uri": "sip:edited.example.com"}]}
    stage.at_carrier("PUT", f"routing-profiles/{profile['reference']}", edited)
    stage.wait_for(lambda: trunk(stage) == "sip:pbx.example.com", "the profile to be as it was told")


def test_a_suspended_profile_keeps_changes_from_the_carrier_and_new_numbers_waiting(stage: Stage) -> None:
    open_pool(stage, target=2)
    stage.wait_ready()
    stage.patch("routingprofile", "front-desk", suspend=True)
    stage.profile(uri="sip:other.example.com")
    stage.scale(3)
    stage.wait_for(lambda: reasons(stage) == ["Routed", "Routed", "Suspended"], "the new number to wait")
    assert trunk(stage) == "sip:pbx.example.com"
    stage.patch("routingprofile", "front-desk", suspend=False)
    stage.wait_ready()
    stage.wait_for(lambda: trunk(stage) == "sip:other.example.com", "the carrier to know the new content")


def open_pool(stage: Stage, target: int, **spec: object) -> OperatorProcess:
    stage.account(**OFTEN)
    stage.profile()
    stage.pool(target=target, **spec)
    return stage.start_operator()


def buy_by_hand(stage: Stage, reference: str | None) -> str:
    """Buy one number in the account past the operator; return it."""
    bought = stage.simulator.control("POST", "numbers", {"account": "sandbox", "count": 1, "reference": reference})
    return str(bought["items"][0]["number"])


def our_mark(stage: Stage, pool: str = "us-west") -> str:
    """The mark of this installation for a pool of the stage."""
    installation = stage.get("carrieraccount", "sandbox")["status"]["installation"]
    return f"rf/{installation}/{stage.namespace}/{pool}"


def id_of(stage: Stage, number: str) -> str:
    """The carrier's id of a number."""
    return next(str(owned["id"]) for owned in stage.simulator.owned() if owned["number"] == number)


def phase(stage: Stage, number: str) -> str | None:
    """The phase of a number's object."""
    said = stage.get("phonenumber", number[1:]).get("status", {}).get("phase")
    return None if said is None else str(said)


def counts(stage: Stage) -> dict[str, int]:
    return dict(stage.get("carrieraccount", "sandbox")["status"].get("numbers", {}))


def at_carrier(stage: Stage) -> tuple[str, str | None]:
    """The first number's id at the carrier, and where the carrier routes it."""
    first = stage.simulator.owned()[0]
    return first["id"], first["routing_profile_id"]


def reasons(stage: Stage) -> list[str]:
    """Why each number is ready or not, sorted."""
    conditions = [number.get("status", {}).get("conditions", []) for number in stage.list("phonenumbers")]
    return sorted(one["reason"] for said in conditions for one in said if one["type"] == "Ready")


def attempts(stage: Stage, order: str) -> int:
    """How often in a row a call for the order has failed by now."""
    found = [one for one in stage.list("numberorders") if one["metadata"]["name"] == order]
    return int(found[0].get("status", {}).get("attempts", 0)) if found else 0


def names(stage: Stage, what: str) -> set[str]:
    return {found["metadata"]["name"] for found in stage.list(what)}


def trunk(stage: Stage) -> str:
    """The first SIP target of our profile, as the carrier has it."""
    (profile,) = stage.at_carrier("GET", "routing-profiles")["data"]
    return str(profile["sip_targets"][0]["uri"])
