"""What is missing is named, and what was missing heals the rest as soon as it is there. Nothing is restarted."""

from __future__ import annotations

from typing import Any

from tests.cluster.stage import Stage, a_pool, an_account


def test_whatever_is_missing_is_named_and_heals_the_pool_when_it_comes(stage: Stage) -> None:
    operator = stage.start_operator()
    stage.pool(target=3)
    assert "RoutingProfile 'front-desk'" in why(stage, "RoutingProfileMissing")
    stage.profile()
    assert f"CarrierAccount {stage.namespace}/sandbox" in why(stage, "AccountMissing")
    stage.apply(an_account("sandbox", stage.simulator.url))
    assert f"Secret {stage.namespace}/sandbox-token" in why(stage, "SecretMissing")
    stage.apply(a_secret("sandbox-token", password="not the key that is asked for"))
    assert "'token'" in why(stage, "SecretKeyMissing")
    stage.secret("sandbox-token", stage.simulator.token)
    stage.wait_ready()
    assert operator.running
    assert sum(stage.bills().values()) == 3


def test_an_account_of_another_namespace_says_what_to_add_and_lets_the_pool_in_when_it_is_added(stage: Stage) -> None:
    other = stage.cluster.new_namespace("tenant")
    stage.account()
    stage.start_operator(also=(other,))
    carrier = {"accountRef": {"name": "sandbox", "namespace": stage.namespace}}
    pool = a_pool("us-west", 2, carriers=[carrier])
    del pool["spec"]["routingProfileRef"]
    stage.cluster.apply(pool, namespace=other)
    tenant = Stage(stage.cluster, other, stage.simulator)
    refused = tenant.wait_reason("numberpool", "us-west", "AccountNotAllowed")
    assert f"does not let in namespace {other}: add it to its spec.allowedNamespaces" in refused["message"]
    stage.patch("carrieraccount", "sandbox", allowedNamespaces=[other])
    tenant.wait_ready()
    assert tenant.bills() == dict.fromkeys(tenant.numbers(), 1)
    tenant.close()
    stage.cluster.leave_namespace(other)


def test_wrong_credentials_stall_the_account_without_a_storm_and_a_corrected_secret_heals_all(stage: Stage) -> None:
    stage.account(token="not-the-token")
    stage.profile()
    stage.pool(target=3)
    stage.start_operator()
    stalled = stage.wait_reason("carrieraccount", "sandbox", "CredentialsRejected", "Stalled")
    assert stalled["status"] == "True"
    assert f"CarrierAccount {stage.namespace}/sandbox" in why(stage, "CredentialsRejected")
    stage.simulator.control("POST", "calls")
    see_secrets_read_again(stage)
    assert refused_calls(stage) == []
    stage.secret("sandbox-token", stage.simulator.token)
    stage.wait_ready()
    assert stage.condition("carrieraccount", "sandbox", "Stalled") is None
    assert sum(stage.bills().values()) == 3


def test_a_token_that_is_revoked_later_stalls_the_account_and_a_new_one_heals_it(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=2)
    stage.start_operator()
    stage.wait_ready()
    stage.simulator.control("DELETE", f"tokens/{stage.simulator.token}")
    stage.scale(4)
    stage.wait_reason("carrieraccount", "sandbox", "CredentialsRejected", "Stalled")
    why(stage, "CredentialsRejected")
    stage.simulator.control("POST", "accounts", {"token": "token-2", "id": "sandbox"})
    stage.secret("sandbox-token", "token-2")
    stage.wait_ready()
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)


def see_secrets_read_again(stage: Stage) -> None:
    """Wait for an account whose Secret is missing at first: it is read again on the beat of one that was refused."""
    stage.apply(an_account("spare", stage.simulator.url))
    stage.wait_reason("carrieraccount", "spare", "SecretMissing")
    stage.simulator.control("POST", "accounts", {"token": "spare-token", "id": "spare"})
    stage.secret("spare-token", "spare-token")
    stage.wait_ready("spare", "carrieraccount")


def refused_calls(stage: Stage) -> list[dict[str, Any]]:
    """The calls since the last reset that came without a valid token."""
    return [call for call in stage.simulator.control("GET", "calls?last=1000")["last"] if not call["account"]]


def a_secret(name: str, **content: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content}


def test_an_endpoint_where_no_carrier_lives_is_named_and_a_corrected_one_heals_all(stage: Stage) -> None:
    stage.account(url=f"{stage.simulator.url}/not-the-api")
    stage.profile()
    stage.pool(target=2)
    stage.start_operator()
    stalled = stage.wait_reason("carrieraccount", "sandbox", "InvalidSpec", "Stalled")
    assert f"check spec.endpoint, which is {stage.simulator.url}/not-the-api." in stalled["message"]
    assert stalled["message"] in why(stage, "InvalidSpec")
    stage.patch("carrieraccount", "sandbox", endpoint=stage.simulator.url)
    stage.wait_ready()
    assert stage.condition("carrieraccount", "sandbox", "Stalled") is None


def why(stage: Stage, reason: str) -> str:
    """Wait until the pool is not ready for this reason; what it says."""
    said = stage.wait_reason("numberpool", "us-west", reason)
    assert said["status"] == "False"
    return str(said["message"])
