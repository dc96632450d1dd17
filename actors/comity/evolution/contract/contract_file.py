"""Reads and writes contract files: sorted JSON that reads well in a review."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue, ValidationError

from comity.engine.errors import ComityError
from comity.engine.files.own_folder import flush_folder, fresh
from comity.engine.formats import too_new
from comity.evolution.contract.contract import FORMAT, Contract

MOST: Final = 64 << 20
"""The most bytes that a contract file may have."""
WIDEST: Final = 100
"""The most characters of a line, where its value has parts."""
_KEY: Final = "comity contract"
_MARKERS: Final = ("<<<<<<< ", "=======", ">>>>>>> ")
"""What git leaves in a file that two people have changed."""


class NotAContract(ComityError):
    """The file is missing, damaged, or another file. The text says what to do."""


def read_contract(path: Path) -> Contract:
    """Read a contract file.

    Raises:
        NotAContract: there is no such file, or it is not a contract.
        TooNew: a newer version of comity wrote it.
        OSError: it cannot be read.
    """
    text = _text(path)
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_MARKERS):
            msg = (
                f"{path}, line {number} has a marker of a merge conflict: take the file of one "
                "side whole, and write the contract anew"
            )
            raise NotAContract(msg)
    try:
        found = cast("JsonValue", json.loads(text, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is damaged: {error}; take it from version control"
        raise NotAContract(msg) from None
    written = found.get(_KEY) if isinstance(found, dict) else None
    if type(written) is not int or written < 1:
        msg = f'{path} is another file: a contract begins with "{_KEY}"'
        raise NotAContract(msg)
    if written > FORMAT:
        raise too_new(f"{path} is a contract of format {written}", f"format {FORMAT}")
    try:
        return Contract.model_validate_json(text).model_copy(update={"format": FORMAT})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ", ".join(map(str, first["loc"]))
        msg = f"{path} is damaged at {where}: {first['msg']}; take it from version control"
        raise NotAContract(msg) from None


def _once(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Make an object; a name that is there twice would hide a promise, as a bad merge can do."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        msg = f"{max(names, key=names.count)!r} is there twice in one object"
        raise ValueError(msg)
    return found


def _text(path: Path) -> str:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            msg = f"{path} is {_noun(found)}, and no contract file"
            raise NotAContract(msg)
        if found.st_size > MOST:
            msg = f"{path} has {found.st_size:,} bytes; a contract has at most {MOST:,}"
            raise NotAContract(msg)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        msg = f"there is no {path}; comity contract write makes it"
        raise NotAContract(msg) from None
    except UnicodeDecodeError:
        msg = f"{path} is no text, so it is no contract"
        raise NotAContract(msg) from None


def _noun(found: os.stat_result) -> str:
    return "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"


def write_contract_file(path: Path, contract: Contract) -> None:
    """Write a contract file in one step: after a crash the file is the old one or the new one.

    Raises:
        NotAContract: its folder is missing.
        OSError: it cannot be written.
    """
    file = path.resolve()  # a link goes on leading to it
    if not file.parent.is_dir():
        msg = f"there is no folder {file.parent} for the contract: make it"
        raise NotAContract(msg)
    aside = file.with_name(f"{file.name}-{fresh()}")
    try:
        with aside.open("xb") as writing:
            writing.write(contract_text(contract).encode())
            writing.flush()
            os.fsync(writing.fileno())
        aside.replace(file)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    flush_folder(file.parent)


def contract_text(contract: Contract) -> str:
    """Return the contract as sorted JSON. What fits on a line stands on one."""
    found = contract.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return "".join(_lines({**found, _KEY: FORMAT if contract.processes else 1}, "")) + "\n"


def _lines(value: JsonValue, indent: str) -> Iterator[str]:
    """Yield JSON in pieces. A value with parts is on one line if it fits; a sample always is."""
    whole = json.dumps(value, sort_keys=True)
    if not isinstance(value, (dict, list)) or len(indent) + len(whole) <= WIDEST:
        yield whole
    elif isinstance(value, list):
        yield from _between("[]", indent, (_lines(item, indent + "  ") for item in value))
    else:
        named = (_named(name, value[name], indent + "  ") for name in sorted(value))
        yield from _between("{}", indent, named)


def _named(name: str, value: JsonValue, indent: str) -> Iterator[str]:
    yield f"{json.dumps(name)}: "
    if name == "samples" and isinstance(value, list):
        yield from _between("[]", indent, ([json.dumps(one, sort_keys=True)] for one in value))
    else:
        yield from _lines(value, indent)


def _between(brackets: str, indent: str, parts: Iterable[Iterable[str]]) -> Iterator[str]:
    yield brackets[0]
    for number, part in enumerate(parts):
        yield f"{',' if number else ''}\n{indent}  "
        yield from part
    yield f"\n{indent}{brackets[1]}"
