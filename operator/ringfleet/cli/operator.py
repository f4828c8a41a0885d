"""`ringfleet operator`: keep the carriers' inventory equal to what the cluster declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfleet.kube.errors import KubeError
from ringfleet.loading import loading

if TYPE_CHECKING:
    from ringfleet.settings import Settings


@click.command()
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Serve this namespace. Repeatable; default: all.")
@click.option("--kubeconfig", type=click.Path(dir_okay=False, path_type=Path), help="Which cluster; else as kubectl.")
@click.option("--context", help="Which context of the kubeconfig.")
@click.option("--identity", help="Who holds leases: unique among replicas, stable across restarts. Default: host name.")
@click.option("--installation", help="The id that marks our numbers. Default: from the uid of namespace kube-system.")
@click.option("--health-host", help="Address of the liveness endpoint /healthz.")
@click.option("--health-port", type=int, help="Its port; 0 takes a free one.")
@click.option("--offers-host", help="Address at which carriers' offers are told, see --offers-port.")
@click.option("--offers-port", type=int, help="Its port; without it they are not told. 0 takes a free one.")
@click.option("--dev", is_flag=True, help="For a laptop: readable logs, a free health port.")
def operator(dev: bool, **options: Any) -> None:
    """Run the operator until SIGTERM."""
    with loading():
        from ringfleet.cli._shared.logging import configure_logs
        from ringfleet.settings import BadSettings, read_settings

    given = {name: value for name, value in options.items() if value not in (None, ())}
    if dev:
        given = {"log_format": "console", "health_port": 0} | given
    try:
        settings = read_settings(given)
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    configure_logs(settings.log_level, settings.log_format)
    try:
        run(settings)
    except (KubeError, OSError) as error:  # OSError: the health port is taken
        raise click.ClickException(str(error)) from error


def run(settings: Settings) -> None:
    """Run the operator in an event loop of its own.

    Raises:
        KubeError: there is no API server to talk to, or it refuses us.
        OSError: the health port can't be had.
    """
    with loading():
        import asyncio

        from ringfleet.handlers.start import run_operator

    asyncio.run(run_operator(settings))
