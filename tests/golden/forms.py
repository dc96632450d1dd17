"""Every stored form that does not stand in a journal's rows alone: how it is written and read."""

# Some forms have no function of their own that writes them.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from uuid import UUID

from msgpack import packb, unpackb
from tests.golden.history import FORMAT, NOTES, TIME
from tests.support.party import Invited, Seated

from comity.engine.aggregate_id import AggregateId
from comity.engine.compacting.thinning import thinned
from comity.engine.files import file_mark
from comity.engine.files.file_mark import MARK, Mark
from comity.engine.files.seal import seal
from comity.engine.history.note import Note
from comity.engine.journal.commit_head import NO_COMMIT
from comity.engine.journal.commit_layout import read_commit
from comity.engine.journal.commit_writer import CommitWriter
from comity.engine.journal.entry import Entry
from comity.engine.journal.format import JournalFormat, pack_format, read_format
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.tip import NO_TIP
from comity.engine.journal.turn import Turn
from comity.engine.messages import codec
from comity.readmodels import ReadModel, Row, Table, descending
from comity.readmodels.keys.encoding import decode, encode
from comity.readmodels.projecting.change_log import ChangeLog, _unpack
from comity.readmodels.projecting.parking import Parked, park, parked_events
from comity.readmodels.tables.cursor import pack_cursor, unpack_cursor
from comity.readmodels.tables.figure import Figure
from comity.readmodels.tables.question import Question
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.schema import Described
from comity.readmodels.tables.state import Checkpoint, Stopped

if TYPE_CHECKING:
    from comity.readmodels.storage.reading import Reading
    from comity.readmodels.storage.writing import Writing


class Form(NamedTuple):
    """One thing that is stored."""

    name: str
    says: str
    value: object
    write: Callable[[], bytes]
    read: Callable[[bytes], object]


class SeatRow(Row):
    """A row with a column of each kind that is not stored as it is."""

    guest: str
    seat: int
    paid: Decimal
    since: datetime
    tags: tuple[str, ...] = ()


class Seats(ReadModel[Seated]):
    """A model with one table."""

    rows = Table(SeatRow, key=lambda row: row.guest)

    def project(self, event: Seated, at: object) -> None:
        """Do nothing: no event comes here."""


SINCE: Final = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
ROW: Final = SeatRow(guest="g1", seat=2, paid=Decimal("9.50"), since=SINCE, tags=("vip",))
CHANGES: Final = [
    RowChange("rows", encode("g1"), None, ROW),
    RowChange("rows", encode("g2"), ROW, None),
]
QUESTION: Final = Question(Seats.rows)
KEYS: Final = [
    "text", "a\0b", "", 0, 7, -7, 1 << 70, 1.5, float("-inf"), True, None, b"bytes",
    Decimal("9.50"), SINCE, SINCE.date(), timedelta(days=-1, seconds=5), UUID(int=5),
    ("g1", 2, None), descending("text"), (descending(7), "g1"),
]  # fmt: skip
CODECS: Final = {table.name: table.codec for table in Seats.schema.tables}
DESCRIBED: Final = Described(
    hash="0123456789abcdef",
    rows={"rows": "fedcba9876543210"},
    columns={"rows": ["guest", "seat", "paid", "since", "tags"]},
    tables={"~meta": False, "~parked": False, "~changes": False, "rows": False, "by_seat": True},
)
GAINED: Final = DESCRIBED._replace(
    types={"rows": ["11", "22", "33", "44", "55"]},
    parts={"version": "66", "the key of rows": "77", "by_seat": "88"},
    events=["Invited", "Seated"],
    gained={"rows": {"tags": b"\x90"}},
)
CHECKPOINT: Final = Checkpoint(17, TIME, complete=True, commits=9)
STOPPED: Final = Stopped(17, "party/one", 3, "Renamed", "KeyError: 'g1'", TIME)
PARKED: Final = Parked(17, "party", "one", 3, "Renamed", "ann", "KeyError: 'g1'")
MARK_FOUND: Final = Mark(number=4, crc=0x01234567, boot=0x89ABCDEF, inode=42, written=TIME * 1_000)


def write_mark() -> bytes:
    """The file beside data.mdb."""
    return seal(file_mark._KEY, file_mark._FIELDS.pack(*MARK_FOUND))


