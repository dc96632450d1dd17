"""Writes what can be read of a damaged journal into a new one, and tells what is missing.

`comity salvage` shows it. The old journal is only read, without LMDB, and may be in use. Its pages
are searched for commits, so that no tree need be whole. The new journal gets its name when all of
it is written and verified: until then it is a folder that nobody opens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Final

from comity.engine.arguments import check_path
from comity.engine.errors import JournalDamaged, NotAJournal
from comity.engine.files.disk import disk_errors
from comity.engine.files.file_mark import MARK, FileMark, Mark
from comity.engine.files.own_folder import look_at, open_file
from comity.engine.files.whole_directory import make_whole
from comity.engine.files.writer_lock import JOURNAL_LOCK, is_held
from comity.engine.formats import THINNED
from comity.engine.journal.format import (
    FORMAT_KEY,
    JournalFormat,
    lineage_of,
    pack_format,
    read_format,
)
from comity.engine.journal.index import META
from comity.engine.journal.journal_folder import (
    CHECKED_WHEN_READ,
    FILES,
    TABLES,
    build,
    find_or_make,
    real_path,
)
from comity.engine.journal.lineage import Branch
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.unfinished import check_finished
from comity.engine.lmdb.data_pages import Meta, newest_state, states
from comity.engine.lmdb.data_tree import Wrong
from comity.engine.lmdb.holding import NOT_HELD, Held
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.runtime.system import monotonic, now, token
from comity.engine.verifying.aside import ASIDE, Aside
from comity.engine.verifying.chain import Chosen, choose
from comity.engine.verifying.listed import Listed
from comity.engine.verifying.losses import Losses
from comity.engine.verifying.pace import Pace, Stopped, go_on
from comity.engine.verifying.raw_commits import find_commits
from comity.engine.verifying.raw_turns import RawTurn, has_all_left, sound_turns
from comity.engine.verifying.rescue import Rescue
from comity.engine.verifying.salvaged import Salvaged
from comity.engine.verifying.verified import WRITING, OnProgress
from comity.engine.verifying.verify import verify

_PAGE: Final = 4_096
"""The size of pages where no page says it: that of nearly all machines."""
_OFTEN: Final = 64
_MOST_IDS: Final = 1_000


def salvage(
    path: str | PathLike[str],
    new: str | PathLike[str],
    *,
    progress: OnProgress | None = None,
    stop: Callable[[], bool] = go_on,
) -> Salvaged:
    """Write what can be read of a damaged journal into a new one, and tell what is missing.

    The new journal has each aggregate up to its first gap; what was read behind a gap is in the
    file `aside.jsonl` in its folder. Commits, records and positions are counted anew from the first
    gap on, so the new journal has a new branch: whoever follows the old one learns what is lost.

    Args:
        path: the damaged journal; it is not changed.
        new: must not exist, or be an empty directory.
        progress: called a few times a second.
        stop: asked a few times a second; True ends it, and there is no new journal.

    Raises:
        NotAJournal: there is no journal at `path`, or something at `new`.
        TooNew: a newer comity wrote the journal, or a commit of it.
        JournalDamaged: nothing of it can be read.
        StorageFailed: the disk is full, or failed.
        Stopped: `stop` has returned True.
    """
    began = monotonic()
    old, fresh = real_path(check_path(path, "path")), real_path(check_path(new, "new"))
    with disk_errors(f"{old} cannot be salvaged"):
        find_or_make(old, make=False)
        check_finished(old)
        _check_free(old, fresh)
        # A state is held before the file is opened, which `compact` may replace until then.
        with Held(old) if is_held(old / JOURNAL_LOCK) else NOT_HELD as held:
            file = open_file(old / "data.mdb", os.O_RDONLY)
            try:
                salvaging = _Salvaging(old, fresh, file, held.state, progress, stop)
                return salvaging.run(began)
            finally:
                os.close(file)


def _check_free(old: Path, new: Path) -> None:
    """Refuse a place where something is, or that is inside the other one."""
    if new == old or old in new.parents or new in old.parents:
        raise NotAJournal(
            f"{new} and {old} are one inside the other: give another path for the new"
        )
    if look_at(new) is not None and not (new.is_dir() and not any(new.iterdir())):
        raise NotAJournal(f"there is something at {new} already: give a path where nothing is")


class _Salvaging:
    """One salvage; see `salvage`."""

    def __init__(
        self,
        old: Path,
        new: Path,
        file: int,
        held: Meta | None,
        progress: OnProgress | None,
        stop: Callable[[], bool],
    ) -> None:
        self._old, self._new, self._file = old, new, file
        self._progress, self._stop = progress, stop
        self._state, self._is_newest = _state(file, held)
        self._listed = self._look_up()
        self._losses = Losses()

    def _pace(self, stage: str) -> Pace:
        return Pace(stage, self._progress, self._stop)

    def _look_up(self) -> Listed | None:
        """Read what the trees say, as far as they can be followed."""
        if self._state is None:
            return None
        try:
            return Listed(self._file, self._state, self._pace("looking for commits"))
        except Wrong:
            return None

    def run(self, began: float) -> Salvaged:
        """Find the commits, and write the new journal."""
        size = _PAGE if self._state is None else self._state.page_size
        found = find_commits(self._file, size, self._pace("looking for commits"))
        listed = self._listed
        last = listed.last if listed and self._is_newest else None
        commits = choose(found, listed.commits if listed else {}, last)
        if not any(one.head for one in commits.values()):
            raise JournalDamaged(f"no commit of {self._old} can be read: restore a backup")
        made: list[Salvaged] = []

        def make(folder: Path) -> None:
            made.append(self._write(folder, commits, last, began))

        make_whole(self._new, make, (*FILES, MARK, ASIDE))
        if not made:
            raise NotAJournal(f"another process has made {self._new} meanwhile")
        if made[0].aside is None:
            (self._new / ASIDE).unlink()
        return made[0]

    def _write(
        self, folder: Path, commits: Mapping[int, Chosen], last: int | None, began: float
    ) -> Salvaged:
        build(folder)
        aside = Aside(folder)
        journal = LmdbJournal.open(folder, exclusive=True)
        try:
            rescue = Rescue(journal, aside)
            self._rescue(rescue, commits)
            self._losses.end(last)
            lost_ids = self._look_behind(rescue, aside)
            position = journal.position()
        finally:
            journal.close()
            aside.close()
        branch = Branch(token(8), rescue.same, rescue.same_record, now())
        known = self._listed.format if self._listed else None
        _name_branch(folder, known, branch)
        checked = verify(folder, progress=self._progress, stop=self._stop)
        if not checked.complete:
            raise Stopped
        if checked.found:
            raise JournalDamaged(f"what was written is damaged: {checked.faults[0].what}")
        return self._told(rescue, lost_ids, position, branch, began, aside.lines)

    def _rescue(self, rescue: Rescue, commits: Mapping[int, Chosen]) -> None:
        pace = self._pace(WRITING)
        for done, (number, chosen) in enumerate(commits.items()):
            if done % _OFTEN == 0:
                pace(done, len(commits))
            turns, dropped = self._turns(number, chosen)
            for turn in turns:
                rescue.take(turn)
            self._losses.take(number, chosen.head, turns, dropped)
        rescue.flush()

    def _turns(self, number: int, chosen: Chosen) -> tuple[list[RawTurn], int]:
        """Read the turns of a commit from all places where it is, until none is missing.

        Returns:
            The turns, and how many of the commit's records had been dropped.
        """
        turns: dict[int, RawTurn] = {}
        many = dropped = 0
        for place in chosen.places:
            stored = os.pread(self._file, place.size, place.at)
            format_ = place.format or chosen.format
            for turn in sound_turns(number, stored, chosen.head, format_):
                if turn.located.offset not in turns:
                    turns[turn.located.offset] = turn
                    many += len(turn.located.records)
            if chosen.head is not None:
                if format_ == THINNED and has_all_left(number, stored, turns):
                    dropped = chosen.head.records - many
                if many + dropped == chosen.head.records:
                    break
        return [turn for _, turn in sorted(turns.items())], dropped

    def _look_behind(self, rescue: Rescue, aside: Aside) -> list[str]:
        """Learn from the index and the snapshots what is missing; return the ids that are lost."""
        listed, losses = self._listed, self._losses
        if listed is None or losses.are_none:
            return []
        for aggregate, tip in listed.tips():
            if tip.commit <= losses.number and not losses.has(tip.commit, tip.offset):
                rescue.know(aggregate, tip.version)
        for snapshot in listed.snapshots():
            if snapshot.version > rescue.version(snapshot.aggregate):
                rescue.know(snapshot.aggregate, snapshot.version)
                aside.snapshot(snapshot)
        lost = [id_ for id_, commit, at in listed.ids() if not losses.has(commit, at)]
        for id_ in lost:
            aside.lost_id(id_)
        return lost

    def _told(
        self,
        rescue: Rescue,
        lost_ids: list[str],
        position: int,
        branch: Branch,
        began: float,
        lines: int,
    ) -> Salvaged:
        losses = self._losses
        return Salvaged(
            path=str(self._old),
            new=str(self._new),
            complete=losses.are_none and not rescue.cuts,
            commits=losses.whole,
            lost=tuple(losses.lost),
            harmed=tuple(losses.harmed),
            records=rescue.records,
            events=rescue.events,
            records_lost=losses.records,
            events_lost=losses.events,
            records_aside=rescue.records_aside,
            events_aside=rescue.events_aside,
            cut=rescue.cut(),
            ids_lost=tuple(lost_ids[:_MOST_IDS]),
            same_position=rescue.same,
            position=position,
            branch=branch.id,
            named=bool(self._listed and self._listed.format),
            aside=str(self._new / ASIDE) if lines else None,
            seconds=monotonic() - began,
        )


def _state(file: int, held: Meta | None) -> tuple[Meta | None, bool]:
    """Return the state to read, and whether it is certainly the newest one."""
    if held is not None:
        return held, True
    try:
        return newest_state(file), True
    except Wrong:
        return max(states(file), key=lambda state: state.number, default=None), False


def _name_branch(folder: Path, old: JournalFormat | None, branch: Branch) -> None:
    """Give the new journal the old one's name and lineage, with a new branch."""
    mark = Mark.read(folder)
    store = LmdbStore(
        folder, TABLES, map_size=MAP_SIZE, fsync=True, mark=mark, lock=None, read_only=False,
        unsealed=CHECKED_WHEN_READ,
    )  # fmt: skip
    try:
        with store.writing() as txn:
            new = read_format(txn.get(META, FORMAT_KEY))
            if old is not None:
                lineage = lineage_of(old)
                restores = (*old.restores, tuple(branch))
                new = new._replace(id=lineage.id, restores=restores)
            txn.put(META, FORMAT_KEY, pack_format(new))
    finally:
        store.close()
    if mark is not None:
        fresh = FileMark(folder)
        fresh.close(mark.number, mark.crc)
