"""A subaccount at Twilio: opened by its own credentials or by its parent's; and a number that moved into another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.errors import AccountRestricted, CredentialsRejected
from ringfleet.carriers.twilio.account import Twilio
from ringfleet.carriers.twilio.api import open_client
from tests.carriers.conformance import ROUTING
from tests.carriers.customer import Customer, numbers
from tests.carriers.scripts import Script, settings
from tests.simulator.process import SimulatorProcess

PROVIDER = "Twilio"
NOBODY = "AC" + "0" * 31 + "1"


@pytest.fixture
async def below(customer: Customer, sandbox: SimulatorProcess) -> AsyncIterator[Customer]:
    """A subaccount of `customer`, as its own credentials open it."""
    async with Customer(sandbox, PROVIDER) as opened:
        sandbox.control("POST", "accounts", {"token": opened.token, "id": opened.id, "parent": customer.id})
        yield opened


def sid_of(customer: Customer) -> str:
    return customer.settings.credentials["accountSid"]


def by_its_parent(customer: Customer, below: Customer) -> Carrier:
    """The subaccount as the parent's credentials open it."""
    return customer.another(subaccount=sid_of(below))


async def test_the_parents_credentials_do_all_that_its_own_do_and_all_of_it_in_the_subaccount(
    customer: Customer, below: Customer
) -> None:
    """Also at the hosts whose paths name no account: there the parent's would act for the parent."""
    async with by_its_parent(customer, below) as carrier:
        assert await carrier.account_id() == await below.carrier.account_id() == sid_of(below)
        (sold,) = await carrier.buy(await below.purchase("one", 1))
        assert sold.external_id
        profile = await carrier.ensure_routing(ROUTING)
        await carrier.route(sold.external_id, profile)
        assert carrier.registrar
        await carrier.registrar.find_item("nothing")
        assert await carrier.balance() == await customer.carrier.balance()
    assert [(one.number, one.routing) for one in await below.listed()] == [(sold.number, profile)]
    assert await customer.listed() == []
    assert [held.routing.reference async for page in below.carrier.routings() for held in page] == [ROUTING.reference]
    assert [page async for page in customer.carrier.routings() if page] == []
    assert (len(below.bill()), customer.bill()) == (1, [])


async def test_a_subaccount_whose_token_was_changed_is_opened_again_by_its_parent(
    customer: Customer, below: Customer, sandbox: SimulatorProcess
) -> None:
    async with by_its_parent(customer, below) as carrier:
        await carrier.ensure_routing(ROUTING)
        sandbox.control("DELETE", f"tokens/{below.token}")
        sandbox.control("POST", "accounts", {"token": "tok_anew", "id": below.id, "parent": customer.id})
        with pytest.raises(CredentialsRejected):
            await carrier.find_routing(ROUTING.reference)
        assert await carrier.find_routing(ROUTING.reference) is not None


async def test_a_subaccount_that_is_not_there_is_a_sentence_about_the_field(customer: Customer) -> None:
    async with customer.another(subaccount=NOBODY) as carrier:
        with pytest.raises(AccountRestricted, match=f"has no subaccount {NOBODY}: correct spec.subaccount"):
            await carrier.account_id()


async def test_one_that_is_another_accounts_is_not_opened(customer: Customer, sandbox: SimulatorProcess) -> None:
    async with Customer(sandbox, PROVIDER) as stranger, customer.another(subaccount=sid_of(stranger)) as carrier:
        with pytest.raises(AccountRestricted, match="has no subaccount"):
            await carrier.account_id()


@pytest.mark.parametrize(
    ("ask", "status", "sentence"),
    [
        (lambda carrier: carrier.account_id(), "suspended", f"subaccount {NOBODY} is suspended; activate it"),
        (
            lambda carrier: carrier.registrar.find_item("any"),
            "active",
            "put the subaccount's own accountSid and authToken into the Secret",
        ),
    ],
)
async def test_a_subaccount_that_is_stopped_or_whose_token_is_kept_back_is_told(
    customer: Customer, ask: Callable[[Any], Awaitable[object]], status: str, sentence: str
) -> None:
    script = Script(httpx.Response(200, json={"sid": NOBODY, "status": status}))
    account = settings(
        endpoint="https://{product}.carrier.test", credentials=customer.settings.credentials, subaccount=NOBODY
    )
    async with Twilio(account, client=open_client(account, script)) as carrier:
        with pytest.raises(AccountRestricted, match=sentence):
            await ask(carrier)


async def test_a_number_that_was_moved_is_found_in_the_account_that_has_it(
    customer: Customer, below: Customer, sandbox: SimulatorProcess
) -> None:
    (sold,) = await customer.carrier.buy(await customer.purchase("one", 1))
    assert await customer.carrier.whereabouts(sold.number) is None
    sandbox.control("POST", "numbers/move", {"numbers": numbers((sold,)), "account": below.id})
    assert await customer.carrier.find(sold.number) is None
    assert await customer.carrier.whereabouts(sold.number) == sid_of(below)
    assert await below.carrier.whereabouts(sold.number) is None
