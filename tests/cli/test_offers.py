"""The operator tells what carriers offer, to people who may not read the carriers' Secrets."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner

from ringfleet.cli.main import main
from ringfleet.objects.offers import OFFERS_AUDIENCE, TOKEN_HEADER
from tests.cli.conftest import Ringfleet
from tests.cluster.stage import SYSTEM, Stage
from tests.controlplane.plane import free_ports
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.programs import ROOT
from tests.waiting import wait_until

ASKER = "ringfleet-offers"
QUESTION: dict[str, Any] = {"country": "US", "areaCodes": ["415"], "count": 2}


class Desk:
    """The operator's door, and a person who may ask there and read no Secret."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        roles = yaml.safe_load_all((ROOT / "manifests/components/offers/roles.yaml").read_text())
        stage.cluster.apply(*roles)
        may_mint = a_role("mints", a_rule(["serviceaccounts/token"], ["create"], ""))
        stage.apply(
            a_service_account(ASKER),
            a_role_binding(stage.namespace, ASKER, "ringfleet-offers-asker", "ClusterRole"),
            a_service_account("person"),
            may_mint,
            a_role_binding(stage.namespace, "person", "mints"),
        )
        stage.start_operator(RINGFLEET_OFFERS_PORT=str(port))
        stage.wait_ready("sandbox", "carrieraccount")
        operator = f"system:serviceaccount:{SYSTEM}:ringfleet-operator"
        may = lambda: stage.cluster.may("ringfleet-operator", "create", "tokenreviews", namespace=SYSTEM)  # noqa: E731
        wait_until(may, f"{operator} to be let review tokens")

    def token(self, account: str = ASKER, audience: str = OFFERS_AUDIENCE) -> str:
        return self.stage.cluster.api.token(self.stage.namespace, account, 600, audience)

    def post(self, token: str | None = None, **question: Any) -> httpx.Response:
        headers = {} if token is None else {TOKEN_HEADER: token}
        body = {"namespace": self.stage.namespace, **QUESTION, **question}
        return httpx.post(f"{self.url}/v1/offers", json=body, headers=headers, timeout=60)


@pytest.fixture
def desk(stage: Stage) -> Desk:
    stage.account()
    return Desk(stage)


def test_a_person_without_a_right_to_any_secret_sees_what_an_order_would_buy(desk: Desk, ringfleet: Ringfleet) -> None:
    stage = desk.stage
    kubeconfig = stage.cluster.kubeconfig_of(stage.namespace, "person")
    where = ["--kubeconfig", str(kubeconfig), "--namespace", stage.namespace, "--offers-url", desk.url]
    asked = ["search", *where, "US", "--area-code", "415", "--count", "2", "-o", "json"]
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 0, said.stderr
    told = json.loads(said.stdout)
    assert told["askedBy"] == "operator"
    by_hand = ringfleet("search", "US", "--area-code", "415", "--count", "2", "--via", "secret", "-o", "json").json
    assert by_hand["askedBy"] == "secret"
    assert told["carriers"] == by_hand["carriers"]
    refused = CliRunner().invoke(main, [*asked, "--via", "secret"])
    assert refused.exit_code == 1
    assert "forbidden" in refused.stderr.lower()


def test_who_asks_is_known_by_a_token_for_offers_and_sees_the_accounts_of_a_namespace_where_it_may(desk: Desk) -> None:
    assert desk.post().status_code == 401
    assert desk.post(desk.token(audience="https://kubernetes.default.svc")).status_code == 401
    stranger = desk.post(desk.token("person"))
    assert (stranger.status_code, stranger.headers["Content-Type"]) == (403, "application/problem+json; charset=utf-8")
    assert "You may not create carrieraccounts/offers" in stranger.json()["detail"]
    elsewhere = desk.post(desk.token(), namespace="default")
    assert elsewhere.status_code == 403
    closed = desk.post(desk.token(), accounts=["kube-system/secret-carrier"]).json()["carriers"][0]
    assert closed["trouble"] == "There is no such account, or it does not let this namespace in."
    mine = desk.post(desk.token()).json()["carriers"][0]
    assert (mine["trouble"], len(mine["offers"])) == (None, 2)


def test_what_can_t_be_meant_and_what_is_too_much_is_refused_in_a_sentence(desk: Desk) -> None:
    token = desk.token()
    assert desk.post(token, regions=["XX"]).json()["detail"].startswith("regions: US has no XX")
    assert "a whole number from 1 to 200" in desk.post(token, count=100_000).json()["detail"]
    assert desk.post(token, contains="x" * 20_000).status_code == 413
    raw = httpx.post(f"{desk.url}/v1/offers", content=b"[" * 9000, headers={TOKEN_HEADER: token})
    assert (raw.status_code, raw.json()["detail"]) == (400, "The body is not JSON.")
    answers = [desk.post(token, country="UK") for _ in range(8)]
    last = next(one for one in answers if one.status_code == 429)
    assert int(last.headers["Retry-After"]) >= 1
