"""What a backup lacks beside its original: `python -m comity.engine.backups.beside PATH COMMIT`.

The original is read in a process of its own: it may be why the backup is needed, and LMDB ends a
process that reads a damaged page.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, cast

from comity.engine.backups.backed_up import Lacking
from comity.engine.errors import ComityError
from comity.engine.files.own_folder import look_at
from comity.engine.journal.commit_head import CommitHead
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.text import brief

_SECONDS: Final = 600
"""How long the original may take: all of its pages are checked if another program wrote it."""


def lacking(original: Path, journal: str, last: CommitHead, *, must_be: bool) -> Lacking | None:
    """Compare a backup with its original.

    Args:
        original: where the original is, or was.
        journal: the name of the backup's journal.
        last: the head of the backup's last commit.
        must_be: whether the user named the original; if not, None means that nothing is there.
    """
    try:
        there = look_at(original / "data.mdb") is not None
    except OSError:
        there = False
    if not there:
        why = "there is no journal"
        return Lacking(original, why_unknown=why) if must_be else None
    found = _look(original, last.number)
    if "error" in found:
        return Lacking(original, why_unknown=found["error"])
    if found["journal"] != journal:
        return Lacking(original, why_unknown="it is another journal") if must_be else None
    if found["crc"] != last.crc:
        why = (
            f"it does not have commit {last.number:,} of the backup: it ends before, or went on "
            "from an older backup"
        )
        return Lacking(original, why_unknown=why)
    return Lacking(
        original,
        commits=found["number"] - last.number,
        commands=found["record"] - last.last_record,
        positions=found["position"] - last.last_position,
        time=found["time"],
    )


def _look(original: Path, number: int) -> dict[str, Any]:
    command = [sys.executable, "-m", __spec__.name, str(original), str(number)]
    try:
        done = subprocess.run(  # noqa: S603 - this program
            command, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        return cast("dict[str, Any]", json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError) as error:
        return {"error": brief(f"it could not be read: {error}")}
    except ValueError:  # LMDB has ended the process
        return {"error": "reading it failed: it is damaged"}


def _read(original: Path, number: int) -> dict[str, object]:
    try:
        journal = LmdbJournal.open(original, read_only=True)
        try:
            commits, lineage = journal.whole_commits(), journal.lineage()
            last = commits.last
            crc = commits.head(number).crc if number <= last.number else None
        finally:
            journal.close()
    except (ComityError, OSError) as error:
        return {"error": str(error)}
    return {
        "journal": lineage.id, "crc": crc, "number": last.number, "record": last.last_record,
        "position": last.last_position, "time": last.time,
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_read(Path(sys.argv[1]), int(sys.argv[2]))))
