"""What the actors of one domain share: journal, pool, committer, clock. The assembly makes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from comity.actors.aggregates.retries import Retries
from comity.actors.runtime.rest import Rest

if TYPE_CHECKING:
    from comity.actors.aggregates.committer import Committer
    from comity.actors.aggregates.recent import Recent
    from comity.actors.aggregates.tally import Tally
    from comity.actors.runtime.housekeeper import Housekeeper, Sleeper
    from comity.actors.runtime.policy import Policy
    from comity.actors.runtime.pool import Pool
    from comity.engine.journal.journal import Journal


class Site:
    """Where actors work."""

    __slots__ = (
        "committer",
        "housekeeper",
        "journal",
        "policy",
        "pool",
        "recent",
        "rested",
        "retries",
        "tally",
    )

    def __init__(
        self,
        journal: Journal,
        policy: Policy,
        pool: Pool,
        committer: Committer,
        housekeeper: Housekeeper,
        recent: Recent,
        tally: Tally,
    ) -> None:
        self.journal = journal
        self.policy = policy
        self.pool = pool
        self.committer = committer
        self.housekeeper = housekeeper
        self.recent = recent
        self.tally = tally
        self.retries = Retries(journal, committer.is_unknown)
        self.rested = Rest(policy)
        """The rest of all actors that have not failed."""

    @staticmethod
    def now() -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000

    def wake_in(self, seconds: float, actor: Sleeper) -> None:
        """Wake a parked actor after so many seconds."""
        self.housekeeper.wake_in(seconds, actor)
