"""The generator: what becomes of a model, and that `crds/` is what the models say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import yaml
from click.testing import CliRunner
from pydantic import Field, create_model

from ringfleet.api import KINDS, CarrierAccount, NumberOrder, NumberPool, PhoneNumber, RotationSet, meta
from ringfleet.api.crds import NotStructural, check_crds, write_crds
from ringfleet.api.meta import Conditions, Duration, ListType, Part, Quantity, Resource, Rule, Status
from ringfleet.cli.crds import crds as crds_command
from ringfleet.model.attestation import Signing
from ringfleet.model.failures import FailureReason
from ringfleet.model.policy import SuspendBy
from ringfleet.plan.phone_number.removal import Cause
from ringfleet.plan.rotation_set.guardrails import Guardrail
from ringfleet.plan.rotation_set.size import LimitedBy
from ringfleet.plan.sizing.formulas import Binding
from tests.api.schemas import crd_of, schema_of

FOLDER = Path(__file__).parents[2] / "crds"


class Mood(StrEnum):
    SUNNY = "Sunny"
    GREY = "Grey"


class Inner(Part):
    """An inner thing."""

    rules = (Rule("self.size > 0", "write a size above 0"),)

    size: Annotated[int, Field(ge=0, le=9)] = 3
    """How big."""


class Spec(Part):
    """What is wished."""

    a_text: Annotated[str, Field(min_length=1, max_length=9), Rule("self != 'x'", "write no x")]
    """A text."""
    maybe: Annotated[str, Field(max_length=5)] | None = None
    mood: Mood = Mood.SUNNY
    """The weather."""
    wait: Duration = timedelta(minutes=15)
    share: Quantity = Decimal("0.5")
    inner: Inner = Inner()
    maybe_inner: Inner | None = None
    kept: Annotated[Inner, Rule("self == oldSelf", "keep it")] = Inner()
    names: Annotated[tuple[str, ...], Field(max_length=4), ListType("set")] = ()
    on: bool = False
    """Whether."""


class Thing(Resource):
    """A thing."""

    plural: ClassVar = "things"
    singular: ClassVar = "thing"
    short_names: ClassVar = ("th",)
    columns: ClassVar = ()

    kind: str = "Thing"
    spec: Spec
    status: Status = Status()


INNER = {
    "description": "An inner thing.",
    "type": "object",
    "x-kubernetes-validations": [{"rule": "self.size > 0", "message": "write a size above 0"}],
    "properties": {
        "size": {"description": "How big. Default: 3.", "type": "integer", "minimum": 0, "maximum": 9, "default": 3}
    },
}

FIELDS = [
    ("a constrained text keeps its bounds, description and rule", "aText", {
        "type": "string", "minLength": 1, "maxLength": 9, "description": "A text.",
        "x-kubernetes-validations": [{"rule": "self != 'x'", "message": "write no x"}]}),
    ("an optional field has no null and no default", "maybe", {"type": "string", "maxLength": 5}),
    ("an enum is put in place", "mood", {"type": "string", "enum": ["Sunny", "Grey"], "default": "Sunny",
        "description": "The weather. Default: \"Sunny\"."}),
    ("an object whose fields have defaults is defaulted itself", "inner", {**INNER, "default": {}}),
    ("an optional object is not", "maybeInner", INNER),
    ("a rule of the field comes after those of its type", "kept", {
        **INNER, "default": {}, "x-kubernetes-validations": [
            {"rule": "self.size > 0", "message": "write a size above 0"},
            {"rule": "self == oldSelf", "message": "keep it"}]}),
    ("a set is a list that says so", "names", {
        "type": "array", "items": {"type": "string"}, "maxItems": 4, "x-kubernetes-list-type": "set"}),
    ("false is a default worth writing", "on", {
        "type": "boolean", "default": False, "description": "Whether. Default: false."}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "schema"), [case[1:] for case in FIELDS], ids=[case[0] for case in FIELDS])
def test_each_field_has_its_structural_form(field: str, schema: dict[str, Any]) -> None:
    assert spec_of(Thing)["properties"][field] == schema


@pytest.mark.parametrize(("field", "default"), [("wait", "15m"), ("share", "0.5")])
def test_defaults_are_written_as_a_person_would(field: str, default: str) -> None:
    assert spec_of(Thing)["properties"][field]["default"] == default


def test_only_fields_without_a_default_are_required() -> None:
    assert spec_of(Thing)["required"] == ["aText"]


def test_fields_keep_the_order_of_the_model() -> None:
    assert list(spec_of(Thing)["properties"])[:3] == ["aText", "maybe", "mood"]


def test_under_status_no_bound_default_or_rule_is_kept() -> None:
    class Bounded(Status):
        inner: Inner = Inner()

    class Other(Thing):
        status: Bounded = Bounded()

    assert schema_of(Other)["properties"]["status"]["properties"]["inner"] == {
        "description": "An inner thing.",
        "type": "object",
        "properties": {"size": {"description": "How big.", "type": "integer"}},
    }


def test_conditions_are_a_map_by_type() -> None:
    conditions = schema_of(Thing)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert conditions["items"]["required"] == ["type", "status", "reason", "message", "lastTransitionTime"]


@pytest.mark.parametrize("annotation", [int | str, dict[str, int], Conditions | int, Annotated[int, Field(gt=1)], Any])
def test_what_has_no_structural_form_is_refused_with_its_place(annotation: Any) -> None:
    odd = create_model("Odd", __base__=Part, what=(annotation, ...))
    other = create_model("Other", __base__=Thing, spec=(odd, ...))

    with pytest.raises(NotStructural, match=r"spec\.what"):
        schema_of(other)


def test_what_the_operator_notes_for_itself_stands_in_one_place_that_says_so() -> None:
    said = {
        kind.__name__: schema_of(kind)["properties"]["status"]["properties"]["memory"]["description"]
        for kind in KINDS
        if "memory" in kind.model_fields["status"].annotation.model_fields
    }
    noting = ["CarrierAccount", "ComplianceBundle", "NumberClaim", "NumberOrder", "NumberPool", "RoutingProfile"]
    assert sorted(said) == noting
    law = "The operator's own notes, not an interface: any version may change them. "
    assert [text for text in said.values() if not text.startswith(law)] == []


def test_the_folder_holds_what_the_models_say() -> None:
    assert check_crds(FOLDER) == []


def test_a_changed_a_missing_and_a_foreign_file_are_each_named(tmp_path: Path) -> None:
    changed, missing, *_ = write_crds(tmp_path)
    changed.write_text("other")
    missing.unlink()
    (tmp_path / "foreign.yaml").touch()
    assert check_crds(tmp_path) == [
        f"{missing} is missing",
        f"{changed} is not what the models say",
        f"{tmp_path / 'foreign.yaml'} belongs to no kind",
    ]


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    before = CliRunner().invoke(crds_command, ["--output", str(tmp_path), "--check"])
    written = CliRunner().invoke(crds_command, ["--output", str(tmp_path)])
    after = CliRunner().invoke(crds_command, ["--output", str(tmp_path), "--check"])
    assert (before.exit_code, written.exit_code, after.exit_code) == (1, 0, 0)
    assert "is missing" in before.output


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_field_is_documented(kind: type[Resource]) -> None:
    schema = schema_of(kind)["properties"]
    silent = [path for part in ("spec", "status") for path, field in fields_of(schema[part], part) if not said(field)]
    assert silent == []


LEANS = re.compile(
    r"^(Its|Their|Those|They|It|That|Of|The same|The others?|Once|When|Why|So many|Bought|Not bought|To|By)\b"
    r"|\.\.\.|\bt?here\.$"
)
"""How a description begins or ends that leans on its neighbour: `kubectl explain` prints them in alphabetical order."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_description_stands_alone(kind: type[Resource]) -> None:
    schema = schema_of(kind)["properties"]
    found = [one for part in ("spec", "status") for one in fields_of(schema[part], part)]
    said = [(path, field["description"]) for path, field in found]
    assert [(path, text) for path, text in said if LEANS.search(text) or len(text) < len("Number type.")] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_default_is_said(kind: type[Resource]) -> None:
    """`kubectl explain` prints none of itself."""
    spec = schema_of(kind)["properties"]["spec"]
    defaults = [(field["default"], field["description"]) for _, field in fields_of(spec, "spec") if "default" in field]
    silent = [
        text for value, text in defaults if value not in ({}, []) and f"Default: {json.dumps(value)}." not in text
    ]
    assert silent == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_kind_keeps_the_promises_of_all_kinds(kind: type[Resource]) -> None:
    crd = crd_of(kind)["spec"]
    version = crd["versions"][0]
    columns = [column["name"] for column in version["additionalPrinterColumns"]]
    assert crd["names"]["categories"] == ["ringfleet"]
    assert version["subresources"]["status"] == {}
    assert columns[-1] == "Age"
    assert {"observedGeneration", "conditions"} <= set(
        version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    )


