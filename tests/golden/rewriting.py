"""The golden journal with its commits in other formats, and all checksums right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from zlib import crc32

from tests.golden.files import TODAY, load_rows
from tests.golden.history import make_journal

from comity.engine import formats
from comity.engine.journal.commit_head import CRC, HEAD, HEAD_BYTES
from comity.engine.journal.commit_layout import LAYOUTS
from comity.engine.journal.commit_turn import FRAME
from comity.engine.journal.format import FORMAT_KEY

Change: TypeAlias = Callable[[int, bytes], tuple[int, bytes]]
"""From a commit's number and records: the format that it is to have, and its records in that."""


def rewritten(commits: list[bytes], change: Change) -> list[bytes]:
    """The same commits in other formats, with all their checksums right."""
    made: list[bytes] = []
    previous = 0
    for number, commit in enumerate(commits, 1):
        _, *fields = HEAD.unpack_from(commit)
        format_, records = change(number, commit[HEAD_BYTES:])
        fields[-2:] = digest_of(records), previous
        head = HEAD.pack(format_, *fields)
        previous = crc32(head)
        made.append(head + CRC.pack(previous) + records)
    return made


def digest_of(records: bytes) -> int:
    """What a head says of its records."""
    digest = at = 0
    while at < len(records):
        crc, size, *_ = FRAME.unpack_from(records, at)
        digest ^= crc
        at += FRAME.size + size
    return digest


def with_commits(path: Path, change: Change, *, indexed: bool = True) -> None:
    """The golden journal with its commits rewritten; not indexed, as if it had been killed."""
    rows = load_rows(TODAY)
    commits = rewritten([value for table, _, value in rows if table == "commits"], change)
    others = [row for row in rows if row[0] != "commits"]
    if not indexed:
        others = [row for row in others if row[0] == "meta" and row[1] == FORMAT_KEY]
    stored = [("commits", number.to_bytes(8), each) for number, each in enumerate(commits, 1)]
    make_journal(path, [*stored, *others])


def newer(*numbers: int) -> Change:
    """Gives these commits a format that nobody knows yet."""
    return lambda number, records: (
        max(LAYOUTS) + 1 if number in numbers else formats.COMMIT,
        records,
    )
