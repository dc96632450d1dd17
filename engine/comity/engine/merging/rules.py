"""The built-in conflict rules, which decide about commands that clash.

A command class names one of them as `on_conflict`, or defines its own rule as a method
`on_conflict(self, clash, /) -> Self | None`. A rule returns the command to go on with, or None to
drop the command, or raises `Conflicted`.
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


# These rules take any clash, so that your own rule may call them.
def reject(command: Message, clash: Clash[object], /) -> Never:
    """Refuse the command: the sender looks again and decides anew. The default."""
    raise Conflicted


def overwrite(command: C, clash: Clash[object], /) -> C | None:
    """Go on with the command as it is: the last writer wins."""
    return command


def give_way(command: C, clash: Clash[object], /) -> C | None:
    """Drop the command: the first writer wins, and the sender's receipt says so."""
    return None


def transform(
    step: Callable[[M, M], Message | None] | Callable[[M, M, Authors], Message | None],
) -> Callable[[C, Clash[object]], C | None]:
    """Make a rule that moves a command over each unseen event: for text positions, list indexes.

    `step(message, over)` returns the message as it must be if `over` happened before it, or None
    if nothing is left of the message. Both authors had seen the same state. The step gets commands
    and events, and returns a message unchanged if `over` does not affect it. Annotate the step's
    parameters with the union of the aggregate's messages. With a third parameter,
    `authors: Authors`, it gets the authors of both messages, to break ties: of two texts typed at
    one place either may come first, but the order must be the same for both authors.

    A sender may have commands of its own in flight. It wrote its next command after them, so the
    unseen events are first moved over the sender's own commands. This is the control algorithm of
    Jupiter (Nichols, Curtis, Dixon, Lamping: High-latency, low-bandwidth windowing in the Jupiter
    collaboration system, UIST 1995).

    A command of which nothing is left gives no events. Its sender's next commands still count as
    written after it, since the sender had it on the screen.

    Raises:
        WiringError: the step has a third parameter of another type, or more than three.

    Example:
        class Insert(Command):
            at: int
            text: str
            on_conflict = transform(shift)
    """
    # All messages here are of one aggregate, so they fit M; type checkers cannot know this.
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
