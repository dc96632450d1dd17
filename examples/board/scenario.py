"""A team at work on its boards: what happens when many change them at once?

Play it with `comity simulate examples/board/scenario.py --people 500 --hours 8 --compare`.
"""

from __future__ import annotations

from collections.abc import Callable

from examples.board.domain import (
    AddCard,
    AssignCard,
    Board,
    BoardCommand,
    Comment,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
    board,
)

from comity.simulation import Crowd, Network, Person, Scenario

BOARDS = tuple(f"sprint-{number}" for number in range(1, 51))
VERBS = ("Build", "Fix", "Measure", "Polish", "Test", "Write")
NOUNS = ("login", "payment", "search", "shop", "start page", "docs")
FEWEST = 12
"""A board with fewer cards gets more of them."""


async def member(person: Person) -> None:
    """Open a board now and then, change some of its cards, and get on with other work."""
    while person.working:
        key = person.zipf(BOARDS)
        for _ in range(person.whole(1, 4)):
            await change(person, key)
        await person.think(person.exponential(600))


async def change(person: Person, key: str) -> None:
    """Look at the board, think, and change something; if it is refused, look again and decide."""
    view = await person.look(board, key)
    await person.think(person.exponential(20))
    wanted: BoardCommand | None = wish(person, view.state)
    answer = None
    for _ in range(3):
        if wanted is None:
            return
        answer = await person.do(wanted, instead=answer)
        if not answer.refused:
            return
        view = await person.look(board, key)
        await person.think(person.exponential(20))
        wanted = once_more(wanted, view.state)


def wish(person: Person, state: Board) -> BoardCommand:
    """What a person wants to change about a board that looks like this."""
    if len(state.cards) < FEWEST or person.chance(0.05):
        number = state.next_number
        return AddCard(card=f"c{person.name}-{number}", number=number, title=title(person))
    newest_first = sorted(state.cards, key=lambda name: -state.cards[name].number)
    card = person.zipf(newest_first)
    wishes: dict[Callable[[], BoardCommand], int] = {
        lambda: RenameCard(card=card, title=title(person)): 20,
        lambda: MoveCard(card=card, column=person.choose(with_room(state))): 35,
        lambda: AssignCard(card=card, assignee=person.name): 15,
        lambda: Upvote(card=card): 10,
        lambda: Comment(card=card, comment=f"{person.now:.0f}", text="Looks good to me."): 15,
        lambda: RemoveCard(card=card): 5,
    }
    return person.choose(list(wishes), list(wishes.values()))()


def with_room(state: Board) -> list[str]:
    """The columns that take one more card."""
    return [name for name, most in state.limits.items() if most is None or state.holds(name) < most]


def once_more(refused: BoardCommand, state: Board) -> BoardCommand | None:
    """What the person wants after a refusal; None if the board has changed too much for that."""
    if isinstance(refused, AddCard):
        return refused.model_copy(update={"number": state.next_number})
    return refused if getattr(refused, "card", None) in state.cards else None


def title(person: Person) -> str:
    return f"{person.choose(VERBS)} the {person.choose(NOUNS)}"


team = Scenario(
    "Team board",
    deciders=[board],
    crowds=[Crowd(member, 500, arrive=lambda dice: dice.uniform(0, 600))],
    hours=8,
    network=Network(delay=lambda dice: dice.exponential(0.08)),
)
