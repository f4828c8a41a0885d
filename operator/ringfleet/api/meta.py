"""What all kinds share: object metadata, conditions, references, and the text forms of durations, times and amounts.

The pydantic models of this room are the one source of the CRDs (`crds.py`): a docstring becomes a description for
`kubectl explain`, a field's bounds become schema, a `Rule` becomes a CEL rule. What the API server gives is parsed here
and trusted afterwards. Unknown fields are ignored when reading, so that a newer CRD never breaks an older operator;
refusing them when a person writes is the API server's work.

No module of this room says `from __future__ import annotations`: pydantic would have to compile the text of each
annotation again, which is a quarter of what importing the models costs.

A model is built at its first use, and not when it is imported: a program reads objects of some kinds only. So a field
whose default is a model has it from `model_construct`, which validates nothing (a default needs no validation) and
builds nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

GROUP = "ringfleet.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
POOL_LABEL = f"{GROUP}/pool"
ACCOUNT_LABEL = f"{GROUP}/account"
SET_LABEL = f"{GROUP}/rotation-set"
"""Label on the claims of a RotationSet and on the numbers that they hold: the set's name."""
PROXY_LABEL = f"{GROUP}/proxy-service"
"""Label on the claims of a ProxyService: the service's name."""
REGION_LABEL = f"{GROUP}/region"
"""Label on the claims of a RotationSet: the region that the number is for."""

RELEASE = f"{GROUP}/release"
"""Annotation on a PhoneNumber: a person asks to give it back. Its value must be the number, in E.164 form."""
SURPLUS = f"{GROUP}/surplus"
"""Annotation on a PhoneNumber: its pool, with release.mode Automatic, asks the same. Written by the operator."""
QUARANTINE = f"{GROUP}/quarantine"
"""Annotation on a PhoneNumber: it is not to be used, and why. Removing it is the word that brings it back."""
FRAUD = f"{GROUP}/fraud"
"""Annotation on a PhoneNumber: it is suspended for fraud, and why."""
ACKNOWLEDGE = f"{GROUP}/acknowledge-release"
"""Annotation by which a person lets frozen numbers go: on a pool, its status.release.frozenSince; on a number without a
pool, or whose pool is gone, the number in E.164 form."""
REQUESTED_BY = f"{GROUP}/requested-by"
"""Annotation on whatever the command line has written an annotation: by which name the API server knows who did it. It
goes with that annotation, and is shown in status.history of PhoneNumbers."""
APPROVED = f"{GROUP}/approved"
"""Annotation on a NumberOrder that waits for approval: "true" lets it buy."""
POOL_UID = f"{GROUP}/pool-uid"
"""Annotation on a NumberOrder: the uid of the NumberPool that made it. Another pool of that name did not mean it."""
ORDERED_FOR = f"{GROUP}/ordered-for"
"""Annotation on a NumberOrder: the other namespaces, with commas between, whose claims it was made for. It is one of
their orders of the day too. Written by the operator."""
ACCEPT_LISTING = f"{GROUP}/accept-listing"
"""Annotation on a CarrierAccount whose listing has shrunk: a person says that the numbers are really gone. Its value
must be its status.numbers.shrunkTo."""
ACCEPT_ACCOUNT = f"{GROUP}/accept-account"
"""Annotation on a CarrierAccount that is another account at the carrier than before: a person says that this is meant.
Its value must be the carrier's own id of the new one, or `untold`."""
CLAIM_ANNOTATION = f"{GROUP}/claim-uid"
"""Annotation on the Secret or ConfigMap of a claim's writeTo: the uid of the claim that it was made for."""
CLAIM_LABEL = f"{GROUP}/claim"
"""Label on the same: the name of the claim, where it is short enough for a label."""
MANAGED_BY = "app.kubernetes.io/managed-by"
"""Label on the same: ringfleet."""
FROZEN = f"{GROUP}/frozen"
"""Annotation on a CarrierAccount or a NumberPool: nothing is bought, given back, bound or picked there while it stands.
Its value says who froze it, and why: `who: why`."""
BOUGHT_AS = f"{GROUP}/bought-as"
"""Annotation on a PhoneNumber: country, type and capabilities of the market that its order bought from."""
DRAINING = f"{GROUP}/draining"
"""Annotation on a claim of a RotationSet: its number is used no more for new recipients since this time (RFC 3339)."""
OVERRIDE = f"override.{GROUP}/"
"""Prefix of annotations on a RotationSet that override a guardrail; the value says who allowed it, and why."""
NUMBER_FINALIZER = f"{GROUP}/number"
"""Keeps a PhoneNumber until the carrier was told what its deletion means."""
CLAIM_FINALIZER = f"{GROUP}/claim"
"""Keeps a NumberClaim that a RotationSet owns until its number is unbound, or another set has taken it over."""
POOL_FINALIZER = f"{GROUP}/pool"
"""Keeps a NumberPool whose deletion releases its numbers until they are gone."""
IN_USE_FINALIZER = f"{GROUP}/in-use"
"""Keeps a CarrierAccount or RoutingProfile until no number and no order uses it."""
ORDER_FINALIZER = f"{GROUP}/unfinished-order"
"""Keeps a NumberOrder that the carrier has heard of until each of its numbers has its outcome and its object."""

