"""One example of Hypothesis: people who are drawn send commands that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from hypothesis import strategies as st

from comity.engine.merging.merge import Decision
from comity.evolution.contract.making import whole
from comity.testing.proving.desk import Desk, Wish
from comity.testing.proving.known import Known

if TYPE_CHECKING:
    from comity.engine.merging.command import Command
    from comity.engine.merging.refusals import Refused
    from comity.engine.messages.message import Event
    from comity.evolution.contract.making import Draw
    from comity.testing.proving.subject import Subject

PEOPLE: Final = ("ann", "bob", "cleo")
LONGEST: Final = 8
"""The most commands before those that a law is about."""
TRIES: Final = 5


@st.composite
def _commands(draw: st.DrawFn, play: Play) -> Command:
    """All parts of a command as one, so that Hypothesis leaves it out as one."""
    return play.command(cast("Draw", draw))


class Play:
    """People at one aggregate.

    Args:
        subject: the domain.
        draw: draws from strategies.
        kinds: the command classes to use; by default all of the decider.
    """

    def __init__(
        self, subject: Subject, draw: Draw, kinds: Sequence[type[Command]] | None = None
    ) -> None:
        self.subject = subject
        self.draw = draw
        self.desk = Desk(subject)
        self._kinds = list(kinds or subject.decider.commands)
        self._known = Known([*subject.decider.commands, *subject.decider.events], self._state)
        self._known.look()
        self._wishes = 0
        self._like: Wish | None = None
        self._commands = _commands(self)
        self.came_up = set[str]()
        """The classes of commands that were accepted, and of their events."""

    def _state(self) -> object:
        return self.desk.state

    def whole(self, least: int, most: int) -> int:
        """Draw a whole number; small ones are simpler."""
        found = self.draw(whole(least, most))
        assert isinstance(found, int)
        return found

    def goes_on(self) -> bool:
        """Draw whether there is one more step; mostly there is."""
        return self.whole(0, 7) > 0

    def person(self, people: Sequence[str] = PEOPLE) -> str:
        """Draw a person."""
        return people[self.whole(0, len(people) - 1)]

    def wish(self, who: str, like: Wish | None = None) -> Wish:
        """Draw a command that this person chooses.

        Args:
            who: the person.
            like: what somebody else chooses; often both choose the same, or nearly.
        """
        self._wishes += 1
        self._like = like
        return Wish(who, cast("Command", self.draw(self._commands)), self._wishes)

    def command(self, draw: Draw) -> Command:
        """Draw the command of a wish."""
        maker, like = self.subject.maker, self._like
        chosen = cast("int", draw(whole(0, 2))) if like else 0
        if like and chosen == 1:
            return like.command
        if like and chosen:
            return maker.vary(draw, like.command, self._known)
        kind = self._kinds[cast("int", draw(whole(0, len(self._kinds) - 1)))]
        return maker.make(draw, kind, self._known)

    def reach(self, most: int = LONGEST) -> Desk:
        """Draw commands, one after the other, until a state is reached; return its aggregate.

        Commands that are refused or change nothing are no part of the story.

        Raises:
            Broken: the domain's code failed.
        """
        while self.desk.version < most and self.goes_on():
            self.step()
        return self.desk

    def step(self) -> Refused | None:
        """Let somebody who has seen everything send commands, until one is accepted.

        Returns:
            None if a command was accepted; else why the last one was refused, if it was.

        Raises:
            Broken: the domain's code failed.
        """
        who, told = self.person(), len(self.desk.steps)
        refusal: Refused | None = None
        for _ in range(TRIES):
            wish = self.wish(who)
            answer = self.desk.send(wish)
            if isinstance(answer, Decision) and answer.events:
                self.note(wish, answer)
                return None
            refusal = None if isinstance(answer, Decision) else answer
            del self.desk.steps[told:]
        return refusal

    def note(self, wish: Wish, decision: Decision[Command, Event]) -> None:
        """Note the values of a command that was accepted, for the next ones."""
        for message in (wish.command, *decision.events):
            self._known.note(message)
            self.came_up.add(type(message).__name__)
        self._known.look()

    def accepted(self, who: str, like: Wish | None = None) -> Wish | None:
        """Draw a command that gives events on the state; None if none came in a few tries."""
        for _ in range(TRIES):
            wish = self.wish(who, like)
            answer = self.desk.branch().send(wish)
            if isinstance(answer, Decision) and answer.events:
                return wish
        return None
