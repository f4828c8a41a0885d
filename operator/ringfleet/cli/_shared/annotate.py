"""A person's word, written as an annotation: what is shown before, the question, and the write.

Each object is written at the version that was shown, so nobody says yes to what has changed meanwhile. Beside the word
stands who has said it, and goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.cluster import Cluster
from ringfleet.cli._shared.printing import echo_json, plural
from ringfleet.kube.errors import Conflict

if TYPE_CHECKING:
    from ringfleet.api.meta import Resource
    from ringfleet.kube.client import Kube


@dataclass(frozen=True, slots=True)
class Word:
    """One annotation to write. `value` None takes it off. `remarks` are what the person should know before.

    `whatever`: it is written over any version, because it holds whatever has changed meanwhile.
    """

    obj: Resource
    annotation: str
    value: str | None
    remarks: tuple[str, ...] = ()
    whatever: bool = False

    @property
    def named(self) -> str:
        return f"{self.obj.__class__.__name__} {self.obj.key}"

    @property
    def said_already(self) -> bool:
        return self.obj.metadata.annotations.get(self.annotation) == self.value


def give(cluster: Cluster, words: Sequence[Word], question: str, *, sure: bool, output: str) -> None:
    """Show what is to be said, ask unless `sure`, write it, and tell what was written.

    `question` has a place for the objects in words: "Give back {}?".

    Raises:
        click.Abort: the person said no.
        click.ClickException: an object has changed meanwhile, or the API server refuses.
    """
    news = [word for word in words if not word.said_already]
    for remark in (f"{word.named}: {remark}" for word in words for remark in word.remarks):
        click.echo(remark, err=output == "json")
    if news and not sure:
        click.confirm(question.format(plural(len(news), "object")), abort=True, err=output == "json")
    cluster.run(lambda kube, _: _write_all(kube, news))
    if output == "json":
        echo_json([_json(word) for word in words])
        return
    for word in words:
        click.echo(f"{word.named}: {_done(word)}")


async def _write_all(kube: Kube, words: Sequence[Word]) -> None:
    who = await identify(kube) if words else ""
    for word in words:
        await _write(kube, word, who)


async def identify(kube: Kube) -> str:
    """The name by which the API server knows the person; that of the local account where it does not say."""
    from getpass import getuser

    from ringfleet.kube.errors import KubeError
    from ringfleet.model.refs import Resource

    review = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview")
    try:
        answer = await kube.create(review, None, {"metadata": {}})
        return str(answer["status"]["userInfo"]["username"])
    except (KubeError, KeyError):
        return getuser()


async def _write(kube: Kube, word: Word, who: str) -> None:
    from ringfleet.api.meta import REQUESTED_BY
    from ringfleet.objects.refs import resource_of

    meta = word.obj.metadata
    body = {"metadata": {"annotations": {word.annotation: word.value, REQUESTED_BY: who if word.value else None}}}
    try:
        version = None if word.whatever else meta.resource_version
        await kube.patch(resource_of(word.obj.__class__), meta.namespace, meta.name, body, version)
    except Conflict as error:
        raise click.ClickException(f"{word.named} has changed meanwhile: look at it again, and repeat") from error


def _done(word: Word) -> str:
    if word.said_already:
        return "nothing to do"
    return f"annotated {word.annotation}={word.value}" if word.value else f"annotation {word.annotation} removed"


def _json(word: Word) -> dict[str, Any]:
    return {
        "kind": word.obj.__class__.__name__,
        "namespace": word.obj.metadata.namespace,
        "name": word.obj.metadata.name,
        "annotation": word.annotation,
        "value": word.value,
        "changed": not word.said_already,
        "remarks": list(word.remarks),
    }
