"""Masked sessions as they run: the real dispatcher before the real API server, and SIGKILL between two calls."""

from __future__ import annotations

from typing import Any

import httpx

from tests.controlplane.cluster import Cluster
from tests.dispatch.process import DispatcherProcess, put_members
from tests.waiting import wait_until

ONE, TWO = "+14155550111", "+14155550112"
"""The numbers of the service."""
ANN, BOB, EVE = "+14155550198", "+14155550197", "+14155550196"


class Rides:
    """A service, and who asks of it."""

    def __init__(self, cluster: Cluster, process: DispatcherProcess) -> None:
        self.cluster, self.process, self.keys = cluster, process, 0

    def apply(self, **spec: Any) -> None:
        plain = {"pools": [{"name": "us-west"}], "channels": ["Voice"], "geoMatch": {"level": "Any"}}
        metadata = {"name": "rides"}
        service = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "ProxyService", "metadata": metadata}
        self.cluster.apply({**service, "spec": {**plain, **spec}}, namespace=self.process.namespace)

    def ask(self, method: str, what: str, body: Any = None) -> httpx.Response:
        self.keys += 1
        path = f"/v1/namespaces/{self.process.namespace}/proxyservices/rides/{what}"
        return self.process.client.request(method, path, json=body, headers={"Idempotency-Key": f"k{self.keys}"})

    def begin(self, *people: str, **more: Any) -> httpx.Response:
        return self.ask("POST", "sessions", {"participants": [{"number": one, **more} for one in people]})

    def resolve(self, who: str, number: str) -> httpx.Response:
        return self.ask("POST", "resolve", {"from": who, "to": number})


def test_two_people_are_masked_by_the_numbers_of_a_service_also_after_kill_9(
    open_one: DispatcherProcess, cluster: Cluster
) -> None:
    rides = Rides(cluster, open_one)
    assert rides.begin(ANN).status_code == 404
    rides.apply()
    put_members(cluster, open_one.namespace, [ONE, TWO], set_="rides", kind="ProxyService")
    wait_until(lambda: rides.begin(EVE, proxyNumber=TWO).is_success, "the dispatcher to know the second number")
    session = rides.begin(ANN, BOB).json()
    anns, bobs = (one["proxyNumber"] for one in session["participants"])
    assert {anns, bobs} == {ONE, TWO}
    open_one.kill()
    open_one.start()
    assert rides.resolve(ANN, anns).json()["to"] == BOB
    assert rides.resolve(BOB, bobs).json()["to"] == ANN
    digits = next(number for number in (ONE, TWO) if number != anns)[1:]
    cluster.kubectl(
        "annotate", "numberclaim", f"rides-{digits}", "ringfleet.dev/draining=now", "-n", open_one.namespace
    )

    def is_refused() -> bool:
        reply = rides.begin(ANN)
        return reply.status_code == 409 and reply.json()["errorClass"] == 80206

    wait_until(is_refused, "a number that drains to be given to nobody")
    assert rides.resolve(BOB, bobs).json()["to"] == ANN, "sessions that have it go on"
    rides.apply(suspend=True)
    wait_until(lambda: rides.begin(EVE).json()["type"].endswith("service-suspended"), "the suspension to be known")
    assert rides.ask("DELETE", f"sessions/{session['sessionId']}").status_code == 204
    assert rides.resolve(ANN, anns).status_code == 410
