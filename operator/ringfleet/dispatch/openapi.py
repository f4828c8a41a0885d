"""The OpenAPI 3.1 document, made from the structs of `schema`, the table of `operations` and the list of `problems`.

It is committed as `openapi.json`, and served from there; a test makes it again and compares. `ringfleet dispatch
--openapi` prints it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from ringfleet import __version__
from ringfleet.dispatch.auth import AUDIENCE
from ringfleet.dispatch.operations import OPERATIONS, Operation, Parameter
from ringfleet.dispatch.problems import BASE, MEDIA_TYPE, TYPES
from ringfleet.docstrings import docstrings_of_fields
from ringfleet.plan.sizing.fields import camel, fields_of, tell

Document = dict[str, Any]

REF = "#/components/schemas/{name}"
FILE = "openapi.json"
ALWAYS = ("internal-error",)
"""Problems of every operation; with a right, also those of `GUARDED`."""
GUARDED = ("unauthenticated", "forbidden", "authority-unavailable", "too-many-questions")
_NAME = {"type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_PATH_PARAMETERS = {
    "namespace": ("The namespace of the RotationSet or ProxyService, of the numbers, or of the CarrierAccount.", _NAME),
    "name": ("The RotationSet or ProxyService.", _NAME),
    "session": ("The sessionId of an answer.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}),
    "account": ("The CarrierAccount.", {**_NAME, "maxLength": 253, "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"}),
    "deferral": (
        "The deferredId of an answer.",
        {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-.0-~]+$"},
    ),
    "pick": ("The pickId of an answer.", {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-.0-~]+$"}),
}
_TIME = {"type": "string", "format": "date-time"}
_TYPES = {float: "number", int: "integer", bool: "boolean"}
_LIMITS = {"least": "minimum", "most": "maximum", "above": "exclusiveMinimum", "below": "exclusiveMaximum"}
_COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}


def committed() -> bytes:
    """The document as it is served."""
    return files(__package__).joinpath(FILE).read_bytes()


def write_document() -> str:
    """The document as it is committed."""
    return json.dumps(make_document(), indent=2) + "\n"


def make_document() -> Document:
    structs = {struct for one in OPERATIONS for struct in (one.body, *one.answers.values()) if struct is not None}
    _, schemas = msgspec.json.schema_components(sorted(structs, key=lambda one: one.__name__), ref_template=REF)
    for struct in _with_their_parts(structs):
        _describe(struct, schemas[struct.__name__])
    paths: dict[str, Document] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringfleet dispatcher",
            "version": __version__,
            "summary": "Which number do I use for this call?",
            "description": "Times are RFC 3339 in UTC, numbers E.164, days dates in the set's resetTimeZone. Errors "
            "are RFC 9457 problem documents: decide by their `type`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**_tidy(schemas), "Problem": _problem()}.items())),
            "securitySchemes": {
                "kubernetes": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A Kubernetes token for the audience {AUDIENCE}, whose owner has the verb on the "
                    "subresource of the RotationSet or ProxyService by RBAC.",
                }
            },
        },
    }


def _with_their_parts(structs: Iterable[type[Struct]]) -> Iterable[type[Struct]]:
    """The structs, and those that their fields hold, and theirs."""
    found, new = set[type[Struct]](), set(structs)
    while new:
        found |= new
        new = {part for struct in new for field in fields(struct) for part in _structs_in(field.type)} - found
    return found


def _structs_in(annotation: Any) -> Iterable[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield annotation
    for argument in get_args(annotation):
        yield from _structs_in(argument)


def _describe(struct: type[Struct], schema: Document) -> None:
    """Give each property the docstring under its field, beside what its type says."""
    docstrings = docstrings_of_fields(struct)
    for field in fields(struct):
        if said := docstrings.get(field.name):
            described = schema["properties"][field.encode_name]
            if "$ref" in described:  # in OpenAPI 3.1 a description may stand beside a reference
                described = schema["properties"][field.encode_name] = dict(described)
            described["description"] = said


def _operation(one: Operation) -> Document:
    document: Document = {"operationId": one.id, "summary": one.summary}
    if one.right:
        verb, subresource = one.right
        document["description"] = f"Takes the verb {verb} on {one.resource}/{subresource}."
    document["security"] = [{"kubernetes": []}] if one.right else []
    if parameters := [*_path_parameters(one.path), *map(_parameter, one.parameters), *_query(one.asks)]:
        document["parameters"] = parameters
    if one.body:
        document["requestBody"] = {"required": True, "content": _content("application/json", one.body.__name__)}
    problems = (*one.problems, *ALWAYS, *(GUARDED if one.right else ()))
    document["responses"] = {**_answers(one.answers), **_refusals(problems)}
    return document


def _path_parameters(path: str) -> Iterable[Document]:
    for name, (description, schema) in _PATH_PARAMETERS.items():
        if f"{{{name}}}" in path:
            yield {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _parameter(one: Parameter) -> Document:
    return {
        "name": one.name,
        "in": one.where,
        "required": one.required,
        "description": one.description,
        "schema": dict(one.schema),
    }


def _query(question: type | None) -> Iterable[Document]:
    """A calculator's parameters: the fields of its question, with their limits."""
    asked = fields_of(question) if question else ()
    names = tuple(one.name for one in asked)
    for one in asked:
        limits = {_LIMITS[name]: limit for name, limit in asdict(one.about).items() if name in _LIMITS}
        schema = {"type": _TYPES[one.kind], **{key: limit for key, limit in limits.items() if limit is not None}}
        if one.many:
            schema = {"type": "array", "items": schema}
        elif one.default is not None:
            schema["default"] = one.default
        yield {
            "name": camel(one.name),
            "in": "query",
            "required": one.required,
            "description": tell(one.about.text, names, camel),
            "schema": schema,
        }


