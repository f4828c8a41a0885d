"""A metered carrier does what the carrier does, and tells of each call its operation, its ending and its seconds."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ringfleet.carriers import errors
from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.emergency import EmergencyDesk
from ringfleet.carriers.metered import MeteredCarrier, ending_of
from ringfleet.carriers.registrar import Registrar
from tests.kube.virtual_time import now, run_in_virtual_time

SECONDS = 2.5


def verbs_of(protocol: type) -> list[str]:
    """The calls of a protocol: what it has that is neither a property nor dunder."""
    return [name for name, one in vars(protocol).items() if inspect.isfunction(one) and not name.startswith("_")]


class Double:
    """Whatever it is asked, it notes it in `asked`, takes its time, and fails if it shall."""

    registrar: Any = None
    emergency: Any = None

    def __init__(self, error: BaseException | None = None, asked: list[object] | None = None) -> None:
        self._error = error
        self.asked = [] if asked is None else asked

    async def __aenter__(self) -> Double:
        self.asked.append("opened")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.asked.append("closed")

    def routings(self) -> AsyncIterator[str]:
        return self.holdings()

    async def holdings(self) -> AsyncIterator[str]:
        for page in ("first", "second"):
            await asyncio.sleep(SECONDS / 2)
            yield page
        if self._error:
            raise self._error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def answer(*arguments: object) -> str:
            self.asked.append((name, *arguments))
            await asyncio.sleep(SECONDS)
            if self._error:
                raise self._error
            return "answer"

        return answer


Heard = list[tuple[str, str, float]]


def told(story: Callable[[Any], Any], error: BaseException | None = None) -> tuple[Any, Heard]:
    """What came of a story with a metered double, and what was told of it meanwhile."""
    came, _, heard = lived(story, error)
    return came, heard


def lived(story: Callable[[Any], Any], error: BaseException | None = None) -> tuple[Any, list[object], Heard]:
    """The same, with what the double was asked."""
    heard: Heard = []
    double = Double(error)
    double.registrar = Double(error, double.asked)
    double.emergency = Double(error, double.asked)
    carrier = MeteredCarrier(double, lambda *call: heard.append(call), now)  # type: ignore[arg-type]  # as far as asked
    return run_in_virtual_time(story(carrier)), double.asked, heard


def arguments_of(protocol: type, verb: str) -> list[str]:
    return [f"<{name}>" for name in list(inspect.signature(getattr(protocol, verb)).parameters)[1:]]


LISTINGS = ("holdings", "routings")


@pytest.mark.parametrize("verb", [verb for verb in verbs_of(Carrier) if verb not in LISTINGS])
def test_each_call_is_handed_on_and_told(verb: str) -> None:
    arguments = arguments_of(Carrier, verb)
    came, asked, heard = lived(lambda carrier: getattr(carrier, verb)(*arguments))
    assert (asked, heard) == ([(verb, *arguments)], [(verb, "Succeeded", SECONDS)])
    assert came == answer_of(Carrier, verb)


@pytest.mark.parametrize("verb", verbs_of(Registrar))
def test_each_call_about_documents_is_handed_on_and_told(verb: str) -> None:
    arguments = arguments_of(Registrar, verb)
    came, asked, heard = lived(lambda carrier: getattr(carrier.registrar, verb)(*arguments))
    assert (asked, heard) == ([(verb, *arguments)], [(verb, "Succeeded", SECONDS)])
    assert came == answer_of(Registrar, verb)


@pytest.mark.parametrize("verb", verbs_of(EmergencyDesk))
def test_each_call_about_emergency_addresses_is_handed_on_and_told(verb: str) -> None:
    arguments = arguments_of(EmergencyDesk, verb)
    came, asked, heard = lived(lambda carrier: getattr(carrier.emergency, verb)(*arguments))
    assert (asked, heard) == ([(verb, *arguments)], [(verb, "Succeeded", SECONDS)])
    assert came == answer_of(EmergencyDesk, verb)


def answer_of(protocol: type, verb: str) -> str | None:
    """What the double answers, where the protocol gives an answer."""
    return None if inspect.signature(getattr(protocol, verb)).return_annotation == "None" else "answer"


def test_a_carrier_that_takes_no_documents_has_no_registrar() -> None:
    assert MeteredCarrier(Double(), lambda *_: None).registrar is None  # type: ignore[arg-type]


def test_a_carrier_that_takes_no_emergency_addresses_has_no_desk() -> None:
    assert MeteredCarrier(Double(), lambda *_: None).emergency is None  # type: ignore[arg-type]


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_is_one_call_and_what_its_reader_does_between_pages_is_not_counted(listing: str) -> None:
    async def read(carrier: Carrier) -> list[Any]:
        pages: list[Any] = []
        async for page in getattr(carrier, listing)():
            pages.append(page)
            await asyncio.sleep(100)
        return pages

    assert told(read) == (["first", "second"], [(listing, "Succeeded", SECONDS)])


def test_a_listing_that_breaks_off_is_told_by_its_error() -> None:
    async def read(carrier: Carrier) -> None:
        async for _ in carrier.holdings():
            pass

    async def story(carrier: Carrier) -> None:
        with pytest.raises(errors.ListingIncomplete):
            await read(carrier)

    heard = [("holdings", "ListingIncomplete", SECONDS)]
    assert told(story, errors.ListingIncomplete("It ended.")) == (None, heard)


def test_it_is_opened_and_closed_with_what_it_meters() -> None:
    async def use(carrier: Carrier) -> None:
        async with carrier:
            await carrier.balance()

    _, asked, _ = lived(use)
    assert asked == ["opened", ("balance",), "closed"]


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (errors.Throttled("Slow down."), "Throttled"),
        (errors.OutcomeUnknown("No answer."), "OutcomeUnknown"),
        (errors.NotHeld("Whose?"), "NotHeld"),
        (asyncio.CancelledError(), "Cancelled"),
        (RuntimeError("ours"), "Failed"),
    ],
)
def test_a_failure_goes_through_and_is_told_by_who_must_act(error: BaseException, ending: str) -> None:
    async def ask(carrier: Carrier) -> BaseException:
        with pytest.raises(type(error)) as raised:
            await carrier.balance()
        return raised.value

    assert told(ask, error) == (error, [("balance", ending, SECONDS)])


def test_no_failure_is_a_success() -> None:
    assert ending_of(None) == "Succeeded"
