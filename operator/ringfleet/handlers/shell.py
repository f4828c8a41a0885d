"""The Kopf shell: it watches the intents and puts what it hears into the fleet. Nothing is decided here.

Only `on.event` handlers: they write nothing, leave no annotation, and keep no state (create, update and resume
handlers, timers, daemons and indexes each cost a write or a task an object). Kopf does not watch PhoneNumbers at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import kopf

from ringfleet.api.meta import GROUP, VERSION
from ringfleet.controllers.fleet import INTENTS
from ringfleet.controllers.services import Services
from ringfleet.kube.config import Credentials


def build_registry(services: Services) -> kopf.OperatorRegistry:
    """Handlers for every intent kind."""
    registry = kopf.OperatorRegistry()

    async def on_event(type: str | None, body: kopf.Body, resource: kopf.Resource, **_: Any) -> None:
        kind = resource.kind or ""
        services.intent_watches.heard(kind)
        services.fleet.learn(kind, dict(body), deleted=type == "DELETED")

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return _connection(await services.kube.credentials())

    for model in INTENTS:
        kopf.on.event(GROUP, VERSION, model.plural, registry=registry)(on_event)
    return registry


def _connection(credentials: Credentials) -> kopf.ConnectionInfo:
    """Kopf logs in as our own door does."""
    return kopf.ConnectionInfo(
        server=credentials.server,
        ca_path=credentials.ca_path,
        scheme=credentials.scheme,
        token=credentials.token,
        certificate_path=credentials.certificate_path,
        private_key_path=credentials.private_key_path,
        insecure=credentials.insecure,
    )


class NoDiffs(kopf.DiffBaseStorage):
    """Nothing to compare an object with: our handlers ask what is, not what changed, and Kopf need not copy it."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


def build_settings() -> kopf.OperatorSettings:
    """Kopf for many objects and a small footprint: paged lists, short-lived workers, no scan of the cluster."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.watching.chunk_size = 500
    settings.queueing.idle_timeout = 0.2
    settings.queueing.exit_timeout = 1.0
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = NoDiffs()
    return settings


async def run_shell(services: Services, stop: asyncio.Event, begun: Callable[[], None]) -> None:
    """Watch until `stop` is set. Kopf takes SIGTERM and SIGINT for itself; from `begun` on they can be taken back."""
    namespaces = services.settings.namespaces
    others = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=build_registry(services),
        settings=build_settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        stop_flag=stop,
    )
    begun()
    await kopf.run_tasks(tasks, ignored=others)
