"""The root command; each command is a module of its own beside this one, imported when it is called.

So the operator does not load the simulator, nor the simulator Kubernetes.
"""

from __future__ import annotations

from importlib import import_module

import click

from ringfleet import __version__

COMMANDS = ("crds", "operator", "simulator")


class Commands(click.Group):
    """A group whose commands are found by name in `ringfleet.cli`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"ringfleet.cli.{cmd_name}"), cmd_name)
        return command


@click.command(cls=Commands)
@click.version_option(__version__, prog_name="ringfleet")
def main() -> None:
    """Fleets of phone numbers as Kubernetes resources."""
