"""Compares the index of aggregates and the snapshots with the commits. `JournalCheck` uses it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from operator import itemgetter
from typing import TYPE_CHECKING

from msgpack import UnpackException

from comity.engine.aggregate_id import AggregateId
from comity.engine.formats import filled
from comity.engine.journal import index
from comity.engine.journal.snapshots import snapshot_in
from comity.engine.journal.tip import NO_TIP, Tip
from comity.engine.verifying.faults import Faults

if TYPE_CHECKING:
    from comity.engine.lmdb.data_rows import Row, RowReader
    from comity.engine.verifying.commits import Commits


def check_streams(faults: Faults, reader: RowReader, commits: Commits) -> None:
    """Compare the table of aggregates with what was read of the commits."""
    indexed = commits.tips if commits.indexed is None else commits.indexed
    tips = [
        (AggregateId._make(aggregate), filled(Tip, tip))
        for aggregate, tip in (*commits.full, *indexed.items())
    ]
    expected = iter(sorted(index.stream_rows(tips), key=itemgetter(0)))
    wanted = next(expected, None)
    for key, value in _rows(reader):
        while wanted is not None and wanted[0] < key:
            _lacks(faults, reader, wanted)
            wanted = next(expected, None)
        if wanted is None or wanted[0] != key:
            _check_more(faults, commits, key, value)
            continue
        if value[: len(wanted[1])] != wanted[1]:
            _check_other(faults, commits, key, value)
        wanted = next(expected, None)
    while wanted is not None:
        _lacks(faults, reader, wanted)
        wanted = next(expected, None)


def check_snapshots(faults: Faults, reader: RowReader, commits: Commits) -> int:
    """Check the snapshots; return how many there are."""
    many = 0
    for key, value in _rows(reader):
        many += 1
        try:
            snapshot = snapshot_in(key, value)
        except (ValueError, TypeError, struct.error, UnpackException):
            faults.add("snapshots", f"the row {key!r} is not one of a snapshot", page=reader.page)
            continue
        version = commits.tips.get(snapshot.aggregate, NO_TIP)[0]
        if snapshot.version > version and not commits.lost:
            name = str(snapshot.aggregate)
            what = f"the snapshot of {name} is of version {snapshot.version}, it has {version}"
            faults.add(
                "snapshots", what, page=reader.page, aggregate=name, version=snapshot.version
            )
    return many


def _rows(reader: RowReader) -> Iterator[Row]:
    for leaf in reader.rows():
        yield from leaf


def _lacks(faults: Faults, reader: RowReader, row: Row) -> None:
    """Tell of a row that the table lacks, unless a page of it could not be read."""
    if not reader.faults:
        aggregate, tip = index.tip_in(*row)
        what = f"the index does not find {aggregate} at version {tip.version}"
        faults.add("streams", what, aggregate=str(aggregate), version=tip.version)


def _check_more(faults: Faults, commits: Commits, key: bytes, value: bytes) -> None:
    try:
        aggregate, tip = index.tip_in(key, value)
    except (ValueError, struct.error):
        faults.add("streams", f"the row {key!r} is not one of an aggregate")
        return
    if tip.commit in commits.lost:
        _tell_lost(faults, commits, aggregate, tip)
    else:
        what = f"the index finds {aggregate} at version {tip.version}, which no commit has"
        faults.add("streams", what, aggregate=str(aggregate), version=tip.version)


def _check_other(faults: Faults, commits: Commits, key: bytes, value: bytes) -> None:
    try:
        aggregate, tip = index.tip_in(key, value)
    except (ValueError, struct.error):
        faults.add("streams", f"the row {key!r} is not one of an aggregate")
        return
    if tip.commit in commits.lost:
        _tell_lost(faults, commits, aggregate, tip)
    else:
        what = f"the index finds another turn of {aggregate} than its last one"
        faults.add("streams", what, commit=tip.commit, offset=tip.offset, aggregate=str(aggregate))


def _tell_lost(faults: Faults, commits: Commits, aggregate: AggregateId, tip: Tip) -> None:
    """Tell that the index knows of versions whose commit is lost; commits have told the others."""
    version = commits.tips.get(aggregate, NO_TIP)[0]
    if version < tip.version:
        name = str(aggregate)
        what = f"{name}: its versions {version + 1} to {tip.version} are missing"
        faults.add("aggregates", what, commit=tip.commit, aggregate=name, version=version + 1)
