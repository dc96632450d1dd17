"""Writes what was read of a damaged journal and cannot be in the new one: JSON lines, for people.

Each line is an object. A turn has its place in the old journal, its records as far as they can be
shown, and `packed`: its entries as they were stored, in base64. A snapshot has its state so.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Final

from msgpack import UnpackException, unpackb

from comity.engine.files.own_folder import open_file
from comity.engine.journal.record import Record
from comity.engine.journal.snapshot import Snapshot
from comity.engine.verifying.raw_turns import RawTurn

ASIDE: Final = "aside.jsonl"
"""The name of the file, in the new journal's folder."""


class Aside:
    """The file, which is made with the first line.

    Args:
        folder: its folder.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.fdopen(
            open_file(folder / ASIDE, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="ascii"
        )
        self.lines = 0

    def turn(self, turn: RawTurn) -> None:
        """Write a turn."""
        located = turn.located
        first = located.records[0]
        self._line(
            {
                "kind": "turn",
                "type": first.aggregate.type,
                "key": first.aggregate.key,
                "version": located.before.version,
                "position": first.position,
                "commit": turn.commit,
                "offset": located.offset,
                "records": [_plain(one) for one in located.records],
                "packed": base64.b64encode(turn.entries).decode(),
            }
        )

    def snapshot(self, snapshot: Snapshot) -> None:
        """Write a snapshot."""
        self._line(
            {
                "kind": "snapshot",
                "type": snapshot.aggregate.type,
                "key": snapshot.aggregate.key,
                "version": snapshot.version,
                "schema": snapshot.schema,
                "packed": base64.b64encode(snapshot.data).decode(),
            }
        )

    def lost_id(self, command_id: str) -> None:
        """Write the id of a command that is lost."""
        self._line({"kind": "lost command", "id": command_id})

    def close(self) -> None:
        """Flush the file to the disk, and close it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _line(self, value: dict[str, object]) -> None:
        self._file.write(json.dumps(value) + "\n")
        self.lines += 1


def _plain(record: Record) -> dict[str, object]:
    return {
        "id": record.command_id,
        "time": record.time,
        "note": _shown(record.note),
        "lasting": record.lasting,
        "events": [
            {"event": one.name, "schema_version": one.schema, "fields": _unpacked(one.data)}
            for one in record.events
        ],
    }


def _unpacked(data: object) -> object:
    try:
        return _shown(unpackb(data, strict_map_key=False)) if isinstance(data, bytes) else None
    except (ValueError, TypeError, UnpackException):
        return None  # `packed` has it


def _shown(value: object) -> object:
    """Return a value as JSON can show it."""
    try:
        return json.loads(json.dumps(value, default=repr))
    except (ValueError, TypeError, RecursionError):
        return repr(value)
