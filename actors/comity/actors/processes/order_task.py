"""An order on its way to its target: it takes effect once, also if its id is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from comity.actors.aggregates.task import Task
from comity.engine.errors import Expired

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.command import Command
    from comity.engine.merging.sent import Sender


class OrderTask(Task):
    """A command that a process gives to an aggregate, with the same id each time.

    Before each decision it is looked for in the journal. If its target changes between that and the
    commit, it is decided again, so nothing that another program does can be missed.

    Args:
        runs: whether this program runs the process. If another one does, it is not decided.
        after: the position after which its record is, if it was sent before; None if it certainly
            was not. The journal may have forgotten its id, but it keeps the target's records.
    """

    __slots__ = ("_after", "_runs", "searched")

    def __init__(
        self,
        aggregate: AggregateId,
        command: Command,
        sender: Sender,
        id: str,
        runtime: Runtime,
        deadline: float,
        metadata: Mapping[str, str],
        runs: Callable[[], bool],
        after: int | None,
    ) -> None:
        super().__init__(aggregate, command, sender, id, runtime, deadline, metadata, retry=True)
        self._runs = runs
        self._after = after
        self.searched: int | None = None
        """The position up to which it was looked for in vain; None if it was not looked for."""

    def find(self, journal: Journal) -> Record | None:
        """See `Task.find`."""
        if not self._runs():
            raise Expired("another program runs the process now, and gives this order")
        end, record = journal.position(), journal.find(self.id)
        if record is None and self._after is not None:
            record = self._carried_out(journal, self._after)
        if record is None:
            self.searched = end
        return record

    def _carried_out(self, journal: Journal, after: int) -> Record | None:
        """Look for it among the target's records.

        A refused order is not found there; it had no effect, so it can be decided again.
        """
        for record in journal.read_backwards(self.aggregate):
            if record.last_position <= after:
                break
            if record.command_id == self.id:
                return record
        return None
