"""`kubectl ringfleet search`: which numbers of a market carriers offer now, at which price.

`-o json` prints one object; amounts are text, in major units::

    country, type, areaCodes, capabilities
    carriers   [{account, trouble, unreadable,
                 firstYear: [{amount, currency}] (of one number, setup included, on the average of these offers),
                 offers: [{number, areaCode, region, capabilities, monthly, setup, currency, needsDocuments}]}]
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.carriers import AnyCase, Country, account_keys, account_option, complain
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.printing import Row, echo_heading, echo_json, echo_table, one_line, plural
from ringfleet.model import Capability, Market, Money, NumberType, Offer

if TYPE_CHECKING:
    from ringfleet.dryrun.search import Answer
    from ringfleet.kube.client import Kube

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
@click.option(
    "--count", type=click.IntRange(1, MOST), default=SHOWN, show_default=True, help="At most, of each account."
)
@account_option
@cluster_options
@output_option()
def search(
    country: str,
    type_: str,
    area_codes: tuple[str, ...],
    capabilities: tuple[str, ...],
    count: int,
    names: tuple[str, ...],
    cluster: Cluster,
    output: str,
) -> None:
    """List the numbers that carriers offer, those first that an order would take first. Nothing is held or bought.

    The carriers are asked live. One that can't be asked is named, the others are shown, and the exit code is 1.
    """
    market = _market(country, type_, area_codes, capabilities)
    answers = _ask(cluster, names, market, count)
    complain(answers)
    if output == "json":
        echo_json(_as_json(market, answers))
    else:
        _show(market, answers)
    sys.exit(1 if any(answer.trouble for answer in answers) else 0)


def _market(country: str, type_: str, area_codes: tuple[str, ...], capabilities: tuple[str, ...]) -> Market:
    """What is asked for.

    Raises:
        click.BadParameter: the country has no such area codes.
    """
    from ringfleet.model.numbering import misspelt_area_codes, unknown_area_codes

    codes = tuple(dict.fromkeys(area_codes))
    market = Market(country, NumberType(type_), codes, frozenset(map(Capability, capabilities)))
    if wrong := misspelt_area_codes(country, codes):
        raise click.BadParameter(wrong, param_hint="--area-code")
    if unknown := unknown_area_codes(market):
        raise click.BadParameter(
            f"{country} has no {market.type} numbers in {', '.join(unknown)}", param_hint="--area-code"
        )
    return market


def _ask(cluster: Cluster, names: tuple[str, ...], market: Market, count: int) -> tuple[Answer, ...]:
    """What each account offers.

    Raises:
        click.ClickException: there is no such account.
    """
    from ringfleet.dryrun.account_access import AccountUnusable

    try:
        namespace, answers = cluster.run(partial(_asked, names, market, count))
    except AccountUnusable as error:
        raise click.ClickException(str(error)) from error
    if not answers:
        raise click.ClickException(f"namespace {namespace} has no CarrierAccount: name one of another with --account")
    return answers


async def _asked(
    names: tuple[str, ...], market: Market, count: int, kube: Kube, namespace: str
) -> tuple[str, tuple[Answer, ...]]:
    from ringfleet.dryrun.search import search_carriers

    return namespace, await search_carriers(kube, namespace, account_keys(names, namespace), market, count)


def _show(market: Market, answers: tuple[Answer, ...]) -> None:
    for answer in answers:
        if answer.answer is not None:
            offers, unreadable = answer.answer.offers, answer.answer.unreadable
            more = f"; {plural(len(unreadable), 'row')} of its answer can't be read" if unreadable else ""
            cost = "".join(f"; {year(one)} {one.currency} each in its first year" for one in costs(market, offers))
            echo_heading(f"{answer.account}: {plural(len(offers), 'number')} for {_words(market)}{cost}{more}")
            echo_table(COLUMNS, [_row(offer) for offer in offers])


def costs(market: Market, offers: tuple[Offer, ...]) -> tuple[Money, ...]:
    """What one of them costs, as a pool compares its carriers by price."""
    from ringfleet.plan.number_pool.preference import costs_in

    return costs_in(market, offers)


def year(cost: Money) -> str:
    """To the cent."""
    return f"{cost.amount:.2f}"


def _words(market: Market) -> str:
    able = " with ".join(filter(None, (str(market), ", ".join(sorted(market.capabilities)))))
    return one_line(able)


def _row(offer: Offer) -> Row:
    price = offer.price
    amounts = (f"{price.monthly.amount:f}", f"{price.setup.amount}", price.monthly.currency)
    able = ", ".join(sorted(offer.capabilities))
    place = one_line(offer.region or "")
    return (str(offer.number), offer.area_code, place, able, *amounts, "needed" if offer.needs_documents else None)


def _as_json(market: Market, answers: tuple[Answer, ...]) -> dict[str, Any]:
    return {
        "country": market.country,
        "type": market.type,
        "areaCodes": list(market.area_codes),
        "capabilities": sorted(market.capabilities),
        "carriers": [_answer_as_json(market, answer) for answer in answers],
    }


def _answer_as_json(market: Market, answer: Answer) -> dict[str, Any]:
    found = answer.answer
    return {
        "account": str(answer.account),
        "trouble": answer.trouble or None,
        "unreadable": [one_line(row.reason) for row in found.unreadable] if found else [],
        "firstYear": [
            {"amount": year(one), "currency": one.currency} for one in costs(market, found.offers if found else ())
        ],
        "offers": [_offer_as_json(offer) for offer in found.offers] if found else [],
    }


def _offer_as_json(offer: Offer) -> dict[str, Any]:
    return {
        "number": str(offer.number),
        "areaCode": offer.area_code,
        "region": offer.region,
        "capabilities": sorted(offer.capabilities),
        "monthly": f"{offer.price.monthly.amount:f}",
        "setup": f"{offer.price.setup.amount:f}",
        "currency": offer.price.monthly.currency,
        "needsDocuments": offer.needs_documents,
    }
