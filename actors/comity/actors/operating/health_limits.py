"""When a domain counts as hanging, late or broken. A host passes them to `Domain.health`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import cast

from comity.engine.arguments import check_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLimits:
    """Limits of `Domain.health`, each in seconds; `math.inf` for none.

    Attributes:
        commit: how long the oldest commit may take; beyond it the domain is not ready.
        hang: how long a commit may take that does not wait for another process, and how long ago
            the domain's periodic work may have been done, which is due four times a second. Beyond
            it the process counts as hanging, and is not alive.
        outage: how long the journal may be unable to write before the process is not alive. A
            domain goes on by itself when the disk works again, so a restart seldom helps.
        lag: how long ago the oldest event was recorded that a read model lacks; beyond it the
            domain is not ready. The same for outlets and processes; beyond it it is not well.
    """

    commit: float = 5.0
    hang: float = 30.0
    outage: float = 300.0
    lag: float = 30.0

    def __post_init__(self) -> None:
        """Check the limits.

        Raises:
            Invalid: a limit is no number of seconds.
        """
        for one in fields(self):
            seconds = check_seconds(cast("float", getattr(self, one.name)), one.name)
            object.__setattr__(self, one.name, seconds)


USUAL = HealthLimits()
"""The limits of those who name none."""
