"""Messages that a carrier tells the dispatcher first, and a user's program that gets them all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from twilio.request_validator import RequestValidator

from ringfleet.simulator.defaults import DEFAULT_ACCOUNT
from tests.carriers.customer import OPENINGS
from tests.cluster.stage import Stage
from tests.cluster.test_lost_webhook import AT_ONCE, OFTEN, PERSON, account_of, members, receive
from tests.cluster.test_providers import a_trust_product
from tests.controlplane.plane import free_ports
from tests.dispatch.process import DispatcherProcess, a_set
from tests.simulator.receiver import Receiver


def test_a_program_keeps_its_messages_and_a_stop_holds_at_once(stage: Stage, tmp_path: Path) -> None:
    """By the URL that the operator has written at the carrier; without the wish the program's own is there again."""
    picks, events = free_ports(2)
    flags = ("--dev-insecure", "--listen", f"127.0.0.1:{picks}", "--events", f"127.0.0.1:{events}")
    flags += ("--relay-network", "127.0.0.0/8")
    with (
        Receiver() as program,
        DispatcherProcess(tmp_path, stage.cluster.kubeconfig, stage.namespace, *flags) as dispatcher,
    ):
        hooks = {"publicURL": f"http://127.0.0.1:{events}", "inbound": "Relay"}
        number = a_set_with_a_program(stage, program.url, hooks, dispatcher.urls[0])
        called = sms_url(stage)
        assert called == (
            f"http://127.0.0.1:{events}/v1/events/{stage.namespace}/sandbox/{stage.namespace}/front-desk",
            program.url,
        )
        hook = {"account": account_of(stage), "url": called[0], "secret": stage.simulator.token, "face": "twilio"}
        stage.simulator.control("POST", "webhooks", hook)
        receive(stage, number, "STOP")
        assert stage.simulator.control("GET", "webhooks/pending?wait=30")["failures"] == {}
        assert dispatcher.would_pick(PERSON).status_code == 403, "the carrier has its answer"
        stage.wait_for(lambda: program.requests, "the program to get the message")
        ((headers, body),) = program.requests
        form = dict(parse_qsl(body.decode()))
        assert (form["Body"], form["From"], form["To"]) == ("STOP", PERSON, number)
        original, signature = headers["x-ringfleet-original-url"], headers["x-twilio-signature"]
        assert RequestValidator(stage.simulator.token).validate(original, form, signature)
        stage.cluster.kubectl(
            *("patch", "carrieraccount", "sandbox", "-n", stage.namespace, "--type=merge"),
            *("-p", '{"spec": {"webhooks": null}}'),
        )
        stage.wait_for(lambda: sms_url(stage) == (program.url, None), "the program's URL to be back")


def test_a_stream_tells_of_a_stop_and_the_number_calls_its_program_alone(stage: Stage, tmp_path: Path) -> None:
    """With what the account says by itself; without publicURL the sink is gone."""
    picks, events = free_ports(2)
    flags = ("--dev-insecure", "--listen", f"127.0.0.1:{picks}", "--events", f"127.0.0.1:{events}")
    with DispatcherProcess(tmp_path, stage.cluster.kubeconfig, stage.namespace, *flags) as dispatcher:
        hooks = {"publicURL": f"http://127.0.0.1:{events}"}
        number = a_set_with_a_program(stage, "https://example.com/sms", hooks, dispatcher.urls[0])
        used = stage.get("carrieraccount", "sandbox")["status"]["webhooks"]
        assert used == {"inbound": "EventStreams", "sink": sinks(stage)[0]["sid"]}
        stage.wait_for(lambda: sms_url(stage) == ("https://example.com/sms", None), "the program's own URL")
        receive(stage, number, "STOP")
        assert stage.simulator.control("GET", "webhooks/pending?wait=30")["failures"] == {}
        assert dispatcher.would_pick(PERSON).status_code == 403, "the carrier has its answer"
        stage.cluster.kubectl(
            *("patch", "carrieraccount", "sandbox", "-n", stage.namespace, "--type=merge"),
            *("-p", '{"spec": {"webhooks": {"publicURL": null}}}'),
        )
        stage.wait_for(lambda: not sinks(stage), "the sink to be gone")


def a_set_with_a_program(stage: Stage, program: str, hooks: dict[str, str], dispatcher: str) -> str:
    """A set whose numbers' messages go to the program; one of its numbers."""
    hears = {"webhookSecretRef": {"name": "sandbox-webhooks", "key": "secret"}, "webhooks": hooks}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sandbox-webhooks"}}
    stage.apply({**secret, "stringData": {"secret": stage.simulator.token}})
    stage.account_at("Twilio", **OFTEN, **hears, trustProduct=a_trust_product(stage))
    profile = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "RoutingProfile", "metadata": {"name": "front-desk"}}
    voice = {"sipTrunk": {"targets": [{"uri": "sip:pbx.example.com"}]}}
    stage.apply({**profile, "spec": {"voice": voice, "messaging": {"webhook": {"url": program}}}})
    stage.pool(target=2, limits={"maxNumbers": 4})
    stage.apply(a_set(routingProfileRef={"name": "front-desk"}))
    stage.start_operator(RINGFLEET_DISPATCHER=dispatcher, **AT_ONCE)
    stage.wait_for(lambda: members(stage).get("active") == 2, "two members that may be called from")
    return min(one["spec"]["number"] for one in stage.list("phonenumbers") if "claimRef" in one["spec"])


def sms_url(stage: Stage) -> tuple[str, str | None]:
    """Whom the carrier calls for messages, and whom when that one is away: by the one application with such a URL."""
    rows = rows_of(stage, "api", "/2010-04-01/Accounts/{sid}/Applications.json", "applications")
    (found,) = [row for row in rows if row["sms_url"]]
    return found["sms_url"], found["sms_fallback_url"] or None


def sinks(stage: Stage) -> list[dict[str, Any]]:
    return rows_of(stage, "events", "/v1/Sinks", "sinks")


def rows_of(stage: Stage, product: str, path: str, key: str) -> list[dict[str, Any]]:
    endpoint, credentials = OPENINGS["Twilio"](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    sid, token = credentials["accountSid"], credentials["authToken"]
    with httpx.Client(trust_env=False, timeout=30) as client:
        url = endpoint.format(product=product) + path.format(sid=sid)
        rows: list[dict[str, Any]] = client.get(url, auth=(sid, token)).json()[key]
    return rows
