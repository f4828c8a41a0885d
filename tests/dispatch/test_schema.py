"""What must not get past the door, and what the door must not tell: the real process before the real API server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest

from ringfleet.dispatch.ledger.owner.journal import read_detail
from tests.carriers.webhooks import SECRET, a_body, an_event, signed
from tests.cluster.stage import SYSTEM, install_dispatcher_rbac, install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.dispatch.process import DispatcherProcess, a_set, put_members
from tests.waiting import wait_until

ANN, BOB, LONDON = "+14155550198", "+12125550197", "+442079460000"
TOLL_FREE = "+18005550150"
"""Of no place: in some zone of North America it is always quiet."""
NOT_BEFORE = {"budget-exhausted", "recipient-frequency", "quiet-hours"}


class Desk:
    """A dispatcher in dev mode, and sets of it by name."""

    def __init__(self, cluster: Cluster, process: DispatcherProcess) -> None:
        self.cluster = cluster
        self.process = process

    def set(self, name: str, *numbers: str, **spec: Any) -> None:
        """A set with these numbers, known to the dispatcher. It looks for numbers everywhere."""
        self.apply(name, **spec)
        put_members(self.cluster, self.process.namespace, numbers, set_=name)
        known = (sorted(numbers), spec.get("perNumber", {}).get("daily", 10) * len(numbers))
        wait_until(lambda: self._known(name) == known, f"the dispatcher to know {name}")

    def apply(self, name: str, **spec: Any) -> None:
        self.cluster.apply(a_set(name, **{"localPresence": "None", **spec}), namespace=self.process.namespace)

    def _known(self, name: str) -> tuple[list[str], int] | None:
        """The numbers of the set, and what those that may be used may do in a day."""
        reply = self.ask("GET", name, "rollup")
        said = reply.json()
        return ([one["number"] for one in said["numbers"]], said["capacity"]) if reply.is_success else None

    def ask(self, method: str, name: str, rest: str, **kwargs: Any) -> httpx.Response:
        return self.process.client.request(method, self.process.path(rest, name), **kwargs)

    def pick(self, name: str, to: str, key: str = "", **body: Any) -> httpx.Response:
        """Each recipient has a key of its own, unless the test says one."""
        headers = {"Idempotency-Key": key or f"for {to.strip()}"}
        return self.ask("POST", name, "picks", json={"to": to, **body}, headers=headers)


@pytest.fixture(scope="session")
def installed(cluster: Cluster, crds: None) -> None:
    install_operator_rbac(cluster)
    install_dispatcher_rbac(cluster)


@pytest.fixture(scope="module")
def desk(cluster: Cluster, installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    namespace = cluster.new_namespace("door")
    kubeconfig = cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher")
    with DispatcherProcess(tmp_path_factory.mktemp("door"), kubeconfig, namespace, "--dev-insecure") as process:
        yield Desk(cluster, process)
    cluster.leave_namespace(namespace)


def problem_of(reply: httpx.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    document = reply.json()
    name = str(document["type"]).rpartition("/")[2]
    assert (document["status"], "notBefore" in document) == (reply.status_code, name in NOT_BEFORE)
    assert ("retry-after" in reply.headers) is (name in NOT_BEFORE)
    return reply.status_code, name


# One recipient, one way to write it.


def test_guardrail_a_number_written_in_another_way_does_not_get_around_its_opt_out(desk: Desk) -> None:
    desk.set("disguises", "+14155550101")
    desk.ask("POST", "disguises", "suppressions", json={"recipients": [ANN, LONDON]})
    assert problem_of(desk.pick("disguises", LONDON)) == (403, "recipient-suppressed")
    for disguise in (f"{ANN}\n", "+4402079460000", "+999123456789", "+2100000000", "+1415555019"):
        reply = desk.pick("disguises", disguise)
        assert problem_of(reply) == (400, "malformed-request"), disguise
        assert reply.json()["errors"][0]["pointer"] == "/to"
        assert disguise.strip() not in reply.text
    assert desk.ask("DELETE", "disguises", "suppressions", json={"recipients": [ANN, LONDON]}).json() == {"changed": 2}


def test_an_opt_out_of_a_number_that_is_none_is_named_by_its_place_and_none_is_taken_in(desk: Desk) -> None:
    desk.set("imports", "+14155550102")
    body = {"scope": "set", "recipients": [ANN, "+4402079460000"]}
    reply = desk.ask("POST", "imports", "suppressions", json=body)
    assert problem_of(reply) == (400, "malformed-request")
    assert reply.json()["errors"][0]["pointer"] == "/recipients/1"
    assert desk.ask("GET", "imports", "suppressions", params={"scope": "set"}).json()["items"] == []


def test_a_list_of_opt_outs_may_be_long_and_not_huge(desk: Desk) -> None:
    desk.set("lists", "+14155550106")
    recipients = [f"+1628{n:07}" for n in range(10_001)]
    for body, refusal in (({"recipients": recipients}, "malformed-request"), ({"reason": "x" * 1_048_577}, "")):
        reply = desk.ask("POST", "lists", "suppressions", json=body)
        assert problem_of(reply) == ((400, refusal) if refusal else (413, "body-too-large"))
    taken = desk.ask("POST", "lists", "suppressions", json={"scope": "set", "recipients": recipients[1:]})
    assert taken.json() == {"changed": 10_000}


# Whom it was about.


def test_what_is_kept_of_a_request_tells_nobody_without_the_key_whom_it_was_for(
    cluster: Cluster, installed: None, namespace: str, tmp_path: Path
) -> None:
    """The same request under two keys leaves nothing in common, so hashing all numbers there are finds nobody."""
    cluster.apply(a_set(), namespace=namespace)
    put_members(cluster, namespace, ["+14155550103"])
    kept = [fingerprint_under(key, cluster, namespace, tmp_path) for key in ("a" * 32, "b" * 32)]
    assert kept[0] != kept[1]


def fingerprint_under(key: str, cluster: Cluster, namespace: str, tmp_path: Path) -> bytes:
    folder = tmp_path / key[0]
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "2026-11").write_text(key)
    kubeconfig = cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher")
    with DispatcherProcess(folder, kubeconfig, namespace, "--dev-insecure") as process:
        assert process.pick(ANN, key="k1").status_code == 200
        process.stop()
        written = (folder / "ledger.sqlite").read_bytes() + process.log().encode()
    ((detail,),) = apsw.Connection(str(folder / "ledger.sqlite")).execute("SELECT detail FROM journal")
    assert ANN[1:].encode() not in written
    return read_detail(detail).fingerprint


def test_a_key_that_is_added_leaves_recipients_opt_outs_and_replays_as_they_were(
    cluster: Cluster, installed: None, namespace: str, tmp_path: Path
) -> None:
    cluster.apply(a_set(), namespace=namespace)
    put_members(cluster, namespace, ["+14155550104", "+14155550105"])
    kubeconfig = cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher")
    with DispatcherProcess(tmp_path, kubeconfig, namespace, "--dev-insecure") as process:
        first = process.pick(ANN, key="k1").json()
        process.client.post(process.path("suppressions"), json={"recipients": [BOB]})
        process.stop()
        process.kill()
        (tmp_path / "keys" / "2027-01").write_text("c" * 32)
        process.start()
        assert process.pick(ANN, key="k1").json()["pickId"] == first["pickId"]
        again = process.pick(ANN).json()
        assert (again["number"], again["sticky"]) == (first["number"], True)
        assert problem_of(process.pick(BOB)) == (403, "recipient-suppressed")
        taken_back = process.client.request("DELETE", process.path("suppressions"), json={"recipients": [BOB]})
        assert taken_back.json() == {"changed": 1}


# Why no number is given.


def test_a_suspended_set_picks_nothing_and_still_tells_and_takes_back(desk: Desk) -> None:
    desk.set("paused", "+14155550110")
    pick = desk.pick("paused", ANN).json()["pickId"]
    desk.apply("paused", suspend=True)
    reply = wait_until(
        lambda: reply if not (reply := desk.pick("paused", BOB)).is_success else None, "the set to be suspended"
    )
    assert problem_of(reply) == (409, "set-suspended")
    assert desk.ask("GET", "paused", "deferred").status_code == 200
    assert desk.ask("POST", "paused", "suppressions", json={"recipients": [BOB], "scope": "set"}).status_code == 200
    assert desk.ask("DELETE", "paused", f"picks/{pick}").status_code == 204


def test_a_set_in_a_time_zone_that_is_none_says_so_and_harms_no_other(desk: Desk) -> None:
    desk.set("earth", "+14155550111")
    desk.apply("mars", resetTimeZone="Mars/Olympus")
    reply = wait_until(
        lambda: reply if (reply := desk.pick("mars", ANN)).status_code != 404 else None, "the set to be seen"
    )
    assert problem_of(reply) == (409, "set-invalid")
    assert "Mars/Olympus" in reply.json()["detail"]
    assert desk.pick("earth", ANN).status_code == 200
    desk.set("mars", "+14155550112", resetTimeZone="America/Los_Angeles")
    assert desk.pick("mars", ANN).status_code == 200


def test_guardrail_nobody_is_called_at_night_by_any_clock_that_may_be_theirs(desk: Desk) -> None:
    desk.set("nights", "+14155550113", quietHours={"start": "21:00", "end": "20:00"})
    assert problem_of(desk.pick("nights", TOLL_FREE)) == (409, "time-zone-unknown")


def test_guardrail_one_recipient_is_contacted_so_often_and_no_more(desk: Desk) -> None:
    desk.set("often", "+14155550114", "+14155550115", recipientFrequency={"contacts": 2, "window": "24h"})
    assert [desk.pick("often", ANN, key=f"k{n}").status_code for n in range(2)] == [200, 200]
    assert problem_of(desk.pick("often", ANN, key="k2")) == (429, "recipient-frequency")
    assert desk.pick("often", BOB).status_code == 200


def test_a_set_that_does_not_defer_refuses_beyond_its_budget(desk: Desk) -> None:
    desk.set("rejects", "+14155550116", overflow="Reject", perNumber={"daily": 1, "hourly": 1})
    assert desk.pick("rejects", ANN).status_code == 200
    reply = desk.pick("rejects", BOB)
    assert problem_of(reply) == (429, "budget-exhausted")
    assert sum(reply.json()["excluded"].values()) == 1


def test_guardrail_with_no_number_fit_to_be_used_the_set_fails_closed_and_counts_the_reasons(desk: Desk) -> None:
    desk.set("flagged", "+14155550117", "+14155550118")
    for digits in ("14155550117", "14155550118"):
        desk.cluster.api.annotate("phonenumber", digits, desk.process.namespace, quarantine="labelled")
    reply = wait_until(
        lambda: (
            reply
            if not (reply := desk.pick("flagged", ANN, key=str(time.monotonic()))).is_success
            and sum(reply.json().get("unfit", {}).values()) == 2
            else None
        ),
        "both numbers to be out of use",
    )
    assert problem_of(reply) == (503, "no-eligible-number")
    assert (reply.json()["excluded"], reply.json()["unfit"]) == ({"quarantined": 2}, {"quarantined": 2})


def test_a_deferral_that_is_none_is_refused(desk: Desk) -> None:
    desk.set("deferrals", "+14155550119")
    assert problem_of(desk.pick("deferrals", ANN, deferredId="d1")) == (404, "unknown-deferral")


def test_guardrail_who_has_left_the_namespace_is_called_for_no_brand_of_it(desk: Desk) -> None:
    """As somebody does who says STOP to a number that is in no set any more."""
    desk.set("plain", "+14155550170")
    desk.set("branded", "+14155550171", messaging={"brand": "acme"})
    assert desk.ask("POST", "plain", "suppressions", json={"recipients": [BOB], "scope": "brand"}).status_code == 200
    assert problem_of(desk.pick("branded", BOB)) == (403, "recipient-suppressed")
    assert desk.ask("DELETE", "plain", "suppressions", json={"recipients": [BOB], "scope": "brand"}).status_code == 200
    assert desk.pick("branded", BOB).status_code == 200


# Two listeners.


def test_no_route_of_one_listener_leads_to_the_other(desk: Desk) -> None:
    picks, events, health = desk.process.urls
    path = desk.process.path("picks")
    with httpx.Client(trust_env=False, verify=False) as client:
        for url in (events, health):
            assert client.post(f"{url}{path}", json={"to": ANN}).status_code == 404
        for url in (picks, health):
            assert client.post(f"{url}/v1/events/shop/sandbox", json={}).status_code == 404


@pytest.fixture(scope="module")
def webhook(desk: Desk) -> str:
    """Where an account's events come in that a Secret signs."""
    namespace = desk.process.namespace
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "signs"}, "stringData": {"webhook": SECRET}}
    spec = {"provider": "DIDHub", "credentialsSecretRef": {"name": "token"}, "webhookSecretRef": {"name": "signs"}}
    account = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "CarrierAccount", "metadata": {"name": "sandbox"}}
    desk.cluster.apply(secret, {**account, "spec": spec}, namespace=namespace)
    url = f"{desk.process.urls[1]}/v1/events/{namespace}/sandbox"
    wait_until(
        lambda: httpx.post(url, trust_env=False, verify=False, timeout=30).status_code == 401, "the account to be known"
    )
    return url


