"""The tree that this one is compared with: a folder, or a commit in a temporary git worktree."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.process import ROOT


@contextmanager
def checked_out(revision: str) -> Generator[tuple[str, Path]]:
    """The revision's short name, and a folder with its sources. `revision` may be such a folder.

    Raises:
        SystemExit: there is no such revision.
    """
    if Path(revision).is_dir():
        yield _git("rev-parse", "--short", "HEAD", cwd=Path(revision)), Path(revision).resolve()
        return
    name = _git("rev-parse", "--short", f"{revision}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="comity-against-") as folder:
        place = Path(folder) / name
        _git("worktree", "add", "--detach", str(place), name)
        try:
            yield name, place
        finally:
            _git("worktree", "remove", "--force", str(place))


def _git(*arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(  # noqa: S603 - this project's own repository
        ["git", *arguments],  # noqa: S607 - the host's git
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return done.stdout.strip()
