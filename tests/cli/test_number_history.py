"""`ringfleet tree pn/NAME` shows how a number came to be where it is, and who asked is written beside the word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from getpass import getuser
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from ringfleet.cli._shared.cluster import Cluster
from ringfleet.cli.main import main
from tests.cli.test_acknowledge import Place
from tests.controllers.rig import HERE, a_number, a_pool, later
from tests.plan.builders import digits

ONE = digits(1).digits
STEPS = [
    {"at": later(0), "phase": "Available", "reason": "Routed"},
    {"at": later(60), "phase": "Bound", "reason": "Routed", "by": f"NumberClaim {HERE}/desk"},
]


@pytest.fixture
def here() -> Iterator[Place]:
    here = Place()
    held = {"namespace": HERE, "name": "desk", "uid": "1"}
    here.have(a_pool(), a_number(1, "Bound", {"history": STEPS}, claimRef=held))
    with patch.object(Cluster, "run", here.run):
        yield here


def ringfleet(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.usefixtures("here")
def test_a_tree_of_a_number_tells_what_holds_it_and_what_became_of_it_when_and_by_whom() -> None:
    assert ringfleet("tree", f"pn/{ONE}").output.splitlines() == [
        f"PhoneNumber/{ONE}  Bound, ready: NoRoutingWanted",
        "├─ NumberPool/west  not seen yet",
        "├─ CarrierAccount/main  does not exist",
        "├─ NumberClaim/desk  does not exist",
        f"├─ {later(0)}  Available: Routed",
        f"└─ {later(60)}  Bound: Routed by NumberClaim {HERE}/desk",
    ]
    family = json.loads(ringfleet("tree", f"phonenumber/{ONE}", "-o", "json").output)
    assert family["history"] == [{"by": None, **STEPS[0]}, STEPS[1]]
    assert (family["pool"]["name"], family["claim"]["name"]) == ("west", "desk")


def test_who_asks_stands_beside_what_was_asked_and_goes_with_it(here: Place) -> None:
    assert ringfleet("release", "--yes", f"pn/{ONE}").exit_code == 0
    assert here.annotations(ONE) == {"ringfleet.dev/release": digits(1), "ringfleet.dev/requested-by": getuser()}
    assert ringfleet("release", "--cancel", f"pn/{ONE}").exit_code == 0
    assert here.annotations(ONE) == {}