KUBERNETES_OWN = "status.conditions[].status"
"""Its words True, False and Unknown are Kubernetes', and nobody but the operator writes them."""
MEDIA_TYPES = "spec.documents[].mediaType"
"""Its words are those of IANA."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_enum_value_is_what_yaml_reads_without_quotes(kind: type[Resource]) -> None:
    words = [(path, word) for path, word in enum_values(kind) if path != KUBERNETES_OWN]
    assert [(path, word) for path, word in words if yaml.safe_load(word) != word] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_enum_value_is_upper_camel_case(kind: type[Resource]) -> None:
    words = [(path, word) for path, word in enum_values(kind) if path != MEDIA_TYPES]
    assert [(path, word) for path, word in words if not re.fullmatch("([A-Z][A-Za-z]*)+", word)] == []


def enum_values(kind: type[Resource]) -> Iterator[tuple[str, str]]:
    """Every value of every enum, with its path."""
    schema = schema_of(kind)["properties"]
    for part in ("spec", "status"):
        for path, field in fields_of(schema[part], part):
            yield from ((path, word) for word in field.get("enum", ()))
            yield from ((path, word) for word in field.get("items", {}).get("enum", ()))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_enum_value_is_explained_where_it_is_written(kind: type[Resource]) -> None:
    schema = schema_of(kind)["properties"]
    found = [one for part in ("spec", "status") for one in fields_of(schema[part], part)]
    enums = [(path, field.get("enum") or field.get("items", {}).get("enum"), field) for path, field in found]
    told = [(path, values, explained(field["description"])) for path, values, field in enums if values]
    assert [(path, values) for path, values, said in told if said != values] == []


WORDS: list[tuple[type[Resource], str, type[StrEnum]]] = [
    (NumberOrder, "status.items[].reason", FailureReason),
    (NumberPool, "status.capacity.binds", Binding),
    (PhoneNumber, "status.farewell.cause", Cause),
    (PhoneNumber, "status.health.attestation", Signing),
    (PhoneNumber, "status.suspension.by", SuspendBy),
    (RotationSet, "status.limitedBy", LimitedBy),
    (RotationSet, "status.overrides", Guardrail),
]
"""Fields whose words are an enum's of a room that the API does not know."""


