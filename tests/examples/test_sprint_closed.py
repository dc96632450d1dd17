"""A sprint is closed in simulated time: what its process orders, and when it reminds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from examples.board.domain import AddCard, LimitColumn
from examples.sprint.domain import Sprint, SprintCommand, sprint
from examples.sprint.messages import (
    CloseSprint,
    ClosingReminded,
    DecideCard,
    FreezeBoard,
    NameReviewer,
)
from examples.sprint.process import PATIENCE, Closing, closing
from examples.sprint.read_models import Closings

from comity.actors import Domain, Policy
from comity.simulation.world.process import Process as Program
from comity.simulation.world.world import World


@pytest.fixture
def world() -> Iterator[World]:
    few = Policy(chores=600.0)  # or else half of the time goes into them
    with World(
        7, deciders=[sprint], read_models=[Closings], processes=[closing], policy=few
    ) as world:
        yield world


@pytest.fixture
def program(world: World) -> Program:
    """A program with a sprint of two cards, both to be carried over, which is ready to freeze."""
    program = world.start()
    send(program.domain, *(AddCard(card=f"c{n}", number=n, title=f"Task {n}") for n in (1, 2)))
    send(program.domain, CloseSprint(into="sprint-43"), NameReviewer(reviewer="dan"))
    send(program.domain, *(DecideCard(card=f"c{n}", fate="carry") for n in (1, 2)))
    return program


def send(domain: Domain, *commands: SprintCommand, board: str = "sprint-42") -> None:
    for command in commands:
        domain.session("ann").aggregate(sprint, board).send(command).result(60)


def rest(program: Program, seconds: float = 60.0) -> None:
    """Let simulated time pass, in which the process does what it can."""
    program.runtime.wait_until(lambda: False, seconds)


def board_of(program: Program, board: str) -> Sprint:
    return program.domain.aggregate(sprint, board).look().state


def state_of(program: Program) -> Closing:
    state = program.domain.process(closing).state("sprint-42")
    assert state is not None
    return state


def test_the_carried_cards_are_there_once_whenever_the_program_crashed(
    world: World, program: Program
) -> None:
    send(program.domain, FreezeBoard())
    for _ in range(4):
        world.crash()
        program = world.start()
        rest(program, 0.01)
    rest(program)
    titles = [card.title for card in board_of(program, "sprint-43").cards.values()]
    assert sorted(titles) == ["Task 1", "Task 2"]
    assert state_of(program).step == "publish"
    assert "Carried over to sprint-43: Task 1, Task 2." in board_of(program, "sprint-42").draft


def test_what_the_next_sprint_has_no_room_for_is_named(program: Program) -> None:
    send(program.domain, LimitColumn(column="todo", limit=1), board="sprint-43")
    send(program.domain, FreezeBoard())
    rest(program)
    draft = board_of(program, "sprint-42").draft
    assert "Not taken by sprint-43: Task 2 (todo is full: its limit is 1)." in draft


def test_a_sprint_that_is_carried_over_into_itself_comes_to_an_end(program: Program) -> None:
    send(program.domain, CloseSprint(into="sprint-42"), FreezeBoard())
    rest(program)
    assert state_of(program).step == "publish"
    assert "Task 1 (the board is frozen" in board_of(program, "sprint-42").draft


def test_long_and_reserved_names_stop_no_closing(program: Program) -> None:
    long = "\U0001f600" * 50  # 200 bytes, the longest key of a board
    send(program.domain, AddCard(card=long * 2, number=3, title="Task 3"))
    send(program.domain, CloseSprint(into=long), DecideCard(card=long * 2, fate="carry"))
    send(program.domain, AddCard(card="c1", number=1, title="Task 1"), board="*")
    send(program.domain, FreezeBoard())
    rest(program)
    assert len(board_of(program, long).cards) == 3
    assert program.domain.process(closing).status().error == ""


def test_everybody_is_reminded_once_if_nobody_goes_on(program: Program) -> None:
    rest(program, PATIENCE.total_seconds() - 60)
    with program.domain.read(Closings) as closings:
        assert closings.rows["sprint-42"].reminded is None
    rest(program, 2 * PATIENCE.total_seconds())
    history = program.domain.history(program.domain.aggregate(sprint, "sprint-42"))
    reminders = [one.event for one in history if isinstance(one.event, ClosingReminded)]
    assert reminders == [ClosingReminded(waits_for="freeze")]
