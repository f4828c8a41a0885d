"""The root command; each command is a module of its own beside this one, imported when it is called.

So the operator does not load the simulator, nor the simulator Kubernetes. And since `--help` imports every command, the
modules of this room import at their top only what is cheap: what a command works with (Kubernetes, our kinds, a server)
is imported inside its functions. The same program is `ringfleet` and, as `kubectl-ringfleet` on the PATH, `kubectl
ringfleet`.
"""

from __future__ import annotations

from importlib import import_module

import click

from ringfleet import __version__

COMMANDS = (
    "acknowledge",
    "adopt",
    "approve",
    "crds",
    "dispatch",
    "freeze",
    "idle",
    "ledger",
    "operator",
    "order",
    "plan",
    "release",
    "requirements",
    "search",
    "simulator",
    "size",
    "status",
    "thaw",
    "tree",
)


class WrongUsage(click.UsageError):
    """The command line can't be understood. Ends with 1, because 2 is how a plan says that it has changes."""

    exit_code = 1


class Commands(click.Group):
    """A group whose commands are found by name in `ringfleet.cli`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"ringfleet.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; being called wrongly is an error like any other."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise WrongUsage(error.format_message(), error.ctx) from error


@click.command(cls=Commands)
@click.version_option(__version__, prog_name="ringfleet")
def main() -> None:
    """Fleets of phone numbers as Kubernetes resources."""
