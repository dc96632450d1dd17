"""Judges the conflict matrix: does each command meet each event as it was promised?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from comity.engine.merging.promise import Pairs, broken
from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.terms_of import matrix_of, places_of, says_the_same

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.merging.matrix import Matrix
    from comity.evolution.contract.contract import DeciderTerms


def judge_merging(
    decider: AnyDecider, promised: DeciderTerms, current: DeciderTerms
) -> Iterator[Difference]:
    """Yield what merges otherwise than promised. New and retired messages are no difference."""
    table = matrix_of(decider)
    before = _pairs(promised.matrix, current.readers("commands"), current.readers("events"))
    known = replace(table, cells=tuple(c for c in table.cells if (c.command, c.event) in before))
    for change in broken({**before, **dict(_kept(decider, before, known))}, known):
        yield Difference(
            f"{decider.name}, merging",
            change,
            "if it is wanted, write the contract anew",
            Broken.MERGING,
        )
    if promised.rules_revision != current.rules_revision:
        said = f"{current.rules_revision!r} now, {promised.rules_revision!r} before"
        yield Difference(f"{decider.name}, rules_revision", said)


def _kept(
    decider: AnyDecider, before: Pairs, table: Matrix
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield today's cells that keep what was promised, though they may name another place."""
    commands = {kind.stored_as: kind for kind in decider.commands}
    events = {kind.stored_as: kind for kind in decider.events}
    for cell in table.cells:
        pair = cell.command, cell.event
        found = places_of(commands[cell.command], events[cell.event])
        if says_the_same(before[pair], cell, found):
            yield pair, str(cell)


def _pairs(
    matrix: Mapping[str, Mapping[str, str]], commands: Mapping[str, str], events: Mapping[str, str]
) -> Pairs:
    """Return the promised cells, under today's stored names; without messages that are gone."""
    return {
        (commands[command], events[event]): said
        for command, row in matrix.items()
        for event, said in row.items()
        if command in commands and event in events
    }
