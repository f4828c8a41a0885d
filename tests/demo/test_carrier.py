"""The demo's carrier."""

from __future__ import annotations

import socket

import pytest
import yaml

from ringfleet.simulator.defaults import DEFAULT_ACCOUNTS
from tests.carriers.customer import OPENINGS
from tests.demo import __main__ as demo


def test_the_carrier_takes_another_port_when_somebody_has_the_one_of_the_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another demo, say, that began at the same moment: who looks first may lose the port meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        monkeypatch.setattr(demo, "SIMULATOR_PORT", taken)
        with demo._carrier() as carrier:
            assert carrier.url != f"http://127.0.0.1:{taken}"
            assert carrier.calls() == {}


@pytest.mark.parametrize("name", sorted(demo.CARRIERS))
def test_the_same_pool_is_ordered_from_the_carrier_that_is_asked_for(name: str) -> None:
    objects = {one["kind"]: one for one in yaml.safe_load_all(demo.manifest_at(name, "http://127.0.0.1:9"))}
    provider, url = demo.CARRIERS[name], "http://127.0.0.1:9"
    endpoint, credentials = OPENINGS[provider](url, DEFAULT_ACCOUNTS[demo.TOKEN], demo.TOKEN)
    account, secret, pool = objects["CarrierAccount"], objects["Secret"], objects["NumberPool"]
    assert (account["spec"]["provider"], account["spec"]["endpoint"]) == (provider, endpoint)
    assert secret["stringData"] == credentials
    assert account["spec"]["credentialsSecretRef"]["name"] == secret["metadata"]["name"]
    assert [one["accountRef"]["name"] for one in pool["spec"]["carriers"]] == [account["metadata"]["name"]]
    own = {one["kind"]: one for one in yaml.safe_load_all(demo.EXAMPLE.read_text())}
    assert (pool, objects["RoutingProfile"]) == (own["NumberPool"], own["RoutingProfile"])


def test_a_carrier_that_there_is_not_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["demo", "vonage"])
    assert demo.main() == 2
    assert capsys.readouterr().out == "CARRIER is one of didhub, telnyx, twilio, and not vonage.\n"
