"""Whose events are believed: accounts and Secrets of the real API server."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ringfleet.api import CarrierAccount
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.senders import AGAIN_SECONDS, KEPT_SECONDS, SECRETS, Senders
from ringfleet.kube.client import Kube
from ringfleet.model import AccountKey
from ringfleet.objects.refs import resource_of
from tests.controlplane.cluster import Cluster
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.kube.conftest import kube, wire, wired_kube  # noqa: F401 - fixtures
from tests.kube.wire import Wire
from tests.waiting import until

ACCOUNTS = resource_of(CarrierAccount)
REF = {"name": "signing", "key": "webhook"}


@dataclass
class Time:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Book:
    """The senders of one namespace, and its objects."""

    kube: Kube
    namespace: str
    senders: Senders
    time: Time = field(default_factory=Time)

    async def account(self, name: str = "sandbox", ref: dict[str, str] | None = REF) -> AccountKey:
        """Make a CarrierAccount, and wait until it is known."""
        spec: dict[str, Any] = {"provider": "DIDHub", "credentialsSecretRef": {"name": "token"}}
        body = {"metadata": {"name": name}, "spec": spec | ({"webhookSecretRef": ref} if ref else {})}
        await self.kube.create(ACCOUNTS, self.namespace, body)
        key = AccountKey(self.namespace, name)
        await until(lambda: self.senders.accounts.store.get((self.namespace, name)), f"{key} to be known")
        return key

    async def secret(self, text: str, key: str = "webhook") -> None:
        body = {"metadata": {"name": "signing"}, "data": {key: base64.b64encode(text.encode()).decode()}}
        await self.kube.create(SECRETS, self.namespace, body)

    async def change(self, text: str) -> None:
        data = {"webhook": base64.b64encode(text.encode()).decode()}
        await self.kube.patch(SECRETS, self.namespace, "signing", {"data": data})

    async def secrets(self, key: AccountKey) -> tuple[str, ...]:
        return (await self.senders.find(key)).secrets

    async def refusal(self, key: AccountKey) -> tuple[int, str]:
        with pytest.raises(Problem) as problem:
            await self.senders.find(key)
        return int(problem.value.type.status), problem.value.detail


@asynccontextmanager
async def opened(door: Kube, namespace: str) -> AsyncIterator[Book]:
    time = Time()
    senders = Senders(door, time, [namespace])
    following = asyncio.create_task(senders.run())
    try:
        await asyncio.wait_for(senders.accounts.synced.wait(), timeout=30)
        yield Book(door, namespace, senders, time)
    finally:
        following.cancel()
        await asyncio.wait([following])


@pytest.fixture
async def book(kube: Kube, namespace: str, crds: None) -> AsyncIterator[Book]:  # noqa: F811
    async with opened(kube, namespace) as book:
        yield book


async def test_an_account_is_known_with_its_secrets_one_a_line(book: Book) -> None:
    key = await book.account()
    await book.secret("new\n  old \n\n")
    assert await book.secrets(key) == ("new", "old")


async def test_another_process_is_told_of_accounts_that_come_change_and_go_and_whose_secrets_they_are(
    book: Book,
) -> None:
    told: list[list[AccountKey] | None] = []
    book.senders.on_change(lambda: told.append(book.senders.keys()))
    key = await book.account()
    await book.secret("s3cret")
    assert (told, await book.senders.vouch(key)) == ([[key]], ("DIDHub", ("s3cret",)))
    await book.kube.patch(ACCOUNTS, book.namespace, key.name, {"spec": {"webhookSecretRef": {"name": "another"}}})
    await until(lambda: len(told) == 2, "the change to be told")
    with pytest.raises(Problem, match=f"Secret {book.namespace}/another"):
        await book.senders.vouch(key)
    await book.kube.delete(ACCOUNTS, book.namespace, key.name)
    await until(lambda: told == [[key], [key], []], "its end to be told")


async def test_the_key_of_the_secret_is_webhook_unless_said_otherwise(book: Book) -> None:
    await book.secret("s3cret")
    assert await book.secrets(await book.account(ref={"name": "signing"})) == ("s3cret",)


async def test_an_account_that_there_is_not_is_refused_without_asking_the_api_server(book: Book) -> None:
    before = book.kube.reads.total()
    status, detail = await book.refusal(AccountKey(book.namespace, "nobody"))
    assert (status, "There is no CarrierAccount" in detail) == (404, True)
    assert book.kube.reads.total() == before


async def test_an_account_without_a_webhook_secret_takes_no_events(book: Book) -> None:
    status, detail = await book.refusal(await book.account(ref=None))
    assert status == 403
    assert "spec.webhookSecretRef" in detail


@pytest.mark.parametrize(("text", "field"), [("", "webhook"), (" \n", "webhook"), ("s3cret", "token")])
async def test_a_secret_without_text_under_its_key_is_refused(book: Book, text: str, field: str) -> None:
    await book.secret(text, field)
    status, detail = await book.refusal(await book.account())
    assert status == 403
    assert f"'webhook' in Secret {book.namespace}/signing" in detail


async def test_a_secret_that_there_is_not_is_refused_until_it_is_made(book: Book) -> None:
    key = await book.account()
    assert (await book.refusal(key))[0] == 403
    await book.secret("s3cret")
    book.time.seconds += KEPT_SECONDS
    assert await book.secrets(key) == ("s3cret",)


async def test_a_secret_is_read_once_a_minute_and_then_anew(book: Book) -> None:
    key = await book.account()
    await book.secret("old")
    assert set(await asyncio.gather(*(book.secrets(key) for _ in range(20)))) == {("old",)}
    await book.change("new")
    book.time.seconds += KEPT_SECONDS - 1
    assert await book.secrets(key) == ("old",)
    assert book.kube.reads["get", "secrets"] == 1
    book.time.seconds += 1
    assert await book.secrets(key) == ("new",)


async def test_an_account_that_is_deleted_is_refused(book: Book) -> None:
    key = await book.account()
    await book.secret("s3cret")
    await book.secrets(key)
    await book.kube.delete(ACCOUNTS, book.namespace, key.name)
    await until(lambda: book.senders.accounts.store.get((book.namespace, key.name)) is None, f"{key} to be gone")
    assert (await book.refusal(key))[0] == 404


@pytest.fixture
async def wired(wired_kube: Kube, namespace: str, crds: None) -> AsyncIterator[Book]:  # noqa: F811
    """Behind a wire that can be cut."""
    async with opened(wired_kube, namespace) as book:
        yield book


async def test_while_the_api_server_is_away_what_was_read_last_holds(wired: Book, wire: Wire) -> None:  # noqa: F811
    known, unknown = await wired.account(), await wired.account("other", {"name": "signing", "key": "other"})
    await wired.secret("s3cret")
    await wired.secrets(known)
    await wire.cut()
    wired.time.seconds += 10 * KEPT_SECONDS
    assert await wired.secrets(known) == ("s3cret",)
    assert (await wired.refusal(unknown))[0] == 503
    await wire.mend()


async def test_a_secret_that_could_not_be_read_is_not_looked_at_for_every_event(wired: Book, wire: Wire) -> None:  # noqa: F811
    key = await wired.account()
    await wired.secret("s3cret")
    await wired.secrets(key)
    await wire.cut()
    wired.time.seconds += KEPT_SECONDS
    await wired.secrets(key)
    await wire.mend()
    await wired.change("another")
    wired.time.seconds += AGAIN_SECONDS - 0.1
    assert await wired.secrets(key) == ("s3cret",)
    wired.time.seconds += 0.1
    assert await wired.secrets(key) == ("another",)


async def test_nothing_is_decided_before_the_accounts_were_read(kube: Kube, namespace: str) -> None:  # noqa: F811
    with pytest.raises(Problem) as problem:
        await Senders(kube, Time(), [namespace]).find(AccountKey(namespace, "sandbox"))
    assert int(problem.value.type.status) == 503


async def test_a_secret_that_may_not_be_read_is_our_fault_and_says_so(
    cluster: Cluster, namespace: str, crds: None
) -> None:
    rule = a_rule(["carrieraccounts", "routingprofiles"], ["get", "list", "watch", "create"], "ringfleet.dev")
    rights = a_role("reader", rule), a_role_binding(namespace, "reader", "reader")
    cluster.apply(a_service_account("reader"), *rights, namespace=namespace)
    in_force = lambda: cluster.may("reader", "create", "carrieraccounts", namespace=namespace)  # noqa: E731
    await until(in_force, "the role to be in force")
    async with (
        Kube.connect(cluster.kubeconfig_of(namespace, "reader")) as reading,
        opened(reading, namespace) as book,
    ):
        status, detail = await book.refusal(await book.account())
    assert status == 503
    assert detail == (f"The dispatcher may not read Secret {namespace}/signing: give its service account get on it.")
