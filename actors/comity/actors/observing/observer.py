"""The base class of observers: for metrics, traces, logs, and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comity.actors.observing.facts import (
        Arrived,
        Committed,
        Ended,
        Loaded,
        Merged,
        Stepped,
    )


class Observer:
    """Subclass it, override the hooks that you need, and hand it to `Domain.open(observers=[...])`.

    The domain calls a hook on the thread that does the work, and goes on when the hook returns: so
    be brief, never wait for an answer, and guard data that several threads change. An exception of
    a hook is logged, and the domain goes on. A hook that is not overridden costs nothing.

    Example:
        class Slow(Observer):
            def committed(self, fact: Committed) -> None:
                if fact.seconds > 0.1:
                    print(f"a commit of {fact.commands} commands took {fact.seconds:.2f} s")

        domain = Domain.open("team.db", deciders=[board], observers=[Slow()])
    """

    def arrived(self, fact: Arrived) -> None:
        """A command is in its aggregate's inbox. On the sender's thread."""

    def merged(self, fact: Merged) -> None:
        """A command was merged and decided, and is not durable yet. On the aggregate's thread."""

    def committed(self, fact: Committed) -> None:
        """A group was written, or could not be. On the thread that writes, before the answers."""

    def ended(self, facts: Sequence[Ended]) -> None:
        """These commands have ended, in this order; their senders are told next. Any thread."""

    def stepped(self, fact: Stepped) -> None:
        """A read model or a listener has taken a batch. On the follower's thread."""

    def loaded(self, fact: Loaded) -> None:
        """An aggregate's state was loaded from the journal. On the aggregate's thread."""
