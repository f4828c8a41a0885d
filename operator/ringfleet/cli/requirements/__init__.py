"""`kubectl ringfleet requirements`: what each carrier asks for before numbers of a market may live.

`-o yaml` prints a ComplianceBundle to be filled in (`cli/requirements/skeleton.py`). `-o json` prints one object::

    country, type, endUser
    carriers   [{account, sold, reviewHours, trouble, requirements: [{id, subject, description, satisfiedBy}]}]
"""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.carriers import AnyCase, Country, account_keys, account_option, complain
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.printing import echo_heading, echo_json, echo_table, one_line, plural
from ringfleet.cli.requirements.skeleton import as_yaml
from ringfleet.model import NumberType
from ringfleet.model.compliance import EndUserType, Requirement, Subject
from ringfleet.plan.compliance_bundle.requirements import describe

if TYPE_CHECKING:
    from ringfleet.dryrun.requirements import Answer, Question
    from ringfleet.kube.client import Kube

COLUMNS = ("Requirement", "About", "What", "Satisfied by")
PLACES = {Subject.END_USER: "spec.endUser.attributes", Subject.ADDRESS: "spec.address"}
HOUR = timedelta(hours=1)
MOST_CARRIERS = 10
"""That a ComplianceBundle may name."""


@click.command()
@click.argument("country", type=Country())
@click.option(
    "--type",
    "type_",
    required=True,
    type=AnyCase(NumberType),
    help="Of numbers.",
)
@click.option(
    "--end-user",
    type=AnyCase(EndUserType),
    default=str(EndUserType.BUSINESS),
    show_default=True,
    help="Who uses them.",
)
@account_option
@cluster_options
@output_option("yaml")
def requirements(
    country: str, type_: str, end_user: str, names: tuple[str, ...], cluster: Cluster, output: str
) -> None:
    """List what each carrier asks for before it lets numbers of a country live; with -o yaml, as a bundle to fill in.

    The carriers are asked live, and nothing is changed. A carrier that can't be asked is named, the others are shown,
    and the exit code is 1.
    """
    from ringfleet.dryrun.requirements import Question

    question = Question(country, NumberType(type_), EndUserType(end_user))
    namespace, answers = _ask(cluster, names, question)
    complain(answers)
    match output:
        case "yaml":
            click.echo(_skeleton(question, namespace, answers))
        case "json":
            echo_json(_as_json(question, answers))
        case _:
            _show(question, answers)
    sys.exit(1 if any(answer.trouble for answer in answers) else 0)


def _ask(cluster: Cluster, names: tuple[str, ...], question: Question) -> tuple[str, tuple[Answer, ...]]:
    """The namespace that was looked in, and the answers.

    Raises:
        click.ClickException: there is no such account, or no carrier sells such numbers.
    """
    from ringfleet.dryrun.account_access import AccountUnusable

    try:
        namespace, answers = cluster.run(partial(_asked, names, question))
    except AccountUnusable as error:
        raise click.ClickException(str(error)) from error
    if not answers:
        raise click.ClickException(f"namespace {namespace} has no CarrierAccount: name one of another with --account")
    if not any(answer.answer or answer.trouble for answer in answers):
        asked = ", ".join(str(answer.account) for answer in answers)
        raise click.ClickException(f"no {question.type} numbers in {question.country} are sold by {asked}")
    return namespace, answers


async def _asked(
    names: tuple[str, ...], question: Question, kube: Kube, namespace: str
) -> tuple[str, tuple[Answer, ...]]:
    from ringfleet.dryrun.requirements import ask_carriers

    return namespace, await ask_carriers(kube, namespace, account_keys(names, namespace), question)


def _skeleton(question: Question, namespace: str, answers: tuple[Answer, ...]) -> str:
    """The bundle for the carriers that ask for something."""
    asking = [(one.account, one.answer) for one in answers if one.answer and one.answer.requirements]
    if not asking:
        raise click.ClickException("there is no bundle to write: no carrier that answered asks for anything")
    if len(asking) > MOST_CARRIERS:
        raise click.ClickException(f"a bundle names at most {MOST_CARRIERS} carriers: choose them with --account")
    return as_yaml(question, namespace, asking)


def _show(question: Question, answers: tuple[Answer, ...]) -> None:
    for answer in answers:
        if not answer.trouble:
            echo_heading(_headline(question, answer))
            found = answer.answer.requirements if answer.answer else ()
            echo_table(COLUMNS, [_row(requirement) for requirement in found])


def _headline(question: Question, answer: Answer) -> str:
    what = f"{question.type} numbers in {question.country} for {question.end_user}"
    if answer.answer is None:
        return f"{answer.account}: sells no {question.type} numbers in {question.country}"
    if not answer.answer.requirements:
        return f"{answer.account}: asks for nothing for {what}"
    review = answer.answer.review
    takes = "it does not say how long its review takes" if review is None else f"its review takes {_hours(review)}"
    return f"{answer.account}: {plural(len(answer.answer.requirements), 'requirement')} for {what}; {takes}"


def _hours(time: timedelta) -> str:
    return f"about {plural(round(time / HOUR), 'hour')}"


def _row(requirement: Requirement) -> tuple[str, ...]:
    said = (requirement.id, str(requirement.subject), requirement.description, _satisfied_by(requirement))
    return tuple(one_line(text) for text in said)


def _satisfied_by(requirement: Requirement) -> str:
    if requirement.subject is Subject.DOCUMENT:
        return describe(requirement)
    return f"{', '.join(requirement.attributes)} in {PLACES[requirement.subject]}"


def _as_json(question: Question, answers: tuple[Answer, ...]) -> dict[str, Any]:
    carriers = [_answer_as_json(answer) for answer in answers]
    return {"country": question.country, "type": question.type, "endUser": question.end_user, "carriers": carriers}


def _answer_as_json(answer: Answer) -> dict[str, Any]:
    found = answer.answer
    review = found.review / HOUR if found and found.review is not None else None
    return {
        "account": str(answer.account),
        "sold": None if answer.trouble else found is not None,
        "reviewHours": review,
        "trouble": answer.trouble or None,
        "requirements": [dict(zip(FIELDS, _row(one), strict=True)) for one in (found.requirements if found else ())],
    }


FIELDS = ("id", "subject", "description", "satisfiedBy")
