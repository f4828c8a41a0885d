"""`kubectl ringfleet search`: which numbers of a market carriers offer now, at which price.

`-o json` prints one object; amounts are text, in major units::

    country, type, areaCodes, capabilities, regions, localities, contains, near
    askedBy    operator, or secret: this command has asked, with the right to the accounts' Secrets
    carriers   [{account, trouble, remark, unreadable,
                 offers: [{number, areaCode, region, capabilities, monthly, setup, currency, needsDocuments}]}]
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ringfleet.cli._shared.carriers import AnyCase, Country, account_keys, account_option, complain
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option, system_option
from ringfleet.cli._shared.printing import Row, echo_heading, echo_json, echo_table, echo_yaml, one_line, plural
from ringfleet.model import Capability, NumberType

if TYPE_CHECKING:
    from ringfleet.dryrun.search import Answer
    from ringfleet.kube.client import Kube
    from ringfleet.model import Offer
    from ringfleet.objects.offers import Wish

COLUMNS = ("Number", "Area code", "Region", "Capabilities", "Monthly", "Setup", "Currency", "Documents")
SHOWN = 20
MOST = 1000


@click.command()
@click.argument("country", type=Country())
@click.option(
    "--type",
    "type_",
    type=AnyCase(NumberType),
    default=str(NumberType.GEOGRAPHIC),
    show_default=True,
    help="Of numbers.",
)
@click.option("--area-code", "area_codes", multiple=True, help="In order of preference. Repeatable.")
@click.option(
    "--capability", "capabilities", multiple=True, type=AnyCase(Capability), help="That they must have. Repeatable."
)
@click.option("--region", "regions", multiple=True, help="State or province, such as CA or ON. Repeatable.")
@click.option("--locality", "localities", multiple=True, help="City, as the carrier writes it. Repeatable.")
@click.option("--contains", help="Digits: 0-9, letters as on a telephone's keys, * for any one, $ behind for the end.")
@click.option("--near", help="Close to a number, or to LATITUDE,LONGITUDE, where the carrier can search so.")
@click.option(
    "--count", type=click.IntRange(1, MOST), default=SHOWN, show_default=True, help="At most, of each account."
)
@click.option(
    "--via",
    type=click.Choice(["auto", "operator", "secret"]),
    default="auto",
    show_default=True,
    help="Who asks the carriers: the operator, or this command with your own right to the accounts' Secrets. "
    "Auto: the operator where it can be asked.",
)
@click.option(
    "--offers-url",
    envvar="RINGFLEET_OFFERS_URL",
    help="Where the operator tells offers, as by a port-forward. Default: through the API server.",
)
@account_option
@system_option
@cluster_options
@output_option("yaml")
def search(
    country: str,
    type_: str,
    area_codes: tuple[str, ...],
    capabilities: tuple[str, ...],
    regions: tuple[str, ...],
    localities: tuple[str, ...],
    contains: str | None,
    near: str | None,
    count: int,
    via: str,
    offers_url: str | None,
    names: tuple[str, ...],
    system_namespace: str,
    cluster: Cluster,
    output: str,
) -> None:
    """List the numbers that carriers offer, those first that an order would take first. Nothing is held or bought.

    The carriers are asked live. One that can't be asked, or not for this, is named, the others are shown, and the exit
    code is 1.
    """
    wish = _wish(
        country=country,
        type=type_,
        areaCodes=list(area_codes),
        capabilities=list(capabilities),
        regions=list(regions),
        localities=list(localities),
        contains=contains,
        near=near,
    )
    asker = Asker(via, offers_url, system_namespace)
    answers, by = _ask(cluster, asker, names, wish, count)
    complain(answers)
    match output:
        case "json":
            echo_json(_as_json(wish, answers, by))
        case "yaml":
            echo_yaml(_as_json(wish, answers, by))
        case _:
            _show(wish, answers)
            if by == "operator":
                click.echo("The operator has asked: no right to a Secret was needed.")
    sys.exit(1 if any(answer.trouble for answer in answers) else 0)


def _wish(**said: Any) -> Wish:
    """What is asked for. Raises click.BadParameter for what can't be meant."""
    from ringfleet.objects.offers import BadWish, parse_wish

    try:
        return parse_wish(said)
    except BadWish as error:
        raise click.BadParameter(str(error), param_hint=_OPTIONS.get(error.field)) from error


