"""Telnyx's own Python library as a customer of the sandbox, so that somebody else than us says what Telnyx's wire is.

The library takes another address, and is told to try nothing twice. Its models read an answer as a browser reads HTML,
so `unread` looks at what they would let pass.

It takes two seconds of processor time to load, so whoever uses it imports it then: each worker collects every test.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from tests.simulator.process import SimulatorProcess


class TelnyxCustomer:
    """One account of its own, and the library's client for it."""

    def __init__(self, simulator: SimulatorProcess, account: str, balance: str = "1000.00") -> None:
        import telnyx

        self.simulator = simulator
        self.account = account
        self.token = f"key-of-{account}"
        simulator.control("POST", "accounts", {"token": self.token, "id": account, "balance": balance})
        self.client = telnyx.Telnyx(
            api_key=self.token, base_url=f"{simulator.url}/telnyx/v2", max_retries=0, timeout=20, public_key="unused"
        )

    def close(self) -> None:
        self.client.close()

    def found(self, **filters: Any) -> list[str]:
        """The numbers that a search answers, of San Francisco if nothing else is said."""
        asked = {"country_code": "US", "phone_number_type": "local", "national_destination_code": "415", **filters}
        return [row.phone_number or "" for row in self.client.available_phone_numbers.list(filter=asked).data or []]

    def order(self, *numbers: str, **more: Any) -> Any:
        """The order of these numbers, as it is when it is asked for again."""
        made = self.client.number_orders.create(phone_numbers=[{"phone_number": one} for one in numbers], **more).data
        assert made is not None
        return self.client.number_orders.retrieve(made.id or "").data

    def owned(self, **filters: Any) -> list[Any]:
        return list(self.client.phone_numbers.list(**({"filter": filters} if filters else {})))

    def bought(self) -> list[str]:
        return [entry["number"] for entry in self.simulator.ledger(self.account, "purchase")]


def unread(model: Any, answer: Any, where: str = "") -> Iterator[str]:
    """What is in an answer and not in the library's model of it, or of another kind than the model says."""
    origin, arguments = get_origin(model), get_args(model)
    if answer is None:
        return
    if origin in (Union, UnionType):
        told = [list(unread(option, answer, where)) for option in arguments if option is not NoneType]
        yield from min(told, key=len)
    elif isinstance(model, type) and issubclass(model, BaseModel):
        yield from _unread_object(model, answer, where)
    elif origin is list:
        for value in answer:
            yield from unread(arguments[0], value, f"{where}[]")
    elif not _fits(model, answer):
        yield f"{where} is {answer!r}, no {model}"


def _unread_object(model: type[BaseModel], answer: dict[str, Any], where: str) -> Iterator[str]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, value in answer.items():
        if name in fields:
            yield from unread(fields[name].annotation, value, f"{where}.{name}")
        else:
            yield f"{where}.{name} is not read"
    yield from (
        f"{where}.{name} is required" for name, one in fields.items() if one.is_required() and name not in answer
    )


def _fits(model: Any, answer: Any) -> bool:
    if get_origin(model) is Literal:
        return answer in get_args(model)
    if model is datetime:
        return bool(datetime.fromisoformat(answer))
    return not isinstance(model, type) or isinstance(answer, model)
