"""Events on the real API server: what a person would read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringfleet.kube.client import Kube
from ringfleet.kube.events import EVENTS, LONGEST_NAME, WINDOW, EventRecorder, EventType, Regarding
from ringfleet.kube.transport import Json
from tests.kube.conftest import CONFIG_MAPS
from tests.kube.test_lease import Clock
from tests.kube.wire import Wire

SENTENCE = "DIDHub does not answer; tried again in 5 minutes"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def regarding(kube: Kube, namespace: str) -> Regarding:
    return Regarding.of(CONFIG_MAPS, await kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "a"}}))


@pytest.fixture
def recorder(kube: Kube, clock: Clock) -> EventRecorder:
    return EventRecorder(kube, "ringfleet-operator-0", clock)


async def complain(recorder: EventRecorder, regarding: Regarding, sentence: str = SENTENCE) -> None:
    await recorder.record(regarding, EventType.WARNING, "CarrierUnavailable", sentence, "Search")


async def events(kube: Kube, namespace: str) -> list[Json]:
    return (await kube.list_all(EVENTS, namespace)).items


async def test_kubectl_shows_what_happened(
    recorder: EventRecorder, regarding: Regarding, namespace: str, kubectl: Callable[..., str]
) -> None:
    await complain(recorder, regarding)
    said = kubectl("describe", "configmap", "a", "--namespace", namespace)
    assert all(word in said for word in ("Warning", "CarrierUnavailable", "ringfleet.dev/operator", SENTENCE)), said


async def test_what_lasts_an_hour_is_one_event(
    kube: Kube, recorder: EventRecorder, clock: Clock, regarding: Regarding, namespace: str
) -> None:
    for _ in range(60):
        await complain(recorder, regarding)
        clock.now += 60
    (event,) = await events(kube, namespace)
    assert (event["series"]["count"], kube.writes) == (
        10,
        {("create", "configmaps"): 1, ("create", "events"): 1, ("patch", "events"): 1},
    )


async def test_another_sentence_is_another_event(
    kube: Kube, recorder: EventRecorder, regarding: Regarding, namespace: str
) -> None:
    await complain(recorder, regarding)
    await complain(recorder, regarding, "It answers again")
    assert len(await events(kube, namespace)) == 2


async def test_what_comes_back_after_a_pause_is_told_again(
    kube: Kube, recorder: EventRecorder, clock: Clock, regarding: Regarding, namespace: str
) -> None:
    await complain(recorder, regarding)
    clock.now += WINDOW
    await complain(recorder, regarding)
    (event,) = await events(kube, namespace)
    assert event["series"]["count"] == 2


async def test_a_restart_does_not_tell_it_as_new(
    kube: Kube, recorder: EventRecorder, regarding: Regarding, namespace: str
) -> None:
    await complain(recorder, regarding)
    await complain(EventRecorder(kube, "ringfleet-operator-1"), regarding)
    assert len(await events(kube, namespace)) == 1


async def test_an_event_that_the_api_server_has_forgotten_is_made_anew(
    kube: Kube, recorder: EventRecorder, regarding: Regarding, namespace: str
) -> None:
    await complain(recorder, regarding)
    (event,) = await events(kube, namespace)
    await kube.delete(EVENTS, namespace, event["metadata"]["name"])
    for _ in range(9):
        await complain(recorder, regarding)
    assert len(await events(kube, namespace)) == 1


@pytest.mark.parametrize("sentence", ["x" * 5000, "ø" * 5000])
async def test_a_sentence_that_is_too_long_is_cut(
    kube: Kube, recorder: EventRecorder, regarding: Regarding, namespace: str, sentence: str
) -> None:
    await complain(recorder, regarding, sentence)
    (event,) = await events(kube, namespace)
    assert event["note"].endswith("...")


@pytest.mark.parametrize("parted_by", ["-", "."])
async def test_an_object_whose_long_name_is_cut_where_it_is_parted_has_its_events(
    kube: Kube, recorder: EventRecorder, namespace: str, parted_by: str
) -> None:
    name = f"{'a' * (LONGEST_NAME - 1)}{parted_by}{'b' * 20}"
    await complain(recorder, Regarding(CONFIG_MAPS, namespace, name, "9e3c"))
    (event,) = await events(kube, namespace)
    assert event["regarding"]["name"] == name


async def test_an_event_that_can_not_be_told_is_nobodys_trouble(
    wire: Wire, wired_kube: Kube, regarding: Regarding
) -> None:
    await wire.cut()
    await complain(EventRecorder(wired_kube, "ringfleet-operator-0"), regarding)


async def test_an_object_of_no_namespace_has_its_events_in_default(kube: Kube, recorder: EventRecorder) -> None:
    regarding = Regarding(CONFIG_MAPS, "", "ringfleet-test", "9e3c")
    await complain(recorder, regarding)
    mine = [event for event in await events(kube, "default") if event["regarding"]["name"] == "ringfleet-test"]
    for event in mine:
        await kube.delete(EVENTS, "default", event["metadata"]["name"])
    assert len(mine) == 1
