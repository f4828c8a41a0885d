"""Taking what an account already has into the cluster, by a person's command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.cluster.stage import Stage
from tests.cluster.test_sweep import buy_by_hand, counts, id_of, open_pool, our_mark
from tests.programs import SOURCE

THEIRS = "rf/elsewhere/default/us-west"


def test_a_preview_changes_nothing_and_adopted_numbers_are_marked_routed_and_managed(stage: Stage) -> None:
    open_pool(stage, target=1)
    stage.wait_ready()
    theirs = buy_by_hand(stage, THEIRS)
    named, plain = buy_by_hand(stage, "sales, Ann"), buy_by_hand(stage, None)
    before = stage.simulator.owned()
    preview = adopt(stage, "--pool", "us-west", answer="n\n")
    assert preview.returncode == 0
    assert f"{named}  " in preview.stdout
    assert "sales, Ann" in preview.stdout
    assert theirs not in preview.stdout
    assert "1 number more: carrying another installation's mark, left alone" in preview.stdout
    assert (stage.simulator.owned(), len(stage.numbers())) == (before, 1)
    done = adopt(stage, "--pool", "np/us-west", answer="y\n")
    assert done.stdout.endswith("2 numbers adopted\n")
    for number in (named, plain):
        stage.wait_ready(number[1:], "phonenumber")
        stage.wait_for(lambda number=number: reference(stage, number) == our_mark(stage), "the mark to be written")
    stage.wait_for(lambda: stage.get("numberpool", "us-west")["status"]["numbers"]["available"] == 3, "all to count")
    stage.wait_for(lambda: counts(stage) == {"owned": 4, "ours": 3, "unmanaged": 1, "orphans": 0}, "a sweep to agree")
    assert reference(stage, theirs) == THEIRS
    again = adopt(stage, "--pool", "us-west", "--yes")
    assert "No number that nobody manages matches." in again.stdout


def test_adopting_to_observe_takes_only_what_matches_and_changes_nothing_at_the_carrier(stage: Stage) -> None:
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    wanted, other = buy_by_hand(stage, None), buy_by_hand(stage, None)
    before = stage.simulator.owned()
    said = json.loads(adopt(stage, "--observe", "--match", wanted, "-o", "json").stdout)
    assert [number["number"] for number in said["numbers"]] == [wanted]
    assert stage.numbers() == set()
    said = json.loads(adopt(stage, "--observe", "--match", f"{wanted[:-1]}?", "--yes", "-o", "json").stdout)
    assert {number["number"]: number["result"] for number in said["numbers"]}[wanted] == "created"
    stage.wait_for(lambda: status(stage, wanted).get("externalId") == id_of(stage, wanted), "its status to be filled")
    stage.wait_for(lambda: counts(stage).get("unmanaged") == 2, "both to count as not ours")
    assert stage.get("phonenumber", wanted[1:])["spec"]["managementPolicy"] == "Observe"
    assert stage.simulator.owned() == before
    assert other


def test_a_number_of_another_market_is_left_out_and_why(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(market={"country": "DE", "type": "Geographic", "areaCodes": ["30"]}, target=0)
    number = buy_by_hand(stage, None)
    said = adopt(stage, "--pool", "us-west", "--yes").stdout
    assert "left out: it is a US Geographic number, and pool us-west is for DE Geographic" in said
    assert number not in stage.numbers()


def test_what_is_missing_is_named(stage: Stage) -> None:
    assert "CarrierAccount" in adopt(stage, "--observe").stderr
    stage.account()
    assert f"NumberPool {stage.namespace}/us-west does not exist." in adopt(stage, "--pool", "us-west").stderr
    stage.delete("secret", "sandbox-token")
    assert "Secret" in adopt(stage, "--observe").stderr


def adopt(stage: Stage, *options: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as a person would, as the cluster's administrator; `answer` is typed at its question."""
    command = [sys.executable, "-m", "ringfleet", "adopt", "--account", "sandbox", "--namespace", stage.namespace]
    return subprocess.run(
        [*command, "--kubeconfig", str(stage.cluster.kubeconfig), *options],
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": ""},
        check=False,
    )


def reference(stage: Stage, number: str) -> str | None:
    """What the carrier has on the number as its reference."""
    return next(owned["reference"] for owned in stage.simulator.owned() if owned["number"] == number)


def status(stage: Stage, number: str) -> dict[str, Any]:
    return dict(stage.get("phonenumber", number[1:]).get("status", {}))