def _answers(answers: Mapping[int, type[Struct] | None]) -> Document:
    documents: Document = {}
    for status, struct in answers.items():
        if struct is None:
            documents[str(status)] = {"description": "Done."}
            continue
        said = " ".join((struct.__doc__ or "").split())
        documents[str(status)] = {"description": said, "content": _content("application/json", struct.__name__)}
        if status == 202:  # noqa: PLR2004
            documents[str(status)]["headers"] = _retry_after()
    return documents


def _refusals(names: Iterable[str]) -> Document:
    """One response a status, which names the problems that it may be."""
    by_status: dict[int, list[str]] = {}
    for name in sorted(set(names)):
        by_status.setdefault(int(TYPES[name].status), []).append(name)
    return {
        str(status): {
            "description": "; ".join(f"`{name}`: {TYPES[name].title}" for name in of),
            "content": _content(MEDIA_TYPE, "Problem"),
            **({"headers": _retry_after()} if {"budget-exhausted", "quiet-hours"} & set(of) else {}),
        }
        for status, of in sorted(by_status.items())
    }


def _retry_after() -> Document:
    return {"Retry-After": {"description": "Seconds until notBefore.", "schema": {"type": "string"}}}


def _content(media_type: str, schema: str) -> Document:
    return {media_type: {"schema": {"$ref": REF.format(name=schema)}}}


def _problem() -> Document:
    return {
        "type": "object",
        "description": "What went wrong (RFC 9457). `type` is stable; `detail` is for a person.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri",
                "enum": [BASE + name for name in sorted(TYPES)],
                "description": "Which problem it is: decide by this.",
            },
            "title": {"type": "string", "description": "The problem in a few words, the same each time."},
            "status": {"type": "integer", "description": "The HTTP status of the reply."},
            "detail": {"type": "string", "description": "What happened this time, for a person."},
            "instance": {"type": "string", "description": "The path that was asked."},
            "notBefore": {**_TIME, "description": "From when on asking again may help."},
            "errors": {
                "type": "array",
                "description": "What is wrong with the body, by JSON pointer.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
            "excluded": {**_COUNTS, "description": "How many numbers may not be used now, by reason."},
            "unfit": {**_COUNTS, "description": "How many members are used for nobody, by reason."},
            "accounts": {"type": "array", "items": {"type": "string"}, "description": "The accounts to choose from."},
        },
    }


def _tidy(schema: Any) -> Any:
    """Descriptions in one line: they come from docstrings."""
    if isinstance(schema, dict):
        return {
            key: " ".join(value.split()) if key == "description" and isinstance(value, str) else _tidy(value)
            for key, value in schema.items()
        }
    return [_tidy(one) for one in schema] if isinstance(schema, list) else schema
