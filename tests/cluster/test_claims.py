"""Claims: bound at once, once, in the order in which they came, whatever the API server, a rival or a crash does."""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chaos.relay import Call, Tripwire, Upstream, When, relaying
from tests.cluster.stage import SYSTEM, Stage

FAST = {"limits": {"requestsPerSecond": 200, "concurrency": 8}}
BETWEEN_WRITES_S = 0.05


def open_pool(stage: Stage, target: int, **spec: object) -> None:
    """A pool whose numbers are all free, and that orders no more than these."""
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=target, limits={"maxNumbers": target}, **spec)


def is_filled(stage: Stage, count: int) -> bool:
    return list(stage.phases().values()).count("Available") == count


def open_and_fill(stage: Stage, count: int, **spec: object) -> None:
    open_pool(stage, count, **spec)
    stage.start_operator()
    stage.wait_for(lambda: is_filled(stage, count), f"{count} free numbers")


def holders(stage: Stage) -> dict[str, str]:
    """Which claim each bound number names, by the number."""
    numbers = [number["spec"] for number in stage.list("phonenumbers")]
    return {spec["number"]: spec["claimRef"]["name"] for spec in numbers if "claimRef" in spec}


def is_consistent(stage: Stage) -> bool:
    """Whether numbers and claims name each other, one for one."""
    bound = stage.bound()
    return holders(stage) == {number: claim for claim, number in bound.items()} and len(set(bound.values())) == len(
        bound
    )


def test_a_claim_is_bound_and_says_so_on_both_sides(stage: Stage) -> None:
    open_and_fill(stage, 2)
    stage.claim("support", tenant="acme")
    stage.wait_ready("support", "numberclaim")
    claim = stage.get("numberclaim", "support")
    (number,) = [one for one in stage.list("phonenumbers") if "claimRef" in one["spec"]]
    told = claim["status"]["phoneNumber"]
    assert {key: told[key] for key in ("namespace", "name", "number")} == {
        "namespace": stage.namespace,
        "name": number["metadata"]["name"],
        "number": number["spec"]["number"],
    }
    assert (told["price"], told["region"]) == (number["status"]["price"], number["status"]["region"])
    assert number["spec"]["claimRef"] == {
        "namespace": stage.namespace,
        "name": "support",
        "uid": claim["metadata"]["uid"],
        "tenant": "acme",
    }
    assert not claim["metadata"].get("ownerReferences")
    assert not number["metadata"].get("ownerReferences")
    stage.wait_for(lambda: stage.phases()[number["spec"]["number"]] == "Bound", "the number to be shown as bound")


def test_wishes_are_taken_in_order_and_capabilities_are_musts(stage: Stage) -> None:
    stage.stock(2, "415")
    stage.stock(2, "628", capabilities=["voice"])
    open_and_fill(stage, 4, market={"country": "US", "type": "Geographic", "areaCodes": ["415", "628"]})
    stage.claim("first", areaCode="628")
    stage.claim("second", areaCode="212", wishes=[{"areaCode": "646"}, {"areaCode": "628"}])
    stage.claim("third", areaCode="628", capabilities=["SMS"])
    stage.wait_for(lambda: len(stage.bound()) == 3, "all three to be bound")
    bound = stage.bound()
    assert [bound[name][2:5] for name in ("first", "second", "third")] == ["628", "628", "415"]


def test_a_named_number_is_given_and_a_missing_one_is_said(stage: Stage) -> None:
    open_and_fill(stage, 3)
    wanted = sorted(stage.numbers())[1]
    stage.claim("that-one", phoneNumberName=wanted[1:])
    stage.wait_for(lambda: stage.bound() == {"that-one": wanted}, "the named number to be bound")
    stage.claim("none", phoneNumberName="14155550000")
    said = stage.wait_reason("numberclaim", "none", "NumberMissing")
    assert "has no number 14155550000" in said["message"]
    stage.claim("taken", phoneNumberName=wanted[1:])
    stage.wait_reason("numberclaim", "taken", "NumberNotFree")


