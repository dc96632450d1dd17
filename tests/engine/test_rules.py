"""Conflict rules: the ready ones, and that everybody who types into one text ends with the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.typing_together import Edit, Editor, Message, Server, apply, step

from comity.engine import (
    Clash,
    Command,
    Conflicted,
    Event,
    Happened,
    Sent,
    give_way,
    overwrite,
    reject,
    transform,
)
from comity.engine.merging.command import rule_of

NOBODY: Clash[str] = Clash(state="", clashing=(), paths=(), since=(), sent=Sent())


class Write(Command):
    text: str


class Written(Event):
    text: str


write = Write(text="x")


def test_reject_refuses() -> None:
    with pytest.raises(Conflicted):
        reject(write, NOBODY)


def test_overwrite_goes_on_with_the_command_as_it_is() -> None:
    assert overwrite(write, NOBODY) is write


def test_give_way_drops_the_command() -> None:
    assert give_way(write, NOBODY) is None


def test_reports_and_the_matrix_call_a_rule_by_its_name() -> None:
    class Own(Command):
        def on_conflict(self, clash: Clash[str], /) -> Own:
            return self

    class Moved(Command):
        on_conflict = transform(step)

    assert [rule_of(kind).name for kind in (Write, Own, Moved)] == [
        "reject",
        "Own.on_conflict",
        "transform(step)",
    ]


# --- transform, step by step


def happened(*texts: str, session: str = "bob's") -> list[Happened[Event]]:
    return [Happened(n, Written(text=text), "bob", session) for n, text in enumerate(texts, 1)]


def clash(since: list[Happened[Event]], session: str = "ann's") -> Clash[str]:
    unseen = tuple(one for one in since if one.session != session)
    return Clash(state="", clashing=unseen, paths=(), since=tuple(since), sent=Sent("", session))


def note(message: Write | Written, over: Write | Written) -> Write | Written:
    """Writes down over what it was moved, and how that read."""
    return message.model_copy(update={"text": f"({message.text} over {over.text})"})


def test_a_command_is_moved_over_every_unseen_event_in_order() -> None:
    moved = transform(note)(write, clash(happened("1", "2", "3")))
    assert moved == Write(text="(((x over 1) over 2) over 3)")


def test_unseen_events_are_read_from_where_the_sender_stands_after_its_own() -> None:
    since = happened("1", "2")
    since.insert(1, Happened(2, Written(text="own"), "ann", "ann's"))
    moved = transform(note)(write, clash(since))
    assert moved == Write(text="((x over (1 over own)) over 2)")


def test_an_own_command_that_was_moved_is_read_as_its_sender_wrote_it() -> None:
    sent = Write(text="sent")
    since = happened("1")
    since.append(Happened(2, Written(text="became"), "ann", "ann's", sent))
    assert transform(note)(write, clash(since)) == Write(text="(x over (1 over sent))")


def test_a_command_of_several_events_passes_once() -> None:
    sent = Write(text="sent")
    since = happened("1")
    became = Written(text="became")
    since += [Happened(2 + n, became, "ann", "ann's", sent, 0, n) for n in (0, 1)]
    assert transform(note)(write, clash(since)) == Write(text="(x over (1 over sent))")


def test_without_a_session_nothing_is_the_senders_own() -> None:
    since = happened("1", session="")
    assert transform(note)(write, clash(since, session="")) == Write(text="(x over 1)")


def drop(message: Write | Written, over: Write | Written) -> Write | Written | None:
    """What meets its like is gone."""
    return None if message.text == over.text else message


def test_a_command_of_which_nothing_is_left_is_dropped() -> None:
    assert transform(drop)(write, clash(happened("x", "y"))) is None


def test_unseen_events_stay_where_they_are_once_nothing_is_left_of_an_own_command() -> None:
    since = [*happened("own", "1"), Happened(3, Written(text="own"), "ann", "ann's")]
    assert transform(drop)(Write(text="1"), clash(since)) is None


def test_a_sender_that_goes_back_to_an_older_view_has_more_unseen() -> None:
    rule, since = transform(note), happened("1", "2")
    assert rule(write, clash(since[1:])) == Write(text="(x over 2)")
    assert rule(write, clash(since)) == Write(text="((x over 1) over 2)")


def test_asking_twice_gives_the_same() -> None:
    rule, since = transform(note), happened("1", "2")
    assert rule(write, clash(since)) == rule(write, clash(since))


def test_of_many_senders_the_longest_silent_are_forgotten_and_moved_anew() -> None:
    rule = transform(note)
    for number in range(1100):
        assert rule(write, clash(happened("1"), f"{number}'s")) == Write(text="(x over 1)")


def test_an_unseen_event_of_which_nothing_is_left_moves_nothing() -> None:
    since = [*happened("x"), Happened(2, Written(text="x"), "ann", "ann's")]
    assert transform(drop)(write, clash(since)) == write


# --- transform, by what comes of it

EDITS = st.builds(
    Edit,
    at=st.integers(0, 4),
    author=st.integers(1, 2),
    typed=st.sampled_from(["", "a", "bc"]),
    deleted=st.just(0),
) | st.builds(Edit, at=st.integers(0, 3), author=st.integers(1, 2), deleted=st.just(1))


@given(EDITS, EDITS)
def test_two_edits_give_the_same_text_in_either_order(one: Edit, other: Edit) -> None:
    other = other.model_copy(update={"author": 3 - one.author})
    first: Message = step(other, one)
    second: Message = step(one, other)
    assert apply(apply("wxyz", one), first) == apply(apply("wxyz", other), second)


@settings(deadline=None)
@given(st.integers(0, 1 << 32), st.integers(2, 4))
def test_people_who_type_without_waiting_all_end_with_the_same_text(seed: int, people: int) -> None:
    server, editors = Server(), [Editor(author) for author in range(people)]
    type_at_random(server, editors, random.Random(seed), turns=60)
    deliver(server, editors)
    assert {editor.text for editor in editors} == {server.text}


@settings(deadline=None)
@given(st.integers(0, 1 << 32))
def test_nothing_that_somebody_typed_is_lost_and_nothing_happens_twice(seed: int) -> None:
    server, editors = Server(), [Editor(author) for author in (1, 2)]
    type_at_random(server, editors, random.Random(seed), turns=60, deleting=False)
    deliver(server, editors)
    assert sorted(server.text) == sorted("".join(one.event.typed for one in server.log))


def type_at_random(
    server: Server,
    editors: list[Editor],
    dice: random.Random,
    turns: int,
    *,
    deleting: bool = True,
) -> None:
    """Let everybody type, send and receive in any order."""
    for turn in range(turns):
        editor = dice.choice(editors)
        match dice.randrange(4 if deleting else 3):
            case 0:
                editor.edit(dice.randrange(20), typed=chr(ord("a") + turn % 26))
            case 1:
                editor.send(server)
            case 2:
                editor.receive(server)
            case _:
                editor.edit(dice.randrange(20))


def deliver(server: Server, editors: list[Editor]) -> None:
    """Let everything arrive."""
    for editor in editors:
        while editor.unsent:
            editor.send(server)
    for editor in editors:
        while editor.seen < len(server.log):
            editor.receive(server)


def test_the_editors_would_differ_without_the_rule() -> None:
    def differ(seed: int) -> bool:
        server, editors = Server(), [Editor(author) for author in (1, 2)]
        type_at_random(server, editors, random.Random(seed), turns=12, deleting=False)
        unmoved = "".join(one.event.typed for one in server.log)
        deliver(server, editors)
        return unmoved != server.text

    assert any(differ(seed) for seed in range(20))


def test_a_sender_may_see_more_while_its_edits_are_in_flight() -> None:
    server, ann, bob = Server("0123456789"), Editor(1, "0123456789"), Editor(2, "0123456789")
    for ann_at, bob_at in ((5, 3), (4, 6), (2, 0)):
        bob.edit(bob_at, "b")
        bob.send(server)
        ann.edit(ann_at, "a")
        ann.send(server)
    ann.receive(server)  # the first of bob's, and none of her own
    ann.edit(7, "A")
    bob.edit(1, "B")
    deliver(server, [bob, ann])
    assert ann.text == bob.text == server.text