READY = '.status.conditions[?(@.type=="Ready")]'
VALIDATIONS = "x-kubernetes-validations"


Text = str | Callable[[], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL rule, for a model (`Part.rules`) or a field (`Annotated`). The message says which field and what instead.

    `says` is a CEL expression that makes a message with the values in it; `at` is the path of the field to blame. A
    text that is dear to make is given as a function: generating the CRDs pays for it, and the operator does not.
    """

    rule: Text
    message: str
    says: Text | None = None
    at: str | None = None
    told: str = ""
    """The sentence about the rule in the description of a kind; empty: its fields' descriptions say enough."""

    def as_schema(self) -> dict[str, str]:
        parts = {"rule": self.rule, "message": self.message, "messageExpression": self.says, "fieldPath": self.at}
        return {key: value() if callable(value) else value for key, value in parts.items() if value is not None}

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        return {**schema, VALIDATIONS: [*schema.get(VALIDATIONS, ()), self.as_schema()]}


def immutable(what: str, instead: str) -> Rule:
    """The rule that a field keeps the value that it was created with."""
    return Rule("self == oldSelf", f"{what} can't change: {instead}")


@dataclass(frozen=True, slots=True)
class ListType:
    """How server-side apply merges a list: as a `set`, or as a `map` by its `keys`. Unmarked lists are atomic."""

    type: Literal["set", "map"]
    keys: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = {**handler(core), "x-kubernetes-list-type": self.type}
        if self.keys:
            schema["x-kubernetes-list-map-keys"] = list(self.keys)
        return schema


class Part(BaseModel):
    """Any piece of an object: frozen, camelCase outside and snake_case inside."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        defer_build=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    def as_dict(self) -> dict[str, Any]:
        """The piece as the API server wants it: JSON values, camelCase, nothing that is None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        if cls.rules:
            handler.resolve_ref_schema(schema)[VALIDATIONS] = [rule.as_schema() for rule in cls.rules]
        return schema


_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_DURATION = re.compile(r"([0-9]{1,6})(ms|s|m|h)")
_DURATION_RULE = r"^([0-9]{1,6}(ms|s|m|h))+$"


def parse_duration(text: str) -> timedelta:
    """Read a duration as Go writes it, such as `30s`, `1h30m` or `250ms`.

    Raises:
        ValueError: `text` is not such a duration.
    """
    if not re.fullmatch(_DURATION_RULE, text):
        raise ValueError(f'{text!r} is not a duration such as "30s", "15m" or "72h"')
    return sum((int(count) * _UNITS[unit] for count, unit in _DURATION.findall(text)), timedelta())


def format_duration(duration: timedelta) -> str:
    """The shortest exact form: `15m` and not `900s`; the inverse of `parse_duration` to the millisecond."""
    left = duration // timedelta(milliseconds=1)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _decimal(value: Decimal) -> str:
    return f"{value:f}"


A_DURATION = 'write a duration such as "30s", "15m" or "72h" (30 days are "720h")'
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": 20}),
    Rule(f'self.matches("{_DURATION_RULE}")', A_DURATION),
]


def lasting(least: str, most: str) -> Rule:
    """The rule that a duration is from `least` to `most`. One that can't be read is left to the rule of `Duration`."""
    return Rule(
        f'!self.matches("{_DURATION_RULE}") || (duration(self) >= duration("{least}") && '
        f'duration(self) <= duration("{most}"))',
        f"write a duration from {least} to {most}",
    )