def test_a_claim_can_name_a_number_that_is_still_to_come(stage: Stage) -> None:
    stage.account(**FAST, sweepInterval="5s")
    stage.profile()
    stage.pool(target=0)
    stage.start_operator()
    stage.wait_ready("sandbox", "carrieraccount")
    (offer,) = stage.at_carrier("GET", "catalog/search?country=US&type=geographic&area_code=415&limit=1")["data"]
    stage.claim("early", phoneNumberName=offer["number"][1:])
    stage.wait_reason("numberclaim", "early", "NumberMissing")
    installation = stage.get("carrieraccount", "sandbox")["status"]["installation"]
    mark = f"rf/{installation}/{stage.namespace}/us-west"
    bought = {"account": "sandbox", "numbers": [offer["number"]], "reference": mark}
    stage.simulator.control("POST", "numbers", bought)
    stage.wait_for(lambda: stage.bound() == {"early": offer["number"]}, "the number to be adopted and bound")


def test_a_claim_that_may_not_wait_fails_and_stays_failed(stage: Stage) -> None:
    open_and_fill(stage, 1, reclaim={"cooldown": "0s"})
    stage.claim("first")
    stage.wait_ready("first", "numberclaim")
    stage.claim("hasty", onNoStock="Fail")
    stage.wait_reason("numberclaim", "hasty", "NoStock", "Stalled")
    stage.delete("numberclaim", "first")
    stage.wait_for(lambda: is_filled(stage, 1) and not holders(stage), "the number to be free again")
    assert stage.get("numberclaim", "hasty")["status"]["phase"] == "Failed"


def test_on_demand_a_pool_without_stock_orders_for_its_claims(stage: Stage) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=0)
    stage.start_operator()
    stage.claim("one", "two", onNoStock="Order")
    stage.wait_for(lambda: len(stage.bound()) == 2, "both to be bound")
    assert sum(stage.bills().values()) == 2


def test_on_demand_a_claim_gets_the_number_that_it_must_have_and_nothing_is_bought_that_its_pool_never_sells(
    stage: Stage,
) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=0, market={"country": "US", "type": "Geographic", "areaCodes": ["415", "628"]})
    stage.start_operator()
    stage.claim("local", onNoStock="Order", areaCode="628", areaCodeRequired=True, capabilities=["SMS"])
    stage.claim("never", onNoStock="Order", areaCode="212", areaCodeRequired=True)
    stage.wait_ready("local", "numberclaim")
    stage.wait_reason("numberclaim", "never", "PoolCannotServe", "Stalled")
    ((name, number),) = stage.bound().items()
    assert (name, number[:5], sum(stage.bills().values())) == ("local", "+1628", 1)
    (order,) = stage.list("numberorders")
    assert order["spec"]["forClaims"] == {"capabilities": ["SMS"], "areaCodes": ["628"], "areaCodeRequired": True}


def test_waiting_claims_are_served_in_their_order_the_moment_stock_returns(stage: Stage) -> None:
    open_and_fill(stage, 2, reclaim={"cooldown": "1s"})
    for name in ("a", "b", "z", "m", "c"):  # the order of arrival is not that of the names
        stage.claim(name)
        stage.wait_for(lambda: len(stage.bound()) + len(places(stage)) == len(stage.list("numberclaims")), "its turn")
    assert places(stage) == {"z": 1, "m": 2, "c": 3}
    stage.delete("numberclaim", "a")
    stage.wait_for(lambda: set(stage.bound()) == {"b", "z"}, "the first in the queue to be served")
    stage.delete("numberclaim", "b")
    stage.wait_for(lambda: set(stage.bound()) == {"z", "m"}, "the next one to be served")
    assert is_consistent(stage)


