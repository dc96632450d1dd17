"""Checks that a read model equals the fold of the journal: a fresh one has the same tables."""

from __future__ import annotations

from typing import TypeAlias

from comity.actors.domain import Domain
from comity.engine.errors import ComityError
from comity.engine.lmdb.span import EVERYTHING
from comity.readmodels.tables.read_model import AnyReadModel
from comity.readmodels.tables.schema import CHANGES, META, PARKED
from comity.simulation.world.broken import PromiseBroken, hold
from comity.simulation.world.process import Process

Contents: TypeAlias = dict[str, list[tuple[bytes, bytes]]]
"""The entries of each table, index and figure."""

PATIENCE = 30.0
"""Simulated seconds in which a model comes to the journal's end."""
MOST = 1_000_000
"""Entries of a table that are compared."""


def check_model(process: Process, fresh: Domain, model: type[AnyReadModel], position: int) -> None:
    """Check one model of a process against that of a domain which was just opened.

    Args:
        process: its domain has the model.
        fresh: a domain over the same journal whose models were built just now.
        model: the model's class.
        position: the journal's end.

    Raises:
        PromiseBroken: they differ, or one does not come to the journal's end.
    """
    there = contents(process.domain, model, position)
    expected = contents(fresh, model, position)
    for table, entries in expected.items():
        hold(
            there[table] == entries,
            f"{table} of {model.stored_as} in {process.name} has {len(there[table])} entries that "
            f"are not the {len(entries)} which the journal's events give",
        )


def contents(domain: Domain, model: type[AnyReadModel], position: int) -> Contents:
    """Wait until the model has this position, and return all that it has.

    Raises:
        PromiseBroken: it does not come to that position.
    """
    try:
        domain.reached(model, position, timeout=PATIENCE).result(PATIENCE)
        with domain.read(model, timeout=PATIENCE) as rows:
            told = f"{model.stored_as} says that it is at position {position}, and its tables are"
            hold(rows.position >= position, f"{told} at {rows.position}")
            reading = rows.binding.reading
            return {
                name: reading.entries(handle, EVERYTHING, MOST, after=None, backwards=False)
                for name, handle in reading.handles.items()
                if name not in {META, CHANGES, PARKED}  # these tell how it came about
            }
    except (ComityError, TimeoutError) as error:
        msg = f"{model.stored_as} does not come to the journal's end: {error}"
        raise PromiseBroken(msg) from error
