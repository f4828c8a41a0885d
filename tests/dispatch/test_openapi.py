"""The API's own description: it is what the structs and routes say, and the running dispatcher keeps to it.

schemathesis is imported by whoever runs a test with it, and not by each worker that collects: it takes a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from starlette.routing import Route

from ringfleet.cli.dispatch import dispatch
from ringfleet.dispatch.app import Dispatcher
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.openapi import committed, make_document, write_document
from ringfleet.dispatch.operations import OPERATIONS, Operation
from ringfleet.dispatch.problems import TYPES
from tests.cluster.stage import SYSTEM, install_dispatcher_rbac, install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.dispatch.process import DispatcherProcess, a_set, put_members
from tests.examples import examples

OF_EVENTS = {"bad-signature", "stale-signature", "sender-unreadable"}
OF_THE_ROUTER = {"method-not-allowed"}
KEPT_TO = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
)


def test_the_committed_document_is_what_the_structs_and_operations_say() -> None:
    """Write it again with: ringfleet dispatch --openapi > operator/ringfleet/dispatch/openapi.json"""
    assert committed().decode() == write_document()


def test_the_command_prints_it() -> None:
    assert CliRunner().invoke(dispatch, ["--openapi"]).output == write_document()


def test_every_route_is_described_and_no_other() -> None:
    nothing: Any = None
    routes = Dispatcher(nothing, nothing, nothing, Clock(), nothing, nothing).app().routes
    served = {
        (route.path, method.lower())
        for route in routes
        for method in (cast(Route, route).methods or ())
        if method != "HEAD"
    }
    assert served == {(one.path, one.method) for one in OPERATIONS} | {("/openapi.json", "get")}


def test_every_problem_is_described_where_it_is_answered() -> None:
    described = {name for one in make_document()["paths"].values() for name in TYPES if f"`{name}`" in str(one)}
    assert described == TYPES.keys() - OF_EVENTS - OF_THE_ROUTER


def test_every_field_that_comes_in_or_goes_out_is_described() -> None:
    schemas = make_document()["components"]["schemas"]
    fields = {
        (name, field): about for name, one in schemas.items() for field, about in one.get("properties", {}).items()
    }
    assert [of for of, about in fields.items() if not about.get("description")] == []


def test_every_operation_but_the_calculators_asks_for_a_token() -> None:
    document = make_document()
    free = {one.id for one in OPERATIONS if not document["paths"][one.path][one.method]["security"]}
    assert free == {"sizePool", "sizeRotation", "sizeProxy", "sizeCapacity"}


# The running dispatcher.


@pytest.fixture(scope="session")
def installed(cluster: Cluster, crds: None) -> None:
    install_operator_rbac(cluster)
    install_dispatcher_rbac(cluster)


@pytest.fixture(scope="module")
def dispatcher(
    cluster: Cluster, installed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DispatcherProcess]:
    namespace = cluster.new_namespace("openapi")
    cluster.apply(a_set(), namespace=namespace)
    put_members(cluster, namespace, ["+14155550101", "+14155550102"])
    kubeconfig = cluster.kubeconfig_of(SYSTEM, "ringfleet-dispatcher")
    with DispatcherProcess(tmp_path_factory.mktemp("api"), kubeconfig, namespace, "--dev-insecure") as process:
        yield process
    cluster.leave_namespace(namespace)


def test_it_is_served_as_committed(dispatcher: DispatcherProcess) -> None:
    reply = dispatcher.client.get("/openapi.json")
    assert (reply.headers["content-type"], reply.content) == ("application/json", committed())


def test_it_is_openapi() -> None:
    import schemathesis

    schemathesis.openapi.from_dict(make_document()).validate()


@pytest.fixture(scope="module")
def described(dispatcher: DispatcherProcess) -> Any:
    """As committed, of the one set that is there; in dev mode nobody is asked for a token."""
    import schemathesis

    document = make_document()
    here = {"namespace": dispatcher.namespace, "name": "outbound"}
    for one in OPERATIONS:
        operation = document["paths"][one.path][one.method]
        operation["security"] = []
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] in here and "{name}" in one.path:
                parameter["schema"] = {"type": "string", "enum": [here[parameter["name"]]]}
    return schemathesis.openapi.from_dict(document)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_the_dispatcher_keeps_to_it(
    operation: Operation, mode: str, described: Any, dispatcher: DispatcherProcess
) -> None:
    """Whatever it is asked about a set that is there: no fault of its own, and an answer that was described. What the
    document forbids is refused."""
    from schemathesis import GenerationMode
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    checks = [CHECKS.get_one(name) for name in KEPT_TO]
    cases = described[operation.path][operation.method.upper()].as_strategy(generation_mode=GenerationMode(mode))

    @settings(
        max_examples=examples(25),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        response = case.call(base_url=dispatcher.urls[0], timeout=60)
        assert response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR
        case.validate_response(response, checks=checks)

    ask()