def places(stage: Stage) -> dict[str, int]:
    """The place of each waiting claim."""
    claims = {claim["metadata"]["name"]: claim.get("status", {}) for claim in stage.list("numberclaims")}
    return {name: status["place"] for name, status in claims.items() if status.get("phase") == "Waiting"}


def test_a_restarted_operator_keeps_the_order_of_the_queue(stage: Stage) -> None:
    open_and_fill(stage, 1, reclaim={"cooldown": "1s"})
    for name in ("held", "z", "a"):
        stage.claim(name)
        stage.wait_for(lambda: len(stage.bound()) + len(places(stage)) == len(stage.list("numberclaims")), "its turn")
    (operator,) = stage.operators
    operator.kill()
    stage.delete("numberclaim", "held", wait=False)
    stage.start_operator("operator-2")
    stage.wait_for(lambda: set(stage.bound()) == {"z"}, "the earlier claim to be served first")


def test_a_deleted_claim_lets_its_number_rest_before_another_gets_it(stage: Stage) -> None:
    open_and_fill(stage, 1, reclaim={"cooldown": "720h"})
    stage.claim("first")
    stage.wait_ready("first", "numberclaim")
    (number,) = stage.numbers()
    stage.claim("second")
    stage.kubectl("delete", "nc/first")
    stage.wait_for(lambda: stage.phases() == {number: "Cooling"}, "the number to cool")
    status = stage.get("phonenumber", number[1:])["status"]
    assert status["coolingUntil"] > status["renewsAt"][:8]
    stage.wait_reason("numberclaim", "second", "WaitingForNumber")
    stage.patch("numberpool", "us-west", reclaim={"cooldown": "1s"})
    stage.wait_ready("second", "numberclaim")


def test_a_claim_that_goes_without_a_trace_lets_its_number_go(stage: Stage) -> None:
    open_and_fill(stage, 1, reclaim={"cooldown": "720h"})
    stage.claim("forced")
    stage.wait_ready("forced", "numberclaim")
    (operator,) = stage.operators
    operator.kill()
    stage.delete("numberclaim", "forced")
    stage.start_operator("operator-2")
    stage.wait_for(lambda: set(stage.phases().values()) == {"Cooling"}, "the number to cool")
    assert holders(stage) == {}


def test_a_claims_own_profile_wins_and_its_number_is_written_where_it_says(stage: Stage) -> None:
    open_and_fill(stage, 2)
    stage.profile("hotline", "sip:hotline.example.com")
    stage.claim("one", routingProfileRef={"name": "hotline"}, writeTo={"secret": {"name": "one-number"}}, tenant="acme")
    stage.claim("two", writeTo={"configMap": {"name": "two-number"}})
    stage.wait_for(lambda: {"one-number"} <= names(stage, "secrets"), "the Secret")
    stage.wait_for(lambda: {"two-number"} <= names(stage, "configmaps"), "the ConfigMap")
    stage.wait_for(lambda: written(stage, "inService") == "true", "the Secret to say that the number serves")
    bound = stage.bound()
    secret = {key: base64.b64decode(value).decode() for key, value in stage.get("secret", "one-number")["data"].items()}
    assert secret == {
        "number": bound["one"],
        "digits": bound["one"][1:],
        "tenant": "acme",
        "inService": "true",
        "routingProfile": "hotline",
        "sipUri": "sip:hotline.example.com",
        "sipUris": "sip:hotline.example.com",
    }
    assert stage.get("configmap", "two-number")["data"]["sipUri"] == "sip:pbx.example.com"
    stage.wait_for(lambda: routed(stage, bound["one"]) == "hotline", "the number to follow its claim's profile")
    stage.profile("hotline", "sip:moved.example.com")
    stage.wait_for(lambda: written(stage, "sipUri") == "sip:moved.example.com", "the Secret to follow the profile")


def written(stage: Stage, key: str) -> str:
    return base64.b64decode(stage.get("secret", "one-number")["data"].get(key, "")).decode()


