"""Search is down: orders go on from what was offered last, and everything that is concerned says so."""

from __future__ import annotations

from tests.cluster.stage import Stage


def test_orders_go_on_from_the_remembered_catalog_while_search_is_down(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=2)
    stage.start_operator()
    stage.wait_ready()
    assert source_of(stage, "us-west-1") == "Live"
    stage.simulator.set_faults({"fault": "search_down"})
    stage.scale(6)
    stage.wait_for(lambda: len(stage.numbers()) == 6, "six numbers")
    assert source_of(stage, "us-west-2") == "Catalog"
    for what, name in (("carrieraccount", "sandbox"), ("numberpool", "us-west")):
        assert stage.wait_reason(what, name, "CatalogStale", "CatalogStale")["status"] == "True"
        assert stage.wait_event(name, "CatalogStale")["type"] == "Warning"
    stage.wait_ready()
    stage.simulator.set_faults()
    stage.wait_gone("carrieraccount", "sandbox", "CatalogStale")
    stage.wait_gone("numberpool", "us-west", "CatalogStale")
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)


def test_after_a_restart_with_search_down_orders_go_on_from_the_catalog_that_was_kept(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=2)
    first = stage.start_operator("first")
    stage.wait_ready()
    kept = stage.wait_for(lambda: stage.api.find("configmap", "sandbox-catalog", stage.namespace), "a kept catalog")
    assert kept["metadata"]["ownerReferences"][0]["uid"] == stage.get("carrieraccount", "sandbox")["metadata"]["uid"]
    first.stop()
    stage.simulator.set_faults({"fault": "search_down"})
    stage.scale(6)
    stage.start_operator("second")
    stage.wait_for(lambda: len(stage.numbers()) == 6, "six numbers")
    assert source_of(stage, "us-west-2") == "Catalog"
    stage.wait_ready()
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)


def source_of(stage: Stage, order: str) -> str:
    return str(stage.get("numberorder", order)["status"]["source"])
