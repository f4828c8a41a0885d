"""The store's law: whoever tells it what, in whatever order, it ends up knowing what the watch knows."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringfleet.kube.store import Store
from ringfleet.kube.transport import Json
from ringfleet.model.refs import ObjectRef

NAMES = st.sampled_from("abc")


def an_object(name: str, version: int, colour: str = "red", namespace: str = "ns") -> Json:
    metadata = {"namespace": namespace, "name": name, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"colour": colour}}


def colour_of(obj: Json) -> str | None:
    colour: str = obj["spec"]["colour"]
    return None if colour == "invisible" else colour


def a_store(*scopes: str | None) -> Store[str]:
    return Store(colour_of, {"colour": lambda colour: [colour]}, scopes or (None,))


def colours(store: Store[str]) -> dict[str, str]:
    return {key.name: colour for key, colour in store.items()}


class StoreMachine(RuleBasedStateMachine):
    """A server with a history, a watch that lags, a list that takes its time, and replies to writes that come late.

    Here one follower lists and then watches from there, as an informer does.
    """

    one_follower = True

    def __init__(self) -> None:
        super().__init__()
        self.store = a_store()
        self.changes: list[tuple[ObjectRef, str | None, str | None]] = []
        self.store.subscribe(lambda key, old, new: self.changes.append((key, old, new)))
        self.truth: dict[str, Json] = {}
        self.history: list[Json] = []  # a deletion has "deleted"
        self.told = 0  # how much of the history the watch has told
        self.replies: list[Json] = []
        self.listing: tuple[int, set[ObjectRef]] | None = None

    @rule(name=NAMES, colour=st.sampled_from(["red", "blue", "invisible"]))
    def somebody_writes(self, name: str, colour: str) -> None:
        obj = an_object(name, len(self.history) + 1, colour)
        self.truth[name] = obj
        self.history.append(obj)
        self.replies.append(obj)

    @precondition(lambda self: self.truth)
    @rule(data=st.data())
    def somebody_deletes(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.truth)))
        del self.truth[name]
        self.history.append({**an_object(name, len(self.history) + 1), "deleted": True})

    @precondition(lambda self: self.told < len(self.history) and not (self.one_follower and self.listing))
    @rule()
    def the_watch_tells_one_more(self) -> None:
        obj = self.history[self.told]
        self.told += 1
        (self.store.learn_deleted if "deleted" in obj else self.store.learn)(obj)
        if self.one_follower:
            self.store.learn_progress(None, self.told)

    @precondition(lambda self: self.replies)
    @rule(data=st.data())
    def a_reply_comes_in(self, data: st.DataObject) -> None:
        reply = data.draw(st.sampled_from(self.replies))
        self.store.learn(reply)

    @precondition(lambda self: self.listing is None)
    @rule()
    def a_list_begins(self) -> None:
        self.listing = len(self.history), self.store.learn_page(list(self.truth.values()))

    @precondition(lambda self: self.listing is not None)
    @rule()
    def the_list_ends(self) -> None:
        assert self.listing
        version, seen = self.listing
        self.store.learn_list_ended(None, seen, version)
        self.listing = None
        if self.one_follower:
            self.told = version

    @invariant()
    def what_all_of_the_history_says_is_what_is_known(self) -> None:
        if self.listing is None and self.told == len(self.history):
            visible = {name: colour_of(obj) for name, obj in self.truth.items()}
            assert colours(self.store) == {name: colour for name, colour in visible.items() if colour}

    @invariant()
    def an_index_files_exactly_what_is_held(self) -> None:
        for colour in ("red", "blue", "invisible"):
            assert self.store.by("colour", colour) == [held for held in self.store.values() if held == colour]
            assert self.store.count("colour", colour) == self.store.values().count(colour)

    @invariant()
    def who_follows_the_changes_knows_the_same(self) -> None:
        followed: dict[ObjectRef, str] = {}
        for key, old, new in self.changes:
            assert followed.pop(key, None) == old
            assert old != new
            if new is not None:
                followed[key] = new
        assert followed == dict(self.store.items())


class TwoFollowersMachine(StoreMachine):
    """The watch is another's: it goes on during a list and after it, from where it was, and tells no progress."""

    one_follower = False