@pytest.mark.parametrize(("kind", "path", "words"), WORDS, ids=[path for _, path, _ in WORDS])
def test_every_word_that_the_operator_writes_is_explained(
    kind: type[Resource], path: str, words: type[StrEnum]
) -> None:
    field = dict(fields_of(schema_of(kind)["properties"]["status"], "status"))[path]
    assert {word.casefold() for word in explained(field["description"])} == {word.casefold() for word in words}


def explained(text: str) -> list[str]:
    """The words that a list in a description explains."""
    return [line[2:].partition(": ")[0] for line in text.splitlines() if line.startswith("- ") and ": " in line]


ANNOTATIONS = [
    (CarrierAccount, meta.FROZEN),
    (CarrierAccount, meta.ACCEPT_LISTING),
    (NumberOrder, meta.APPROVED),
    (NumberPool, meta.FROZEN),
    (NumberPool, meta.ACKNOWLEDGE),
    (PhoneNumber, meta.QUARANTINE),
    (PhoneNumber, meta.FRAUD),
    (PhoneNumber, meta.RELEASE),
    (PhoneNumber, meta.ACKNOWLEDGE),
]
"""What people may write on an object."""


@pytest.mark.parametrize(("kind", "annotation"), ANNOTATIONS, ids=[f"{kind.plural} {one}" for kind, one in ANNOTATIONS])
def test_a_kind_tells_what_a_person_may_annotate(kind: type[Resource], annotation: str) -> None:
    assert annotation in explained(schema_of(kind)["description"])


@pytest.mark.parametrize("guardrail", Guardrail)
def test_each_guardrails_annotation_is_told_with_a_field_of_the_spec(guardrail: Guardrail) -> None:
    spec = schema_of(RotationSet)["properties"]["spec"]
    told = [path for path, field in fields_of(spec, "spec") if f"{meta.OVERRIDE}{guardrail}" in field["description"]]
    assert told


PRECEDENCE = (
    "Of several RoutingProfiles for one number that of its NumberClaim wins, then that of its PhoneNumber, then that "
    "of its NumberPool; a RotationSet or ProxyService gives its own to its claims."
)


def test_who_wins_of_several_routing_profiles_is_said_alike_everywhere() -> None:
    """`Fleet.profile_place` is where it is decided."""
    refs = [
        (kind.plural, field["description"])
        for kind in KINDS
        for path, field in fields_of(schema_of(kind)["properties"]["spec"], "spec")
        if path == "spec.routingProfileRef"
    ]
    assert len(refs) == 6
    assert [plural for plural, text in refs if not text.endswith(PRECEDENCE)] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_a_kind_with_a_longest_name_says_how_long_and_why(kind: type[Resource]) -> None:
    schema = schema_of(kind)
    limits = re.findall(
        r"size\(self\.metadata\.name\) <= (\d+)", json.dumps(schema.get("x-kubernetes-validations", []))
    )
    told = re.findall(r"A name has at most (\d+) characters, because ", schema["description"])
    assert limits == told


def test_line_breaks_of_the_source_go_and_those_of_paragraphs_and_lists_stay() -> None:
    class Listing(Spec):
        said: str = ""
        """One sentence that
        goes on.

        - One: The first
          of two.
        - Two: The other.
        """

    class Other(Thing):
        spec: Listing

    text = spec_of(Other)["properties"]["said"]["description"]
    assert text.startswith("One sentence that goes on.\n\n- One: The first of two.\n- Two: The other.")


def spec_of(kind: type[Resource]) -> dict[str, Any]:
    spec: dict[str, Any] = schema_of(kind)["properties"]["spec"]
    return spec


def said(field: dict[str, Any]) -> bool:
    return bool(field.get("description", "").strip())


def fields_of(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields_of(field, f"{path}.{name}")
    for name, field in schema.get("items", {}).get("properties", {}).items():
        yield from fields_of(field, f"{path}[].{name}")
