"""Twilio's own Python library as a customer of the sandbox, so that somebody else than us says what Twilio's wire is.

The library can't be told another address: its HTTP client is ours, which sends `https://{product}.twilio.com/...` to
`/twilio/{product}/...` of the simulator. It also keeps what was sent and answered, and holds every answer against what
the library's model of that resource reads.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from twilio.base.instance_resource import InstanceResource
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from tests.simulator.process import SimulatorProcess

_SUFFIX = ".twilio.com"


@dataclass
class Seen:
    """One call of the library. `sent` are the names of its query and of its form."""

    method: str
    url: str
    sent: frozenset[str]
    status: int
    answer: Any


@dataclass
class ToSimulator(TwilioHttpClient):  # type: ignore[misc]
    url: str
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(timeout=20)
        self.session.trust_env = False

    def request(  # type: ignore[override]
        self, method: str, url: str, params: Any = None, data: Any = None, *rest: Any, **more: Any
    ) -> Response:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.hostname.endswith(_SUFFIX), url
        product = parts.hostname.removesuffix(_SUFFIX).split(".")[0]
        query = f"?{parts.query}" if parts.query else ""
        target = f"{self.url}/twilio/{product}{parts.path}{query}"
        reply = super().request(method, target, params, data, *rest, **more)
        answer = json.loads(reply.text) if reply.text else None
        self.seen.append(Seen(method, url, frozenset({**(params or {}), **(data or {})}), reply.status_code, answer))
        return reply


class TwilioCustomer:
    """One account of its own, and the library's client for it."""

    def __init__(self, simulator: SimulatorProcess, account: str, balance: str | None = "1000.00") -> None:
        """`balance` None: the account is there already."""
        self.simulator = simulator
        self.account = account
        self.token = f"token-of-{account}"
        self.sid = "AC" + hashlib.md5(account.encode(), usedforsecurity=False).hexdigest()
        if balance is not None:
            simulator.control("POST", "accounts", {"token": self.token, "id": account, "balance": balance})
        self.wire = ToSimulator(simulator.url)
        self.client = Client(self.sid, self.token, http_client=self.wire)

    @classmethod
    def of(cls, simulator: SimulatorProcess, account: str, token: str) -> TwilioCustomer:
        """The library as another customer of an account that is there."""
        customer = cls(simulator, account, None)
        customer.token = token
        customer.client = Client(customer.sid, token, http_client=customer.wire)
        return customer

    def close(self) -> None:
        self.wire.session.close()

    @property
    def me(self) -> Any:
        return self.client.api.v2010.accounts(self.sid)

    def local(self, country: str = "US", **filters: Any) -> list[str]:
        """The numbers that a search answers."""
        return [row.phone_number for row in self.me.available_phone_numbers(country).local.list(**filters)]

    def raw(self, method: str, path: str, **rest: Any) -> requests.Response:
        """A call of `/twilio{path}`, without the library."""
        return requests.request(
            method, f"{self.simulator.url}/twilio{path}", auth=(self.sid, self.token), timeout=20, **rest
        )

    def bought(self) -> list[str]:
        return [entry["number"] for entry in self.simulator.ledger(self.account, "purchase")]


def keys_read_by(model: type[InstanceResource]) -> frozenset[str]:
    """The names that the library's model of a resource reads from an answer: `payload.get("...")` in its source."""
    tree = ast.parse(inspect.getsource(model))
    read = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            owner, argument = node.func.value, node.args[0]
            if isinstance(owner, ast.Name) and owner.id == "payload" and isinstance(argument, ast.Constant):
                read.add(str(argument.value))
    return frozenset(read)
