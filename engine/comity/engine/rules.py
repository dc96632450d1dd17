"""The ready conflict rules: what becomes of a command that clashes. Commands name one of them.

Every rule has the shape of the method `on_conflict(self, clash, /) -> Self | None`: it returns the
command to go on with, or None to drop it, or raises `Conflicted`. A rule of your own is the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Never, TypeAlias, TypeVar, cast

from comity.engine.errors import Conflicted

if TYPE_CHECKING:
    from comity.engine.clash import Clash
    from comity.engine.happened import Happened
    from comity.engine.message import Command, Event, Message

C = TypeVar("C", bound="Command")
M = TypeVar("M", bound="Message")


# They take any clash, so that a rule of your own may call them.
def reject(command: Command, clash: Clash[object], /) -> Never:
    """Refuse the command: the sender looks again and decides anew. The default."""
    raise Conflicted


def overwrite(command: C, clash: Clash[object], /) -> C | None:
    """Go on with the command as it is: the last writer wins."""
    return command


def give_way(command: C, clash: Clash[object], /) -> C | None:
    """Drop the command: the first writer wins, and the sender is told so."""
    return None


def transform(step: Callable[[M, M], Message | None]) -> Callable[[C, Clash[object]], C | None]:
    """A rule that moves the command over each unseen event in turn: text positions, list indexes.

    `step(message, over)` returns the message as it must read once `over` has happened before it,
    or None when nothing is left of it; both were written by people who had seen the same. It is
    asked about commands and events alike, and returns what does not concern it unchanged. Annotate
    it with the union of the aggregate's messages.

    A sender may have commands of its own in flight; an unseen event must then be read from where
    the sender stands, after those. So the unseen events are themselves moved over the sender's
    own, which is the control algorithm of Jupiter (Nichols, Curtis, Dixon, Lamping: High-latency,
    low-bandwidth windowing in the Jupiter collaboration system, UIST 1995).

    Where senders do not wait, let an empty message stand for one of which nothing is left: a
    command that became None leaves no event, and what its sender does next rests on it.

    Example:
        class Insert(Command):
            at: int
            text: str
            on_conflict = transform(shift)
    """
    # Messages of one aggregate meet here, which is what M stands for; the checkers cannot know.
    move = cast("_Step", step)
    views = _Views(move)

    def rule(command: C, clash: Clash[object], /) -> C | None:
        moved: Message | None = command
        for _, event in views.unseen(clash):
            if moved is None:
                return None
            moved = move(moved, event)
        return cast("C | None", moved)

    rule.__name__ = f"transform({getattr(step, '__name__', 'step')})"
    return rule


_Step: TypeAlias = "Callable[[Message, Message], Message | None]"

_Unseen: TypeAlias = "list[tuple[int, Message]]"
"""What others did, by version, each as it reads to a sender that has not seen it."""

_MOST_VIEWS = 1024
"""Senders that may be in the middle of something, each with commands in flight."""


class _Views:
    """How the unseen events read to each sender, worked out so far.

    An own command in flight was written on what its sender had seen by then, which may be less
    than it has seen now. To move events over it, they must be those that *it* had not seen, so
    this goes on from where that command was moved, instead of starting again. That is also linear
    in what is new, where starting again takes every unseen event over every own one.

    Without the view (the aggregate left memory since) it starts from `seen`, which is exact but
    for a sender whose commands in flight saw less than `seen`.
    """

    def __init__(self, step: _Step) -> None:
        self._step = step
        self._views: OrderedDict[tuple[str, Happened[Event]], tuple[int, _Unseen]] = OrderedDict()

    def unseen(self, clash: Clash[object]) -> _Unseen:
        """The unseen events as the sender reads them, after its own commands in flight."""
        since, session = clash.since, clash.session
        unseen, new = self._known(clash) if session else ([], since)
        sent: Message | None = None
        for happened in new:
            if not clash.own(happened):
                unseen.append((happened.version, happened.event))
            elif happened.sent is None:
                unseen = self._after(happened.event, unseen)
            elif happened.sent is not sent:  # several events of one command: it passes once
                sent = happened.sent
                unseen = self._after(sent, unseen)
        if session:
            first = since[0].version
            unseen = [one for one in unseen if one[0] >= first]  # it has seen those before
            self._views[session, since[-1]] = (first, unseen)
            if len(self._views) > _MOST_VIEWS:
                self._views.popitem(last=False)
        return unseen

    def _known(self, clash: Clash[object]) -> tuple[_Unseen, Sequence[Happened[Event]]]:
        """The sender's view when it was last asked for, and what happened since."""
        since = clash.since
        for index in range(len(since) - 1, -1, -1):
            known = self._views.pop((clash.session, since[index]), None)
            if known is not None and known[0] <= since[0].version:
                return known[1].copy(), since[index + 1 :]
        return [], since

    def _after(self, own: Message | None, unseen: _Unseen) -> _Unseen:
        """The unseen events as they read after an own command, which had not seen them either."""
        moved: _Unseen = []
        for version, event in unseen:
            if own is None:
                moved.append((version, event))
                continue
            after = self._step(event, own)
            own = self._step(own, event)
            if after is not None:
                moved.append((version, after))
        return moved


def rule_name(kind: type[Command]) -> str:
    """How reports and the matrix call a command's rule."""
    rule: object = kind.on_conflict
    name = str(getattr(rule, "__name__", "rule"))
    return f"{kind.__name__}.on_conflict" if name == "on_conflict" else name
