"""The root command; each command is a module of its own beside this one."""

from __future__ import annotations

import click

from ringfleet import __version__
from ringfleet.cli.crds import crds
from ringfleet.cli.operator import operator
from ringfleet.cli.simulator import simulator


@click.group()
@click.version_option(__version__, prog_name="ringfleet")
def main() -> None:
    """Fleets of phone numbers as Kubernetes resources."""


main.add_command(crds)
main.add_command(operator)
main.add_command(simulator)