TestOneFollower = StoreMachine.TestCase
TestTwoFollowers = TwoFollowersMachine.TestCase


def test_a_writer_sees_its_own_write_before_the_watch_tells_it() -> None:
    store = a_store()
    store.learn_list_ended(None, store.learn_page([an_object("a", 1, "red")]), 5)
    store.learn(an_object("a", 6, "blue"))
    assert store.get(ObjectRef("ns", "a")) == "blue"


def test_a_late_event_does_not_take_a_write_back() -> None:
    store = a_store()
    store.learn(an_object("a", 7, "blue"))
    store.learn(an_object("a", 6, "red"))
    assert colours(store) == {"a": "blue"}


def test_a_late_reply_does_not_bring_back_what_was_deleted() -> None:
    store = a_store()
    store.learn(an_object("a", 6))
    store.learn_deleted(an_object("a", 8))
    store.learn_progress(None, 8)
    store.learn(an_object("a", 7))
    assert colours(store) == {}


def test_a_late_reply_does_not_bring_back_what_no_list_has_shown() -> None:
    store = a_store()
    store.learn_list_ended(None, set(), 10)
    store.learn(an_object("a", 9))
    assert colours(store) == {}


def test_a_list_that_began_before_a_write_does_not_undo_it() -> None:
    store = a_store()
    seen = store.learn_page([])
    store.learn(an_object("new", 12))
    store.learn_list_ended(None, seen, 10)
    assert colours(store) == {"new": "red"}


def test_a_list_that_was_on_its_way_does_not_bring_back_what_was_deleted_meanwhile() -> None:
    store = a_store()
    store.learn(an_object("a", 1))
    store.learn_deleted(an_object("a", 11))
    store.learn_list_ended(None, store.learn_page([an_object("a", 1)]), 10)
    assert colours(store) == {}


def test_a_late_deletion_does_not_take_away_what_was_made_again() -> None:
    store = a_store()
    store.learn(an_object("a", 7, "blue"))
    store.learn_deleted(an_object("a", 5))
    assert colours(store) == {"a": "blue"}


def test_deletions_are_kept_in_mind_no_longer_than_needed() -> None:
    store = a_store()
    for version in range(1, 100):
        store.learn_deleted(an_object(f"n{version}", version))
    store.learn_progress(None, 97)
    assert sorted(store._absent.values()) == [98, 99]


def test_a_late_reply_does_not_bring_back_what_a_list_under_way_has_shown_otherwise() -> None:
    store = a_store()
    seen = store.learn_page([an_object("a", 2, "invisible")])
    store.learn(an_object("a", 1, "red"))
    store.learn_list_ended(None, seen, 2)
    assert colours(store) == {}


def test_a_list_of_one_namespace_says_nothing_of_another() -> None:
    store = a_store("one", "two")
    store.learn(an_object("a", 1, namespace="one"))
    store.learn(an_object("b", 2, namespace="two"))
    store.learn_list_ended("one", set(), 10)
    assert colours(store) == {"b": "red"}


def test_an_object_that_nobody_understands_leaves_the_rest_alone() -> None:
    store = a_store()
    store.learn(an_object("a", 1, "red"))
    strange = {"metadata": an_object("a", 2)["metadata"]}
    seen = store.learn_page([strange, an_object("b", 3)])
    store.learn_list_ended(None, seen, 3)
    assert colours(store) == {"a": "red", "b": "red"}


def test_a_subscriber_that_fails_does_not_stop_the_others() -> None:
    store, told = a_store(), []

    def fails(_key: ObjectRef, _old: str | None, _new: str | None) -> None:
        raise RuntimeError("no")

    store.subscribe(fails)
    store.subscribe(lambda key, old, new: told.append((key.name, old, new)))
    store.learn(an_object("a", 1))
    assert told == [("a", None, "red")]