def test_a_secret_that_a_claim_has_written_is_put_right_and_goes_when_it_is_written_elsewhere_or_not_at_all(
    stage: Stage,
) -> None:
    open_and_fill(stage, 1)
    stage.claim("one", writeTo={"secret": {"name": "first"}})
    stage.wait_for(lambda: "first" in names(stage, "secrets"), "the Secret")
    stage.delete("secret", "first")
    stage.patch("numberclaim", "one", tenant="acme")  # a turn now, in the place of the one that comes in minutes
    stage.wait_for(lambda: "first" in names(stage, "secrets"), "the Secret to be made again")
    stage.patch("numberclaim", "one", writeTo={"secret": {"name": "second"}})
    stage.wait_for(lambda: names(stage, "secrets") & {"first", "second"} == {"second"}, "the Secret to move")
    stage.patch("numberclaim", "one", writeTo={"secret": {"name": "third"}})
    stage.wait_for(lambda: "third" in names(stage, "secrets"), "the Secret to move on")
    stage.delete("numberclaim", "one")
    stage.wait_for(lambda: "third" not in names(stage, "secrets"), "the Secret to go with its claim")


def test_a_quota_that_forbids_what_a_claim_is_to_write_is_said_on_the_claim(stage: Stage) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
    open_and_fill(stage, 1)
    stage.apply({**quota, "spec": {"hard": {"count/configmaps": "0"}}})
    stage.wait_for(lambda: "hard" in stage.get("resourcequota", "none").get("status", {}), "the quota to be counted")
    stage.claim("one", writeTo={"configMap": {"name": "numbers"}})
    said = stage.wait_reason("numberclaim", "one", "WriteRefused")
    assert "exceeded quota" in said["message"]


def test_a_secret_of_somebody_else_is_left_alone(stage: Stage) -> None:
    open_and_fill(stage, 1)
    stage.secret("precious", "keep me")
    stage.claim("rude", writeTo={"secret": {"name": "precious"}})
    said = stage.wait_reason("numberclaim", "rude", "WriteRefused")
    assert "precious (spec.writeTo) exists and is not this claim's" in said["message"]
    assert set(stage.get("secret", "precious")["data"]) == {"token"}


def test_claims_of_another_namespace_need_the_pools_leave(stage: Stage) -> None:
    open_pool(stage, 2)
    other = stage.cluster.new_namespace("other")
    try:
        stage.start_operator(also=(other,))
        stage.wait_for(lambda: is_filled(stage, 2), "two free numbers")
        claim = {"poolRef": {"name": "us-west", "namespace": stage.namespace}}
        stage.claim("local")
        manifest = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberClaim", "metadata": {"name": "far"}}
        stage.cluster.apply({**manifest, "spec": claim}, namespace=other)
        stage.wait_for(lambda: stands(stage, other)[1] == "PoolNotAllowed", "the claim to be refused")
        stage.patch("numberpool", "us-west", allowedNamespaces=[other])
        stage.wait_for(lambda: stands(stage, other)[0] == "Bound", "the claim to be let in")
        stage.api.delete("numberclaim", "far", namespace=other)
        stage.wait_for(lambda: sorted(stage.phases().values()) == ["Bound", "Cooling"], "its number to cool")
    finally:
        stage.cluster.leave_namespace(other)


def stands(stage: Stage, namespace: str) -> tuple[str | None, str | None]:
    """Phase and reason of the claim `far` there."""
    status = stage.api.get("numberclaim", "far", namespace).get("status", {})
    return status.get("phase"), next((one["reason"] for one in status.get("conditions", [])), None)


