"""`ringfleet dispatch`: answer at call time which number to use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfleet.kube.errors import KubeError
from ringfleet.loading import loading

if TYPE_CHECKING:
    from ringfleet.dispatch.settings import DispatchSettings

SWITCH_SECONDS = 0.0005
"""How long one thread keeps the interpreter while another wants it: loop and ledger take short turns."""


@click.command()
@click.option("--ledger", help="sqlite:PATH, or the URL of a PostgreSQL database.")
@click.option("--listen", help="Address where picks are answered.  [default: 127.0.0.1:8095]")
@click.option("--events", help="Address where carriers' webhooks come in.  [default: 127.0.0.1:8096]")
@click.option("--events-url", help="Base URL by which carriers reach --events, for those that sign the URL.")
@click.option("--trust-forwarded", is_flag=True, help="Else read it from X-Forwarded-*, which a proxy in front sets.")
@click.option("--health", help="Address of /healthz, /readyz and /metrics.  [default: 127.0.0.1:8097]")
@click.option("--advertise", help="URL by which other dispatchers of a PostgreSQL ledger reach this one.")
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Serve this namespace. Repeatable; default: all.")
@click.option(
    "--supply-namespace",
    "supply_namespaces",
    multiple=True,
    help="Look for pools, numbers and accounts in this namespace only. Repeatable; default: all.",
)
@click.option("--keys", type=click.Path(file_okay=False, path_type=Path), help="Folder of the keys for recipients.")
@click.option("--tls-cert", type=click.Path(dir_okay=False, path_type=Path), help="Certificate of all listeners, PEM.")
@click.option("--tls-key", type=click.Path(dir_okay=False, path_type=Path), help="Its key; both are read when renewed.")
@click.option("--analytics-url", help="Send every carrier event there too, as CloudEvents.")
@click.option(
    "--analytics-secret", type=click.Path(dir_okay=False, path_type=Path), help="File of the secret that signs them."
)
@click.option(
    "--relay-network",
    "relay_networks",
    multiple=True,
    help="Relay carriers' requests to this network too, such as 10.20.0.0/16. Repeatable; default: the internet.",
)
@click.option("--kubeconfig", type=click.Path(dir_okay=False, path_type=Path), help="Which cluster; else as kubectl.")
@click.option("--context", help="Which context of the kubeconfig.")
@click.option("--dev-insecure", is_flag=True, help="On loopback only: ask for no tokens, let the clock be moved.")
@click.option("--openapi", is_flag=True, help="Print the OpenAPI document of the HTTP API, and serve nothing.")
def dispatch(openapi: bool, **options: Any) -> None:
    """Serve until SIGTERM. Prints one line with its URLs (picks, events, health) when it listens."""
    if openapi:
        from ringfleet.dispatch.openapi import write_document

        click.echo(write_document(), nl=False)
        return
    _serve(_settings(options))


def _settings(options: dict[str, Any]) -> DispatchSettings:
    with loading():
        from pydantic import ValidationError

        from ringfleet.dispatch.settings import DispatchSettings

    given = {name: value for name, value in options.items() if value not in (None, (), False)}
    try:
        return DispatchSettings(**given)
    except ValidationError as error:
        raise click.ClickException("; ".join(one["msg"] for one in error.errors())) from error


def _serve(settings: DispatchSettings) -> None:
    with loading():
        import uvloop

        from ringfleet.cli._shared.logging import configure_logs
        from ringfleet.dispatch.ledger.interface import LedgerUnavailable
        from ringfleet.dispatch.recipients import KeysMissing
        from ringfleet.dispatch.serve import run_dispatcher

    configure_logs(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        uvloop.run(run_dispatcher(settings, lambda urls: click.echo(" ".join(urls))))
    except (KubeError, LedgerUnavailable, KeysMissing, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
