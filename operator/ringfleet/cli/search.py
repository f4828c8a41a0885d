"""`kubectl ringfleet search`: which numbers of a market carriers offer now, at which price.

`-o json` prints one object; amounts are text, in major units::

    country, type, areaCodes, capabilities, regions, localities, contains, near
    carriers   [{account, trouble, remark, unreadable,
                 offers: [{number, areaCode, region, capabilities, monthly, setup, currency, needsDocuments}]}]
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.carriers import AnyCase, Country, account_keys, account_option, complain
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.printing import Row, echo_heading, echo_json, echo_table, echo_yaml, one_line, plural
from ringfleet.model import E164, Capability, Market, NumberType, Offer

if TYPE_CHECKING:
    from ringfleet.dryrun.search import Answer, Wish
    from ringfleet.kube.client import Kube
    from ringfleet.model.digit_pattern import DigitPattern
    from ringfleet.model.places import Position

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
@account_option
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
    names: tuple[str, ...],
    cluster: Cluster,
    output: str,
) -> None:
    """List the numbers that carriers offer, those first that an order would take first. Nothing is held or bought.

    The carriers are asked live. One that can't be asked, or not for this, is named, the others are shown, and the exit
    code is 1.
    """
    from ringfleet.dryrun.search import Wish

    market = _market(country, type_, area_codes, capabilities, regions, localities)
    wish = Wish(market, _pattern(contains), _near(near))
    answers = _ask(cluster, names, wish, count)
    complain(answers)
    match output:
        case "json":
            echo_json(_as_json(wish, answers))
        case "yaml":
            echo_yaml(_as_json(wish, answers))
        case _:
            _show(wish, answers)
    sys.exit(1 if any(answer.trouble for answer in answers) else 0)


def _market(
    country: str,
    type_: str,
    area_codes: tuple[str, ...],
    capabilities: tuple[str, ...],
    regions: tuple[str, ...],
    localities: tuple[str, ...],
) -> Market:
    """What is asked for.

    Raises:
        click.BadParameter: the country has no such area codes or states.
    """
    from ringfleet.model.numbering import misspelt_area_codes, unknown_area_codes

    codes = tuple(dict.fromkeys(area_codes))
    states = tuple(dict.fromkeys(region.upper() for region in regions))
    cities = tuple(dict.fromkeys(localities))
    able = frozenset(map(Capability, capabilities))
    market = Market(country, NumberType(type_), codes, able, regions=states, localities=cities)
    if wrong := misspelt_area_codes(country, codes):
        raise click.BadParameter(wrong, param_hint="--area-code")
    if unknown := unknown_area_codes(market):
        raise click.BadParameter(
            f"{country} has no {market.type} numbers in {', '.join(unknown)}", param_hint="--area-code"
        )
    _refuse_unknown_states(country, states)
    return market


def _refuse_unknown_states(country: str, states: tuple[str, ...]) -> None:
    from ringfleet.model.places import regions_of

    known = regions_of(country)
    if not (unknown := [state for state in states if state not in known]):
        return
    if not known:
        raise click.BadParameter(
            f"numbers of {country} are told apart by no state here: use --locality or --area-code",
            param_hint="--region",
        )
    raise click.BadParameter(
        f"{country} has no {', '.join(unknown)}: write the two letters of a state or province, such as {known[0]}",
        param_hint="--region",
    )


def _pattern(text: str | None) -> DigitPattern | None:
    from ringfleet.model.digit_pattern import DigitPattern

    try:
        return None if text is None else DigitPattern.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--contains") from error


def _near(text: str | None) -> E164 | Position | None:
    from ringfleet.model.places import Position

    try:
        return None if text is None else E164.parse(text) if text.startswith("+") else Position.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; or write a number with its +", param_hint="--near") from error


def _ask(cluster: Cluster, names: tuple[str, ...], wish: Wish, count: int) -> tuple[Answer, ...]:
    """What each account offers.

    Raises:
        click.ClickException: there is no such account.
    """
    from ringfleet.dryrun.account_access import AccountUnusable

    try:
        namespace, answers = cluster.run(partial(_asked, names, wish, count))
    except AccountUnusable as error:
        raise click.ClickException(str(error)) from error
    if not answers:
        raise click.ClickException(f"namespace {namespace} has no CarrierAccount: name one of another with --account")
    return answers


async def _asked(
    names: tuple[str, ...], wish: Wish, count: int, kube: Kube, namespace: str
) -> tuple[str, tuple[Answer, ...]]:
    from ringfleet.dryrun.search import search_carriers

    return namespace, await search_carriers(kube, namespace, account_keys(names, namespace), wish, count)


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


def _as_json(wish: Wish, answers: tuple[Answer, ...]) -> dict[str, Any]:
    market = wish.market
    return {
        "country": market.country,
        "type": market.type,
        "areaCodes": list(market.area_codes),
        "capabilities": sorted(market.capabilities),
        "regions": list(market.regions),
        "localities": list(market.localities),
        "contains": str(wish.contains) if wish.contains else None,
        "near": str(wish.near) if wish.near else None,
        "carriers": [_answer_as_json(answer) for answer in answers],
    }


def _answer_as_json(answer: Answer) -> dict[str, Any]:
    found = answer.answer
    return {
        "account": str(answer.account),
        "trouble": answer.trouble or None,
        "remark": found.remark or None if found else None,
        "unreadable": [one_line(row.reason) for row in found.unreadable] if found else [],
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
