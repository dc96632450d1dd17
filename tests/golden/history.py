"""The history that the golden journals hold: two parties, and one command of each way to end.

It is written as a domain would write it, but for the times, which are given, and the row of the
format, which would say when and with what the journal was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import lmdb
from msgpack import unpackb
from tests.golden.files import Row
from tests.support.party import (
    Chip,
    Chipped,
    Invite,
    Invited,
    PartyCommand,
    Rename,
    Renamed,
    Seat,
    Seated,
    SetPlace,
    SetTheme,
    ThemeSet,
)

from comity.engine import AggregateId, Change, Event, MergeReport, Outcome
from comity.engine.history import note
from comity.engine.history.digest import digest as new_digest
from comity.engine.history.digest import old_digest
from comity.engine.journal.entry import Entry
from comity.engine.journal.format import FORMAT_KEY, JournalFormat, pack_format
from comity.engine.journal.journal_folder import TABLES
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.packing import packed
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.merging.command import Command
from comity.engine.merging.decider import store
from comity.engine.messages import codec

TIME: Final = 1_700_000_000_000_000
ONE: Final = AggregateId("party", "one")
TWO: Final = AggregateId("party", "two\0after a NUL")
FORMAT: Final = JournalFormat(2, "py-lmdb 3.0.0", "LMDB 0.9.36", TIME, fsync=True)
SNAPSHOT: Final = Snapshot(ONE, 5, "0123456789abcdef", b'{"theme":"jazz"}')

INVITE = Invite(guest="g1", name="Grace")
CHIP = Chip(amount=5)
RENAME = Rename(guest="g1", name="Grace H.")
HOPPER = Rename(guest="g1", name="Hopper")
THEME = SetTheme(theme="jazz")
SEAT = Seat(guest="g1", seat=1)
TAKEN = Seat(guest="g2", seat=1)
PLACE = SetPlace(place="the barn")

GRACE_RENAMED = Change(version=3, event="Renamed", who="ann", path="guest/g1/name")
THEME_SET = Change(version=4, event="ThemeSet", who="bob", path=None)
MERGED = MergeReport(
    outcome=Outcome.MERGED, command="SetTheme", who="bob", seen=2, version=3, unseen=1,
    changes=(Change(version=3, event="Renamed", who="ann", path=None),),
)  # fmt: skip
REBASED = MergeReport(
    outcome=Outcome.REBASED, command="Seat", who="cy", seen=2, version=4, unseen=2,
    changes=(GRACE_RENAMED, THEME_SET), rule="on_conflict", became="seat 2",
)  # fmt: skip
CONFLICTED = MergeReport(
    outcome=Outcome.CONFLICTED, command="Rename", who="cy", seen=2, version=5, unseen=3,
    changes=(GRACE_RENAMED,), rule="reject", decisive=GRACE_RENAMED,
)  # fmt: skip
REJECTED = MergeReport(
    outcome=Outcome.REJECTED, command="Seat", who="dee", seen=5, version=5,
    reason="g1 sits on seat 2",
)  # fmt: skip
DROPPED = MergeReport(
    outcome=Outcome.UNCHANGED, command="SetPlace", who="cy", seen=2, version=5, unseen=3,
    changes=(GRACE_RENAMED,), rule="give_way",
)  # fmt: skip
RULED = MergeReport(
    outcome=Outcome.MERGED, command="Chip", who="", seen=1, version=2, unseen=1,
    rules_revision="2027-03",
)  # fmt: skip


def noted(
    command: Command,
    outcome: Outcome,
    who: str,
    seen: int | None = None,
    *,
    digest: bool = True,
    metadata: Mapping[str, str] = {},
    report: MergeReport | None = None,
    refusal: tuple[str, str, Mapping[str, str | int]] | None = None,
    sent: bytes | None = None,
    schema: int | None = None,
    revision: str | None = None,
    kept: bytes | None = None,
) -> bytes:
    """The note of a command that a session of this name sent."""
    checksum = old_digest(command, command.stored_as) if schema is None else new_digest(command)
    more = None if schema is None else (schema, revision, kept)
    return packed(note.fold(
        who, f"{who}'s", seen, command.stored_as, checksum if digest else None, outcome, metadata,
        report, refusal, sent, more,
    ))  # fmt: skip


COMMANDS: Final[Mapping[str, tuple[AggregateId, PartyCommand, int | None]]] = {
    "applied": (ONE, INVITE, 0),
    "anonymous": (TWO, CHIP, None),
    "renamed": (ONE, RENAME, 2),
    "merged": (ONE, THEME, 2),
    "rebased": (ONE, SEAT, 2),
    "conflicted": (ONE, HOPPER, 2),
    "rejected": (ONE, TAKEN, 5),
    "dropped": (ONE, PLACE, 2),
}
"""Each by its id: whose, what, and what its sender had seen."""

NOTES: Final = {
    "applied": noted(INVITE, Outcome.APPLIED, "ann", 0, metadata={"trace": "t-1"}),
    "anonymous": noted(CHIP, Outcome.APPLIED, "", digest=False),
    "merged": noted(THEME, Outcome.MERGED, "bob", 2, report=MERGED),
    "rebased": noted(SEAT, Outcome.REBASED, "cy", 2, report=REBASED, sent=codec.pack(SEAT)),
    "conflicted": noted(
        HOPPER, Outcome.CONFLICTED, "cy", 2, report=CONFLICTED, refusal=("", "", {})
    ),
    "rejected": noted(
        TAKEN, Outcome.REJECTED, "dee", 5, report=REJECTED,
        refusal=("SeatTaken", "g1 sits on seat 2", {"seat": 2, "guest": "g1"}),
    ),
    "dropped": noted(PLACE, Outcome.UNCHANGED, "cy", 2, report=DROPPED, sent=codec.pack(PLACE)),
    "kept": noted(
        CHIP, Outcome.MERGED, "", 1, report=RULED, schema=1, revision="2027-03",
        kept=codec.pack(CHIP),
    ),
}  # fmt: skip


def stored(*events: Event) -> tuple[StoredEvent, ...]:
    """Events as a journal keeps them, with a stamp that is the same with every pydantic."""
    return tuple(store(each)._replace(stamp=7) for each in events)


def _entry(
    id_: str, stored: tuple[StoredEvent, ...], time: int, note: bytes, *, lasting: bool = False
) -> Entry:
    return Entry(id_, stored, time, unpackb(note, use_list=False), lasting=lasting)


def write_history(path: Path) -> None:
    """Make a journal of it at this path."""
    journal = LmdbJournal.open(path)
    invited = stored(Invited(guest="g1", name="Grace"), Invited(guest="g2", name="Alan"))
    chipped = (stored(Chipped(amount=5))[0]._replace(readable=1),)
    journal.append(
        [
            Turn.of(ONE, 0, (_entry("applied", invited, TIME, NOTES["applied"]),)),
            Turn.of(TWO, 0, (_entry("anonymous", chipped, TIME + 1, NOTES["anonymous"]),)),
        ]
    )
    renamed = stored(Renamed(guest="g1", name="Grace H."))
    ended = noted(RENAME, Outcome.APPLIED, "ann", 2)
    both = (
        _entry("renamed", renamed, TIME + 2, ended),
        _entry("merged", stored(ThemeSet(theme="jazz")), TIME + 3, NOTES["merged"]),
    )
    journal.append([Turn.of(ONE, 2, both)])
    seated = _entry("rebased", stored(Seated(guest="g1", seat=2)), TIME + 4, NOTES["rebased"])
    journal.append([Turn.of(ONE, 4, (seated,))], [SNAPSHOT])
    refused = (
        _entry("conflicted", (), TIME + 5, NOTES["conflicted"]),
        _entry("rejected", (), TIME + 6, NOTES["rejected"]),
        _entry("dropped", (), TIME + 7, NOTES["dropped"], lasting=True),
    )
    journal.append([Turn.of(ONE, 5, refused)])
    journal.close()


def rows_of(path: Path) -> list[Row]:
    """All rows of a closed journal, that of its format as if it had been made back then."""
    with lmdb.open(str(path), max_dbs=len(TABLES)) as env:
        handles = {table: env.open_db(table.encode()) for table in TABLES}
        with env.begin() as txn:
            rows = [(table, *row) for table in TABLES for row in txn.cursor(handles[table])]
    format_row = pack_format(FORMAT._replace(needs={"turns": "0.1.0"}))
    return [(table, key, format_row if key == FORMAT_KEY else value) for table, key, value in rows]


def make_journal(path: Path, rows: Iterable[Row]) -> None:
    """A journal of these rows, and of nothing else."""
    path.mkdir()
    LmdbStore.create(path, TABLES, rows)
    (path / "journal.lock").touch()
