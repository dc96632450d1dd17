"""What the actors of one domain share: journal, runtime, committer. The assembly makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comity.actors.runtime.rest import Rest

if TYPE_CHECKING:
    from comity.actors.aggregates.committer import Committer
    from comity.actors.aggregates.recent import Recent
    from comity.actors.observing.observers import Observers
    from comity.actors.runtime.policy import Policy
    from comity.actors.runtime.runtime import Callback, Executor, Runtime, Timers
    from comity.engine.journal.journal import Journal


class Services:
    """Each actor of the domain is handed these, and asks nothing else of the world."""

    __slots__ = (
        "committer",
        "executor",
        "journal",
        "monotonic",
        "now",
        "observers",
        "policy",
        "recent",
        "rested",
        "retries",
        "runtime",
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
        self.retries = committer.retries
        self.rested = Rest(policy, runtime)
        """The rest of all actors that have not failed."""

    def call_later(self, seconds: float, callback: Callback) -> None:
        """Call it after so many seconds, unless the domain is closed before."""
        self.timers.call_later(seconds, callback)
