"""The operator's settings: environment and command line in, one frozen value out, read once at start-up."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class Settings(BaseSettings):
    """How one operator process runs. Every field is also read from `RINGFLEET_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="RINGFLEET_", frozen=True)

    namespaces: Annotated[tuple[Namespace, ...], NoDecode] = ()
    """The namespaces to serve, in the environment with commas between them; empty means all of them."""

    installation: str | None = Field(default=None, max_length=63, pattern=r"\A([A-Za-z0-9][A-Za-z0-9._-]*)?\z")
    """The id that marks our numbers at the carriers; by default the uid of the namespace kube-system, shortened. A
    slash would part the mark where it must not be parted."""

    system_namespace: str = "ringfleet-system"
    """The namespace of the operator itself. A ConfigMap `ringfleet-freeze` in it stops everything."""

    identity: str = Field(default_factory=socket.gethostname)
    """Who holds a lease: stable across restarts of one replica (the pod's name), unique among replicas."""

    kubeconfig: Path | None = None
    context: str | None = None
    workers: int = Field(default=24, ge=1)
    """How many pools, quotas and rotation sets are reconciled at the same time."""

    account_workers: int = Field(default=8, ge=1)
    """How many orders of one carrier account are, its sweep included."""

    number_workers: int = Field(default=32, ge=1)
    """How many numbers of one carrier account are."""

    claim_workers: int = Field(default=32, ge=1)
    """How many claims are."""

    health_port: int = Field(default=8080, ge=0, le=65535)
    health_host: str = "127.0.0.1"
    offers_port: int | None = Field(default=None, ge=0, le=65535)
    """Where people ask what carriers offer without a right to the carriers' Secrets (`POST /v1/offers`); None: nowhere.
    """

    offers_host: str = "127.0.0.1"
    relist: timedelta = timedelta(minutes=5)
    """How often the intents are listed anew, because a watch may miss a deletion."""

    purchase_lease: timedelta = timedelta(seconds=30)
    """How long a silent operator keeps an account's purchase lock before another may take it."""

    release_settle: timedelta = timedelta(seconds=10)
    """How long no further number of a pool must have been asked to go before any of them goes."""

    review_interval: timedelta | None = None
    """How often a carrier is asked how a review stands; by default after a minute, and then ever more seldom."""

    filing_grace: timedelta = timedelta(minutes=2)
    """How long a call that files documents may be on its way to the carrier. One whose answer was lost, and whose work
    is not found there, is made again only afterwards: longer than any call takes, or documents are filed twice."""

    documents_dir: Path | None = None
    """Where documents are mounted: `<namespace>/<path>` below it is what a ComplianceBundle's file.path names."""

    dispatcher: str | None = None
    """Where the dispatcher answers, such as http://127.0.0.1:8085: the traffic of rotation sets is read there. Without
    it, their traffic is not known."""

    dispatcher_token_file: Path | None = None
    """The file of the token that the dispatcher asks for; read anew each time, since it is exchanged now and then."""

    dispatcher_ca_file: Path | None = None
    """The certificates, PEM, of which one must vouch for the dispatcher's when `dispatcher` is https; without it, those
    that this machine trusts. It is read again when it changes."""

    usage_interval: timedelta = timedelta(seconds=60)
    """How often the traffic of each rotation set is read."""

    numbers_interval: timedelta = timedelta(minutes=5)
    """How often the traffic of all numbers is read."""

    messages_interval: timedelta = timedelta(seconds=60)
    """How often each carrier account that lists messages is asked for those that came in since, so that no STOP is lost
    with its webhook. A STOP counts after so long, at the latest, once carrier and dispatcher answer."""

    calls_interval: timedelta = timedelta(minutes=5)
    """How often each carrier account that lists calls is asked for them: most are made by other programs, which tell
    the dispatcher nothing."""

    stale_after: timedelta = timedelta(minutes=5)
    """Liveness fails when no event and no bookmark has come for this long."""

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        """`ex01,ex02`, or the JSON list that was the only form up to 0.2."""
        if not isinstance(given, str):
            return given
        if given.strip().startswith("["):
            with suppress(ValueError):
                return json.loads(given)
        return tuple(name.strip() for name in given.split(",") if name.strip())


def read_settings(given: Mapping[str, Any]) -> Settings:
    """The settings, of which the command line has `given` some.

    Raises:
        BadSettings: one of them can't be meant.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise BadSettings(" ".join(_sentence(one, given) for one in error.errors(include_url=False))) from None


class BadSettings(ValueError):
    """Settings that can't be meant: which of them, what was given, and what would do, in a sentence each."""


def _sentence(one: ErrorDetails, given: Mapping[str, Any]) -> str:
    field = str(one["loc"][0])
    name = f"--{field.replace('_', '-')}" if field in given else f"RINGFLEET_{field.upper()}"
    said = one["msg"].removeprefix("Value error, ").removeprefix("Input should be ").rstrip(".")
    return f"{name}: {_quoted(one['input'])} is not {_WANTED.get(one['type'], said)}."


def _quoted(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


_WANTED = {
    "string_pattern_mismatch": "the name of a namespace: lower-case letters, digits and hyphens, at most 63",
    "int_parsing": "a whole number",
    "time_delta_parsing": "a duration such as PT5M or 00:05:00",
}
"""What was wanted, where pydantic does not say it for people."""
