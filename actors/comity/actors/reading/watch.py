"""A watch: the current rows of a selection, then each change."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar, cast

from comity.actors.runtime.stream import Stream
from comity.engine.errors import NotReady, SnapshotExpired
from comity.readmodels.keys.encoding import encode
from comity.readmodels.tables.any_table import AnyIndex
from comity.readmodels.tables.query import Query, Selection
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.actors.reading.watch_hub import WatchHub
    from comity.actors.runtime.pending import Pending
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.workspace import RowChange

R_co = TypeVar("R_co", bound=Row, covariant=True)

MOST_WAITING: Final = 512
"""The most changed rows that a watch remembers for a slow consumer; with more it resets."""
_PAGE: Final = 128


class Update(NamedTuple, Generic[R_co]):
    """One item of a watch: a row, or a reset."""

    kind: Literal["present", "put", "gone", "reset"]
    """`present`: a current row; `put`: a new or changed row; `gone`: a row that was deleted or left
    the selection; `reset`: forget all rows, the current ones follow again."""
    row: R_co | None
    """The row; for `gone` its last state; for `reset` None."""
    position: int
    """The model's position when the row was read."""


class Watch(Stream[Update[R_co]]):
    """The current rows of a selection, then each change: iterate with `for` or `async for`.

    It ends only when you close it, leave its `with` block or close the domain. It reads the first
    rows when it is created, so later writes arrive as changes. It reads changed rows when the
    consumer asks for them: a slow consumer may miss states in between, but never the newest one.
    Its memory is bounded.

    Example:
        with domain.watch(Cards.by_assignee["ann"]) as watch:
            for update in watch:
                print(update.kind, update.row)
    """

    def __init__(
        self, selection: Selection[R_co], hub: WatchHub, snapshot: Callable[[], AnyReadModel]
    ) -> None:
        super().__init__(hub.runtime, "watch")
        self.selection = selection
        self._hub = hub
        self._snapshot = snapshot
        self._changed: dict[bytes, Row | None] = {}
        self._must_reset = False
        self._missed = False
        """Whether reading the changes failed, so that the watch must reset when it works again."""
        self._more: str | None = None
        """The cursor of the next page of current rows."""
        self._presenting = True
        hub.add(self)
        try:
            if not self._closed:
                self._look()
        except BaseException:
            hub.remove(self)
            raise

    # --- what the hub calls -----------------------------------------------------------------------

    def touch(self, change: RowChange, *, was_in: bool) -> Pending[int] | None:
        """Note that a row was changed; returns the pending to settle if a consumer waits.

        Args:
            change: the changed row, which is in the selection now or was before.
            was_in: whether its old state was in the selection.
        """
        with self._lock:
            if was_in or change.key not in self._changed:
                self._changed[change.key] = change.old if was_in else None
            if len(self._changed) > MOST_WAITING:
                self._must_reset = True
                self._changed.clear()
            return self._take_bell()

    def reset(self) -> Pending[int] | None:
        """Start again with all rows, because changes were lost; returns as `touch` does."""
        with self._lock:
            self._must_reset = True
            self._changed.clear()
            return self._take_bell()

    # --- inside -----------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._hub.remove(self)

    def _look(self) -> None:
        with self._lock:
            resets, self._must_reset = self._must_reset or self._missed, False
            changed, self._changed = self._changed, {}
        self._missed = True
        try:
            with self._snapshot() as model:
                if resets:
                    self._ready.append(Update("reset", None, model.position))
                    self._more, self._presenting = None, True
                    changed = {}
                self._read(model, changed)
                if self._presenting:
                    self._present(model, changed)
        except NotReady:  # `reset` is called when the model is ready
            return
        except SnapshotExpired:  # the model was just closed, or the machine is slow: try again
            bell = self.reset()
            self._hub.ring([bell] if bell else [])
            return
        self._missed = False

    def _present(self, model: AnyReadModel, told: Container[bytes]) -> None:
        query: Query[R_co] = Query(model.binding, self.selection.question)
        page = query.page(_PAGE, self._more)
        key, position = self.selection.question.source.table.key, model.position
        self._ready += [
            Update("present", row, position) for row in page.rows if encode(key(row)) not in told
        ]
        self._more, self._presenting = page.next, page.next is not None

    def _read(self, model: AnyReadModel, changed: dict[bytes, Row | None]) -> None:
        """Read the changed rows, and queue an update for each."""
        if not changed:
            return
        table = self.selection.question.source.table
        binding = model.binding
        handle, position = binding.handle(table.stored_as), model.position
        stored = binding.reading.get_many(handle, list(changed))
        for (key, old), data in zip(changed.items(), stored, strict=True):
            row = None if data is None else table.codec.unpack(data)
            if row is not None and self.holds(key, row):
                self._ready.append(Update("put", cast("R_co", row), position))
            elif old is not None:
                self._ready.append(Update("gone", cast("R_co", old), position))

    def holds(self, key: bytes, row: Row) -> bool:
        """Whether the row with this key is in the selection."""
        source, (low, high) = self.selection.question.source, self.selection.question.span
        keys = source.entries(row) if isinstance(source, AnyIndex) else (key,)
        return any(low <= one and (high is None or one < high) for one in keys)
