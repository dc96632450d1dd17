"""Judges read models: do the programs that read their rows get what they expect?

Rows can always be built anew, so nothing is lost; but clients and other processes read them, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.fitting import Meeting, misfits
from comity.evolution.contract.form import Form
from comity.evolution.contract.judging_fields import changed, unread

if TYPE_CHECKING:
    from comity.evolution.contract.contract import ModelTerms, TableTerms

ROWS: Final = Broken.ROWS
REBUILT: Final = "the model is built anew from the journal"
WANTED: Final = "if no program reads it any more, write the contract anew"


def judge_rows(
    promised: Mapping[str, ModelTerms], current: Mapping[str, ModelTerms]
) -> Iterator[Difference]:
    """Yield how the rows of read models differ from those that were promised."""
    for name, model in sorted(promised.items()):
        where = f"read model {name}"
        if name not in current:
            yield Difference(where, "it was promised, and is not among the --models", WANTED, ROWS)
            continue
        for table, terms in sorted(model.tables.items()):
            now = current[name].tables.get(table)
            if now is None:
                yield Difference(f"{where}, table {table}", "it is gone", WANTED, ROWS)
            else:
                yield from _judge(f"{where}, table {table}", terms, now)
        for table in sorted(current[name].tables.keys() - model.tables.keys()):
            yield Difference(f"{where}, table {table}", "it is new")
    for name in sorted(current.keys() - promised.keys()):
        yield Difference(f"read model {name}", "it is new")


def _judge(where: str, before: TableTerms, now: TableTerms) -> Iterator[Difference]:
    old, new = _record(before.columns), _record(now.columns)
    wrong = list(misfits(old, new, Meeting(older=True, skips=True)))
    for one in wrong:
        said = unread(one, "rows have", "programs that read them expect")
        yield Difference(where, said, f"add a column instead; {WANTED}", ROWS)
    if before.key != now.key:
        said = f"the key is {now.key}, and was {before.key}"
        yield Difference(where, said, "programs find rows by it: write the contract anew", ROWS)
    if not wrong and old != new:
        gained = set(now.gained) >= new.fields.keys() - old.fields.keys()
        how = "the model goes on without a rebuild" if gained else REBUILT
        for said in changed(old, new):
            yield Difference(where, f"{said}; {how}")
    if before.indexes != now.indexes:
        yield Difference(where, f"its indexes change; {REBUILT}")


def _record(columns: Mapping[str, Form]) -> Form:
    """Return the columns without limits, which are checked only when a row is made."""
    return Form(type="record", fields=columns).without_limits()
