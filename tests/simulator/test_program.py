"""The program itself: it starts, keeps its state through every kind of end, and stops at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest
import yaml

from ringfleet.simulator.app import SimulatorSettings, build
from ringfleet.simulator.defaults import DEFAULT_ACCOUNTS, DEFAULT_TOKEN
from tests.simulator.process import SimulatorProcess
from tests.simulator.shop import Shop, outcomes
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("end", [SimulatorProcess.stop, SimulatorProcess.kill])
def test_nothing_is_forgotten_over_a_restart(end: object) -> None:
    """The installed command is started here; other tests fork it."""
    with SimulatorProcess(installed=end is SimulatorProcess.stop) as simulator:
        shop = Shop(simulator, "customer")
        bought = shop.stage(2)
        items = shop.checkout("co-1")
        staged = shop.stage(1)
        profile = shop.call("PUT", "/routing-profiles/main", {"name": "Main"}).json()
        simulator.control("POST", "clock", {"advance_seconds": 86_400})
        ledger, url = simulator.ledger(), simulator.url
        assert callable(end)
        end(simulator)
        simulator.restart()
        assert simulator.url == url
        assert simulator.ledger() == ledger
        assert (shop.owned(), shop.cart()) == (bought, staged)
        assert shop.checkout("co-1") == items
        assert shop.get("/routing-profiles")["data"] == [profile]
        assert simulator.control("GET", "clock")["now"][:10] > ledger[0]["at"][:10]
        shop.close()


def test_a_frozen_batch_survives_a_restart() -> None:
    with SimulatorProcess() as simulator:
        shop = Shop(simulator, "customer")
        batch = shop.stage(2)
        simulator.set_faults({"fault": "partial_failure", "script": [1, 0]})
        shop.checkout("co-1")
        simulator.restart()
        later = shop.stage(1, "212")
        assert outcomes(shop.checkout("co-1")) == dict.fromkeys(batch, "provisioned")
        assert shop.cart() == later
        shop.close()


def test_sigterm_ends_it_cleanly_with_a_reply_hanging_and_a_call_delayed() -> None:
    rules = ("reply_lost:operations=account", "latency:operations=cart_list:seconds=600")
    with SimulatorProcess(*(part for rule in rules for part in ("--fault", rule))) as simulator:
        shops = [Shop(simulator, name) for name in ("hanging", "delayed")]
        threads = [
            threading.Thread(target=_call_until_cut_off, args=(shop, path))
            for shop, path in zip(shops, ("/account", "/cart"), strict=True)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: simulator.calls() == {"account": 1, "cart_list": 1}, "both calls to be under way")
        assert simulator.stop() == 0
        assert simulator.errors() == ""
        for thread in threads:
            thread.join()


def test_the_same_seed_shows_the_same_stock_and_the_same_misfortune() -> None:
    assert _a_day_at_the_shop(seed=3) == _a_day_at_the_shop(seed=3) != _a_day_at_the_shop(seed=4)


def test_a_state_of_another_seed_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    SimulatorProcess("--seed", "1", state=state).start().close()
    with pytest.raises(RuntimeError, match="was made with --seed 1"):
        SimulatorProcess("--seed", "2", state=state).start()


def test_the_rate_limit_of_an_account_is_enforced() -> None:
    with SimulatorProcess("--rate-limit", "1") as simulator:
        shop = Shop(simulator, "hasty")
        replies = [shop.call("GET", "/account") for _ in range(20)]
        assert replies[0].status_code == 200
        assert {reply.status_code for reply in replies} == {200, 429}
        assert {reply.headers.get("retry-after") for reply in replies if reply.status_code == 429} == {"1"}
        shop.close()


def test_faults_stock_tokens_and_port_can_be_given_by_flags_and_files(tmp_path: Path) -> None:
    faults, stock, port = tmp_path / "faults.json", tmp_path / "stock.json", tmp_path / "port"
    faults.write_text(json.dumps([{"fault": "latency", "seconds": [0, 0.001]}]))
    block = {"country": "US", "type": "geographic", "area_code": "415", "size": 3, "monthly_price": "4.20"}
    stock.write_text(json.dumps([block]))
    with SimulatorProcess(
        *("--faults", str(faults), "--fault", "reply_lost:operations=checkout,release:script=0,1:how=close"),
        *("--stock", str(stock), "--stock-size", "5", "--port-file", str(port)),
        *("--token", "abc:mine", "--balance", "12.50", "--currency", "EUR"),
    ) as simulator:
        assert simulator.url.endswith(f":{port.read_text().strip()}")
        rules = [(rule["fault"], rule["operations"]) for rule in simulator.control("GET", "faults")]
        assert rules[1] == ("reply_lost", ["checkout", "release"])
        assert rules[0][0] == "latency"
        reply = httpx.get(
            f"{simulator.url}/v1/account", headers={"Authorization": "Bearer abc"}, timeout=60, trust_env=False
        )
        assert reply.json() == {"id": "mine", "balance": "12.50", "currency": "EUR", "status": "active"}
        shop = Shop(simulator, "customer")
        assert [row["snapshot"]["monthly_price"] for row in shop.search("415")] == ["4.20"] * 3
        assert len(shop.search("212")) == 5
        shop.close()


async def test_callers_from_elsewhere_see_the_carrier_but_not_its_control_endpoint() -> None:
    simulator = build(SimulatorSettings())
    wire = httpx.ASGITransport(simulator.app, client=("10.0.0.7", 50_000))
    async with httpx.AsyncClient(transport=wire, base_url="http://simulator") as stranger:
        assert (await stranger.get("/_sandbox/ledger")).status_code == 403
        assert (await stranger.put("/_sandbox/faults", json=[])).status_code == 403
        assert (await stranger.get("/_sandbox/healthz")).status_code == 200
        account = await stranger.get("/v1/account", headers={"Authorization": f"Bearer {DEFAULT_TOKEN}"})
        assert account.status_code == 200
    simulator.exchange.close()


def test_each_example_has_a_token_of_its_own_that_the_sandbox_carrier_takes() -> None:
    """Two that shared one would be one account: only one of them would work."""
    files = sorted((ROOT / "examples").glob("*/apply.yaml"))
    secrets = [one for file in files for one in yaml.safe_load_all(file.read_text()) if one and one["kind"] == "Secret"]
    names = ("token", "authToken", "apiKey")
    tokens = [token for one in secrets for name in names if (token := one["stringData"].get(name))]
    assert len(tokens) == len(set(tokens)) == len(files) + 1, "the example of two carriers has two"
    assert set(tokens) | {DEFAULT_TOKEN} == DEFAULT_ACCOUNTS.keys()


@pytest.mark.parametrize("flag", ["latency:seconds=soon", "latency:script=2", "dance", "latency:seconds"])
def test_a_bad_fault_flag_is_refused_before_anything_starts(flag: str) -> None:
    with pytest.raises(RuntimeError, match="--fault"):
        SimulatorProcess("--fault", flag).start()


def _call_until_cut_off(shop: Shop, path: str) -> None:
    with pytest.raises(httpx.ReadError):
        shop.call("GET", path, timeout=60)
    shop.close()


def _a_day_at_the_shop(seed: int) -> list[tuple[str, str]]:
    rules = ("snapped_up:probability=0.3", "partial_failure:probability=0.3", "pending_documents:probability=0.3")
    with SimulatorProcess("--seed", str(seed), *(part for rule in rules for part in ("--fault", rule))) as simulator:
        shop = Shop(simulator, "customer")
        for row in shop.search("415", 40):
            shop.put_into_cart(row)
        day = [(item["number"], item["outcome"]) for item in shop.checkout("co-1")]
        shop.close()
        return day
