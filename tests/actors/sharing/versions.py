"""A model and a decider of the tests of several processes, as older and newer programs have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.actors import notebook
from tests.actors.notebook import Notebook, NotebookCommand, NotebookEvent, Stamped
from tests.actors.shelf import ParkedPages

from comity.engine import Command, Decider, Event, Recorded
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.tables.read_model import AnyReadModel


class SumRow(Row):
    """How often a book was stamped."""

    book: str
    stamps: int = 0


class Sums(ReadModel[NotebookEvent]):
    """The stamps of each book."""

    rows = Table(SumRow, key=lambda row: row.book)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        if isinstance(event, Stamped):
            row = self.rows.get(at.aggregate.key) or SumRow(book=at.aggregate.key)
            self.rows.put(row.model_copy(update={"stamps": row.stamps + event.stamps}))


class IndexedSums(ReadModel[NotebookEvent]):
    """The same columns, found in one more way."""

    stored_as = "Sums"
    rows = Table(SumRow, key=lambda row: row.book)
    by_stamps = rows.index(lambda row: row.stamps)
    project = Sums.project


class LongerRow(Row):
    """Another column in front."""

    pages: int = 0
    book: str
    stamps: int = 0


class LongerSums(ReadModel[NotebookEvent]):
    """Other columns: rows of the older program cannot be read."""

    stored_as = "Sums"
    rows = Table(LongerRow, key=lambda row: row.book)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        if isinstance(event, Stamped):
            row = self.rows.get(at.aggregate.key) or LongerRow(book=at.aggregate.key)
            new = {"stamps": row.stamps + event.stamps, "pages": row.pages + 1}
            self.rows.put(row.model_copy(update=new))


VERSIONS: Mapping[str, type[AnyReadModel]] = {
    "Parking": ParkedPages,
    "Sums": Sums,
    "IndexedSums": IndexedSums,
    "LongerSums": LongerSums,
}


class Colour(Command):
    """Colour the notebook: an older program does not know this."""

    colour: str


class Coloured(Event):
    """The notebook was coloured."""

    colour: str


def _decide(
    book: Notebook, command: NotebookCommand | Colour
) -> Iterator[NotebookEvent | Coloured]:
    if isinstance(command, Colour):
        yield Coloured(colour=command.colour)
    else:
        yield from notebook.decide(book, command)


def _evolve(book: Notebook, event: NotebookEvent | Coloured) -> Notebook:
    return book if isinstance(event, Coloured) else notebook.evolve(book, event)


newer_notebook = Decider("notebook", Notebook, _decide, _evolve)
"""The notebook of a newer program."""
