"""Checked mode: each mistake that a domain can have is told with an example, and harms nothing."""

from __future__ import annotations

import itertools
import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import cast

import pytest
from pydantic import BaseModel
from tests.support.making import make
from tests.support.party import (
    Chip,
    Invite,
    Party,
    PartyCommand,
    Rename,
    Seat,
    SetPlace,
    SetTheme,
    ThemeSet,
    happened,
    party,
)

from comity.actors import Domain
from comity.engine import (
    At,
    CheckFailed,
    Clash,
    Command,
    Conflicted,
    Decider,
    Event,
    Fault,
    Key,
    Outcome,
    Rejected,
    Sent,
    checked,
    merge,
    with_rules,
)
from comity.engine.checking.copies import copied
from comity.engine.checking.differences import differences
from comity.engine.journal.memory_journal import MemoryJournal


class Put(Command):
    name: Key[str]
    text: str


class Wipe(Command):
    touches = ()


class WasPut(Event):
    name: Key[str]
    text: str


class Wiped(Event):
    touches = ()


@dataclass
class Shelf:
    items: dict[str, str] = field(default_factory=dict[str, str])
    order: list[str] = field(default_factory=list[str])
    newest: str = ""
    count: int = 0


def put(shelf: Shelf, command: Put | Wipe) -> Iterator[WasPut | Wiped]:
    if isinstance(command, Wipe):
        yield Wiped()
    elif command.text == "no":
        raise Rejected("no")
    else:
        yield WasPut(name=command.name, text=command.text)


