"""What the API server's refusals become, and what a failing connection becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from ringfleet.kube.client import Kube, Limits
from ringfleet.kube.config import load_configuration
from ringfleet.kube.errors import (
    AlreadyExists,
    Conflict,
    FieldCause,
    Forbidden,
    Gone,
    Invalid,
    KubeError,
    NotConfigured,
    NotFound,
    NotProcessed,
    Unavailable,
)
from ringfleet.kube.transport import Json, Request, Transport, refusal
from tests.controlplane.certificates import Authority
from tests.controlplane.cluster import Cluster
from tests.controlplane.kubeconfig import Server, write_kubeconfig
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.kube.conftest import CONFIG_MAPS
from tests.kube.wire import Wire
from tests.waiting import wait_until

WRITE = Request("POST", "/api/v1/namespaces/ns/configmaps")


@pytest.mark.parametrize(
    ("status", "reason", "headers", "expected"),
    [
        (400, "BadRequest", {}, Invalid),
        (401, "Unauthorized", {}, Forbidden),
        (403, "Forbidden", {}, Forbidden),
        (404, "NotFound", {}, NotFound),
        (408, "Timeout", {}, Unavailable),
        (409, "AlreadyExists", {}, AlreadyExists),
        (409, "Conflict", {}, Conflict),
        (410, "Expired", {}, Gone),
        (413, "RequestEntityTooLarge", {}, Invalid),
        (422, "Invalid", {}, Invalid),
        (429, "TooManyRequests", {"Retry-After": "1"}, NotProcessed),
        (500, "InternalError", {}, Unavailable),
        (503, "ServiceUnavailable", {}, Unavailable),
        (503, "ServiceUnavailable", {"Retry-After": "1"}, NotProcessed),
        (504, "Timeout", {}, Unavailable),
    ],
)
def test_each_refusal_says_who_must_act(
    status: int, reason: str, headers: dict[str, str], expected: type[KubeError]
) -> None:
    body = f'{{"kind": "Status", "reason": "{reason}", "message": "no, because", "code": {status}}}'
    error = refusal(WRITE, status, headers, body.encode())
    said = f"refused as {reason} ({status})" if expected is Invalid else "no, because"
    assert (type(error), str(error)) == (expected, f"{WRITE}: {said}")
    assert error.verbatim == f"{WRITE}: no, because"


def test_a_refusal_names_the_fields() -> None:
    cause = b'{"reason": "FieldValueInvalid", "message": "must be positive", "field": "spec.size.min"}'
    body = b'{"kind": "Status", "message": "is invalid", "details": {"causes": [' + cause + b"]}}"
    error = refusal(WRITE, 422, {}, body)
    assert isinstance(error, Invalid)
    assert error.causes == (FieldCause("spec.size.min", "must be positive"),)
    assert str(error) == f"{WRITE}: refused as not acceptable (422): spec.size.min"


def test_a_proxys_page_is_an_error_in_one_line() -> None:
    error = refusal(
        WRITE, 502, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"<html>\n <b>Bad gateway</b>\n</html>"
    )
    assert isinstance(error, Unavailable)
    assert (str(error), error.retry_after) == (f"{WRITE}: HTTP 502: <html> <b>Bad gateway</b> </html>", None)


class Flaky(Transport):
    """The real transport, whose first calls fail with the errors given."""

    def script(self, *errors: KubeError) -> Counter[str]:
        self.errors, self.calls = list(errors), Counter[str]()
        return self.calls

    async def call(self, request: Request, timeout: float) -> Json:
        self.calls[request.method] += 1
        if self.errors:
            raise self.errors.pop(0)
        return await super().call(request, timeout)


@pytest.fixture
async def flaky(cluster: Cluster) -> AsyncIterator[Flaky]:
    load = partial(load_configuration, cluster.kubeconfig)
    transport = Flaky(await load(), load)
    yield transport
    await transport.close()


async def test_a_read_is_repeated_until_it_succeeds(flaky: Flaky, namespace: str) -> None:
    calls = flaky.script(Unavailable("reset"), NotProcessed("busy"), Unavailable("timeout"))
    kube = Kube(flaky)
    assert (await kube.list_all(CONFIG_MAPS, namespace)).resource_version
    assert (calls, kube.reads) == ({"GET": 4}, {("list", "configmaps"): 4})


async def test_a_read_is_not_repeated_for_ever(flaky: Flaky, namespace: str) -> None:
    calls = flaky.script(*[Unavailable("reset")] * 9)
    with pytest.raises(Unavailable, match="reset"):
        await Kube(flaky, Limits(attempts=2)).list_all(CONFIG_MAPS, namespace)
    assert calls == {"GET": 2}


async def test_a_write_is_repeated_when_it_was_not_processed(flaky: Flaky, namespace: str) -> None:
    calls = flaky.script(NotProcessed("busy", retry_after=0.0), NotProcessed("refused"))
    kube = Kube(flaky)
    await kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}})
    assert (calls, kube.writes) == ({"POST": 3}, {("create", "configmaps"): 3})


async def test_a_write_whose_outcome_is_not_known_is_not_repeated(flaky: Flaky, namespace: str) -> None:
    calls = flaky.script(Unavailable("reset"))
    with pytest.raises(Unavailable, match="reset"):
        await Kube(flaky).create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}})
    assert calls == {"POST": 1}


async def test_an_api_server_that_wants_peace_for_a_minute_is_not_waited_for(flaky: Flaky, namespace: str) -> None:
    calls = flaky.script(NotProcessed("busy", retry_after=60.0))
    with pytest.raises(NotProcessed):
        await Kube(flaky).list_all(CONFIG_MAPS, namespace)
    assert calls == {"GET": 1}


async def test_no_connection_is_told_from_a_broken_one(wire: Wire, wired_kube: Kube, namespace: str) -> None:
    await wired_kube.list_all(CONFIG_MAPS, namespace)
    await wire.cut()
    wired_kube.limits = Limits(attempts=1)
    with pytest.raises(Unavailable) as failure:  # the connection that was there
        await wired_kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}})
    assert not isinstance(failure.value, NotProcessed)
    with pytest.raises(NotProcessed):  # and a new one
        await wired_kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}})


async def test_a_server_that_never_answers_is_given_up(wire: Wire, wired_kube: Kube, namespace: str) -> None:
    await wired_kube.list_all(CONFIG_MAPS, namespace)
    wire.deaf = True
    wired_kube.limits = Limits(attempts=1, timeout=0.2)
    with pytest.raises(Unavailable, match="in time"):
        await wired_kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}})


@pytest.fixture
def robot(cluster: Cluster, namespace: str) -> str:
    """The kubeconfig of a service account that may list ConfigMaps, as text."""
    rights = a_role("robot", a_rule(["configmaps"], ["list"])), a_role_binding(namespace, "robot", "robot")
    cluster.apply(a_service_account("robot"), *rights, namespace=namespace)
    wait_until(lambda: cluster.may("robot", "list", "configmaps", namespace=namespace), "the role to be in force")
    return cluster.kubeconfig_of(namespace, "robot").read_text()


async def test_credentials_are_read_again_when_they_are_not_accepted_any_more(
    robot: str, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(robot.replace('"token": "', '"token": "stale-'))
    async with Kube.connect(kubeconfig) as kube:
        kubeconfig.write_text(robot)
        assert (await kube.list_all(CONFIG_MAPS, namespace)).resource_version


async def test_credentials_that_stay_wrong_are_forbidden(robot: str, namespace: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(robot.replace('"token": "', '"token": "wrong-'))
    async with Kube.connect(kubeconfig) as kube:
        with pytest.raises(Forbidden, match="Unauthorized"):
            await kube.list_all(CONFIG_MAPS, namespace)


async def test_a_missing_right_is_forbidden_and_named(robot: str, namespace: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(robot)
    async with Kube.connect(kubeconfig) as kube:
        with pytest.raises(Forbidden, match='cannot create resource "configmaps"'):
            await kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}})


async def test_a_certificate_of_another_ca_is_the_users_to_mend(cluster: Cluster, tmp_path: Path) -> None:
    stranger = Authority("a stranger")
    server = Server(cluster.server().url, stranger.certificate)
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server, "token")
    async with Kube.connect(kubeconfig) as kube:
        with pytest.raises(NotConfigured, match="not from the CA"):
            await kube.list_all(CONFIG_MAPS)
