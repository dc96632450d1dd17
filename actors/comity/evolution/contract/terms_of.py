"""Today's terms of a decider or read model, read from its classes; without samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from comity.engine.merging.matrix import Cell, Matrix, matrix, places
from comity.engine.messages.footprint import show
from comity.evolution.contract.contract import (
    Contract,
    DeciderTerms,
    MessageTerms,
    ModelTerms,
    ProcessTerms,
    TableTerms,
    VersionTerms,
)
from comity.evolution.contract.describing import described

if TYPE_CHECKING:
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Event
    from comity.engine.processes.process import AnyProcess
    from comity.readmodels.tables.any_table import AnyIndex, AnyTable
    from comity.readmodels.tables.read_model import AnyReadModel

AND: Final = " and "
"""Between two places of which either is enough."""


def contract_of(
    deciders: Iterable[AnyDecider],
    models: Iterable[type[AnyReadModel]],
    processes: Iterable[AnyProcess] = (),
) -> Contract:
    """Return what the classes promise today."""
    return Contract(
        deciders={decider.name: _decider_terms(decider) for decider in deciders},
        models={model.stored_as: _model_terms(model) for model in models},
        processes={process.name: _process_terms(process) for process in processes},
    )


def _process_terms(process: AnyProcess) -> ProcessTerms:
    return ProcessTerms(
        hears=tuple(sorted(kind.stored_as for kind in process.events)),
        starts=tuple(sorted(kind.stored_as for kind in process.starts)),
        orders=tuple(sorted(process.orders)),
    )


def _decider_terms(decider: AnyDecider) -> DeciderTerms:
    cells = defaultdict[str, dict[str, str]](dict)
    for cell in matrix_of(decider).cells:
        cells[cell.command][cell.event] = str(cell)
    return DeciderTerms(
        events={
            kind.stored_as: _message_terms(kind, kind.readable_from) for kind in decider.events
        },
        commands={kind.stored_as: _message_terms(kind) for kind in decider.commands},
        retired=tuple(sorted(decider.retired)),
        rules_revision=decider.rules_revision,
        matrix=cells,
    )


def _message_terms(kind: type[Event | Command], readable: int | None = None) -> MessageTerms:
    form = described(kind)
    version = VersionTerms(
        schema_version=kind.schema_version,
        fields=form.fields,
        validators=form.validators,
        readable_from=readable,
    )
    return MessageTerms(aliases=tuple(sorted(kind.aliases)), versions=(version,))


def matrix_of(decider: AnyDecider) -> Matrix:
    """Return the decider's matrix, in which stored names stand for names of classes and fields.

    So renaming them does not change it. A command's own rule is `on_conflict` there. If messages
    may overlap in places that need different equal fields, its cell names each of them.
    """
    commands = {name: kind for kind in decider.commands for name in (kind.__name__, kind.stored_as)}
    events = {kind.stored_as: kind for kind in decider.events}
    table = matrix(decider)
    return replace(
        table,
        commands=tuple(commands[one].stored_as for one in table.commands),
        cells=tuple(
            _with_stored_names(cell, commands[cell.command], events[cell.event])
            for cell in table.cells
        ),
    )


def _with_stored_names(cell: Cell, command: type[Command], event: type[Event]) -> Cell:
    rule = "on_conflict" if (cell.rule or "").endswith(".on_conflict") else cell.rule
    path = cell.path and cell.path != show(()) and AND.join(_fewest(places_of(command, event)))
    return replace(cell, command=command.stored_as, rule=rule, path=path or cell.path)


def places_of(command: type[Command], event: type[Event]) -> Mapping[str, frozenset[str]]:
    """Return all places where two messages may overlap, each with the fields that must be equal."""
    names = {
        own: stored
        for kind in (command, event)
        for own, stored in zip(kind.__named__, kind.__stored__.names, strict=True)
    }
    names |= {f"{{{own}}}": f"{{{stored}}}" for own, stored in names.items()}
    found = [[names.get(part, part) for part in map(str, one)] for one in places(command, event)]
    return {
        "/".join(one) or show(()): frozenset(part for part in one if part.startswith("{"))
        for one in found
    }


def _fewest(found: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield the first of all places that need the same equal fields, and none that needs more."""
    least = {need for need in found.values() if not any(one < need for one in found.values())}
    for place, need in found.items():
        if need in least:
            least.remove(need)
            yield place


def says_the_same(promised: str, cell: Cell, found: Mapping[str, frozenset[str]]) -> bool:
    """Whether a cell keeps what was promised: its rule, at places that need the same equal fields.

    Which of several such places is named depends on the order of fields.

    Args:
        promised: what the contract says.
        cell: today's cell, of `matrix_of`.
        found: all places of today's classes, of `places_of`.
    """
    before, _, at = promised.rpartition(" at ")
    now, _, here = str(cell).rpartition(" at ")
    told, todays = at.split(AND), here.split(AND)
    if before != now or not found.keys() >= {*told, *todays}:
        return promised == str(cell)
    return {found[one] for one in told} == {found[one] for one in todays}


def _model_terms(model: type[AnyReadModel]) -> ModelTerms:
    return ModelTerms(tables={table.name: _table_terms(table) for table in model.schema.tables})


def _table_terms(table: AnyTable) -> TableTerms:
    return TableTerms(
        columns=described(table.row).fields,
        key=_key(table),
        gained=tuple(table.gained),
        indexes={index.name: f"{index.kind}: {_key(index)}" for index in table.indexes},
    )


def _key(source: AnyTable | AnyIndex) -> str:
    """Return the columns of a key, as text."""
    shape = source.shape
    if shape is None:
        return "computed"
    falls: Sequence[bool] = shape.falling
    names = (
        f"descending({name})" if down else name
        for name, down in zip(shape.fields, falls, strict=True)
    )
    return ", ".join(names)
