"""What every command that talks to a cluster shares: `-n`, `--kubeconfig`, `--context`, the connection, and its errors.

    @click.command()
    @cluster_options
    @output_option()
    def status(cluster: Cluster, output: str) -> None:
        found = cluster.run(look)          # async def look(kube: Kube, namespace: str) -> ...

An error of the API server is one line on stderr and the exit code 1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ringfleet.kube.errors import KubeError

if TYPE_CHECKING:
    from ringfleet.kube.client import Kube

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which API server a command talks to, as whom, and in which namespace it looks when none is said."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None

    def run(self, work: Callable[[Kube, str], Awaitable[T]], *, dry_run: bool = False) -> T:
        """Do `work` with a connection and the namespace, in an event loop of its own.

        `dry_run`: no write of this connection is kept by the API server.

        Raises:
            click.ClickException: the API server can't be reached, or refuses.
        """
        import asyncio

        try:
            with _unlogged():
                return asyncio.run(self._connected(work, dry_run))
        except KubeError as error:
            raise click.ClickException(error.verbatim or str(error)) from error

    async def _connected(self, work: Callable[[Kube, str], Awaitable[T]], dry_run: bool) -> T:
        from ringfleet.kube.client import Kube
        from ringfleet.kube.config import default_namespace

        namespace = self.namespace or default_namespace(self.kubeconfig, self.context)
        async with Kube.connect(self.kubeconfig, self.context, dry_run=dry_run) as kube:
            return await work(kube, namespace)


@contextmanager
def _unlogged() -> Iterator[None]:
    """What a command has to say it prints; the log is the operator's."""
    import logging

    import structlog

    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the three options, which it gets as one `cluster`."""

    @click.option("-n", "--namespace", help="The namespace. Default: that of the kubeconfig's context.")
    @click.option(
        "--kubeconfig", type=click.Path(dir_okay=False, path_type=Path), help="Which cluster; else as kubectl."
    )
    @click.option("--context", help="Which context of the kubeconfig.")
    @wraps(command)
    def with_cluster(*, namespace: str | None, kubeconfig: Path | None, context: str | None, **options: Any) -> Any:
        return command(cluster=Cluster(kubeconfig, context, namespace), **options)

    return with_cluster


def output_option(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `-o`: a table, JSON, and the further `formats`. It gets the chosen one as `output`."""
    choice = click.Choice(["table", "json", *formats])
    return click.option("-o", "--output", type=choice, default="table", show_default=True, help="How it is printed.")


def system_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the namespace of the operator itself, where a freeze of everything is; as `system_namespace`."""
    return click.option(
        "--system-namespace",
        envvar="RINGFLEET_SYSTEM_NAMESPACE",
        default="ringfleet-system",
        show_default=True,
        help="Where the operator itself is, and a freeze of everything.",
    )(command)