def send(url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return httpx.post(url, content=body, headers=headers, trust_env=False, verify=False, timeout=30)


def test_a_signed_event_is_counted_once(webhook: str) -> None:
    """Of a number that no story beside this one has: what objects elsewhere own is not this account's to tell."""
    now = int(time.time())
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    body = a_body(an_event(id_="evt_once", created_at=made, number="+12025550147"))
    said = [send(webhook, body, signed(body, at=now)).json()["status"] for _ in range(2)]
    assert said == ["counted", "known"]


@pytest.mark.parametrize(
    ("body", "at", "secret", "refusal"),
    [
        pytest.param(a_body(an_event()), 0, "whsec_of_somebody_else", (401, "bad-signature"), id="forged"),
        pytest.param(a_body(an_event()), -3600, SECRET, (401, "stale-signature"), id="old"),
        pytest.param(a_body(an_event()), 3600, SECRET, (401, "stale-signature"), id="from-the-future"),
        pytest.param(b"{", 0, SECRET, (400, "malformed-request"), id="no-json"),
        pytest.param(b"[]", 0, SECRET, (400, "malformed-request"), id="no-event"),
        pytest.param(b" " * 1_048_577, 0, SECRET, (413, "body-too-large"), id="huge"),
    ],
)
def test_an_event_that_is_not_to_be_believed_is_refused(
    webhook: str, body: bytes, at: int, secret: str, refusal: tuple[int, str]
) -> None:
    """An hour off, for these clocks go on by themselves; `test_events` has the second that it turns on."""
    assert problem_of(send(webhook, body, signed(body, secret, int(time.time()) + at))) == refusal


def test_an_event_without_a_signature_is_refused(webhook: str) -> None:
    assert problem_of(send(webhook, a_body(an_event()), {})) == (401, "bad-signature")


# What it is like.


def test_metrics_tell_outcomes_latency_and_age(desk: Desk) -> None:
    desk.set("counted", "+14155550120")
    before = samples(desk)
    desk.pick("counted", ANN)
    desk.pick("counted", "+1")
    after = samples(desk)
    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert grown['ringfleet_dispatch_answers_total{outcome="picked",status="200"}'] == 1
    assert grown['ringfleet_dispatch_answers_total{outcome="malformed-request",status="400"}'] == 1
    assert grown["ringfleet_dispatch_pick_duration_seconds_count"] == 2
    assert grown['ringfleet_dispatch_pick_duration_seconds_bucket{le="+Inf"}'] == 2
    assert after["ringfleet_dispatch_ledger_errors_total"] == 0
    assert after["ringfleet_dispatch_inventory_age_seconds"] >= 0


def samples(desk: Desk) -> dict[str, float]:
    text = httpx.get(f"{desk.process.urls[2]}/metrics", trust_env=False, verify=False, timeout=30).text
    written = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in written}
