"""The processes that have a domain open, and what each of them leads, for `comity stats`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from rich.text import Text

from comity.actors.delivering.lmdb_tables import LOCK as LEDGER_LOCK
from comity.actors.delivering.opening import ledgers_folder
from comity.actors.delivering.outlet_ledger import outlets_in
from comity.actors.processes.process_lease import LEASES
from comity.cli.console import cell
from comity.engine import ReadModelError
from comity.engine.files.own_folder import names_in
from comity.engine.files.writer_lock import JOURNAL_LOCK
from comity.engine.runtime.system import now
from comity.engine.sharing.board import Board
from comity.engine.sharing.lease_watch import LeaseWatch
from comity.engine.sharing.sharer import Sharer
from comity.engine.text import duration
from comity.readmodels.generations.model_folder import LOCK as MODEL_LOCK
from comity.readmodels.generations.model_folder import ModelFolder, models_folder, models_in
from comity.readmodels.generations.versions import Versions

AT_WORK: Final = "at work"
_SILENT: Final = 3.0
"""Seconds without a beat after which a process is shown as silent. A domain beats 4 times a second.
"""
_LONG: Final = 1.0
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999: later times are not comity's."""
_AGENDA: Final = "process-"
"""What the names of agendas, and of the locks of processes, begin with."""
_PROCESS: Final = re.compile(rf"{_AGENDA}.{{1,200}}\.lock")
_PID: Final = re.compile(r"process ([0-9]{1,10}) ")


@dataclass(frozen=True)
class OpenIn:
    """A process that has the domain open. docs/cli.md documents the fields."""

    pid: int
    program: str
    host: str
    since: datetime | None
    commits: int
    events: int
    stale: int
    state: str
    leads: Sequence[str]

    @classmethod
    def of(cls, one: Sharer, leaders: Mapping[str, str]) -> Self:
        """The process of this slot.

        Args:
            one: its slot on the journal's board.
            leaders: who leads, by what is led.
        """
        leads = [led for led, who in leaders.items() if pid_in(who) == one.pid]
        return cls(
            one.pid, one.program, one.host, _time(one.since), one.commits, one.events, one.stale,
            _state(one), leads,
        )  # fmt: skip


def open_in(path: Path) -> list[OpenIn]:
    """The processes that have the domain at this path open to write."""
    leaders = leaders_of(path)
    return [OpenIn.of(one, leaders) for one in Board.look(path)]


def leaders_of(path: Path) -> dict[str, str]:
    """Return who leads what is in a domain's folder: models, outlets, processes."""
    locks = dict([*_models(path), *_outlets(path), *_processes(path)])
    return {led: who for led, lock in locks.items() if (who := leader_of(lock))}


def _models(path: Path) -> Iterator[tuple[str, Path]]:
    with suppress(ReadModelError):  # there are no models
        folder = models_folder(path, None)
        for name in models_in(folder):
            led = f"model {name}"  # the agenda of a process, too
            yield led, folder / name / MODEL_LOCK
            for other in Versions(ModelFolder(folder / name)).others():
                yield f"{led}/{other.path.name}", other.path / MODEL_LOCK


def _outlets(path: Path) -> Iterator[tuple[str, Path]]:
    folder = ledgers_folder(path, None)
    for name in outlets_in(path):
        yield f"outlet {name}", folder / name / LEDGER_LOCK


def _processes(path: Path) -> Iterator[tuple[str, Path]]:
    with suppress(OSError):  # there are no processes
        for name in sorted(names_in(path / LEASES, _PROCESS)):
            yield f"process {name[len(_AGENDA) : -len('.lock')]}", path / LEASES / name


def leader_of(lock: Path) -> str:
    """The text that names who leads by this lock file; empty if nobody does."""
    look = LeaseWatch(lock)
    return "" if look.free() else look.holder


def leader(who: str) -> Text:
    """The process id in a text that names who leads, for a table; else the text, or a dash."""
    return cell(pid_in(who) or who or "–")


def pid_in(who: str) -> int | None:
    """The process id in a text that names a process."""
    found = _PID.match(who)
    return int(found[1]) if found else None


def alone_in(path: Path) -> str:
    """The text that names the process that has the domain open `exclusive`; empty without one."""
    return leader_of(path / JOURNAL_LOCK)


_HEADS: Final = ("PROCESS", "COMMITS", "EVENTS", "STALE", "STATE", "LEADS", "PROGRAM")


def rows_of(found: Sequence[OpenIn]) -> Iterator[Sequence[Text]]:
    """The rows of a table of these processes."""
    yield [cell(head, "dim") for head in _HEADS]
    for one in found:
        yield (
            cell(one.pid, "bold"),
            *[cell(f"{figure:,}") for figure in (one.commits, one.events, one.stale)],
            cell(one.state, "yellow" if one.state != AT_WORK else ""),
            cell(", ".join(one.leads) or "–"),
            cell(one.program),
        )


def _state(one: Sharer) -> str:
    holds, waits, silent = (
        (now() - since) / 1e6 if since else 0.0
        for since in (one.holds_since, one.waits_since, one.beat)
    )
    if holds > _LONG:
        return f"has been writing for {duration(holds)}"
    if silent > _SILENT:  # also if it was stopped while it waited: then others do write
        return f"silent for {duration(silent)}"
    return f"has waited for {duration(waits)} to write" if waits > _LONG else AT_WORK


def _time(micros: int) -> datetime | None:
    seconds = micros // 1_000_000
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LATEST else None
