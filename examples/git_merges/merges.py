"""A merge of two branches, as commands of two people who saw the same version of a file.

`recorded` reads the recorded merges; `repository.py` finds the merges of any other repository.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from examples.git_merges.domain import (
    AddItem,
    AddLanguage,
    Entry,
    Registry,
    RegistryCommand,
    ReleaseId,
    RemoveItem,
    RemoveLanguage,
    SetField,
    TakeId,
    UnsetField,
)

Content: TypeAlias = Mapping[str, Mapping[str, str | Sequence[str]]]
"""A file's entries by name, with their fields, each a text or a list of texts."""

ID_FIELD = "language_id"
MANY = 19
"""An id with fewer digits fits into 63 bits."""


@dataclass(frozen=True)
class Merge:
    """A merge commit in which both parents had changed the file since their merge base."""

    commit: str
    time: datetime
    base: Content
    """The affected entries at the merge base."""
    reserved: tuple[int, ...]
    """The ids of all other entries."""
    theirs: tuple[RegistryCommand, ...]
    ours: tuple[RegistryCommand, ...]
    people: Content
    """The same entries in the people's merge."""
    git_stopped: int
    """The number of conflicts in git's own merge."""


def recorded(path: Path) -> Iterator[Merge]:
    """The recorded merges, oldest first."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            highest: int | None = row["max_language_id"][0]  # at the merge base
            ids = range(0 if highest is None else highest + 1)
            held = {as_id(entry.get(ID_FIELD)) for entry in row["state"].values()}
            yield Merge(
                commit=row["merge"],
                time=datetime.fromtimestamp(row["time"], UTC),
                base=row["state"],
                reserved=tuple(number for number in ids if number not in held),
                theirs=tuple(command(*words) for words in row["theirs_cmds"]),
                ours=tuple(command(*words) for words in row["ours_cmds"]),
                people=content(row["human"]),
                git_stopped=row["git_textual_conflicts"],
            )


def command(*words: str) -> RegistryCommand:  # noqa: PLR0911 - one for each command
    """Make a command from a recording, such as `("AddItem", "C", "extensions", ".h")`."""
    match words:
        case ("AddLanguage", name):
            return AddLanguage(language=name)
        case ("RemoveLanguage", name):
            return RemoveLanguage(language=name)
        case ("SetField", name, field, value):
            number = as_id(value) if field == ID_FIELD else None
            if number is not None:
                return TakeId(language=name, number=number)
            return SetField(language=name, field=field, value=value)
        case ("UnsetField", name, field):
            if field == ID_FIELD:
                return ReleaseId(language=name)
            return UnsetField(language=name, field=field)
        case ("AddItem", name, field, item):
            return AddItem(language=name, field=field, item=item)
        case ("RemoveItem", name, field, item):
            return RemoveItem(language=name, field=field, item=item)
        case _:
            msg = f"not a command of the registry: {words}"
            raise ValueError(msg)


def as_id(value: object) -> int | None:
    """The id in a field of the file, or None."""
    if not isinstance(value, str) or len(value) >= MANY:
        return None
    return int(value) if value.isascii() and value.isdecimal() else None


def entries(content: Content) -> tuple[Entry, ...]:
    """The content as the registry's entries."""
    return tuple(entry(name, fields) for name, fields in content.items())


def entry(name: str, fields: Mapping[str, str | Sequence[str]]) -> Entry:
    number = as_id(fields.get(ID_FIELD))
    return Entry(
        name=name,
        id=number,
        fields=tuple(
            (field, value)
            for field, value in fields.items()
            if isinstance(value, str) and (number is None or field != ID_FIELD)
        ),
        items=tuple(
            (field, item)
            for field, items in fields.items()
            if not isinstance(items, str)
            for item in items
        ),
    )


def content(said: Content | Registry) -> Content:
    """A file or a registry in one form to compare: lists sorted, empty ones left out."""
    if isinstance(said, Registry):
        return {
            name: {
                **language.fields,
                **{field: sorted(items) for field, items in language.lists.items()},
                **({} if language.id is None else {ID_FIELD: str(language.id)}),
            }
            for name, language in said.languages.items()
        }
    return {
        name: {
            field: value if isinstance(value, str) else sorted(set(value))
            for field, value in fields.items()
            if value or isinstance(value, str)
        }
        for name, fields in said.items()
    }


def shared_ids(content: Content) -> dict[str, list[str]]:
    """Ids that several entries have, with the names of these entries."""
    holders: dict[str, list[str]] = {}
    for name, fields in content.items():
        number = fields.get(ID_FIELD)
        if isinstance(number, str):
            holders.setdefault(number, []).append(name)
    return {number: names for number, names in holders.items() if len(names) > 1}
