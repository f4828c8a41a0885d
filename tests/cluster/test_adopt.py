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
    assert "2 numbers, 3.98 USD a month." in preview.stdout
    assert f"Each gets the mark {our_mark(stage)}" in preview.stdout
    assert "the routing of RoutingProfile front-desk" in preview.stdout
    assert f"  {theirs}: it carries the mark of another installation, elsewhere: it is left alone" in preview.stdout
    assert "1 number more: managed or observed already" in preview.stdout
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


def test_a_pasted_file_is_adopted_but_for_three_that_are_not_ours_to_take(stage: Stage) -> None:
    """Two hundred lines as a spreadsheet gives them, one of them no number at all."""
    open_pool(stage, target=0)
    stage.pool("us-east", target=1)
    stage.wait_ready("us-east")
    (others,) = stage.numbers()
    theirs, absent, free = buy_by_hand(stage, THEIRS), "+14152119999", buy_many(stage, 197)
    lines = [f"{at};({number[2:5]}) {number[5:8]}-{number[8:]}" for at, number in enumerate([*free, theirs, absent])]
    pasted = "\r\n".join(["id;phone", *lines, f"200;{others}", "201;nothing"])
    said = json.loads(adopt(stage, "--pool", "us-west", "-f", "-", "-o", "json", answer=pasted).stdout)
    assert len(said["numbers"]) == 197
    reasons = {one["number"]: one["reason"] for one in said["leftOut"]}
    assert reasons == {
        theirs: "it carries the mark of another installation, elsewhere: it is left alone",
        absent: "the account does not have it",
        others: f"PhoneNumber {stage.namespace}/{others[1:]} manages it, of pool us-east",
    }
    assert [(one["line"], one["text"]) for one in said["unread"]] == [(202, "nothing")]
    done = adopt(stage, "--pool", "us-west", "-f", "-", "--yes", "--established", answer=pasted)
    assert done.stdout.endswith("197 numbers adopted\n")
    assert stage.get("phonenumber", free[0][1:])["spec"]["established"] is True
    stage.wait_for(lambda: counts(stage).get("ours") == 198, "all of them to be ours by their marks", timeout=300)
    left = {owned["number"]: owned["reference"] for owned in stage.simulator.owned() if owned["number"] == theirs}
    assert left == {theirs: THEIRS}


def test_what_a_pool_asks_to_adopt_is_taken_in_told_and_kept_when_it_is_asked_for_no_more(stage: Stage) -> None:
    """As a GitOps tool does it: the spec changes, and is reverted."""
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    one, two, theirs = buy_by_hand(stage, None), buy_by_hand(stage, None), buy_by_hand(stage, THEIRS)
    stage.patch("numberpool", "us-west", adopt={"numbers": [one, theirs]})
    said = stage.wait_reason("numberpool", "us-west", "NotAdopted", "AdoptionIncomplete")
    assert said["message"] == f"Not adopted, for it carries the mark of another installation: {theirs}."
    stage.wait_for(lambda: one in stage.numbers(), "the first to have an object")
    stage.wait_ready(one[1:], "phonenumber")
    assert reference(stage, one) == our_mark(stage)
    stage.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "moved"}, "data": {"list": f"Phone\n{two}\n"}}
    )
    stage.patch("numberpool", "us-west", adopt={"numbers": None, "configMapKeyRef": {"name": "moved", "key": "list"}})
    stage.wait_for(lambda: two in stage.numbers(), "the second to have an object")
    stage.wait_ready(two[1:], "phonenumber")
    stage.wait_gone("numberpool", "us-west", "AdoptionIncomplete")
    said = stage.get("numberpool", "us-west")["status"]["adoption"]
    assert (said["adopted"], said["pending"], said["notAdopted"]) == (1, 0, 0)
    stage.patch("numberpool", "us-west", adopt=None)
    stage.wait_for(lambda: "adoption" not in stage.get("numberpool", "us-west")["status"], "the wish to be over")
    assert stage.numbers() == {one, two}
    assert (reference(stage, one), reference(stage, theirs)) == (our_mark(stage), THEIRS)


def buy_many(stage: Stage, count: int) -> list[str]:
    """Buy so many numbers in the account past the operator."""
    bought: list[str] = []
    while len(bought) < count:
        order = {"account": "sandbox", "count": min(50, count - len(bought)), "reference": None}
        bought += [str(item["number"]) for item in stage.simulator.control("POST", "numbers", order)["items"]]
    return bought


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
