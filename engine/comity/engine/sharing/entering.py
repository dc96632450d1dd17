"""How a process gets a slot on a journal's board, or is refused. `Member` uses it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from comity.engine.errors import JournalInUse
from comity.engine.files.disk import disk_errors
from comity.engine.sharing.board_file import BoardFile
from comity.engine.sharing.layout import Number, pack_slot
from comity.engine.sharing.sharer import Sharer


def enter(folder: Path, said: Callable[[], bytes]) -> tuple[BoardFile, int]:
    """Open the board of a journal's folder, and take a slot on it.

    Args:
        folder: the journal's folder.
        said: returns what the slot says first.

    Raises:
        JournalInUse: a process of another pid namespace or machine is here, or there is no slot.
        TooNew: processes of another version of comity are here.
        StorageFailed: the board cannot be made or written.
    """
    with disk_errors(f"{folder} cannot be shared"):
        file = BoardFile(folder)
        try:
            with file.joining():
                check_namespace(file.sharers(), folder)
                slot = file.take()
                file.fill(slot, said())
        except BaseException:
            file.close()
            raise
    return file, slot


def introduction(program: str, numbers: dict[Number, int]) -> bytes:
    """What the slot of this process says."""
    who = {Number.PID: os.getpid(), Number.NAMESPACE: pid_namespace()}
    return pack_slot(platform.node(), program, {**numbers, **who})


def pid_namespace() -> int:
    """The number of this process's pid namespace; 0 where the system has none."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - no path of comity's
    except OSError:
        return 0


def check_namespace(sharers: Iterable[Sharer], folder: Path) -> None:
    """Refuse to share with processes whose process ids mean something else.

    LMDB knows a reader by its process id. In another container the same number may be another
    process, or none: then pages that a reader uses may be overwritten.

    Raises:
        JournalInUse: one of them is in another pid namespace.
    """
    own = pid_namespace()
    # 0: that slot is being cleared, or its system has no namespaces.
    stranger = next((one for one in sharers if one.namespace not in {0, own}), None)
    if stranger is not None:
        msg = (
            f"{folder} is open in {stranger}, which is in another container: containers that share "
            "a journal need one pid namespace (docker run --pid=container:NAME, in Kubernetes "
            "shareProcessNamespace: true), or let one program open it, and ask that one"
        )
        raise JournalInUse(msg)


def this_program() -> str:
    """The command line of this process, for people."""
    return " ".join(sys.argv) or "python"
