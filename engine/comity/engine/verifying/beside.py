"""Checks the structure of what stands beside a journal: ledgers of outlets, and read models.

`verify` uses it. The values in these files are sealed, and what they mean is for those who read
them: an outlet's ledger is a record of its own, a read model can be rebuilt.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from comity.engine.files.file_mark import Look
from comity.engine.files.own_folder import NotOurs, is_folder, names_in, open_file
from comity.engine.lmdb.data_pages import find_wrong
from comity.engine.lmdb.holding import NOT_HELD, Held
from comity.engine.verifying.faults import Faults
from comity.engine.verifying.pace import Pace, Stopped
from comity.engine.verifying.verified import OnProgress

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_GENERATION: Final = re.compile(r"g[0-9]{6,9}")
_TRIES: Final = 3


class Beside:
    """The ledgers, or the models, of a journal.

    Args:
        part: which of them.
    """

    def __init__(self, part: Literal["outlet", "model"]) -> None:
        self._part: Final = part
        self.names: list[str] = []
        """Those that were read."""

    def read(
        self,
        journal: Path,
        faults: Faults,
        progress: OnProgress | None,
        stop: Callable[[], bool],
        folder: Path | None = None,
    ) -> bool:
        """Read them all, and note what is wrong; False if it was stopped before.

        Args:
            journal: the journal's folder.
            faults: where faults are noted.
            progress: called a few times a second.
            stop: whether to stop.
            folder: their folder, if it is not inside the journal.
        """
        for place in self._places(folder or journal / f"{self._part}s"):
            name = str(place.relative_to(journal)) if folder is None else str(place)
            try:
                wrong = _wrong_in(place, Pace(name, progress, stop))
            except (FileNotFoundError, NotOurs):
                continue  # it was removed meanwhile, or is not comity's
            except Stopped:
                return False
            self.names.append(name)
            if wrong:
                faults.add(self._part, f"{name}: {wrong}")
        return True

    def _places(self, folder: Path) -> Iterator[Path]:
        for each in _folders(folder, _NAME):
            if self._part == "outlet":
                yield each
            else:
                yield from _folders(each, _GENERATION)


def _folders(folder: Path, form: re.Pattern[str]) -> list[Path]:
    """The real folders in a folder whose names match; none if it is not a real folder."""
    if not is_folder(folder):
        return []
    return [folder / name for name in sorted(names_in(folder, form)) if is_folder(folder / name)]


def _wrong_in(place: Path, pace: Pace) -> str:
    """Return what is wrong with a data file; empty if it is sound."""
    wrong, held = "", NOT_HELD
    for _ in range(_TRIES):
        look = Look.at(place)
        file = open_file(place / "data.mdb", os.O_RDONLY)
        try:
            with held:
                wrong = find_wrong(file, (), pace, held.state)
                held_state = held.state
        finally:
            os.close(file)
        if not wrong or held_state is not None or look == Look.at(place):
            return wrong
        held = Held(place)  # somebody writes it
    return wrong
