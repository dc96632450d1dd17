"""A program that backs a journal up and is killed: `python -m tests.crash.backer PATH DEST`.

It copies one commit in each batch, and says `begun` at the first.
"""

from __future__ import annotations

import sys

from comity.actors import backup
from comity.engine.backups.progress import BackupProgress, BackupStage
from comity.engine.journal import whole_commits


def main() -> None:
    """Back up the journal."""
    path, dest = sys.argv[1:]
    whole_commits.BATCH_BYTES = 20_000
    said = False

    def show(progress: BackupProgress) -> None:
        nonlocal said
        if progress.stage is BackupStage.COPYING and not said:
            said = True
            print("begun", flush=True)

    backup(path, dest, progress=show)


if __name__ == "__main__":
    main()
