"""One dispatcher process: ledger, inventory and listeners, from start to SIGTERM.

Carriers are listened to by a process of its own, which lives as long (`webhook_process`). On SIGTERM the listeners take
no more connections, what is under way is answered, and the ledger is closed last.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import structlog

from ringfleet.dispatch.analytics import Forwarding
from ringfleet.dispatch.announcing.announcer import Announcer
from ringfleet.dispatch.app import Dispatcher
from ringfleet.dispatch.auth import Anybody, Authority, Cluster
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.event_intake import Intake
from ringfleet.dispatch.forward import Forward
from ringfleet.dispatch.hot_route import PICK_BYTES
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.listener import Address, Listener, listening
from ringfleet.dispatch.metrics import Metrics, health_app
from ringfleet.dispatch.readiness import LedgerWatch
from ringfleet.dispatch.recipients import Hasher, KeysMissing, Recipients, meet
from ringfleet.dispatch.relay import Relay
from ringfleet.dispatch.senders import Fleet, Senders
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.dispatch.tls import Certificate, follow_certificate
from ringfleet.dispatch.webhook_process.watch import WebhookWatch
from ringfleet.kube.client import Kube

KEYS_SECONDS = 30.0
"""How often the folder of keys is looked at."""
PRUNE_SECONDS = 3600.0
LONGEST_STICKY = 10 * 365 * 86400.0
"""The longest sticky.ttl that a set can say: contacts are kept for it."""

log = structlog.get_logger(__name__)

Ready = Callable[[Sequence[str]], None]


async def run_dispatcher(settings: DispatchSettings, ready: Ready) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is called with the URLs of picks, events and health once all listen.

    Raises:
        KubeError: there is no API server to talk to.
        LedgerUnavailable: the ledger can't be opened.
        KeysMissing: there is no key to hash recipients with, or the ledger has recipients under one that is not there.
        CertificateUnreadable: certificate and key can't be used.
        ValueError: the ledger's URL means none.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    hasher, keys = _hasher(settings)
    chain, key = settings.tls_cert, settings.tls_key
    certificate = Certificate(chain, key) if chain and key else None
    async with Kube.connect(settings.kubeconfig, settings.context) as kube, open_ledger(settings.ledger) as ledger:
        await meet(ledger, hasher(), remember=keys is not None)
        clock, metrics, watch = Clock(), Metrics(), LedgerWatch(ledger)
        metrics.on_ledger_failure(watch.failed)
        supply = settings.supply_namespaces or None
        inventory = Inventory(kube, ledger, clock, settings.namespaces or None, settings.system_namespace, supply)
        senders = Senders(kube, time.monotonic, supply, settings.profile_namespaces)
        authority: Authority = Anybody() if settings.dev_insecure else Cluster(kube, time.time, metrics)
        at = settings.advertise or settings.listen
        announcer = Announcer(kube, ledger, settings.system_namespace, settings.namespaces, at, time.monotonic)
        dev = settings.dev_insecure
        dispatcher = Dispatcher(ledger, inventory, authority, clock, hasher, metrics, dev, announcer)
        forward = Forward(dispatcher.app(), ledger, metrics, PICK_BYTES, settings.tls_cert)
        hashes = lambda number: hasher().hashes(number)  # noqa: E731 - by the keys that are in force then
        intake = Intake(ledger, Fleet(inventory), hashes, clock.now, metrics, senders.target_of, announcer)
        webhooks = WebhookWatch(settings, senders, intake, metrics, lambda: clock.ahead)
        clock.on_move(webhooks.tell_time)
        listeners = [
            Listener(forward, Address.parse(settings.listen), certificate, dispatcher.hot()),
            Listener(
                health_app(
                    *(metrics, inventory.synced.is_set, inventory.age),
                    *(lambda: watch.alive, lambda: webhooks.alive, announcer.obstacle),
                ),
                Address.parse(settings.health),
                certificate,
            ),
        ]
        background = [inventory.run(), senders.run(), watch.run(), webhooks.keep(), _prune(ledger, clock)]
        background += [_keep(inventory), announcer.run(), Relay(ledger, metrics, settings.relay_networks).run()]
        background += [_follow_keys(keys, ledger)] if keys else []
        background += [_forward_events(settings, ledger, clock, metrics)] if settings.analytics_url else []
        background += [follow_certificate(certificate)] if certificate else []
        async with _in_background(*background), webhooks.draining(), listening(listeners):
            urls = [listeners[0].url, webhooks.url, listeners[1].url]
            log.info("dispatcher serving", ledger=settings.ledger.partition(":")[0], urls=urls)
            await ledger.answer_at(settings.advertise or listeners[0].url)
            ready(urls)
            await stop.wait()
            log.info("dispatcher draining")
            webhooks.drain()
        await forward.close()
    log.info("dispatcher stopped")


def _forward_events(
    settings: DispatchSettings, ledger: Ledger, clock: Clock, metrics: Metrics
) -> Coroutine[Any, Any, None]:
    """Have each event kept from now on, and sent."""
    assert settings.analytics_url
    assert settings.analytics_secret
    ledger.forward_events()
    return Forwarding(ledger, settings.analytics_url, settings.analytics_secret, clock.now, metrics).run()


def _hasher(settings: DispatchSettings) -> tuple[Callable[[], Hasher], Recipients | None]:
    if settings.keys is None:
        made = Hasher((secrets.token_bytes(32),))
        return (lambda: made), None
    recipients = Recipients(settings.keys)
    return (lambda: recipients.hasher), recipients


@asynccontextmanager
async def _in_background(*jobs: Any) -> AsyncIterator[None]:
    """Run these beside the body, which ends when one of them fails."""
    tasks = [asyncio.create_task(job) for job in jobs]
    body = asyncio.current_task()
    assert body is not None
    for task in tasks:
        task.add_done_callback(partial(_end_with, body))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _end_with(body: asyncio.Task[Any], job: asyncio.Task[Any]) -> None:
    if not job.cancelled() and (error := job.exception()) is not None:
        log.error("a part of the dispatcher has failed", error=repr(error))
        body.cancel()


async def _keep(inventory: Inventory) -> None:
    """What is there once the inventory is read stays: no full collection, in the middle of picks, walks it again."""
    await inventory.synced.wait()
    gc.freeze()


async def _follow_keys(keys: Recipients, ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(KEYS_SECONDS)
        try:
            await keys.refresh(ledger)
        except (KeysMissing, LedgerUnavailable, OSError) as error:
            log.warning("keys not read: the old ones hold", error=str(error))


async def _prune(ledger: Ledger, clock: Clock) -> None:
    while True:
        await asyncio.sleep(PRUNE_SECONDS)
        with suppress(LedgerUnavailable):
            now = clock.now()
            log.info("ledger pruned", rows=await ledger.prune(now, now - LONGEST_STICKY))