Time = Annotated[
    datetime,
    PlainSerializer(_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
MicroTime = Annotated[
    datetime,
    PlainSerializer(_micro_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
_DecimalText = Annotated[
    Decimal,
    PlainSerializer(_decimal, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": 12}),
]
Amount = Annotated[
    _DecimalText,
    Rule(
        r'self.matches("^[0-9]{1,7}(\\.[0-9]{1,4})?$")',
        'write an amount as text, such as "1.99": not negative, at most four decimals, no currency sign',
    ),
]
Quantity = Annotated[
    _DecimalText,
    Rule(
        r'self.matches("^[0-9]{1,7}(\\.[0-9]{1,4})?$")',
        'write a number as text, such as "12.5": not negative, at most four decimals',
    ),
]
ServiceLevel = Annotated[
    _DecimalText,
    Rule(
        r'self.matches("^0\\.[0-9]{1,4}$") && double(self) >= 0.5',
        'write a share between "0.5" and "0.9999" as text, such as "0.95"',
    ),
]
Share = Annotated[
    _DecimalText,
    Rule(
        r'self.matches("^0\\.[0-9]{1,4}$") && double(self) > 0.0',
        'write a share under 1 as text, such as "0.6"',
    ),
]
Currency = Annotated[
    str,
    Field(max_length=3),
    Rule('self.matches("^[A-Z]{3}$")', "write an ISO 4217 code of three capital letters, such as USD or EUR"),
]
HttpUrl = Annotated[
    str,
    Field(max_length=2048),
    Rule(
        r'self.matches("^https?://[^/\\s][^\\s]*$")',
        "write a whole URL without blanks or line breaks, such as https://example.com/voice",
    ),
]
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
Name = Annotated[
    str,
    Field(min_length=1, max_length=253),
    Rule(
        rf'self.matches("^{_LABEL}(\\.{_LABEL})*$")',
        "write the name of an object as Kubernetes has it: lower-case letters, digits, dashes and dots, such as west-1",
    ),
]
Namespace = Annotated[
    str,
    Field(min_length=1, max_length=63),
    Rule(
        f'self.matches("^{_LABEL}$")',
        "write the name of a namespace: lower-case letters, digits and dashes, such as team-a",
    ),
]
DataKey = Annotated[
    str,
    Field(min_length=1, max_length=253),
    Rule(
        'self.matches("^[-._a-zA-Z0-9]+$")',
        "write a key of the data: letters, digits, dashes, dots and underscores, such as token",
    ),
]
_NamespaceOrAll = Annotated[
    str,
    Field(min_length=1, max_length=63),
    Rule(
        f'self == "*" || self.matches("^{_LABEL}$")',
        'write the whole name of a namespace, such as team-a, or "*" alone for all; there are no patterns',
    ),
]
NamespaceList = Annotated[tuple[_NamespaceOrAll, ...], Field(max_length=100), ListType("set")]


def each_once(what: str, ref: str = "") -> tuple[Rule, Rule]:
    """The rules that a list of references names each object once. `ref`: where in an item the reference is.

    The API server does not tell a rule in which namespace the list is: so where one name stands twice, each has to say
    its namespace.
    """
    same = f"other{ref}.name == one{ref}.name"
    return (
        Rule(
            f"self.all(one, self.exists_one(other, other{ref} == one{ref}))",
            f"{what} is listed twice; list each once, the preferred one first",
        ),
        Rule(
            f"self.all(one, has(one{ref}.namespace) || self.exists_one(other, {same}))",
            f"the name of {what} is listed twice: write the namespace of each, so that they can be told apart",
        ),
    )


def or_else(words: type[StrEnum], otherwise: StrEnum | None) -> BeforeValidator:
    """Read a word of a status that only a newer version knows as `otherwise`.

    An object with one word that nobody here understands would not be there at all for this version: its numbers would
    be bought a second time, or its documents filed (`tests/api/test_newer_words.py`).
    """
    known = frozenset(words)
    return BeforeValidator(lambda word: word if word is None or word in known else otherwise)


def known_only(words: type[StrEnum]) -> BeforeValidator:
    """Read a list of words of a status without those that only a newer version knows."""
    known = frozenset(words)
    return BeforeValidator(lambda found: tuple(word for word in found if word in known))


class ObjectMeta(Part):
    """The part of an object's metadata that the operator reads."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    finalizers: tuple[str, ...] = ()


class Condition(Part):
    """One aspect of the object's state, with its reason and a sentence that a person can act on."""

    type: str
    """What the condition is about: Ready, or something that is listed only while it matters, such as Stalled. The
    description of conditions lists them all."""
    status: Literal["True", "False", "Unknown"]
    """Whether what the type names is so.

    - True: It is so.
    - False: It is not so.
    - Unknown: Nobody knows. Ringfleet does not write it.
    """
    reason: str
    """One CamelCase word that says why the status is what it is. Alerts can rely on it."""
    message: str
    """One sentence that says why the status is what it is, and what a person can do."""
    last_transition_time: Time
    """The time at which the status of this condition last changed."""
    observed_generation: int | None = None
    """The metadata.generation of the object that this condition speaks of."""


Conditions = Annotated[tuple[Condition, ...], ListType("map", ("type",))]


class Status(Part):
    """What every status has."""

    observed_generation: int | None = None
    """The metadata.generation that the operator last acted on. Older than metadata.generation: not yet seen; -1: the
    operator has never looked at the object."""
    conditions: Conditions = ()
    """What is so of the object, as a list by type that `kubectl wait --for=condition=Ready` reads. What each reason
    means, the description of conditions.reason says."""

    def saying(self, generation: int, conditions: tuple[Condition, ...]) -> Self:
        """The same status with other conditions, of the spec of `generation`."""
        return self.model_copy(update={"observed_generation": generation, "conditions": conditions})


class LocalRef(Part):
    """An object in this namespace."""

    name: Name
    """Name of the object that is referred to. It is in the namespace of the object that refers to it."""


class AccountRef(Part):
    """A CarrierAccount."""

    name: Name
    """Name of the CarrierAccount, such as sandbox."""
    namespace: Namespace | None = None
    """Namespace of the CarrierAccount; this object's own when left out. An account of another namespace has to let this
    namespace in, by its spec.allowedNamespaces."""


class SecretKeyRef(Part):
    """One key of a Secret in this namespace."""

    name: Name
    """Name of a Secret in this namespace."""
    key: DataKey = "token"
    """Key of the Secret's data that holds the value."""


class WebhookSecretRef(SecretKeyRef):
    """One key of a Secret in this namespace: the secrets that a carrier signs with, one a line."""

    key: DataKey = "webhook"
    """Key of the Secret's data that holds the signing secrets, one a line. While a secret is being changed, the old and
    the new one stand in it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`. Priority 1 shows with `-o wide` only."""

    name: str
    path: str
    type: Literal["string", "integer", "date", "number", "boolean"] = "string"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Scale:
    """Where `kubectl scale` and autoscalers read and write."""

    spec_replicas: str
    status_replicas: str
    selector: str


def short_name(longest: int, because: str) -> Rule:
    """The rule that an object's name has at most `longest` characters."""
    return Rule(
        f"size(self.metadata.name) <= {longest}",
        f"metadata.name must have at most {longest} characters, because {because}: choose a shorter name",
        told=f"A name has at most {longest} characters, because {because}.",
    )


AGE = Column("Age", ".metadata.creationTimestamp", "date")
REASON = Column("Reason", f"{READY}.reason")


class Resource(Part):
    """One kind: its fields, and how the API server names, shows and filters it."""

    plural: ClassVar[str]
    singular: ClassVar[str]
    short_names: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[Column, ...]]
    scale: ClassVar[Scale | None] = None
    selectable_fields: ClassVar[tuple[str, ...]] = ()

    api_version: str = API_VERSION
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta.model_construct()
    spec: Part
    status: Status = Status.model_construct()

    @classmethod
    def parse(cls, obj: Mapping[str, Any]) -> Self:
        """Read an object as the API server gives it.

        Raises:
            pydantic.ValidationError: the object is not of this kind's shape; names each field.
        """
        return cls.model_validate(obj)

    @classmethod
    def can_read(cls, obj: Mapping[str, Any]) -> bool:
        """Whether an object of this kind says only what this version knows."""
        try:
            cls.parse(obj)
        except ValidationError:
            return False
        return True

    def with_status(self, status: Status) -> Self:
        """The same object with another status."""
        return self.model_copy(update={"status": status})

    @property
    def key(self) -> str:
        """`namespace/name`, for messages and logs."""
        return f"{self.metadata.namespace}/{self.metadata.name}"
