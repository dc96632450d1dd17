"""The slot of this process on the board of a journal: what it says there, and how it wakes others.

`LmdbJournal` has one while it is shared; read models and the domain use it. `Board.join` makes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from comity.engine.errors import ComityError
from comity.engine.runtime.system import Lock, monotonic, now, pause
from comity.engine.sharing.bell import Bell
from comity.engine.sharing.board_file import BoardFile
from comity.engine.sharing.entering import enter, introduction
from comity.engine.sharing.layout import NOBODY, WAITS, WANTS, Number, read_slot
from comity.engine.sharing.listening import Listening
from comity.engine.sharing.sharer import Sharer

_GLANCE: Final = 0.000_05

# As plain numbers: a member of an enum takes five times as long as an index.
_COMMITS: Final = int(Number.COMMITS)
_EVENTS: Final = int(Number.EVENTS)
_STALE: Final = int(Number.STALE)
_WAITS_SINCE: Final = int(Number.WAITS_SINCE)
_HOLDS_SINCE: Final = int(Number.HOLDS_SINCE)


class Member:
    """A process that has the journal open, on its board, from `Board.join` until `leave`.

    `waiting`, `holding`, `released`, `note_commit`, `note_stale` and `give_way` are called by one
    thread at a time, that which writes. Any thread may call the other methods. After `leave` all of
    them do nothing.
    """

    def __init__(self, folder: Path, program: str) -> None:
        """See `Board.join`."""
        self.folder = folder
        """The folder of the journal."""
        self._program = program
        self._left = False
        self._process = os.getpid()
        self._entering = Lock()
        self._turn = 0
        self._in_vain: dict[int, int] = {}
        """The slots that did not write in the given time, with the number of that wait."""
        self._use(*enter(folder, lambda: introduction(program, {Number.SINCE: now()})))
        self._listening = Listening(self._file, self._slot)

    def _use(self, file: BoardFile, slot: int) -> None:
        self._file, self._slot = file, slot
        self._row = file.row(slot)
        self._unheard: dict[int, bytes] = {}
        """The wishes of all slots that have nobody to wake, by the bits that were rung."""
        self._bells: dict[int, Bell] = {}

    # --- who is here ----------------------------------------------------------------------------

    def me(self) -> Sharer:
        """What the board says of this process."""
        return read_slot(self._file.memory, self._slot)

    def others(self) -> list[Sharer]:
        """The other processes that have the journal open now."""
        with self._entering:
            return [] if self._left else self._file.sharers(besides=self._slot)

    def holder(self) -> Sharer | None:
        """The other process that writes now and keeps this one from writing, if one does."""
        return next((one for one in self.others() if one.holds_since), None)

    def waited(self) -> float:
        """For how many seconds this process has been waiting for the right to write; mostly 0."""
        since = 0 if self._left else self._row[_WAITS_SINCE]
        return (now() - since) / 1e6 if since else 0.0

    def beat(self) -> None:
        """Say that this process works, and clear the slots of those that have ended.

        Call it several times a second. If somebody has removed the board, it joins the new one; if
        somebody has written into the slot, it says again who it is.
        """
        with self._entering:
            if self._left:
                return
            if self._row[Number.PID] != os.getpid():
                self._file.fill(self._slot, introduction(self._program, {}))
            self._row[Number.BEAT] = now()
            self._file.sweep(self._slot)
            if self._file.is_replaced():
                with suppress(ComityError):  # tried again at the next beat
                    self._join_again()

    def leave(self) -> None:
        """Give the slot back. Leaving twice is harmless; a forked child leaves it to its parent."""
        if os.getpid() != self._process:
            self.abandon()
            return
        with self._entering:
            if not self._left:
                self._left = True
                self._listening.end()
                self._file.give_back(self._slot)
                self._file.close()

    def abandon(self) -> None:
        """Leave the slot to the parent, in a forked child."""
        if not self._left:
            self._left = True
            self._file.close()

    # --- counts ---------------------------------------------------------------------------------

    def note_commit(self, events: int) -> None:
        """Count a transaction that this process has appended."""
        if not self._left:
            self._row[_COMMITS] += 1
            self._row[_EVENTS] += events

    def note_stale(self, decisions: int) -> None:
        """Count decisions that were not stored, because another process had written first."""
        if not self._left:
            self._row[_STALE] += decisions

    # --- the right to write ---------------------------------------------------------------------

    def waiting(self) -> None:
        """Say that this process waits for the right to write."""
        if not self._left:
            self._turn = self._turn % 255 + 1
            self._row[_WAITS_SINCE] = now()
            self._file.waits[self._slot] = self._turn

    def holding(self) -> None:
        """Say that it has the right to write, and waits no longer."""
        if not self._left:
            self._file.waits[self._slot] = 0
            self._row[_HOLDS_SINCE] = now()
            self._row[_WAITS_SINCE] = 0

    def released(self) -> None:
        """Say that it neither writes nor waits."""
        if not self._left:
            self._file.waits[self._slot] = 0
            self._row[_HOLDS_SINCE] = 0
            self._row[_WAITS_SINCE] = 0

    def give_way(self, seconds: float) -> None:
        """Let those write first that wait already; return when they have begun, or are too slow.

        A process that did not begin within `seconds` is not waited for again. This is politeness:
        LMDB's lock alone keeps writers apart, but mostly the last writer gets it again.
        """
        waits = self._file.memory[WAITS]
        if waits == NOBODY or self._left:
            self._in_vain.clear()
            return
        vain = self._in_vain
        asked = {slot: turn for slot, turn in enumerate(waits) if turn and vain.get(slot) != turn}
        asked.pop(self._slot, None)
        until, now_waits = monotonic() + seconds, self._file.waits
        while asked and monotonic() < until:
            pause(_GLANCE)
            asked = {slot: turn for slot, turn in asked.items() if now_waits[slot] == turn}
        vain.update(asked)

    # --- the bell -------------------------------------------------------------------------------

    def ring(self, bits: int) -> None:
        """Wake the processes that listen for one of these bits. It costs 0.2 µs if none does."""
        wants = self._file.memory[WANTS]
        if self._unheard.get(bits) == wants or self._left:
            return
        called = [slot for slot, wish in enumerate(wants) if wish & bits and slot != self._slot]
        for slot in called:
            self._bell_of(slot).ring(bits)
        if not called:
            self._unheard[bits] = wants

    def listen(self, bits: int, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` soon after another process has rung for one of these bits.

        It is called on a thread that sleeps in the kernel meanwhile, once at the beginning, and
        sometimes without a ring. It must return at once.

        Returns:
            A function that ends this and may be called twice.
        """
        return self._listening.add(bits, callback)

    def _bell_of(self, slot: int) -> Bell:
        bell = self._bells.get(slot)
        if bell is None:
            bell = self._bells[slot] = Bell(self._file.memory, slot, self._slot)
        return bell

    def _join_again(self) -> None:
        """Move to the new board, with all counts."""
        before = self._file
        numbers = {number: self._row[number] for number in Number}
        self._use(*enter(self.folder, lambda: introduction(self._program, numbers)))
        self._listening.move(self._file, self._slot)
        before.close()
