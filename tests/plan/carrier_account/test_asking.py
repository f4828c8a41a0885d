"""Which pool gets a number that pools ask to adopt, and why others don't."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Holding, Mark, Market, NumberType
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account.asking import (
    ELSEWHERE,
    NOBODY,
    OBSERVED,
    OTHERS,
    SEVERAL,
    TOO_NEW,
    Asked,
    Known,
    Verdict,
    judge,
)
from tests.plan.builders import MARK, NOW, a_holding, digits

US = Market("US", NumberType.GEOGRAPHIC)
WEST, EAST = ObjectRef("default", "west"), ObjectRef("other", "east")
NAMING, GLOB = Asked(WEST, US, frozenset({digits(1)})), Asked(WEST, US, patterns=("+1415*",))
THEIRS = Mark("elsewhere", "default", "west")
FREE = a_holding(mark=None)
OF_WEST, OF_EAST = Known(WEST), Known(EAST)


def has(asked: Asked) -> Verdict:
    return Verdict(asked, frozenset({asked.pool}))


def refuses(why: str, *pools: ObjectRef) -> Verdict:
    return Verdict(refused=dict.fromkeys(pools or (WEST,), why))


NEW = replace(FREE, purchased_at=NOW - timedelta(minutes=14))


@pytest.mark.parametrize(
    ("holding", "known", "asked", "verdict"),
    [
        pytest.param(FREE, None, [NAMING], has(NAMING), id="named"),
        pytest.param(FREE, None, [GLOB], has(GLOB), id="by a pattern"),
        pytest.param(a_holding(2, mark=None), None, [NAMING], NOBODY, id="not named"),
        pytest.param(FREE, None, [], NOBODY, id="nobody asks"),
        pytest.param(a_holding(mark=THEIRS), None, [NAMING], refuses(OTHERS), id="another installation's"),
        pytest.param(a_holding(mark=THEIRS), OF_WEST, [NAMING], refuses(OTHERS), id="theirs, with an object here"),
        pytest.param(a_holding(mark=MARK), None, [NAMING], NOBODY, id="an orphan of ours"),
        pytest.param(a_holding(mark=MARK), OF_WEST, [NAMING], Verdict(adopted=frozenset({WEST})), id="adopted"),
        pytest.param(FREE, OF_WEST, [NAMING], Verdict(adopted=frozenset({WEST})), id="adopted, not marked yet"),
        pytest.param(a_holding(mark=MARK), OF_EAST, [NAMING], refuses(ELSEWHERE), id="another pool's"),
        pytest.param(FREE, Known(None, observed=True), [NAMING], refuses(OBSERVED), id="observed"),
        pytest.param(FREE, Known(WEST, bought=True), [GLOB], NOBODY, id="bought by the pool, and covered by a glob"),
        pytest.param(FREE, Known(EAST, bought=True), [GLOB], NOBODY, id="bought by another, and covered by a glob"),
        pytest.param(NEW, None, [GLOB], refuses(TOO_NEW), id="bought a moment ago, by a pattern"),
        pytest.param(NEW, None, [NAMING], has(NAMING), id="bought a moment ago, by name"),
        pytest.param(
            replace(FREE, purchased_at=NOW - timedelta(minutes=15)), None, [GLOB], has(GLOB), id="bought a while ago"
        ),
        pytest.param(
            FREE, None, [NAMING, replace(NAMING, pool=EAST)], refuses(SEVERAL, WEST, EAST), id="named by two pools"
        ),
        pytest.param(
            FREE,
            None,
            [NAMING, replace(GLOB, pool=EAST)],
            Verdict(NAMING, frozenset({WEST}), {EAST: SEVERAL}),
            id="by name goes before a pattern",
        ),
        pytest.param(
            FREE,
            None,
            [replace(NAMING, market=Market("DE", NumberType.GEOGRAPHIC))],
            refuses("it is a US Geographic number, and pool west is for DE Geographic"),
            id="another market",
        ),
    ],
)
def test_what_becomes_of_a_number(holding: Holding, known: Known | None, asked: list[Asked], verdict: Verdict) -> None:
    assert judge(holding, known, asked, "home", NOW) == verdict


ASKS = st.builds(
    Asked,
    st.builds(ObjectRef, st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"])),
    st.just(US),
    st.frozensets(st.integers(1, 3).map(digits)),
    st.lists(st.sampled_from(["+1415*", "+1", "1415555000?", "44"]), max_size=2).map(tuple),
)


@given(
    st.builds(a_holding, st.integers(1, 3), mark=st.sampled_from([MARK, THEIRS, None])),
    st.none() | st.builds(Known, st.sampled_from([WEST, EAST, None]), st.booleans(), st.booleans()),
    st.lists(ASKS, max_size=4, unique_by=lambda one: one.pool),
)
def test_only_what_is_asked_for_and_carries_no_mark_is_ever_adopted_and_by_one_pool(
    holding: Holding, known: Known | None, asked: list[Asked]
) -> None:
    verdict = judge(holding, known, asked, "home", NOW)
    if verdict.by is not None:
        assert holding.mark is None
        assert known is None
        assert verdict.by.covers(holding.number)
        assert verdict.adopted == {verdict.by.pool}
    assert not verdict.adopted & verdict.refused.keys()
    assert verdict.adopted | verdict.refused.keys() <= {one.pool for one in asked if one.covers(holding.number)}
