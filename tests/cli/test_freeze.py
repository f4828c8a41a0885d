"""`freeze` and `thaw` write a person's word, who may, and what is frozen is told."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Ringfleet
from tests.cli.test_fleet import annotation, assert_error
from tests.cluster.stage import SYSTEM, Stage, a_pool, an_account
from tests.controlplane.api import Refused
from tests.controlplane.rights import a_role_binding, a_service_account
from tests.waiting import wait_until


@pytest.mark.parametrize(("option", "what", "name"), [("--pool", "np", "us-west"), ("--account", "ca", "sandbox")])
def test_a_pool_or_an_account_is_frozen_by_an_annotation_that_says_who_and_why(
    stage: Stage, ringfleet: Ringfleet, option: str, what: str, name: str
) -> None:
    stage.apply(an_account("sandbox", stage.simulator.url), a_pool("us-west", 3))
    said = ringfleet("freeze", option, name, "--by", "ada", "--why", "strange bills", "-o", "json").json
    assert [(one["name"], one["value"], one["changed"]) for one in said] == [(name, "ada: strange bills", True)]
    assert annotation(stage, what, name, "frozen") == "ada: strange bills"
    (freeze,) = ringfleet("status", "-o", "json").json["freezes"]
    assert f"/{name} is frozen by ada (strange bills)" in freeze
    assert freeze in ringfleet("status").out
    assert ringfleet("thaw", option, name).exit_code == 0
    assert annotation(stage, what, name, "frozen") is None
    assert "nothing to do" in ringfleet("thaw", option, name).out


def test_who_is_the_name_by_which_the_api_server_knows_the_person(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.apply(a_pool("us-west", 3))
    ringfleet("freeze", "--pool", "np/us-west")
    who = stage.api.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", _REVIEW)["status"]["userInfo"]
    assert annotation(stage, "np", "us-west", "frozen") == f"{who['username']}: "


_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def test_everything_is_frozen_by_one_config_map_in_the_operators_namespace(stage: Stage, ringfleet: Ringfleet) -> None:
    """Which is that of the stage here, for the server is shared."""
    here = ("--system-namespace", stage.namespace)
    assert ringfleet("freeze", "--all", "--by", "ada", "--why", "strange bills", *here).exit_code == 0
    assert stage.get("configmap", "ringfleet-freeze")["data"] == {"who": "ada", "why": "strange bills"}
    again = ringfleet("freeze", "--all", "--by", "bob", *here)
    assert (again.exit_code, "nothing to do" in again.out) == (0, True)
    assert stage.get("configmap", "ringfleet-freeze")["data"]["who"] == "ada"
    (freeze,) = ringfleet("status", "-o", "json", *here).json["freezes"]
    assert "Everything is frozen by ada" in freeze
    assert ringfleet("thaw", "--all", *here).exit_code == 0
    assert ringfleet("status", "-o", "json", *here).json["freezes"] == []
    assert "nothing to do" in ringfleet("thaw", "--all", *here).out


@pytest.mark.parametrize("options", [(), ("--all", "--pool", "a"), ("--pool", "a", "--account", "b")])
def test_one_thing_is_frozen_at_a_time(ringfleet: Ringfleet, options: tuple[str, ...]) -> None:
    said = ringfleet("freeze", *options)
    assert said.exit_code == 1
    assert "Say one of --all, --account NAME and --pool NAME" in said.err


def test_what_is_not_there_is_not_frozen(ringfleet: Ringfleet, stage: Stage) -> None:
    assert_error(
        ringfleet("freeze", "--pool", "gone", "--by", "ada"), f"NumberPool {stage.namespace}/gone does not exist"
    )


def test_only_who_has_the_role_freezes_everything_and_the_role_gives_no_other_config_map(
    stage: Stage, ringfleet: Ringfleet
) -> None:
    """The role as manifests/base ships it."""
    cluster = stage.cluster
    cluster.apply(a_service_account("freezer"), namespace=stage.namespace)
    freezer = cluster.api_as(f"system:serviceaccount:{stage.namespace}:freezer")
    freeze = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ringfleet-freeze"}}
    with pytest.raises(Refused):
        freezer.create(freeze, SYSTEM, dry_run=True)
    binding = a_role_binding(stage.namespace, "freezer", "ringfleet-freezer")
    binding["metadata"] = {"name": stage.namespace}
    cluster.apply(binding, namespace=SYSTEM)

    def may_freeze() -> bool:
        try:
            freezer.create(freeze, SYSTEM, dry_run=True)
        except Refused:
            return False
        return True

    wait_until(may_freeze, "the API server to know of the role")
    for what, name in (("configmap", "another"), ("secret", "another")):
        with pytest.raises(Refused, match="forbidden"):
            freezer.get(what, name, SYSTEM)
    cluster.api.delete("rolebinding", stage.namespace, namespace=SYSTEM)
