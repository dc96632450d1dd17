"""The objects that the actors of one domain share: journal, runtime, committer and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.actors.runtime.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Container

    from comity.actors.aggregates.committer import Committer
    from comity.actors.aggregates.recent import Recent
    from comity.actors.observing.observers import Observers
    from comity.actors.runtime.policy import Policy
    from comity.actors.runtime.runtime import Callback, Executor, Runtime, Timers
    from comity.engine.journal.journal import Journal


class Services:
    """Everything outside of itself that an actor uses. The assembly makes one per domain."""

    __slots__ = (
        "committer",
        "executor",
        "journal",
        "keep_commands",
        "monotonic",
        "now",
        "observers",
        "policy",
        "recent",
        "rested",
        "retries",
        "runtime",
        "steps",
        "timers",
    )

    def __init__(
        self,
        journal: Journal,
        policy: Policy,
        runtime: Runtime,
        executor: Executor,
        timers: Timers,
        committer: Committer,
        recent: Recent,
        observers: Observers,
        *,
        keep_commands: bool,
        steps: Container[str],
    ) -> None:
        self.journal = journal
        self.policy = policy
        self.runtime = runtime
        self.now, self.monotonic = runtime.now, runtime.monotonic
        self.executor = executor
        self.timers = timers
        self.committer = committer
        self.recent = recent
        self.observers = observers
        self.keep_commands = keep_commands
        """Whether each command is recorded as it was sent."""
        self.steps = steps
        """The types of the instances of processes. Their commands are not recorded as they were
        sent, since their events have all that is in them."""
        self.retries = committer.retries
        self.rested = Rest(policy, runtime)
        """The `Rest` that all actors without failures share."""

    def call_later(self, seconds: float, callback: Callback) -> None:
        """Call `callback` after so many seconds, unless the domain is closed before."""
        self.timers.call_later(seconds, callback)
