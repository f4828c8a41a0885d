"""A pool's spec.adopt: what is asked for is adopted by the next sweep, what is not ours to take is told."""

from __future__ import annotations

from typing import Any

from ringfleet.kube.transport import Json
from ringfleet.model import Capability, Mark
from tests.controllers.rig import HERE, HOUSE, Rig, a_number, a_pool, a_rig, in_virtual_time, restarted
from tests.plan.builders import a_holding, digits

THEIRS = Mark("elsewhere", HERE, "west")
ONE, TWO, THREE = digits(1), digits(2), digits(3)


def asking(**adopt: Any) -> Json:
    return a_pool(size={"target": 0}, adopt=adopt)


async def adoption(rig: Rig) -> Json:
    said: Json = (await rig.status("NumberPool", "west")).get("adoption", {})
    return said


async def why(rig: Rig) -> str | None:
    conditions = (await rig.status("NumberPool", "west"))["conditions"]
    return next((one["message"] for one in conditions if one["type"] == "AdoptionIncomplete"), None)


def has_list(text: str, name: str = "moved") -> Json:
    metadata = {"name": name, "namespace": HERE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"numbers": text}}


FROM_LIST = {"configMapKeyRef": {"name": "moved", "key": "numbers"}}


@in_virtual_time
async def test_named_numbers_are_adopted_at_once_marked_and_kept_when_they_are_named_no_more() -> None:
    async with a_rig(*HOUSE, asking(numbers=[ONE, TWO, THREE], established=True)) as rig:
        rig.carrier.held = {TWO: a_holding(2, mark=THEIRS), **_free(1, 4, 5)}
        await rig.turn("NumberPool", "west")
        assert await rig.says("NumberPool", "west", "AdoptionIncomplete") == "True Adopting"
        await rig.settle()
        assert await rig.names("PhoneNumber") == [ONE.digits]
        number = await rig.find("PhoneNumber", ONE.digits)
        assert number
        assert (number["spec"]["poolRef"]["name"], number["spec"]["established"]) == ("west", True)
        assert number["spec"]["deletionPolicy"] == "Retain"
        marks = {number: holding.mark for number, holding in rig.carrier.held.items()}
        assert marks == {ONE: Mark("home", HERE, "west"), TWO: THEIRS, digits(4): None, digits(5): None}
        said = await adoption(rig)
        assert (said["adopted"], said["pending"], said["notAdopted"]) == (1, 0, 2)
        assert [one["number"] for one in said["refused"]] == [TWO, THREE]
        assert "the mark of another installation: +14155550002" in (await why(rig) or "")
        assert "no account of spec.carriers has it: +14155550003" in (await why(rig) or "")
        await rig.change("NumberPool", "west", {"spec": {"adopt": {"numbers": [digits(4)], "established": None}}})
        await rig.look()
        await rig.settle()
        assert await rig.names("PhoneNumber") == [ONE.digits, digits(4).digits]
        new = await rig.find("PhoneNumber", digits(4).digits)
        assert new
        assert "established" not in new["spec"]
        assert await why(rig) is None
        await rig.change("NumberPool", "west", {"spec": {"adopt": None}})
        await rig.look()
        await rig.settle()
        assert await rig.names("PhoneNumber") == [ONE.digits, digits(4).digits]
        assert await adoption(rig) == {}


def _free(*places: int) -> dict[Any, Any]:
    return {digits(n): a_holding(n, mark=None, capabilities=frozenset(Capability)) for n in places}


@in_virtual_time
async def test_a_list_in_a_configmap_is_read_again_and_lines_that_cant_be_read_are_told() -> None:
    async with a_rig(*HOUSE, has_list(f"phone\n{ONE}\n415555"), asking(**FROM_LIST)) as rig:
        rig.carrier.held = _free(1, 2)
        await rig.turn("NumberPool", "west")
        await rig.settle()
        assert await rig.names("PhoneNumber") == [ONE.digits]
        assert (await adoption(rig))["unreadLines"] == [3]
        assert "these lines can't be read: 3" in (await why(rig) or "")
        await rig.change("ConfigMap", "moved", {"data": {"numbers": f"{ONE}\r\n(415) 555-0002"}})
        await rig.settle(120.0)
        assert await rig.names("PhoneNumber") == [ONE.digits, TWO.digits]
        assert await why(rig) is None


@in_virtual_time
async def test_a_list_that_is_not_there_is_named_and_nothing_is_taken_for_it() -> None:
    async with a_rig(*HOUSE, asking(**FROM_LIST)) as rig:
        rig.carrier.held = _free(1)
        await rig.turn("NumberPool", "west")
        await rig.settle()
        assert await rig.names("PhoneNumber") == []
        assert "ConfigMap moved of spec.adopt does not exist" in (await why(rig) or "")


@in_virtual_time
async def test_what_another_pool_has_or_only_observes_is_left_where_it_is() -> None:
    watched = a_number(n=2, managementPolicy="Observe", poolRef=None)
    async with a_rig(
        *HOUSE, asking(match=["1415"]), a_pool(name="east"), a_number(n=1, poolRef={"name": "east"}), watched
    ) as rig:
        rig.carrier.held = {ONE: a_holding(1, mark=Mark("home", HERE, "east")), **_free(2, 3)}
        await rig.turn("NumberPool", "west")
        await rig.settle()
        refused = {one["number"]: one["reason"] for one in (await adoption(rig))["refused"]}
        assert set(refused) == {ONE, TWO}
        assert "another pool" in refused[ONE]
        assert "only observes it" in refused[TWO]
        assert (await adoption(rig))["adopted"] == 1


@in_virtual_time
async def test_a_restart_forgets_nothing_that_is_adopted_and_asks_again() -> None:
    async with a_rig(*HOUSE, asking(numbers=[ONE])) as rig:
        rig.carrier.held = _free(1)
        await rig.turn("NumberPool", "west")
        await rig.settle()
        before = await adoption(rig)
        async with restarted(rig) as again:
            again.carrier.held |= _free(2)
            await again.turn("NumberPool", "west")
            await again.settle()
            assert (await adoption(again), await again.names("PhoneNumber")) == (before, [ONE.digits])


@in_virtual_time
async def test_an_account_that_does_not_let_the_pool_in_gives_it_nothing_and_is_not_said_to_lack_the_number() -> None:
    pool = asking(numbers=[ONE])
    pool["spec"]["carriers"] = [{"accountRef": {"name": "main", "namespace": HERE}}]
    pool["metadata"]["namespace"] = "other"
    async with a_rig(*HOUSE, pool) as rig:
        rig.carrier.held = _free(1)
        await rig.turn("NumberPool", "west", "other")
        await rig.settle()
        assert await rig.find("PhoneNumber", ONE.digits, "other") is None
        found = await rig.find("NumberPool", "west", "other")
        assert found
        said = next(one for one in found["status"]["conditions"] if one["type"] == "AdoptionIncomplete")
        assert (said["reason"], said["message"].endswith("; not listed yet: shop/main.")) == ("Adopting", True)
