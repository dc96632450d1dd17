"""The ready conflict rules: what becomes of a command that clashes. Commands name one of them.

Every rule has the shape of the method `on_conflict(self, clash, /) -> Self | None`: it returns the
command to go on with, or None to drop it, or raises `Conflicted`. A rule of your own is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Never, TypeVar, cast

from comity.engine.merging.refusals import Conflicted
from comity.engine.merging.step import Step
from comity.engine.merging.unseen import unseen

if TYPE_CHECKING:
    from comity.engine.merging.authors import Authors
    from comity.engine.merging.clash import Clash
    from comity.engine.messages.message import Message

C = TypeVar("C", bound="Message")
M = TypeVar("M", bound="Message")


# They take any clash, so that a rule of your own may call them.
def reject(command: Message, clash: Clash[object], /) -> Never:
    """Refuse the command: the sender looks again and decides anew. The default."""
    raise Conflicted


def overwrite(command: C, clash: Clash[object], /) -> C | None:
    """Go on with the command as it is: the last writer wins."""
    return command


def give_way(command: C, clash: Clash[object], /) -> C | None:
    """Drop the command: the first writer wins, and the sender is told so."""
    return None


def transform(
    step: Callable[[M, M], Message | None] | Callable[[M, M, Authors], Message | None],
) -> Callable[[C, Clash[object]], C | None]:
    """A rule that moves the command over each unseen event in turn: text positions, list indexes.

    `step(message, over)` returns the message as it must read once `over` has happened before it,
    or None when nothing is left of it; both were written by people who had seen the same. It is
    asked about commands and events alike, and returns what does not concern it unchanged. Annotate
    it with the union of the aggregate's messages. With a third parameter, `authors: Authors`, it
    is told who wrote the two, for ties: of two texts typed at one place either may come first, and
    it must be the same one for both authors.

    A sender may have commands of its own in flight; an unseen event must then be read from where
    the sender stands, after those. So the unseen events are themselves moved over the sender's
    own, which is the control algorithm of Jupiter (Nichols, Curtis, Dixon, Lamping: High-latency,
    low-bandwidth windowing in the Jupiter collaboration system, UIST 1995).

    A command of which nothing is left comes to nothing, and its sender's next ones are still read
    as what they are: written with it on the screen.

    Raises:
        WiringError: the step has a third parameter of another kind, or more of them.

    Example:
        class Insert(Command):
            at: int
            text: str
            on_conflict = transform(shift)
    """
    # Messages of one aggregate meet here, which is what M stands for; the checkers cannot know.
    move = Step(cast("Callable[..., Message | None]", step))

    def rule(command: C, clash: Clash[object], /) -> C | None:
        moved: Message | None = command
        for one, event in unseen(move, clash):
            if moved is None:
                return None
            moved = move(moved, clash.sent, event, one)
        return cast("C | None", moved)

    rule.__name__ = move.name
    return rule
