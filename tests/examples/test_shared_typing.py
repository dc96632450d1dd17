"""How an edit moves over another, typists who converge, and the recorded session."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.recordings import recording
from examples.shared_typing.domain import (
    Document,
    Edit,
    Edited,
    Patches,
    decide,
    document,
    evolve,
    step,
    together,
)
from examples.shared_typing.play import Typing, play, seen_versions
from tests.support.left_out import NO_RECORDINGS

from comity.actors import Domain
from comity.engine import Author, Authors, Happened, Outcome, Rejected, Sent, merge
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views

TEXT = "0123456789"


@pytest.mark.parametrize(
    ("mine", "theirs", "moved"),
    [
        ([(2, 0, "x")], [(5, 0, "YY")], [(2, 0, "x")]),
        ([(5, 0, "x")], [(2, 0, "YY")], [(7, 0, "x")]),
        ([(5, 0, "x")], [(2, 2, "")], [(3, 0, "x")]),
        ([(5, 0, "x")], [(3, 4, "Y")], [(4, 0, "x")]),  # into what they deleted
        ([(5, 0, "x")], [(5, 0, "Y")], [(5, 0, "x")]),  # at one place: who is first by name
        ([(2, 4, "")], [(4, 0, "Y")], [(2, 2, ""), (5, 2, "")]),  # what they typed into it stays
        ([(2, 4, "")], [(4, 4, "")], [(2, 2, "")]),  # part of it is gone already
        ([(2, 4, "")], [(1, 6, "")], []),  # all of it is gone already
        ([(2, 4, "x")], [(1, 6, "")], [(1, 0, "x")]),
        ([(2, 2, "x")], [(2, 0, "Y")], [(2, 0, "x"), (3, 2, "")]),
        ([(1, 1, ""), (8, 0, "x")], [(4, 2, "YYY")], [(1, 1, ""), (9, 0, "x")]),
    ],
)
def test_an_edit_moves_over_another(mine: Patches, theirs: Patches, moved: Patches) -> None:
    after = step(Edit(patches=tuple(mine)), Edited(patches=tuple(theirs)), by(0, over=1))
    assert after == Edit(patches=tuple(moved))


def test_what_the_second_by_name_typed_at_one_place_comes_second() -> None:
    mine, theirs = Edit(patches=((5, 0, "x"),)), Edited(patches=((5, 0, "YY"),))
    assert step(mine, theirs, by(1, over=0)).patches == ((7, 0, "x"),)


def test_of_one_person_in_two_windows_each_window_knows_which_comes_first() -> None:
    left, right = Author("ann", "left"), Author("ann", "right")
    mine, theirs = Edit(patches=((5, 0, "x"),)), Edit(patches=((5, 0, "YY"),))
    one_first = apply(apply(TEXT, mine), step(theirs, mine, Authors(right, left)))
    assert one_first == apply(apply(TEXT, theirs), step(mine, theirs, Authors(left, right)))


@pytest.mark.parametrize("seed", range(20))
def test_two_edits_come_to_the_same_text_in_either_order(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        one, two = (Edit(patches=some_patches(chance)) for _ in (0, 1))
        one_first = apply(apply(TEXT, one), step(two, one, by(1, over=0)))
        assert one_first == apply(apply(TEXT, two), step(one, two, by(0, over=1)))


def test_an_edit_happens_and_one_of_which_nothing_is_left_too() -> None:
    assert list(decide(Document(TEXT), Edit(patches=((1, 2, "x"),)))) == [
        Edited(patches=((1, 2, "x"),))
    ]
    assert list(decide(Document(TEXT), Edit(patches=()))) == [Edited(patches=())]


@pytest.mark.parametrize(
    "patches",
    [((11, 0, "x"),), ((9, 2, ""),), ((-1, 0, "x"),), ((1, -1, ""),), ((4, 2, ""), (5, 1, ""))],
)
def test_an_edit_outside_of_the_text_is_illegal(patches: Patches) -> None:
    with pytest.raises(Rejected):
        list(decide(Document(TEXT), Edit(patches=patches)))


@pytest.mark.parametrize("seed", range(20))
def test_patches_that_were_applied_in_turn_are_one_edit(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        text, turns = TEXT, list[tuple[int, int, str]]()
        for _ in range(chance.randint(0, 5)):
            at = chance.randint(0, len(text))
            deleted = chance.randint(0, min(4, len(text) - at))
            turns.append((at, deleted, chance.choice(["", "x", "yz"])))
            text = apply(text, Edit(patches=(turns[-1],)))
        edit = Edit(patches=together(turns))
        assert apply(TEXT, edit) == text
        assert list(decide(Document(TEXT), edit)) != []


@pytest.mark.parametrize("people", [2, 3])
@pytest.mark.parametrize("seed", range(50))
def test_typists_who_do_not_wait_end_with_one_text(seed: int, people: int) -> None:
    chance = random.Random(seed)
    server, typists = Server(), [Typist(number) for number in range(people)]
    for _ in range(150):
        typist = chance.choice(typists)
        match chance.choice(["type", "send", "hear"]):
            case "type":
                typist.type(chance)
            case "send":
                typist.send(server)
            case _:
                typist.hear(server, most=1)
    for typist in typists:
        while typist.send(server):
            pass
    for typist in typists:
        typist.hear(server)
    assert {typist.text for typist in typists} == {server.document.text}


def test_the_recorded_session_ends_with_the_text_it_truly_had(
    tmp_path: Path, typing: Typing
) -> None:
    with Domain.open(tmp_path / "db", deciders=[document]) as domain:
        played = play(typing, domain, "friends")
    assert played.text == typing.text
    assert (played.edits, played.stale, played.refusals) == (26_078, 11_700, [])
    assert played.outcomes == {Outcome.APPLIED: 14_378, Outcome.REBASED: 11_700}


def test_a_version_that_was_seen_is_at_most_49_of_the_others_edits_behind(typing: Typing) -> None:
    behind = [
        sum(edit["agent"] != typing.edits[version]["agent"] for edit in typing.edits[seen:version])
        for version, seen in enumerate(seen_versions(typing))
    ]
    assert max(behind) == 49


# --- helpers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def typing() -> Typing:
    try:
        return Typing.read(recording("shared-typing/friendsforever.json.gz"))
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)


def apply(text: str, edit: Edit | Edited) -> str:
    return evolve(Document(text), Edited(patches=edit.patches)).text


def by(number: int, over: int) -> Authors:
    """An edit of one typist's, moved over that of another."""
    return Authors(Author(str(number), str(number)), Author(str(over), str(over)))


