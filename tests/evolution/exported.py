"""Journals to export and to import, for the tests of exporting."""

from __future__ import annotations

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from hypothesis import strategies as st

from comity.engine import AggregateId
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.record import Record
from comity.engine.journal.result import Stored
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.evolution import export_journal
from comity.evolution.exporting.chain import Chain

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=True)
    | st.binary(max_size=12)
    | TEXTS
    | st.sampled_from(["$bytes", '{"$', "\x1b[2J", "\u2028", "\x9b", "\x00"])
)
NAMES = TEXTS | st.sampled_from(["$bytes", "$float", "$", "a"])


def _more(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return (
        st.lists(values, max_size=3)
        | st.dictionaries(NAMES, values, max_size=2)
        | st.dictionaries(NAMES | st.binary(max_size=3), values, max_size=2)
    )


VALUES = st.recursive(ATOMS, _more, max_leaves=5)
EVENTS = st.builds(
    StoredEvent,
    TEXTS,
    st.integers(1, 9),
    st.dictionaries(NAMES, VALUES, max_size=2) | st.binary(max_size=20),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 3),
)
FEW = st.none() | st.text("ab", max_size=2) | st.integers(0, 3) | st.binary(max_size=2)
NOTES = VALUES | st.tuples(*[FEW] * 10) | st.tuples(*[FEW] * 13)
RECORDS = st.builds(
    Record,
    st.builds(AggregateId, st.sampled_from(["board", "count"]), KEYS),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 40),
    KEYS,
    st.lists(EVENTS, max_size=2).map(tuple),
    st.integers(-(1 << 62), 1 << 62) | st.integers(0, 1 << 51),
    NOTES,
    st.booleans(),
).map(lambda record: record._replace(lasting=record.lasting and not record.events))


def written(path: Path, records: Iterable[Record]) -> None:
    """Write a journal with these records; their places are counted anew."""
    journal = LmdbJournal.open(path, unsafe_no_fsync=True)
    try:
        versions: dict[AggregateId, int] = {}
        for each in records:
            entry = Entry(each.command_id, each.events, each.time, each.note, lasting=each.lasting)
            version = versions.get(each.aggregate, 0)
            (result,) = journal.append([Turn.of(each.aggregate, version, [entry])])
            assert isinstance(result, Stored)
            versions[each.aggregate] = result.version
    finally:
        journal.close()


def numbered(path: Path) -> list[Numbered]:
    """All records of a journal, with their numbers."""
    journal = LmdbJournal.open(path, read_only=True, unfinished=True)
    try:
        return list(journal.read_every())
    finally:
        journal.close()


def exported(path: Path) -> list[bytes]:
    """The lines of a journal's export."""
    stream = BytesIO()
    export_journal(path, stream)
    return stream.getvalue().splitlines(keepends=True)


def sealed(lines: Iterable[dict[str, object]]) -> bytes:
    """Lines with right checksums, as a program would forge them."""
    chain = Chain()
    return b"".join([chain.seal(json.dumps(one, separators=(",", ":"))) for one in lines])


def unsealed(lines: Iterable[bytes]) -> list[dict[str, object]]:
    """The lines without their checksums."""
    found = [json.loads(one) for one in lines]
    return [{name: value for name, value in one.items() if name != "crc"} for one in found]


def note(who: str = "ann") -> tuple[object, ...]:
    """A note such as actors write."""
    return tuple(Note(who, "s1", None, "Do", None, "applied", {}, None, None, None)[:10])  # type: ignore[arg-type]
