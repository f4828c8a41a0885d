"""What is told of the API server's refusals: never what stood in the object."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.kube.refusals import safe_words

PLANTED = "Planted Person GmbH"
_DUMP = '{"apiVersion":"ringfleet.dev/v1alpha1","spec":{"endUser":{"attributes":[{"value":"' + PLANTED + '"}]}}}'


def a_status(code: int, reason: str, message: str, *fields: str) -> dict[str, Any]:
    causes = [{"field": field, "message": f"Invalid value: {PLANTED}"} for field in fields]
    return {"code": code, "reason": reason, "message": message, "details": {"causes": causes}}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        pytest.param(
            a_status(
                422, "Invalid", f'ComplianceBundle "germany" is invalid: patch: Invalid value: "{_DUMP}"', "patch"
            ),
            "refused as Invalid (422): patch",
            id="a schema that is older than the operator",
        ),
        pytest.param(
            a_status(422, "Invalid", f'"{_DUMP}": strict decoding error: unknown field "status.states"', "patch"),
            'refused as Invalid (422): patch (unknown field "status.states")',
            id="and names the field",
        ),
        pytest.param(
            a_status(422, "Invalid", f'Secret "{PLANTED}" is invalid', "metadata.name", "data[a b]"),
            "refused as Invalid (422): metadata.name",
            id="a field is no place for words",
        ),
        pytest.param(
            a_status(400, "BadRequest", f"cannot be handled as a ComplianceBundle: {_DUMP}"),
            "refused as BadRequest (400)",
            id="a body that can't be read",
        ),
        pytest.param(a_status(413, "", f"too large: {_DUMP}"), "refused as not acceptable (413)", id="too large"),
        pytest.param(
            a_status(403, "Forbidden", 'secrets "out" is forbidden: exceeded quota: few, requested: count/secrets=1'),
            'secrets "out" is forbidden: exceeded quota: few, requested: count/secrets=1',
            id="a quota",
        ),
        pytest.param(
            a_status(
                422,
                "Invalid",
                'numberclaims.ringfleet.dev "desk" is forbidden: ValidatingAdmissionPolicy '
                "'ringfleet-number-binding' with binding 'ringfleet-number-binding' denied request: "
                "only the operator binds.",
            ),
            "ValidatingAdmissionPolicy 'ringfleet-number-binding' with binding 'ringfleet-number-binding' denied "
            "request: only the operator binds.",
            id="a policy, whatever its code",
        ),
        pytest.param(
            a_status(400, "BadRequest", 'admission webhook "policy.example.com" denied the request: no\nclaims here'),
            'admission webhook "policy.example.com" denied the request: no claims here',
            id="a webhook, in one line",
        ),
        pytest.param(
            a_status(
                422,
                "Invalid",
                f'x "y" is invalid: "{_DUMP} is forbidden: ValidatingAdmissionPolicy \'a\' denied request: {PLANTED}"',
            ),
            "refused as Invalid (422)",
            id="an object that talks like a policy",
        ),
        pytest.param(
            a_status(409, "Conflict", "the object has been modified"), "the object has been modified", id="race"
        ),
    ],
)
def test_what_stood_in_the_object_is_never_told(status: dict[str, Any], told: str) -> None:
    assert safe_words(status["code"], status) == told


def test_a_sentence_has_an_end() -> None:
    assert len(safe_words(500, a_status(500, "InternalError", "x" * 9000))) == 500
