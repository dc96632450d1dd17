"""The ready conflict rules: what becomes of a command that clashes. Commands name one of them.

Every rule has the shape of the method `on_conflict(self, clash, /) -> Self | None`: it returns the
command to go on with, or None to drop it, or raises `Conflicted`. A rule of your own is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Never, TypeVar, cast

from comity.engine.errors import Conflicted

if TYPE_CHECKING:
    from comity.engine.clash import Clash
    from comity.engine.message import Command, Message

C = TypeVar("C", bound="Command")
M = TypeVar("M", bound="Message")


# Clash is covariant in the state, so a rule that takes Clash[Never] is asked with any state, and a
# method that takes Clash[Board] overrides it soundly for the checkers.
def reject(command: C, clash: Clash[Never], /) -> C | None:
    """Refuse the command: the sender looks again and decides anew. The default."""
    raise Conflicted


def overwrite(command: C, clash: Clash[Never], /) -> C | None:
    """Go on with the command as it is: the last writer wins."""
    return command


def give_way(command: C, clash: Clash[Never], /) -> C | None:
    """Drop the command: the first writer wins, and the sender is told so."""
    return None


def transform(
    step: Callable[[Message, Message], Message | None],
) -> Callable[[C, Clash[Never]], C | None]:
    """A rule that moves the command over each unseen event in turn: text positions, list indexes.

    `step(message, over)` returns the message as it must read once `over` has happened before it,
    or None when nothing is left of it; both were written by people who had seen the same. It is
    asked about commands and events alike, and returns what does not concern it unchanged.

    A sender may have commands of its own in flight; an unseen event must then be read from where
    the sender stands, after those. So the unseen events are themselves moved over the sender's
    own, which is the control algorithm of Jupiter (Nichols, Curtis, Dixon, Lamping: High-latency,
    low-bandwidth windowing in the Jupiter collaboration system, UIST 1995).

    Example:
        class Insert(Command):
            at: int
            text: str
            on_conflict = transform(shift)
    """

    def rule(command: C, clash: Clash[Never], /) -> C | None:
        moved: Message | None = command
        for event in _as_the_sender_sees_them(clash, step):
            if moved is None:
                return None
            moved = step(moved, event)
        return cast("C | None", moved)

    rule.__name__ = f"transform({getattr(step, '__name__', 'step')})"
    return rule


def _as_the_sender_sees_them(
    clash: Clash[Never], step: Callable[[Message, Message], Message | None]
) -> list[Message]:
    theirs: list[Message] = []
    last_sent: Message | None = None
    for happened in clash.since:
        if not clash.own(happened):
            theirs.append(happened.event)
        elif happened.sent is None:
            theirs = _pass(theirs, happened.event, step)
        elif happened.sent is not last_sent:  # several events of one command: it passes once
            last_sent = happened.sent
            theirs = _pass(theirs, last_sent, step)
    return theirs


def _pass(
    theirs: list[Message], mine: Message | None, step: Callable[[Message, Message], Message | None]
) -> list[Message]:
    """Their events as they read after mine, where mine was written before any of them."""
    moved: list[Message] = []
    for event in theirs:
        if mine is None:
            moved.append(event)
            continue
        after = step(event, mine)
        mine = step(mine, event)
        if after is not None:
            moved.append(after)
    return moved


def rule_name(kind: type[Command]) -> str:
    """How reports and the matrix call a command's rule."""
    rule: object = kind.on_conflict
    name = str(getattr(rule, "__name__", "rule"))
    return f"{kind.__name__}.on_conflict" if name == "on_conflict" else name
