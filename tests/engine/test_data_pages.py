"""A data file that is looked at without LMDB: what is sound passes, and nothing else does.

All that `lmdb.verify` finds is found, and some of what it does not see: a branch that leads past a
key, a value that is another one.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import lmdb
import pytest
from lmdb import verify as lmdbs_own
from tests.crash.harm import HARMS, PAGE

from comity.engine.files.seal import seal
from comity.engine.lmdb.data_pages import find_wrong

BRANCH = 0x01


def wrong(path: Path, unsealed: frozenset[bytes] = frozenset()) -> str:
    """What is wrong with the environment there."""
    descriptor = os.open(path / "data.mdb", os.O_RDONLY)
    try:
        return find_wrong(descriptor, unsealed)
    finally:
        os.close(descriptor)


def make(path: Path, seed: int, rows: int = 2_000) -> None:
    """An environment of sealed values, small, large and several, which has seen some deletions."""
    path.mkdir()
    rng = random.Random(seed)
    with lmdb.open(str(path), max_dbs=3, map_size=1 << 26, sync=False) as env:
        one, many = env.open_db(b"one"), env.open_db(b"many", dupsort=True)
        env.open_db(b"none")
        for _ in range(3):
            with env.begin(write=True) as txn:
                for _ in range(rows):
                    key = b"key %d" % rng.randrange(rows)
                    size = rng.choice([0, 10, 100, 10, 100, 3_000]) if rng.random() < 0.2 else 20
                    txn.put(key, seal(key, rng.randbytes(size)), db=one)
                    key = b"several %d" % min(rng.randrange(40), rng.randrange(40))
                    txn.put(key, seal(key, b"%d" % rng.randrange(rows)), db=many)
                for _ in range(rows // 3):
                    txn.delete(b"key %d" % rng.randrange(rows), db=one)


def problems(path: Path) -> list[str]:
    """What LMDB's own check says of it."""
    try:
        found: list[str] = vars(lmdbs_own)["verify"](str(path))
    except lmdbs_own.VerifyError as error:
        return [str(error)]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_sound_file_passes_and_so_does_its_compact_copy(tmp_path: Path, seed: int) -> None:
    make(tmp_path / "e", seed, rows=(1, 50, 1_000, 4_000)[seed])
    assert problems(tmp_path / "e") == []
    assert wrong(tmp_path / "e") == ""
    (tmp_path / "copy").mkdir()
    with lmdb.open(str(tmp_path / "e"), max_dbs=3) as env:
        env.copy(str(tmp_path / "copy"), compact=True)
    assert wrong(tmp_path / "copy") == ""


def test_a_new_file_passes(tmp_path: Path) -> None:
    lmdb.open(str(tmp_path)).close()
    assert wrong(tmp_path) == ""


@pytest.mark.parametrize("harm", HARMS)
def test_what_lmdb_verify_finds_is_found(tmp_path: Path, harm: str) -> None:
    make(tmp_path / "e", seed=1)
    missed = list[str]()
    for seed in range(25):
        copy = tmp_path / f"copy{seed}"
        shutil.copytree(tmp_path / "e", copy)
        HARMS[harm](copy / "data.mdb", random.Random(seed))
        found = problems(copy)
        if found and not wrong(copy) and not only_free_pages_are_gone(found):
            missed.append(f"{seed}: {found[:3]}")
    assert missed == []


def only_free_pages_are_gone(found: list[str]) -> bool:
    """LMDB does not read these; it writes them when it needs them."""
    return all("file" in each and "short" in each for each in found)


def test_a_branch_that_leads_past_a_key_is_found(tmp_path: Path) -> None:
    make(tmp_path / "e", seed=1)
    file = tmp_path / "e" / "data.mdb"
    data = bytearray(file.read_bytes())
    found = 0
    for page in range(2, len(data) // PAGE):
        at = page * PAGE
        if int.from_bytes(data[at + 10 : at + 12], "little") != BRANCH:
            continue
        node = at + int.from_bytes(data[at + 18 : at + 20], "little")  # the second one
        size = int.from_bytes(data[node + 6 : node + 8], "little")
        file.write_bytes(data[: node + 7 + size] + b"\xff" + data[node + 8 + size :])
        found += problems(tmp_path / "e") == [] and wrong(tmp_path / "e") != ""
    assert found > 0, "LMDB's own check passes them over; some are not in use any more"


def test_a_value_that_is_not_what_was_written_is_found_where_values_are_sealed(
    tmp_path: Path,
) -> None:
    tmp_path = tmp_path / "e"
    tmp_path.mkdir()
    with lmdb.open(str(tmp_path), max_dbs=1) as env, env.begin(write=True) as txn:
        txn.put(b"key", b"never sealed", db=env.open_db(b"one", txn))
    assert problems(tmp_path) == []
    assert "table one has another value of b'key'" in wrong(tmp_path)
    assert wrong(tmp_path, frozenset([b"one"])) == ""


@pytest.mark.parametrize("at", [16 + 24 + 4, 16 + 24 + 48 + 4])
def test_a_flipped_bit_of_what_the_first_pages_say_of_their_trees_is_found(
    tmp_path: Path, at: int
) -> None:
    make(tmp_path / "e", seed=1, rows=50)
    sound = (tmp_path / "e" / "data.mdb").read_bytes()
    for page in (0, PAGE):
        for bit in range(16):
            data = bytearray(sound)
            data[page + at + bit // 8] ^= 1 << bit % 8
            (tmp_path / "e" / "data.mdb").write_bytes(data)
            assert wrong(tmp_path / "e") != ""
