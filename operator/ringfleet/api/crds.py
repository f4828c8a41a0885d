"""Models to CustomResourceDefinitions: `crds/*.yaml`, one file a kind, and a kustomization that lists them.

pydantic writes JSON Schema; a CRD wants the structural dialect of OpenAPI v3 that the API server can prune, default and
check. So every `$ref` is put in place, "or null" is dropped (the API server prunes null), titles go, defaults are
written as a person would write them. What a value of an enum means stands under the member, once, and is listed in the
description of every field that has it; a longest name is told in the kind's. Under `status` no bound, default or rule
is kept: the operator is its only writer, and a rule there could only stop it from saying what is; but the status as a
whole has a default, which says that nobody has looked at the object yet. What has no
structural form is refused here, not at apply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import EnumSchema, ModelSchema

from ringfleet.api import KINDS
from ringfleet.api.conditions import describe_conditions, describe_reasons
from ringfleet.api.meta import A_DURATION, GROUP, VALIDATIONS, VERSION, Column, Part, Resource, format_duration
from ringfleet.docstrings import docstrings_of_fields

Schema = dict[str, Any]

FOLD_AT = 80
DURATIONS = 'Written as "90s", "15m" or "72h"; there are no days: 30 of them are "720h".'
"""What is told of a duration: `kubectl explain` prints no rule."""

UNSEEN = {"observedGeneration": -1}
"""The status of an object that nobody has looked at yet, as the API server shows it: without it kstatus, and so Flux
and `kubectl wait`, would take an object without conditions for one that is as it should be."""

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "required",
)
_KEPT_IN_STATUS = frozenset({"description", "type", "format", "enum", "required"})
_DROPPED = frozenset({"title", "$defs", "properties", "items"})
_MEANINGS = "x-ringfleet-meanings"
"""What each value of an enum means, on its way to the description of the field."""
_LIST_TYPES = ("x-kubernetes-list-type", "x-kubernetes-list-map-keys")


class NotStructural(TypeError):
    """A model that no structural schema can express. The message names the place."""


class _Generator(GenerateJsonSchema):
    """pydantic's own, but for two things. Defaults: durations are in our notation, and `{}` stands where nested fields
    have their own. Descriptions: the docstrings under fields and members are read here, and not with
    `use_attribute_docstrings` by every program that imports the models (measured: that is half of what importing them
    costs)."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for base in reversed(model.__mro__):
            for name, text in _docstrings(base).items():
                found["properties"][model.model_fields[name].alias or name]["description"] = text
        return found

    def enum_schema(self, schema: EnumSchema) -> JsonSchemaValue:
        found = super().enum_schema(schema)
        meanings = docstrings_of_fields(schema["cls"])
        return found | {
            _MEANINGS: {str(one.value): meanings[one.name] for one in schema["members"] if one.name in meanings}
        }

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta():
                return format_duration(dft)
            case BaseModel():
                return {}
            case _:
                return super().encode_default(dft)


def _docstrings(model: type) -> Mapping[str, str]:
    """The docstrings under the fields that the class itself has, by field."""
    if not issubclass(model, Part):
        return {}
    return {name: text for name, text in docstrings_of_fields(model).items() if name in model.model_fields}


def build_crd(kind: type[Resource]) -> dict[str, Any]:
    """The whole CustomResourceDefinition of one kind."""
    name = kind.model_fields["kind"].default
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": name,
                "listKind": f"{name}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": list(kind.short_names),
                "categories": ["ringfleet"],
            },
            "scope": "Namespaced",
            "versions": [_version(kind)],
        },
    }


def _version(kind: type[Resource]) -> Schema:
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": build_schema(kind)},
        "subresources": _subresources(kind),
    }
    if kind.selectable_fields:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable_fields]
    return version


def _column(column: Column) -> Schema:
    shown = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return shown | ({"priority": column.priority} if column.priority else {})


def _subresources(kind: type[Resource]) -> Schema:
    if kind.scale is None:
        return {"status": {}}
    scale = {
        "specReplicasPath": kind.scale.spec_replicas,
        "statusReplicasPath": kind.scale.status_replicas,
        "labelSelectorPath": kind.scale.selector,
    }
    return {"status": {}, "scale": scale}


def build_schema(kind: type[Resource]) -> Schema:
    """The structural schema of one kind."""
    schema = kind.model_json_schema(schema_generator=_Generator)
    definitions = schema.get("$defs", {})
    root = {key: schema[key] for key in ("description", VALIDATIONS) if key in schema}
    status = _structural(schema["properties"]["status"], definitions, "status", in_status=True)
    status["default"] = UNSEEN
    name = kind.model_fields["kind"].default
    conditions = status["properties"]["conditions"]
    reason = conditions["items"]["properties"]["reason"]
    conditions["description"] = f"{conditions['description']}\n{describe_conditions(name)}".strip()
    reason["description"] = f"{reason['description']}\n{describe_reasons(name)}".strip()
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": _structural(schema["properties"]["spec"], definitions, "spec"),
        "status": status,
    }
    if "description" in root:
        first, *rest = root["description"].split("\n\n")
        longest = (rule.told for rule in kind.rules if rule.told)
        root["description"] = "\n\n".join((" ".join((first, *longest)), *rest))
    return {**_one_line(root), "type": "object", "required": ["spec"], "properties": properties}


