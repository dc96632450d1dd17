"""Files are opened while another program is stopped in the middle of writing them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from comity.engine import NotAJournal
from comity.engine.journal.lmdb_store import LmdbStore

STOPPED = """
import os, sys, time, lmdb
env = lmdb.open(sys.argv[1], max_dbs=2, create=False)
with env.begin(write=True) as txn:
    txn.put(b"a", b"b")
    print("writes", flush=True)
    time.sleep(600)
"""


def test_a_thread_that_opens_what_another_program_writes_lets_the_others_go_on(
    tmp_path: Path,
) -> None:
    LmdbStore.create(tmp_path, {"rows": False})
    opened: list[LmdbStore] = []

    def open_it() -> None:
        opened.append(
            LmdbStore(
                tmp_path, {"rows": False}, map_size=1 << 20, fsync=False, mark=None, lock=None
            )
        )

    with subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(tmp_path)], stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            thread = Thread(target=open_it, daemon=True)
            thread.start()
            thread.join(0.3)  # this thread goes on, else the test would stand still for ever
            assert opened == []
            other = tmp_path / "other"
            other.mkdir()
            LmdbStore.create(other, {"rows": False})  # so do those that open something else
        finally:
            child.kill()
    thread.join(30)
    assert len(opened) == 1
    opened[0].close()


def test_a_missing_table_is_told_and_the_files_can_be_opened_again(tmp_path: Path) -> None:
    LmdbStore.create(tmp_path, {"rows": False})
    with pytest.raises(NotAJournal, match="is not what comity makes"):
        LmdbStore(tmp_path, {"other": False}, map_size=1 << 20, fsync=False, mark=None, lock=None)
    LmdbStore(
        tmp_path, {"rows": False}, map_size=1 << 20, fsync=False, mark=None, lock=None
    ).close()