_OPTIONS = {
    "areaCodes": "--area-code",
    "regions": "--region",
    "localities": "--locality",
    "contains": "--contains",
    "near": "--near",
}
"""The option of each field."""


class Asker(NamedTuple):
    """Who is to ask the carriers, and how the operator is reached."""

    via: str
    url: str | None
    system_namespace: str


def _ask(
    cluster: Cluster, asker: Asker, names: tuple[str, ...], wish: Wish, count: int
) -> tuple[tuple[Answer, ...], str]:
    """What each account offers, and who has asked: operator or secret.

    Raises:
        click.ClickException: there is no such account, or the operator alone was to be asked and can't be.
    """
    from ringfleet.dryrun.account_access import AccountUnusable
    from ringfleet.dryrun.operator_offers import OffersRefused, OffersUnreachable

    try:
        namespace, answers, by = cluster.run(partial(_asked, asker, names, wish, count))
    except (AccountUnusable, OffersUnreachable, OffersRefused) as error:
        raise click.ClickException(one_line(str(error))) from error
    if not answers:
        raise click.ClickException(f"namespace {namespace} has no CarrierAccount: name one of another with --account")
    return answers, by


async def _asked(
    asker: Asker, names: tuple[str, ...], wish: Wish, count: int, kube: Kube, namespace: str
) -> tuple[str, tuple[Answer, ...], str]:
    from ringfleet.dryrun.operator_offers import OffersUnreachable, Reach, search_by_operator
    from ringfleet.dryrun.search import search_carriers

    keys, reach = account_keys(names, namespace), Reach(asker.system_namespace, asker.url)
    if asker.via != "secret":
        try:
            return namespace, await search_by_operator(kube, namespace, keys, wish, count, reach), "operator"
        except OffersUnreachable as error:
            if asker.via == "operator":
                raise
            if asker.url:  # who names an address expects an answer from there
                click.echo(
                    f"The operator can't be asked, so your own rights are used: {one_line(str(error))}", err=True
                )
    return namespace, await search_carriers(kube, namespace, keys, wish, count), "secret"


def _show(wish: Wish, answers: tuple[Answer, ...]) -> None:
    for answer in answers:
        if answer.answer is not None:
            offers, unreadable = answer.answer.offers, answer.answer.unreadable
            more = f"; {plural(len(unreadable), 'row')} of its answer can't be read" if unreadable else ""
            echo_heading(f"{answer.account}: {plural(len(offers), 'number')} for {_words(wish)}{more}")
            if answer.answer.remark:
                click.echo(answer.answer.remark)
            echo_table(COLUMNS, [_row(offer) for offer in offers])


def _words(wish: Wish) -> str:
    able = " with ".join(filter(None, (str(wish.market), ", ".join(sorted(wish.market.capabilities)))))
    digits = f" containing {wish.contains}" if wish.contains else ""
    return one_line(able + digits + (f" near {wish.near}" if wish.near else ""))


def _row(offer: Offer) -> Row:
    price = offer.price
    amounts = (f"{price.monthly.amount:f}", f"{price.setup.amount}", price.monthly.currency)
    able = ", ".join(sorted(offer.capabilities))
    place = one_line(offer.region or "")
    return (str(offer.number), offer.area_code, place, able, *amounts, "needed" if offer.needs_documents else None)


def _as_json(wish: Wish, answers: tuple[Answer, ...], by: str) -> dict[str, Any]:
    from ringfleet.objects.offers import answer_json, wish_json

    told = [answer_json(str(answer.account), answer.answer, answer.trouble) for answer in answers]
    return {**wish_json(wish), "askedBy": by, "carriers": told}
