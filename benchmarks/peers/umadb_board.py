# mypy: ignore-errors
# pyright: basic, reportMissingImports=false
"""The board on UmaDB: its server in a process of its own, boards in memory, one lock for each.

An append has the condition that the board has no event after the last one in memory.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import umadb

from benchmarks.board import Boards, Card, Cards, Change, apply, check
from benchmarks.contender import Blocking
from benchmarks.peers.follower import Follower

_BATCH = 500


class UmadbBoard(Blocking):
    """A server and its client."""

    def __init__(self, folder: Path, *, read_model: bool) -> None:
        super().__init__()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        script = Path(sys.executable).with_name("umadb")
        self._server = subprocess.Popen(  # noqa: S603 - the peer's own server
            [str(script), "--listen", address, "--db-path", str(folder / "uma.db")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._client = _connected(f"http://{address}")
        except BaseException:
            self._server.kill()
            raise
        self._states: dict[str, Cards] = {}
        self._last: dict[str, int] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._rows = Follower(folder / "rows.sqlite", self._read) if read_model else None

    def set_up(self, changes: Sequence[Change]) -> None:
        """Append some hundred events at a time."""
        for start in range(0, len(changes), _BATCH):
            some = changes[start : start + _BATCH]
            last = self._client.append([_event(change) for change in some])
            for position, change in enumerate(some, last - len(some) + 1):
                cards = self._states.setdefault(change.board, {})
                check(cards, change)
                apply(cards, change)
                self._last[change.board] = position
                self._locks.setdefault(change.board, threading.Lock())
        self.catch_up()

    def call(self, change: Change) -> None:
        """Check in memory, append, evolve."""
        name = change.board
        with self._locks[name]:
            cards = self._states[name]
            check(cards, change)
            ours = umadb.Query(items=[umadb.QueryItem(tags=[name])])
            unchanged = umadb.AppendCondition(fail_if_events_match=ours, after=self._last[name])
            self._last[name] = self._client.append([_event(change)], condition=unchanged)
            apply(cards, change)
        if self._rows:
            self._rows.wake()

    def catch_up(self) -> None:
        """Wait until the follower has the newest change."""
        if self._rows:
            self._rows.catch_up(self._client.head())

    def log(self) -> Iterable[Change]:
        """Read the log in the order of the server."""
        for found in self._client.read():
            yield _change(found.event)

    def boards(self) -> Boards:
        """The states in memory."""
        return self._states

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """Read the rows as stored."""
        return self._rows.table.all() if self._rows else {}

    def facts(self) -> Mapping[str, float]:
        """The CPU time of the server's process."""
        text = Path(f"/proc/{self._server.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return {"other CPU": (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")}

    def close(self) -> None:
        """End the server."""
        super().close()
        if self._rows:
            self._rows.close()
        self._client.close()
        self._server.terminate()
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _read(self, position: int) -> tuple[Sequence[Change], int]:
        found = list(self._client.read(start=position + 1, limit=_BATCH))
        changes = [_change(one.event) for one in found]
        return changes, found[-1].position if found else position


def _connected(url: str) -> umadb.Client:
    until = time.monotonic() + 20
    while True:
        try:
            client = umadb.Client(url)
            client.head()
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return client


def _event(change: Change) -> umadb.Event:
    data = json.dumps({"card": change.card, "value": change.value}).encode()
    return umadb.Event(event_type=change.kind, data=data, tags=[change.board])


def _change(event: umadb.Event) -> Change:
    fields = json.loads(bytes(event.data))
    return Change(event.tags[0], event.event_type, fields["card"], fields["value"])


def open_board(folder: Path, *, read_model: bool) -> UmadbBoard:
    """Open the contender in an empty folder."""
    return UmadbBoard(folder, read_model=read_model)
