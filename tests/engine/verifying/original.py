"""What a journal held before it was damaged, and what of it can still be read: for `salvage`.

It reads commits by their format as docs/formats.md tells it, and none of comity's readers.
"""

from __future__ import annotations

import base64
import json
import struct
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import lmdb
from msgpack import unpackb

from comity.engine.journal.lmdb_journal import LmdbJournal

_HEAD_BYTES = 53
_FRAME = struct.Struct(">IIIHHQQQQI")


class OldTurn(NamedTuple):
    """A turn of the original."""

    aggregate: str
    version: int
    """Before the turn."""
    events: int
    ids: tuple[str, ...]
    commit: int
    offset: int
    stored: bytes


class Original:
    """All turns of a sound journal."""

    def __init__(self, path: Path) -> None:
        self.turns: list[OldTurn] = []
        self.heads: dict[int, bytes] = {}
        with (
            lmdb.open(str(path), max_dbs=5, readonly=True, lock=False) as env,
            env.begin() as txn,
        ):
            for key, value in txn.cursor(env.open_db(b"commits", txn)):
                self._take(int.from_bytes(key), value)

    def _take(self, number: int, commit: bytes) -> None:
        self.heads[number] = commit[:_HEAD_BYTES]
        offset = _HEAD_BYTES
        while offset < len(commit):
            _, size, events, _, _, _, version, *_ = _FRAME.unpack_from(commit, offset)
            end = offset + _FRAME.size + size
            (type_, key), entries = unpackb(commit[offset + _FRAME.size : end])[:2]
            ids = tuple(entry[0] for entry in entries)
            turn = OldTurn(f"{type_}/{key}", version, events, ids, number, offset,
                           commit[offset:end])  # fmt: skip
            self.turns.append(turn)
            offset = end

    def readable(self, file: Path) -> list[OldTurn]:
        """The turns that are where a sound head of their commit says."""
        data = file.read_bytes()
        at: dict[int, list[int]] = {}
        for number, head in self.heads.items():
            at[number], start = [], data.find(head)
            while start >= 0:
                at[number].append(start)
                start = data.find(head, start + 1)
        return [
            turn for turn in self.turns
            if any(data.startswith(turn.stored, start + turn.offset) for start in at[turn.commit])
        ]  # fmt: skip


def kept(new: Path) -> dict[str, list[str]]:
    """The command ids of each aggregate in a journal, in order; checks that it opens and reads."""
    found = defaultdict[str, list[str]](list)
    journal = LmdbJournal.open(new)
    for _, record in journal.read_every():
        found[str(record.aggregate)].append(record.command_id)
    journal.close()
    return dict(found)


def put_aside(new: Path) -> list[str]:
    """The command ids of the turns that were written aside."""
    found: list[str] = []
    if (new / "aside.jsonl").exists():
        for line in (new / "aside.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["kind"] == "turn":
                entries = unpackb(base64.b64decode(row["packed"]))
                assert [entry[0] for entry in entries] == [one["id"] for one in row["records"]]
                found += [entry[0] for entry in entries]
    return found


def check(original: Original, damaged: Path, new: Path) -> str:
    """Say what is wrong with what was salvaged; empty if all that can be read is there."""
    found, aside = kept(new), put_aside(new)
    all_ids = defaultdict[str, list[str]](list)
    for turn in original.turns:
        all_ids[turn.aggregate] += turn.ids
    for aggregate, ids in found.items():
        strange = [id_ for id_ in ids if id_ not in all_ids[aggregate]]
        if strange or [id_ for id_ in all_ids[aggregate] if id_ in set(ids)] != ids:
            return f"{aggregate} has what it never had, or in another order: {strange[:3]}"
    there = {id_ for ids in found.values() for id_ in ids} | set(aside)
    missing = [turn for turn in original.readable(damaged / "data.mdb") if turn.ids[0] not in there]
    if missing:
        return f"{len(missing)} turns are missing, {missing[0][:6]}"
    return _beginnings(original, damaged, found)


def _beginnings(original: Original, damaged: Path, found: dict[str, list[str]]) -> str:
    """Check that each aggregate is kept up to its first gap."""
    version = defaultdict[str, int](int)
    for turn in original.readable(damaged / "data.mdb"):
        if turn.version == version[turn.aggregate]:
            version[turn.aggregate] += turn.events
            if turn.ids[0] not in found.get(turn.aggregate, ()):
                return f"{turn.aggregate} lacks version {turn.version + 1}, which can be read"
    return ""
