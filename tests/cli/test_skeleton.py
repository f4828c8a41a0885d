"""The text of a bundle to be filled in; what it holds is told by tests/plan/compliance_bundle/test_requirements.py."""

from __future__ import annotations

import yaml

from ringfleet.cli.requirements.skeleton import as_yaml
from ringfleet.dryrun.requirements import Question
from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Regulation, Requirement, Subject


def test_nothing_that_a_carrier_says_becomes_a_field() -> None:
    hostile = "proof\nspec: {suspend: false}\x1b # '\""
    asked = (
        Requirement(hostile, Subject.DOCUMENT, hostile, (hostile, hostile), (hostile,), ("application/pdf",)),
        Requirement("who", Subject.END_USER, hostile, attributes=(hostile, "no")),
    )
    regulation = Regulation("any", "NO", NumberType.TOLL_FREE, EndUserType.BUSINESS, asked)
    text = as_yaml(
        Question("NO", NumberType.TOLL_FREE, EndUserType.BUSINESS), "7", [(AccountKey("7", "one"), regulation)]
    )
    written = yaml.safe_load(text)
    assert written["metadata"] == {"name": "no-tollfree-business", "namespace": "7"}
    assert (written["spec"]["suspend"], written["spec"]["country"]) == (True, "NO")
    assert [one["name"] for one in written["spec"]["endUser"]["attributes"]] == [hostile, "no"]
    assert written["spec"]["documents"][0]["type"] == hostile
