"""Thousands of damaged journals: `verify` finds what matters, `salvage` reads the rest.

`COMITY_VERIFIED` (2,000) and `COMITY_SALVAGED` (200) in `./scripts/soak`; a few in CI are in
`tests/engine/verifying`. What is not found must be harmless: then LMDB reads the same rows, the
journal can be written on, and is sound after that. With -s it prints what was found.
"""

from __future__ import annotations

import os
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.crash.harm import HARMS
from tests.engine.verifying.made import LONG, PAGE, Pages, long_turn, make
from tests.engine.verifying.original import Original, check
from tests.engine.verifying.test_verify import dump

from comity.engine.errors import JournalDamaged
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.verifying.salvage import salvage
from comity.engine.verifying.verify import verify

VERIFIED = int(os.environ.get("COMITY_VERIFIED", "2000"))
SALVAGED = int(os.environ.get("COMITY_SALVAGED", "200"))


def bit(*kinds: str) -> Callable[[Path, Pages, random.Random], None]:
    """Flips a bit in a page of these kinds."""

    def flip(file: Path, pages: Pages, rng: random.Random) -> None:
        page = rng.choice([one for kind in kinds for one in pages.kinds[kind]])
        size = 152 if kinds == ("first",) else PAGE
        at = page * PAGE + rng.randrange(size)
        with file.open("r+b") as opened:
            opened.seek(at)
            for byte in opened.read(1):  # none if the file was cut before
                opened.seek(at)
                opened.write(bytes([byte ^ 1 << rng.randrange(8)]))

    return flip


def block(file: Path, pages: Pages, rng: random.Random) -> None:
    """Cuts, zeroes, swaps or doubles pages, or fills a sector with garbage."""
    kind = rng.choice(["zero page", "swap", "cut", "cut pages", "empty end", "sector", "double"])
    if kind != "double":
        HARMS[kind](file, rng)
        return
    data = bytearray(file.read_bytes())
    one, other = (rng.randrange(2, len(data) // PAGE) * PAGE for _ in range(2))
    data[one : one + PAGE] = data[other : other + PAGE]
    file.write_bytes(data)


NINE: Mapping[str, Callable[[Path, Pages, random.Random], None]] = {
    "first pages": bit("first"),
    "free list": bit("free list"),
    "branches": bit("branch"),
    "leaves of commits": bit("commits"),
    "large commits": bit("overflow"),
    "streams": bit("streams"),
    "ids": bit("ids"),
    "snapshots, meta, names": bit("snapshots", "meta", "names"),
    "blocks": block,
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "journal"
    make(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", NINE)
def test_each_damage_is_found_or_harmless(sound: Path, tmp_path: Path, kind: str) -> None:
    pages, rows = Pages(sound / "data.mdb"), dump(sound)
    ends = Counter[str]()
    for seed in range(VERIFIED // len(NINE)):
        copy = tmp_path / "copy"
        shutil.copytree(sound, copy)
        NINE[kind](copy / "data.mdb", pages, random.Random(seed))
        found = verify(copy)
        if found.found:
            ends["found"] += 1
        else:
            ends["harmless"] += 1
            assert is_harmless(copy, rows), f"{kind}, seed {seed}"
        shutil.rmtree(copy)
    print(f"{kind}: {dict(ends)}")


def is_harmless(path: Path, rows: object) -> bool:
    """Whether LMDB reads the same rows, and the journal goes on; tried in a process of its own."""
    child = os.fork()
    if not child:
        try:
            same = dump(path) == rows
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                journal = LmdbJournal.open(path, unsafe_no_fsync=True)
            for number in range(20):
                journal.append([long_turn(8_000_000 + number, journal.version(LONG))])
            journal.close()
            os._exit(0 if same and verify(path).is_sound else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.slow
def test_all_that_can_be_read_is_salvaged(sound: Path, tmp_path: Path) -> None:
    original, pages = Original(sound), Pages(sound / "data.mdb")
    kinds = [*NINE.values(), block, block]
    ends = Counter[str]()
    for seed in range(SALVAGED):
        copy, new = tmp_path / "copy", tmp_path / "new"
        shutil.copytree(sound, copy)
        rng = random.Random(seed)
        for _ in range(rng.choice([1, 1, 3, 30])):
            if (copy / "data.mdb").stat().st_size > 20 * PAGE:
                rng.choice(kinds)(copy / "data.mdb", pages, rng)
        try:
            done = salvage(copy, new)
        except JournalDamaged:
            assert original.readable(copy / "data.mdb") == [], seed
            ends["nothing"] += 1
        else:
            assert check(original, copy, new) == "", seed
            ends["whole" if done.complete else "in part"] += 1
        shutil.rmtree(copy)
        shutil.rmtree(new, ignore_errors=True)
    print(dict(ends))
