"""On which kind of file system a folder is, and what that means for the data in it.

`LmdbJournal.open` asks, and says what it finds in the log.
"""

from __future__ import annotations

import logging
import os
import re
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from comity.engine.errors import StorageFailed

_log = logging.getLogger("comity")


class Kind(Enum):
    """What a file system keeps, and for whom."""

    DISK = "a local disk, as far as the system tells"
    MEMORY = "memory: nothing outlives the machine's next start"
    LAYER = "a container's own layer: it goes with the container"
    NETWORK = "files of another machine: locks and shared memory do not work between machines"


_KINDS: Final = {
    **dict.fromkeys(("tmpfs", "ramfs", "devtmpfs", "rootfs"), Kind.MEMORY),
    **dict.fromkeys(("overlay", "aufs", "fuse.fuse-overlayfs"), Kind.LAYER),
    **dict.fromkeys(
        (
            "9p", "afs", "beegfs", "ceph", "cifs", "drvfs", "fuse.ceph", "fuse.gcsfuse",
            "fuse.glusterfs", "fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
            "fuse.vmhgfs-fuse", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
            "ocfs2", "prl_fs", "smb3", "smbfs", "vboxsf", "vmhgfs",
        ),
        Kind.NETWORK,
    ),
}  # fmt: skip
_MOUNT: Final = re.compile(r"^mnt_id:\s*([0-9]+)$", re.MULTILINE)


class FileSystem(NamedTuple):
    """The file system of a folder."""

    name: str
    """`ext4`, for example; empty if the system does not tell."""
    kind: Kind

    def __str__(self) -> str:
        return f"{self.name} ({self.kind.value})" if self.name else "unknown"


def file_system_of(folder: Path) -> FileSystem:
    """Return the file system of a folder, or of the one in which it can be made.

    Its name is empty if the system does not tell.
    """
    try:
        there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
        opened = os.open(there, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            told = Path(f"/proc/self/fdinfo/{opened}").read_text(encoding="utf-8")
        finally:
            os.close(opened)
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return FileSystem("", Kind.DISK)
    return found_in(mounts, told)


def found_in(mounts: str, told: str) -> FileSystem:
    """Return the file system of an open folder.

    Args:
        mounts: the content of /proc/self/mountinfo.
        told: that of the folder's file in /proc/self/fdinfo.
    """
    mount = _MOUNT.search(told)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if mount is not None and after and before.split(" ", 1)[0] == mount[1]:
            name = after.split(" ", 1)[0]
            return FileSystem(name, _KINDS.get(name, Kind.DISK))
    return FileSystem("", Kind.DISK)


def check_file_system(folder: Path, *, shared: bool) -> None:
    """Say in the log if a journal in this folder is on another file system than a local disk.

    Raises:
        StorageFailed: it is on a network file system, and several processes are to share it.
    """
    found = file_system_of(folder)
    if found.kind is Kind.DISK:
        return
    if found.kind is Kind.NETWORK and shared:
        msg = (
            f"{folder} is on {found}, so processes cannot share it: move it to a local disk, or "
            "let one process open it, with exclusive=True"
        )
        raise StorageFailed(msg)
    _log.warning("%s is on %s; keep it on a local disk or a volume", folder, found)
