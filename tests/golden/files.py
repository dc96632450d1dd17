"""Golden files: hexadecimal digits, after lines that begin with # and say what they are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FOLDERS: Final = sorted(
    (each for each in HERE.iterdir() if each.name.isdecimal()), key=lambda each: int(each.name)
)
"""What was written by each version of comity that wrote something else than the one before."""
TODAY: Final = FOLDERS[-1]

Row = tuple[str, bytes, bytes]
"""A table of the journal, a key and a value."""

_ROWS: Final = "journal"


def save_form(folder: Path, name: str, says: str, data: bytes) -> None:
    """Write one stored form."""
    lines = [*(f"# {line}" for line in textwrap.wrap(says, 96)), *textwrap.wrap(data.hex(), 100)]
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def load_form(folder: Path, name: str) -> bytes:
    """The bytes of one stored form."""
    lines = (folder / f"{name}.txt").read_text().splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def names(folder: Path) -> list[str]:
    """The forms that have a file in this folder."""
    return sorted(each.stem for each in folder.glob("*.txt") if each.stem != _ROWS)


def save_rows(folder: Path, rows: Iterable[Row]) -> None:
    """Write all rows of a journal."""
    lines = [
        "# All rows of a small journal, which tests/golden/history.py describes: in each line the",
        "# table, the key and the value.",
        *(f"{table} {key.hex()} {value.hex()}" for table, key, value in rows),
    ]
    (folder / f"{_ROWS}.txt").write_text("\n".join(lines) + "\n")


def load_rows(folder: Path) -> list[Row]:
    """All rows of a journal."""
    lines = (folder / f"{_ROWS}.txt").read_text().splitlines()
    words = [line.split(" ") for line in lines if not line.startswith("#")]
    return [(table, bytes.fromhex(key), bytes.fromhex(value)) for table, key, value in words]
