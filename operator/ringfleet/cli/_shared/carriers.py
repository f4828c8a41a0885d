"""What commands share that ask carriers about a market: its country, which accounts, and who can't be asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.printing import one_line
from ringfleet.model import AccountKey

if TYPE_CHECKING:
    from ringfleet.dryrun.account_access import Told


class Country(click.ParamType[str]):
    """An ISO 3166-1 alpha-2 code, in any case."""

    name = "country"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from ringfleet.model.numbering import countries

        if (code := str(value).upper()) not in countries():
            self.fail(f"{value!r} is no country: write its ISO 3166-1 alpha-2 code, such as DE or GB", param, ctx)
        return code


class AnyCase(click.Choice[str]):
    """One of the values of an enum, in any case; what is none is told how manifests spell them."""

    def __init__(self, values: Iterable[str]) -> None:
        super().__init__([str(value) for value in values], case_sensitive=False)

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's
        return f"{value!r} is not one of {', '.join(map(repr, self.choices))}"


account_option = click.option(
    "--account", "names", multiple=True, help="Only this CarrierAccount (NAME or NAMESPACE/NAME). Repeatable."
)


def account_keys(names: Iterable[str], namespace: str) -> tuple[AccountKey, ...]:
    """The accounts that were named, each once; those without a namespace are in `namespace`."""
    return tuple(dict.fromkeys(_key(name, namespace) for name in names))


def _key(name: str, namespace: str) -> AccountKey:
    home, slash, rest = name.partition("/")
    return AccountKey(home, rest) if slash else AccountKey(namespace, name)


def complain(told: Iterable[Told[Any]]) -> None:
    """Name the carriers that can't be asked, on stderr."""
    for one in told:
        if one.trouble:
            click.echo(f"{one.account} can't be asked: {one_line(one.trouble)}", err=True)
