"""`ringfleet acknowledge` finds whom it may let go, whether their pool is still there or not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from ringfleet.cli._shared.cluster import Cluster
from ringfleet.cli.main import main
from ringfleet.kube.client import Kube
from ringfleet.kube.transport import Json
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import HERE, RESOURCES, a_number, a_pool
from tests.plan.builders import digits

FROZEN = "2026-03-10T12:00:00Z"
WORD = "ringfleet.dev/acknowledge-release"


class Place:
    """An API server with objects, and the command on it."""

    def __init__(self) -> None:
        self.api = ApiDouble([])

    def run(self, work, **_: object) -> object:  # type: ignore[no-untyped-def]  # as Cluster.run
        return asyncio.run(work(Kube(self.api), HERE))  # type: ignore[arg-type]  # the double stands for the transport

    def have(self, *objects: Json, deleted: tuple[Json, ...] = ()) -> None:
        async def create() -> None:
            kube = Kube(self.api)  # type: ignore[arg-type]  # the same
            for obj in (*objects, *deleted):
                resource, name = RESOURCES[obj["kind"]], obj["metadata"]["name"]
                await kube.create(resource, HERE, obj)
                await kube.patch_status(resource, HERE, name, obj["status"])
            for obj in deleted:
                await kube.delete(RESOURCES[obj["kind"]], HERE, obj["metadata"]["name"])

        asyncio.run(create())

    def words(self) -> dict[str, str]:
        """Who carries which word."""

        async def look() -> dict[str, str]:
            kube = Kube(self.api)  # type: ignore[arg-type]  # the same
            pages = [await kube.list_all(RESOURCES[kind], HERE) for kind in ("NumberPool", "PhoneNumber")]
            found = [obj["metadata"] for page in pages for obj in page.items]
            return {one["name"]: one["annotations"][WORD] for one in found if WORD in one.get("annotations", {})}

        return asyncio.run(look())

    def annotations(self, number: str) -> dict[str, str]:
        """All that is annotated on a PhoneNumber."""
        found = asyncio.run(Kube(self.api).get(RESOURCES["PhoneNumber"], HERE, number))  # type: ignore[arg-type]  # the same
        written: dict[str, str] = found["metadata"].get("annotations", {})
        return written


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    with patch.object(Cluster, "run", place.run):
        yield place


def acknowledge(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["acknowledge", "--yes", *arguments])


def a_frozen_pool(name: str = "west") -> Json:
    return a_pool(0, name, status={"release": {"frozenSince": FROZEN, "frozenBecause": "too many"}})


def numbers(*ns: int, pool: str | None = "west") -> tuple[Json, ...]:
    return tuple(a_number(n, poolRef={"name": pool} if pool else None) for n in ns)


def word_of(n: int) -> dict[str, str]:
    return {digits(n).digits: digits(n)}


@pytest.mark.parametrize("how", [("--pool", "west"), ("np/west",), ("west",)])
def test_a_pool_is_acknowledged_by_the_time_of_its_freeze(place: Place, how: tuple[str, ...]) -> None:
    place.have(a_frozen_pool(), a_frozen_pool("east"), deleted=numbers(1))
    said = acknowledge(*how)
    assert (said.exit_code, place.words()) == (0, {"west": FROZEN})
    assert "too many" in said.output


@pytest.mark.parametrize("how", [("--pool", "west"), ("np/west",)])
def test_the_numbers_of_a_pool_that_is_gone_are_acknowledged_by_its_name(place: Place, how: tuple[str, ...]) -> None:
    place.have(a_frozen_pool("east"), *numbers(3), deleted=(*numbers(1, 2), *numbers(4, pool="east")))
    assert (acknowledge(*how).exit_code, place.words()) == (0, word_of(1) | word_of(2))


def test_all_that_is_held_in_a_namespace_is_acknowledged_at_once(place: Place) -> None:
    held = (*numbers(1), *numbers(2, pool="east"), *numbers(3, pool="gone"), *numbers(4, pool=None))
    place.have(a_frozen_pool(), a_pool(0, "east"), *numbers(5, pool="gone"), deleted=held)
    assert (acknowledge("--all").exit_code, place.words()) == (0, {"west": FROZEN} | word_of(3) | word_of(4))


def test_a_single_number_is_acknowledged_when_its_pool_is_gone_and_else_by_its_pool(place: Place) -> None:
    place.have(a_frozen_pool(), deleted=(*numbers(1), *numbers(2, pool="gone")))
    assert acknowledge(f"pn/{digits(2).digits}").exit_code == 0
    refused = acknowledge(f"pn/{digits(1).digits}")
    assert (refused.exit_code, place.words()) == (1, word_of(2))
    assert "acknowledge np/west" in refused.output


def test_a_number_that_its_policy_keeps_is_said_to_stay(place: Place) -> None:
    kept = a_number(1, poolRef={"name": "gone"}, deletionPolicy="Release")
    place.have(deleted=(kept,))
    assert "set spec.deletionPolicy to Retain" in acknowledge("--pool", "gone").output


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (("--pool", "none"), "NumberPool shop/none does not exist, and no deleted PhoneNumber names it"),
        (("--pool", "east"), "NumberPool shop/east holds no release back"),
        (("--all",), "nothing is held back in namespace shop"),
        (("pn/1",), "PhoneNumber shop/1 does not exist"),
    ],
)
def test_where_nothing_is_held_it_says_so(place: Place, how: tuple[str, ...], says: str) -> None:
    place.have(a_pool(0, "east"), *numbers(1))
    said = acknowledge(*how)
    assert (said.exit_code, place.words()) == (1, {})
    assert says in said.output


@pytest.mark.parametrize("how", [(), ("--all", "--pool", "west"), ("np/west", "--all")])
def test_exactly_one_way_is_named(place: Place, how: tuple[str, ...]) -> None:
    said = acknowledge(*how)
    assert (said.exit_code, "--pool NAME, --all, or pn/NAME" in said.output) == (1, True)
