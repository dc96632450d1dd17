"""One recorded command: who sent it, when, to which aggregate, and on which view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from comity.engine import AggregateId, Command, Outcome
from comity.engine.merging.sent import NO_METADATA


class Act(NamedTuple):
    """A command of a recorded history. Versions are those of the recording.

    `recorded_scenario` makes them from a journal. Make them yourself to play a history from any
    other source, such as a table of changes.
    """

    aggregate: AggregateId
    command: Command
    microseconds: int
    """When it was decided: microseconds since 1970, UTC."""
    version: int
    """The aggregate's version after the command."""
    who: str = ""
    """The sender's name; empty if none is known."""
    session: str = ""
    """The sender's session; empty for commands outside of any session."""
    seen: int | None = None
    """The version that the sender was looking at; None: none, decide on the newest state."""
    id: str = ""
    """The command's id; empty if none is known."""
    metadata: Mapping[str, str] = NO_METADATA
    """The sender's metadata of the command."""
    outcome: Outcome | None = None
    """How it ended in the recording; None if that is not known. What a person did after a recorded
    conflict is an act of its own, so a play does not send the command once more."""

    @property
    def person(self) -> str:
        """The sender's name for a report."""
        return self.who or self.session or "somebody"