def was_put(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
    if isinstance(event, Wiped):
        shelf.items.clear()
    else:
        shelf.items[event.name] = event.text
    return shelf


def shelf(
    decide: Callable[[Shelf, Put | Wipe], Iterable[WasPut | Wiped]] = put,
    evolve: Callable[[Shelf, WasPut | Wiped], Shelf] = was_put,
    initial: Callable[[], Shelf] = Shelf,
) -> Decider[Shelf, Put | Wipe, WasPut | Wiped]:
    """A shelf with one of its functions replaced."""
    return Decider("shelf", initial, decide, evolve)


PUT = Put(name="a", text="x")
WAS_PUT = WasPut(name="a", text="x")


def found(call: Callable[[], object]) -> CheckFailed:
    """What checked mode says to it."""
    with pytest.raises(CheckFailed) as failed:
        call()
    return failed.value


# --- decide


def greedy(shelf: Shelf, command: Put | Wipe) -> Iterable[WasPut]:
    shelf.items["a"] = "stolen"
    return [WAS_PUT]


def test_a_decide_that_changes_the_state_is_found() -> None:
    state = Shelf({"a": "before"})
    error = found(lambda: checked(shelf(greedy)).decide(state, PUT))
    assert (error.fault, error.parts) == (Fault.DECIDE_CHANGES_STATE, ("items/a",))
    assert "decide got Put(name='a', text='x'), and items/a was 'before'" in str(error)
    assert "'stolen' after it" in str(error)
    assert "Shelf(items={'a': 'before'}" in str(error)
    assert state == Shelf({"a": "before"})


def test_a_decide_that_refuses_and_changes_the_state_is_found() -> None:
    def late(shelf: Shelf, command: Put | Wipe) -> Iterable[WasPut]:
        shelf.count += 1
        raise Rejected("too late")

    assert found(lambda: checked(shelf(late)).decide(Shelf(), PUT)).parts == ("count",)


def test_a_decide_that_counts_is_found() -> None:
    counter = itertools.count()

    def counting(shelf: Shelf, command: Put | Wipe) -> Iterable[WasPut]:
        return [WasPut(name="a", text=str(next(counter)))]

    error = found(lambda: checked(shelf(counting)).decide(Shelf(), PUT))
    assert error.fault is Fault.DECIDE_VARIES
    assert "gave first (WasPut(name='a', text='0'),)" in str(error)


def test_a_decide_that_refuses_only_sometimes_is_found() -> None:
    moods = itertools.cycle([False, True])

    def moody(shelf: Shelf, command: Put | Wipe) -> Iterable[WasPut]:
        if next(moods):
            raise Rejected("not now")
        return [WAS_PUT]

    error = found(lambda: checked(shelf(moody)).decide(Shelf(), PUT))
    assert error.fault is Fault.DECIDE_VARIES
    assert "then Rejected('not now')" in str(error)


def test_a_refusal_is_a_refusal() -> None:
    with pytest.raises(Rejected, match=r"^no$"):
        checked(shelf()).decide(Shelf(), Put(name="a", text="no"))


def test_an_error_of_the_domains_own_is_left_as_it_is() -> None:
    def failing(shelf: Shelf, command: Put | Wipe) -> Iterable[WasPut]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        checked(shelf(failing)).decide(Shelf(), PUT)


def test_a_cached_property_may_be_read() -> None:
    class Read(Shelf):
        @cached_property
        def size(self) -> int:
            return len(self.items)

    def reading(shelf: Shelf, command: Put | Wipe) -> Iterable[WasPut]:
        assert cast("Read", shelf).size == 0
        return [WAS_PUT]

    assert tuple(checked(shelf(reading)).decide(Read(), PUT)) == (WAS_PUT,)


# --- every kind of state


class Model(BaseModel):
    items: dict[str, str] = {}


class Plain:
    def __init__(self) -> None:
        self.items: dict[str, str] = {}


class Slotted:
    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: dict[str, str] = {}


def add(items: dict[str, str]) -> None:
    items["a"] = "x"


def loop() -> dict[str, object]:
    state: dict[str, object] = {"a": 0}
    state["self"] = state
    return state


KINDS: dict[str, tuple[Callable[[], object], Callable[[object], object], str]] = {
    "a dataclass": (Shelf, lambda state: add(cast("Shelf", state).items), "items/a"),
    "a pydantic model": (Model, lambda state: add(cast("Model", state).items), "items/a"),
    "any object": (Plain, lambda state: add(cast("Plain", state).items), "items/a"),
    "slots": (Slotted, lambda state: add(cast("Slotted", state).items), "items/a"),
    "a namespace": (
        lambda: SimpleNamespace(items={}),
        lambda state: add(cast("Plain", state).items),
        "items/a",
    ),
    "a dict": (dict, lambda state: add(cast("dict[str, str]", state)), "a"),
    "a set": (set, lambda state: cast("set[str]", state).add("a"), "a"),
    "a list": (list, lambda state: cast("list[str]", state).append("a"), "the state"),
    "a dict of sets": (
        lambda: {"votes": {"ann"}},
        lambda state: cast("dict[str, set[str]]", state)["votes"].discard("ann"),
        "votes/ann",
    ),
    "a list in a tuple": (
        lambda: ([1], [2]),
        lambda state: cast("tuple[list[int], list[int]]", state)[1].__setitem__(0, 3),
        "1/0",
    ),
    "a dict that makes its values": (
        lambda: defaultdict[str, int](int),
        lambda state: cast("dict[str, int]", state)["a"],
        "a",
    ),
    "a dict behind a view": (
        lambda: MappingProxyType({"votes": ["ann"]}),
        lambda state: cast("Mapping[str, list[str]]", state)["votes"].append("bob"),
        "votes",
    ),
    "a state that holds itself": (
        loop,
        lambda state: cast("dict[str, object]", state).update(a=1),
        "a",
    ),
}


@pytest.mark.parametrize(("initial", "change", "part"), KINDS.values(), ids=KINDS)
def test_a_change_is_found_whatever_the_state_is_made_of(
    initial: Callable[[], object], change: Callable[[object], object], part: str
) -> None:
    def changing(state: object, command: Put) -> Iterable[WasPut]:
        change(state)
        return [WAS_PUT]

    def keeping(state: object, event: WasPut) -> object:
        return state

    decider = checked(Decider("kinds", initial, changing, keeping))
    assert found(lambda: decider.decide(decider.initial(), PUT)).parts == (part,)


@pytest.mark.parametrize("initial", [one[0] for one in KINDS.values()], ids=KINDS)
def test_what_nobody_changes_is_no_fault(initial: Callable[[], object]) -> None:
    def deciding(state: object, command: Put) -> Iterable[WasPut]:
        return [WAS_PUT]

    def keeping(state: object, event: WasPut) -> object:
        return state

    decider = checked(Decider("kinds", initial, deciding, keeping))
    state = decider.initial()
    assert tuple(decider.decide(state, PUT)) == (WAS_PUT,)
    decider.evolve(state, WAS_PUT)


def test_a_state_that_cannot_be_copied_is_told_when_the_domain_is_made() -> None:
    class Stubborn(Shelf):
        def __deepcopy__(self, memo: object) -> Shelf:
            raise TypeError("never")

    error = found(lambda: checked(shelf(initial=Stubborn)))
    assert error.fault is Fault.STATE_NOT_COPIED
    assert "copy.deepcopy raised TypeError: never" in str(error)


# --- evolve


def test_an_evolve_that_counts_is_found() -> None:
    counter = itertools.count()

    def counting(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        shelf.count = next(counter)
        return shelf

    state = Shelf()
    error = found(lambda: checked(shelf(evolve=counting)).evolve(state, WAS_PUT))
    assert (error.fault, error.parts) == (Fault.EVOLVE_VARIES, ("count",))
    assert "WasPut(name='a', text='x') made count first 0 and then 1" in str(error)
    assert state == Shelf()


def test_an_evolve_that_changes_its_event_is_found() -> None:
    def changing(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        object.__setattr__(event, "text", "mine")
        return shelf

    error = found(
        lambda: checked(shelf(evolve=changing)).evolve(Shelf(), WasPut(name="a", text="x"))
    )
    assert error.fault is Fault.EVOLVE_CHANGES_EVENT
    assert "text='x') became WasPut(name='a', text='mine')" in str(error)


def test_an_evolve_may_change_its_state_in_place_or_return_a_new_one() -> None:
    def fresh(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        assert isinstance(event, WasPut)
        return Shelf({**shelf.items, event.name: event.text})

    for decider in (shelf(), shelf(evolve=fresh)):
        state = checked(decider).initial()
        assert checked(decider).evolve(state, WAS_PUT).items == {"a": "x"}
        assert state == Shelf()


def test_stored_events_are_replayed_unchecked() -> None:
    counter = itertools.count()

    def counting(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        shelf.count = next(counter)
        return shelf

    assert checked(shelf(evolve=counting)).replay(Shelf(), WAS_PUT).count == 0


# --- initial


SHARED = Shelf()
ITEMS: dict[str, str] = {}


class Careless:
    items: dict[str, str] = {}
    COLOURS = ["red", "blue"]


@pytest.mark.parametrize(
    ("initial", "part"),
    [
        (lambda: SHARED, "items"),
        (lambda: Shelf(ITEMS), "items"),
        (Careless, "items"),
    ],
    ids=["one state for all", "a part", "a part of the class"],
)
def test_an_initial_that_shares_state_is_found(initial: Callable[[], Shelf], part: str) -> None:
    decider = checked(shelf(initial=initial))
    error = found(lambda: decider.evolve(decider.initial(), WAS_PUT))
    assert error.fault is Fault.INITIAL_SHARES_STATE
    assert part in error.parts[0] or error.parts[0] == "the state"
    assert "all new aggregates of shelf have the same" in str(error)
    assert (SHARED, ITEMS, Careless.items) == (Shelf(), {}, {})


def test_a_shared_state_that_is_never_changed_in_place_is_no_fault() -> None:
    def fresh(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        return Shelf({**shelf.items, "a": "x"})

    decider = checked(shelf(evolve=fresh, initial=lambda: SHARED))
    assert decider.evolve(decider.initial(), WAS_PUT).items == {"a": "x"}


# --- conflict rules


def by_rule(rule: Callable[[SetTheme, Clash[Party]], Command | None]) -> object:
    """What checked mode says to a rule of a clash over the theme."""
    decider = checked(with_rules(party, {SetTheme: rule}))
    since = happened(ThemeSet(theme="y"))
    return merge(decider, Party(theme="y"), 1, SetTheme(theme="x"), Sent("ann", "a", 0), since)


def test_a_rule_that_changes_the_state_is_found() -> None:
    def greedy_rule(command: SetTheme, clash: Clash[Party], /) -> SetTheme:
        clash.state.theme = "mine"
        return command

    error = found(lambda: by_rule(greedy_rule))
    assert (error.fault, error.parts) == (Fault.RULE_CHANGES_STATE, ("theme",))
    assert "greedy_rule got SetTheme(theme='x'), and theme was 'y' before" in str(error)


def test_a_rule_that_varies_is_found() -> None:
    counter = itertools.count()

    def counting_rule(command: SetTheme, clash: Clash[Party], /) -> SetTheme:
        return SetTheme(theme=str(next(counter)))

    assert found(lambda: by_rule(counting_rule)).fault is Fault.RULE_VARIES


def test_a_rule_may_refuse() -> None:
    def refusing(command: SetTheme, clash: Clash[Party], /) -> SetTheme:
        raise Conflicted("ask first")

    with pytest.raises(Conflicted, match="ask first"):
        by_rule(refusing)


# --- footprints


def remember_newest(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
    assert isinstance(event, WasPut)
    shelf.newest = event.text
    return shelf


def play(decider: Decider[Shelf, Put | Wipe, WasPut | Wiped], *commands: Put | Wipe) -> Shelf:
    """The state after these commands."""
    state = decider.initial()
    for command in commands:
        for event in decider.decide(state, command):
            state = decider.evolve(state, event)
    return state


def test_a_footprint_that_misses_what_is_overwritten_is_found() -> None:
    decider = checked(shelf(evolve=remember_newest))
    error = found(lambda: play(decider, PUT, Put(name="b", text="y")))
    assert (error.fault, error.parts) == (Fault.FOOTPRINT_TOO_NARROW, ("newest",))
    assert "WasPut(name='b', text='y') overwrites newest, which WasPut(name='a'" in str(error)
    assert "Put touches name/b/text, and WasPut touches name/a/text" in str(error)


def test_an_event_that_wipes_what_it_does_not_touch_is_found() -> None:
    error = found(lambda: play(checked(shelf()), PUT, Wipe()))
    assert (error.fault, error.parts) == (Fault.FOOTPRINT_TOO_NARROW, ("items/a",))
    assert "Wipe touches nothing" in str(error)


def test_events_whose_footprints_overlap_may_overwrite_each_other() -> None:
    decider = checked(shelf(evolve=remember_newest))
    assert play(decider, PUT, Put(name="a", text="y")).newest == "y"


def count(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
    shelf.count += 1
    return shelf


def append(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
    assert isinstance(event, WasPut)
    shelf.order.append(event.name)
    return shelf


def insert(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
    assert isinstance(event, WasPut)
    shelf.order.insert(0, event.name)
    return shelf


def highest(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
    assert isinstance(event, WasPut)
    shelf.newest = max(shelf.newest, event.text)
    return shelf


def to_the_end(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
    assert isinstance(event, WasPut)
    shelf.order = [one for one in shelf.order if not one.startswith(event.name)]
    shelf.order.append(f"{event.name}: {event.text}")
    return shelf


@pytest.mark.parametrize("evolve", [count, append, insert, highest, to_the_end])
def test_events_that_leave_a_trace_or_commute_overwrite_nothing(
    evolve: Callable[[Shelf, WasPut | Wiped], Shelf],
) -> None:
    decider = checked(shelf(evolve=evolve))
    play(decider, PUT, Put(name="b", text="y"), Put(name="c", text="z"), Put(name="b", text="a"))


def test_events_that_set_the_order_of_a_list_overwrite_each_other() -> None:
    def sort(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        assert isinstance(event, WasPut)
        shelf.order = sorted("abc", key=(event.text + "abc").index)
        return shelf

    decider = checked(shelf(evolve=sort))
    error = found(lambda: play(decider, Put(name="a", text="bca"), Put(name="b", text="cab")))
    assert error.fault is Fault.FOOTPRINT_TOO_NARROW


def test_what_evolve_takes_from_at_is_not_the_events_doing() -> None:
    def noting(shelf: Shelf, event: WasPut, at: At) -> Shelf:
        shelf.newest, shelf.count = at.who, at.version
        return shelf

    def deciding(shelf: Shelf, command: Put) -> Iterable[WasPut]:
        return [WasPut(name=command.name, text=command.text)]

    decider = checked(Decider("noting", Shelf, deciding, noting))
    state = decider.initial()
    for version, (name, who) in enumerate([("a", "ann"), ("b", "bob")], 1):
        for event in decider.decide(state, Put(name=name, text="x")):
            state = decider.evolve(state, event, At(version, who=who))
    assert state.newest == "bob"


def test_events_that_are_declared_to_commute_may_overwrite_each_other() -> None:
    class Touched(Event):
        name: Key[str]
        commutes = True

    globals()["Touched"] = Touched

    def deciding(shelf: Shelf, command: Put) -> Iterable[Event]:
        return [Touched(name=command.name)]

    def evolving(shelf: Shelf, event: Event) -> Shelf:
        shelf.newest = cast("Touched", event).name
        return shelf

    evolving.__annotations__["event"] = Touched
    decider = checked(Decider("touched", Shelf, deciding, evolving))
    state = decider.initial()
    for name in "ab":
        for event in decider.decide(state, Put(name=name, text="")):
            state = decider.evolve(state, event)
    assert state.newest == "b"


def test_two_aggregates_are_not_compared_with_each_other() -> None:
    decider = checked(shelf(evolve=remember_newest))
    play(decider, PUT)
    play(decider, Put(name="b", text="y"))


def test_aggregates_whose_state_is_a_number_are_not_compared_with_each_other() -> None:
    def deciding(longest: int, command: Put) -> Iterable[WasPut]:
        return [WasPut(name=command.name, text=command.text)]

    def evolving(longest: int, event: WasPut) -> int:
        return len(event.text)

    decider = checked(Decider("numbers", int, deciding, evolving))
    for name, text in (("a", "1"), ("b", "22"), ("c", "1")):
        for event in decider.decide(decider.initial(), Put(name=name, text=text)):
            decider.evolve(decider.initial(), event)
    state = decider.evolve(decider.initial(), WAS_PUT)
    assert decider.evolve(state, WasPut(name="b", text="22")) == 2


def test_items_of_a_list_that_have_moved_are_not_overwritten() -> None:
    def first_or_new(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        assert isinstance(event, WasPut)
        if event.name == "first":
            shelf.order[0] = event.text
        else:
            shelf.order.insert(0, event.text)
        return shelf

    decider = checked(shelf(evolve=first_or_new))
    new, other = Put(name="new", text="n"), Put(name="other", text="o")
    assert play(decider, new, Put(name="first", text="x"), other).order == ["o", "x"]


def test_a_command_that_touches_more_than_its_event_is_enough() -> None:
    wide = make(Put, {}, {"touches": ("name/{name}", "newest")}, "Wide")
    narrow = make(WasPut, {}, {"touches": ("name/{name}", "newest")}, "WideWasPut")

    def deciding(shelf: Shelf, command: Command) -> Iterable[Event]:
        put = cast("Put", command)
        return [narrow(name=put.name, text=put.text)]

    def evolving(shelf: Shelf, event: Event) -> Shelf:
        return remember_newest(shelf, cast("WasPut", event))

    deciding.__annotations__["command"], evolving.__annotations__["event"] = wide, narrow
    decider = checked(Decider("wide", Shelf, deciding, evolving))
    state = decider.initial()
    for name in "ab":
        for event in decider.decide(state, wide(name=name, text=name)):
            state = decider.evolve(state, event)
    assert state.newest == "b"


# --- in a domain


def test_a_fault_harms_no_other_command() -> None:
    def sometimes(shelf: Shelf, command: Put | Wipe) -> Iterable[WasPut | Wiped]:
        if isinstance(command, Put) and command.text == "bad":
            shelf.items.clear()
        return put(shelf, command)

    decider = shelf(sometimes)
    with Domain(MemoryJournal(), deciders=[decider], checked=True) as domain:
        a = domain.session("ann").aggregate(decider, "a")
        a.send(PUT).result(60)
        for _ in range(20):  # far more than a quarantine allows
            answer = a.send(Put(name="b", text="bad"))
            assert found(lambda: answer.result(60)).fault is Fault.DECIDE_CHANGES_STATE  # noqa: B023 - called at once
        receipt = a.send(Put(name="c", text="z")).result(60)
        assert (receipt.outcome, receipt.version) == (Outcome.APPLIED, 2)
        assert domain.state(a).items == {"a": "x", "c": "z"}


def test_a_fault_in_evolve_stores_nothing() -> None:
    decider = shelf(evolve=remember_newest)
    with Domain(MemoryJournal(), deciders=[decider], checked=True) as domain:
        a = domain.session("ann").aggregate(decider, "a")
        a.send(PUT).result(60)
        second = a.send(Put(name="b", text="y"))
        assert found(lambda: second.result(60)).fault is Fault.FOOTPRINT_TOO_NARROW
        a.send(Put(name="a", text="z")).result(60)
        assert (domain.version(a), domain.state(a).newest) == (2, "z")


def test_a_journal_with_events_of_a_faulty_evolve_can_be_opened(tmp_path: Path) -> None:
    counter = itertools.count()

    def counting(shelf: Shelf, event: WasPut | Wiped) -> Shelf:
        shelf.count = next(counter)
        return shelf

    path, decider = tmp_path / "shelves", shelf(evolve=counting)
    with Domain.open(path, deciders=[decider]) as domain:
        domain.aggregate(decider, "a").send(PUT).result(60)
    with Domain.open(path, deciders=[decider], checked=True) as domain:
        answer = domain.aggregate(decider, "a").send(Put(name="a", text="no"))
        with pytest.raises(Rejected):
            answer.result(60)


def test_without_checking_nothing_is_found() -> None:
    decider = shelf(evolve=remember_newest)
    with Domain(MemoryJournal(), deciders=[decider]) as domain:
        a = domain.aggregate(decider, "a")
        a.send(PUT).result(60)
        assert a.send(Put(name="b", text="y")).result(60).version == 2


def test_the_party_has_no_mistakes() -> None:
    commands: list[PartyCommand] = [
        Invite(guest="g1", name="Gus"),
        Invite(guest="g2", name="Eva"),
        Rename(guest="g1", name="August"),
        Seat(guest="g1", seat=1),
        Seat(guest="g2", seat=2),
        Chip(amount=1),
        Chip(amount=2),
        SetTheme(theme="x"),
        SetPlace(place="y"),
    ]
    with Domain(MemoryJournal(), deciders=[party], checked=True) as domain:
        a = domain.session("ann").aggregate(party, "a")
        assert [a.send(one).result(60).version for one in commands] == [*range(1, 10)]


def test_an_error_can_be_sent_to_another_process() -> None:
    error = CheckFailed(Fault.DECIDE_VARIES, "an example", ("a/b",))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - what multiprocessing does
    assert (str(again), again.fault, again.parts) == (str(error), error.fault, error.parts)


# --- what a sender cannot send unseen


class Add(Command):
    name: Key[str]
    touches = "added/{name}"


class Added(Event):
    name: Key[str]
    touches = "added/{name}"


def add_first(shelf: Shelf, command: Add | Put) -> Iterator[Added | WasPut]:
    if isinstance(command, Add):
        yield Added(name=command.name)
    elif not shelf.count:
        raise Rejected("nothing was added")
    else:
        yield WasPut(name=command.name, text=command.text)


def added_first(shelf: Shelf, event: Added | WasPut) -> Shelf:
    match event:
        case Added(name=name):
            shelf.count, shelf.newest = 1, name
        case WasPut(text=text):
            shelf.newest = text
    return shelf


def test_what_the_first_event_set_may_be_overwritten_by_commands_that_need_it() -> None:
    decider = checked(Decider("shelf", Shelf, add_first, added_first))
    state = decider.initial()
    commands: list[Add | Put] = [Add(name="a"), PUT]
    for command in commands:
        for event in decider.decide(state, command):
            state = decider.evolve(state, event)
    assert state.newest == "x"


@dataclass
class Boxes:
    boxes: dict[str, Shelf] = field(default_factory=dict[str, Shelf])


def box_decide(boxes: Boxes, command: Add | Put) -> Iterator[Added | WasPut]:
    yield (
        Added(name=command.name)
        if isinstance(command, Add)
        else WasPut(name=command.name, text=command.text)
    )


def box_evolve(boxes: Boxes, event: Added | WasPut) -> Boxes:
    match event:
        case Added(name=name):
            boxes.boxes[name] = Shelf()
        case WasPut(name=name, text=text):
            boxes.boxes[name].newest = text
    return boxes


def test_parts_of_a_thing_may_be_changed_without_touching_its_creation() -> None:
    decider = checked(Decider("boxes", Boxes, box_decide, box_evolve))
    state = decider.initial()
    commands: list[Add | Put] = [Add(name="z"), Add(name="a"), PUT]
    for command in commands:
        for event in decider.decide(state, command):
            state = decider.evolve(state, event)
    assert state.boxes["a"].newest == "x"


# --- copies


class Linked:
    """Parts of a plain object that occur twice, or hold their owner."""

    def __init__(self) -> None:
        self.items = [{"a": 1}]
        self.same = self.items
        self.owner = self
        self.members = {("a", 1)}
        self.when = defaultdict[str, list[int]](list, {"a": [1]})


def test_a_copy_has_the_shape_of_its_original_and_shares_nothing() -> None:
    state = Linked()
    twin = copied(state)
    assert differences(state, twin) == []
    assert (twin.owner, twin.same) == (twin, twin.items)
    assert twin.same is twin.items
    twin.items[0]["a"] = 2
    twin.members.add(("b", 2))
    twin.when["b"].append(1)
    assert (state.items, state.members, dict(state.when)) == ([{"a": 1}], {("a", 1)}, {"a": [1]})
    assert differences(state, twin) == [
        ("items", 0, "a"), ("members", ("b", 2)), ("when", "b"),
    ]  # fmt: skip


def test_a_class_that_says_how_it_is_copied_is_copied_so() -> None:
    class Counted:
        copies = 0

        def __deepcopy__(self, memo: object) -> Counted:
            Counted.copies += 1
            return Counted()

    copied({"a": Counted()})
    assert Counted.copies == 1