def test_many_claims_race_for_fewer_numbers_while_everything_is_written_all_the_time(stage: Stage) -> None:
    open_and_fill(stage, 12)
    with written_all_the_time(stage):
        stage.claim(*(f"racer-{n}" for n in range(20)))
        stage.wait_for(lambda: len(stage.bound()) == 12, "all numbers to be bound", timeout=120)
        stage.wait_for(lambda: len(places(stage)) == 8, "the others to wait", timeout=120)
    assert is_consistent(stage)


@contextmanager
def written_all_the_time(stage: Stage) -> Iterator[None]:
    """Somebody labels every number again and again: whoever writes under a resourceVersion meets conflicts."""
    over = threading.Event()

    def write() -> None:
        for tick in itertools.count():
            for number in stage.list("phonenumbers"):
                label = {"metadata": {"labels": {"tick": str(tick)}}}
                stage.api.patch("phonenumber", number["metadata"]["name"], label, stage.namespace)
            if over.wait(BETWEEN_WRITES_S):
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def test_two_operators_of_which_one_hears_everything_late_bind_each_claim_once(stage: Stage) -> None:
    open_pool(stage, 12)
    server = stage.cluster.server()
    late = {"kubernetes": Upstream(server.url, server.authority, late=0.7)}
    with relaying(Tripwire(), late) as relays:
        behind = stage.cluster.kubeconfig_of(SYSTEM, "ringfleet-operator", server=relays.server("kubernetes"))
        stage.start_operator("prompt")
        stage.start_operator("late", kubeconfig=behind)
        stage.wait_for(lambda: is_filled(stage, 12), "twelve free numbers")
        stage.claim(*(f"racer-{n}" for n in range(18)))
        stage.wait_for(lambda: len(stage.bound()) == 12, "all numbers to be bound", timeout=120)
        stage.wait_for(lambda: is_consistent(stage), "numbers and claims to name each other")
        gone = sorted(stage.bound())[:3]
        stage.patch("numberpool", "us-west", reclaim={"cooldown": "1s"})
        stage.delete("numberclaim", *gone)
        stage.wait_for(lambda: len(stage.bound()) == 12, "three that waited to be bound", timeout=120)
        stage.wait_for(lambda: is_consistent(stage), "numbers and claims to name each other")


def binds(call: Call) -> bool:
    """Writes to a number itself, or to a claim's status: the two writes of a binding."""
    path = call.path.split("?")[0]
    number = "/phonenumbers/" in path and not path.endswith("/status")
    return call.method == "PATCH" and (number or ("/numberclaims/" in path and path.endswith("/status")))


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize(
    "write", [pytest.param(1, id="at the number's write"), pytest.param(2, id="at the claim's write")]
)
def test_an_operator_that_is_killed_while_it_binds_finds_the_binding_again(
    stage: Stage, write: int, when: When
) -> None:
    open_pool(stage, 4)
    stage.start_operator("filler")
    stage.wait_for(lambda: is_filled(stage, 4), "four free numbers")
    (filler,) = stage.operators
    filler.stop()
    server = stage.cluster.server()
    wire = Tripwire(binds)
    with relaying(wire, {"kubernetes": Upstream(server.url, server.authority)}) as relays:
        through = stage.cluster.kubeconfig_of(SYSTEM, "ringfleet-operator", server=relays.server("kubernetes"))
        stage.claim("one")
        killed = stage.start_operator("killed", kubeconfig=through)
        wire.arm(write, when, killed.send_kill)
        stage.wait_for(wire.sprung.is_set, "the operator to be killed")
    committed = holders(stage)
    stage.claim("two", "three")
    stage.start_operator("restarted")
    stage.wait_for(lambda: len(stage.bound()) == 3, "all to be bound")
    assert is_consistent(stage)
    assert committed.items() <= holders(stage).items()


def routed(stage: Stage, number: str) -> str | None:
    profile: str | None = stage.get("phonenumber", number[1:])["status"].get("routing", {}).get("profile")
    return profile


def names(stage: Stage, what: str) -> set[str]:
    return {found["metadata"]["name"] for found in stage.list(what)}