def some_patches(chance: random.Random) -> Patches:
    return tuple(_patches(chance))


def _patches(chance: random.Random) -> Iterator[tuple[int, int, str]]:
    at = chance.randint(0, 4)
    while at <= len(TEXT):
        deleted = chance.randint(0, min(3, len(TEXT) - at))
        yield at, deleted, chance.choice(["", "a", "bc"] if deleted else ["a", "bc"])
        at += deleted + chance.randint(1, 6)


class Server:
    """The document, and all that happened to it: what an aggregate's actor does, without one."""

    def __init__(self) -> None:
        self.document = Document(TEXT)
        self.log: list[Happened[Edited]] = []
        self.views = Views()

    def take(self, edit: Edit, who: str, seen: int) -> None:
        sent = Sent(who, session=who, seen=seen)
        since = Since(self.log[seen:], past=Past(self.views, lambda after: self.log[after:]))
        decision = merge(document, self.document, len(self.log), edit, sent, since)
        written = None if decision.command is edit else edit
        for event in decision.events:
            self.log.append(Happened(len(self.log) + 1, event, who, who, written, seen))
            evolve(self.document, event)


class Typist:
    """An editor: shows every key at once, and what others did as soon as it hears of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.text = TEXT
        self.seen = 0
        self._unsent: list[tuple[Edit, int]] = []
        self._unheard: list[Edit] = []  # own edits, moved over what was heard since

    def type(self, chance: random.Random) -> None:
        at = chance.randint(0, len(self.text))
        deleted = min(chance.choice([0, 0, 0, 1, 2, 4]), len(self.text) - at)
        edit = Edit(patches=((at, deleted, chance.choice("xyz")),))
        self.text = apply(self.text, edit)
        self._unsent.append((edit, self.seen))
        self._unheard.append(edit)

    def send(self, server: Server) -> bool:
        if self._unsent:
            edit, seen = self._unsent.pop(0)
            server.take(edit, str(self.number), seen)
            return True
        return False

    def hear(self, server: Server, most: int | None = None) -> None:
        for happened in server.log[self.seen :][:most]:
            self.seen = happened.version
            if happened.who == str(self.number):
                self._unheard.pop(0)
                continue
            theirs: Edit | Edited = happened.event
            moved: list[Edit] = []
            for mine in self._unheard:
                patches = step(mine, theirs, by(self.number, int(happened.who))).patches
                moved.append(Edit(patches=patches))
                theirs = step(theirs, mine, by(int(happened.who), self.number))
            self._unheard = moved
            self.text = apply(self.text, theirs)