def read_mark(data: bytes) -> Mark | None:
    """What it says."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / MARK).write_bytes(data)
        return Mark.read(Path(folder))


def write_parked() -> bytes:
    """The row of a parked event."""
    kept = _Kept()
    park(cast("Writing", kept), PARKED)
    return kept.value


class _Kept:
    """The part of a write transaction that parking needs."""

    handles: Final = {"~parked": None}
    value = b""

    def put(self, _handle: object, _key: bytes, value: bytes) -> None:
        self.value = value


def read_parked(data: bytes) -> Parked:
    """The event again."""

    class Stored:
        """The part of a read transaction that looking for parked events needs."""

        handles: Final = {"~parked": None}

        def entries(self, *_: object, after: object, **__: object) -> list[tuple[bytes, bytes]]:
            return [] if after else [(b"key", data)]

    (parked,) = parked_events(cast("Reading", Stored()))
    return parked


def read_format_row(data: bytes) -> JournalFormat:
    """The row of the format, as it stands in LMDB."""
    return read_format(memoryview(data))


def read_event(data: bytes) -> Invited:
    """The event again."""
    return codec.build(Invited, codec.unpack_fields(data))


def read_changes(data: bytes) -> Sequence[RowChange]:
    """The changes of a batch."""
    return _unpack(data, CODECS)


def read_keys(data: bytes) -> list[object]:
    """The keys again."""
    return [decode(key) for key in unpackb(data)]


def read_cursor(data: bytes) -> tuple[bytes, bytes]:
    """The entry that a cursor names."""
    return unpack_cursor(QUESTION, data.decode())


_GUESTS: Final = AggregateId("party", "p1")
_HOSTS: Final = AggregateId("party", "p2")
_STAYS: Final = Record(_GUESTS, 1, 1, "c3", (), TIME + 2, ("ann",), lasting=True)
_HAPPENED: Final = Record(
    _GUESTS, 0, 0, "c1", (StoredEvent("Invited", 1, b"\x81\xa5guest\xa3bob", 7),), TIME, ("ann",)
)  # fmt: skip


def thin_commit() -> bytes:
    """A commit of two turns, without the two refusals that it had."""
    happened, stays = _HAPPENED, _STAYS
    entries = [
        Entry(happened.command_id, happened.events, happened.time, happened.note),
        Entry("c2", (), TIME + 1, ("ann", "refused")),
        Entry(stays.command_id, (), stays.time, stays.note, lasting=True),
    ]
    commit = CommitWriter(NO_COMMIT)
    commit.add(Turn.of(_GUESTS, 0, entries), NO_TIP)
    commit.add(Turn.of(_HOSTS, 0, [Entry("c4", (), TIME + 3, ("bob", "refused"))]), NO_TIP)
    less = thinned(1, commit.finish()[1], lambda number, _: number != 0)
    assert less is not None
    return less.commit


def read_commit_row(data: bytes) -> object:
    """The records that are left in it, each with how many come before it in the journal."""
    return [one for turn in read_commit(1, data, NO_COMMIT)[1] for one in turn.numbered()]


FORMS: Final[Sequence[Form]] = [
    Form(
        "commit-thinned",
        "A commit of format 4, from which two refusals were dropped: one of a turn that has an "
        "event and a lasting record, too, and one of a turn of its own.",
        [(0, _HAPPENED), (2, _STAYS)],
        thin_commit,
        read_commit_row,
    ),
    Form(
        "format",
        "What a journal says of itself, under `format` in its table meta: a msgpack map and its "
        "CRC32, which covers the key too, as in all sealed values.",
        FORMAT,
        lambda: pack_format(FORMAT),
        read_format_row,
    ),
    *(
        Form(
            f"note-{name}",
            f"The note of a command that ended so ({name}): a msgpack list.",
            Note.unpack(data),
            partial(Note.pack, Note.unpack(data)),
            Note.unpack,
        )
        for name, data in NOTES.items()
    ),
    Form(
        "event",
        "An event's fields: a msgpack map.",
        Invited(guest="g1", name="Grace"),
        lambda: codec.pack(Invited(guest="g1", name="Grace")),
        read_event,
    ),
    Form(
        "mark",
        "The file `mark` beside data.mdb: the newest commit and the CRC of its head, the start of "
        "the system, the data file's inode, when it was written, and a seal.",
        MARK_FOUND,
        write_mark,
        read_mark,
    ),
    Form(
        "model-described",
        "What a generation of a read model says of itself, under `described` in ~meta: msgpack.",
        DESCRIBED,
        DESCRIBED.pack,
        Described.unpack,
    ),
    Form(
        "model-described-gained",
        "The same of a generation whose rows may lack a column: also the types of the columns, "
        "hashes of the other parts, the events, and the value of the missing column.",
        GAINED,
        GAINED.pack,
        Described.unpack,
    ),
    Form(
        "model-checkpoint",
        "How far a read model is, under `checkpoint` in ~meta: a msgpack list.",
        CHECKPOINT,
        CHECKPOINT.pack,
        Checkpoint.unpack,
    ),
    Form(
        "model-stopped",
        "Where and why a read model stands, under `stopped` in ~meta: a msgpack list.",
        STOPPED,
        STOPPED.pack,
        Stopped.unpack,
    ),
    Form(
        "model-parked",
        "An event that a read model has set aside, in ~parked: a msgpack list.",
        PARKED,
        write_parked,
        read_parked,
    ),
    Form(
        "model-changes",
        "The rows that a batch has changed, in ~changes: msgpack, with each row as in its table.",
        CHANGES,
        lambda: ChangeLog(CODECS)._pack(CHANGES),
        read_changes,
    ),
    Form(
        "model-row",
        "A row of a read model's table: a msgpack list of its columns.",
        ROW,
        lambda: Seats.rows.codec.pack(ROW),
        Seats.rows.codec.unpack,
    ),
    *(
        Form(
            f"model-figure-{name}",
            f"A figure of a group, {name}: msgpack of the number of rows and the figure.",
            figure,
            figure.pack,
            Figure.unpack,
        )
        for name, figure in {
            "whole": Figure(3, 1 << 40),
            "large": Figure(3, 1 << 100),
            "decimal": Figure(3, Decimal("9.50")),
        }.items()
    ),
    Form(
        "model-keys",
        "Keys of tables and indexes, one of each kind, as a msgpack list of their bytes.",
        [decode(encode(key)) for key in KEYS],
        lambda: packb([encode(key) for key in KEYS]),
        read_keys,
    ),
    Form(
        "cursor",
        "Where a page ended, as text that a client holds: msgpack in base64 for addresses.",
        (encode("g1"), b""),
        lambda: pack_cursor(QUESTION.checksum, (encode("g1"), b"")).encode(),
        read_cursor,
    ),
]