def _structural(schema: Schema, definitions: Mapping[str, Schema], at: str, *, in_status: bool = False) -> Schema:
    """`schema` in the structural dialect. `at` is its path, for errors."""
    flat = _resolve(schema, definitions, at)
    _refuse_unknown(flat, at)
    kept = [key for key in _KEPT if not in_status or key in _KEPT_IN_STATUS]
    result: Schema = {key: flat[key] for key in kept if key in flat and flat[key] != []}
    result |= {key: flat[key] for key in _LIST_TYPES if key in flat}
    if VALIDATIONS in flat and not in_status:
        result[VALIDATIONS] = flat[VALIDATIONS]
        if A_DURATION in [rule.get("message") for rule in result[VALIDATIONS]]:
            result["description"] = f"{result.get('description', '')} {DURATIONS}".strip()
    if "default" in result:
        result["description"] = _with_default(result)
    if "items" in flat:
        result["items"] = _structural(flat["items"], definitions, f"{at}[]", in_status=in_status)
    if meanings := _meanings(flat, definitions, at):
        listed = "".join(f"\n- {value}: {meaning}" for value, meaning in meanings)
        result["description"] = f"{result.get('description', '')}{listed}".strip()
    if "properties" in flat:
        result["properties"] = {
            name: _structural(part, definitions, f"{at}.{name}", in_status=in_status)
            for name, part in flat["properties"].items()
        }
    return _one_line(result)


def _meanings(flat: Schema, definitions: Mapping[str, Schema], at: str) -> list[tuple[str, str]]:
    """What each value means of a field that is an enum, or a list of one, in the order of the enum."""
    holder = _resolve(flat["items"], definitions, at) if "items" in flat else flat
    meanings = holder.get(_MEANINGS, {})
    return [(value, meanings[value]) for value in holder.get("enum", ()) if value in meanings]


def _resolve(schema: Schema, definitions: Mapping[str, Schema], at: str) -> Schema:
    """`schema` without `$ref` and without "or null". What stands beside a reference outranks what it refers to."""
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option != {"type": "null"}]
        if len(options) != 1:
            raise NotStructural(f"{at}: a union of {len(options)} types has no structural schema; use optional fields")
        beside = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
        return _merge(_resolve(options[0], definitions, at), beside)
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _merge(_resolve(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions, at), beside)
    return schema


def _merge(inner: Schema, beside: Schema) -> Schema:
    rules = [*inner.get(VALIDATIONS, ()), *beside.get(VALIDATIONS, ())]
    return {**inner, **beside} | ({VALIDATIONS: rules} if rules else {})


def _refuse_unknown(schema: Schema, at: str) -> None:
    unknown = schema.keys() - {*_KEPT, *_DROPPED, *_LIST_TYPES, VALIDATIONS, _MEANINGS}
    if unknown or "type" not in schema:
        raise NotStructural(f"{at}: no structural schema for {sorted(unknown) or 'a field without a type'}")


def _with_default(schema: Schema) -> str:
    """The description, with the default at its end: `kubectl explain` prints none of itself. An object's own default
    is {}, and says nothing."""
    said: str = schema.get("description", "")
    default = schema["default"]
    return f"{said} Default: {json.dumps(default)}." if default or isinstance(default, bool | int) else said


def _one_line(schema: Schema) -> Schema:
    """Source line breaks are no part of a description; an empty line is, and one before an entry of a list. `kubectl
    explain` keeps these."""
    if "description" not in schema:
        return schema
    paragraphs = (_LIST_ENTRY.split(paragraph) for paragraph in schema["description"].split("\n\n"))
    folded = ("\n- ".join(" ".join(entry.split()) for entry in entries) for entries in paragraphs)
    return schema | {"description": "\n\n".join(folded)}


_LIST_ENTRY = re.compile(r"\n\s*- ")


class _Dumper(yaml.SafeDumper):
    """Long texts are folded and texts of several lines kept as they are, so that no quotes are doubled in them, and
    what appears twice is written twice."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    long = ">" if len(text) > FOLD_AT else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else long)


_Dumper.add_representer(str, _represent_text)

_HEADER = "# Generated by `ringfleet crds` from operator/ringfleet/api. Do not edit.\n"


@cache
def render_crds() -> Mapping[str, str]:
    """The text of every generated file, by file name. Models don't change while a program runs: it is made once."""
    files = {f"{GROUP}_{kind.plural}.yaml": build_crd(kind) for kind in KINDS}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }
    return {name: _HEADER + _to_yaml(body) for name, body in {**files, "kustomization.yaml": kustomization}.items()}


def _to_yaml(body: Schema) -> str:
    return yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def write_crds(folder: Path) -> list[Path]:
    """Write every file into `folder`, which is made if missing. Returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in render_crds().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def check_crds(folder: Path) -> list[str]:
    """What differs between `folder` and what would be written, a sentence each; nothing when it is up to date."""
    wanted = render_crds()
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
    missing = [f"{folder / name} is missing" for name in wanted if name not in found]
    stale = [
        f"{folder / name} is not what the models say"
        for name in wanted
        if found.get(name, wanted[name]) != wanted[name]
    ]
    foreign = [f"{folder / name} belongs to no kind" for name in found if name not in wanted]
    return missing + stale + foreign
