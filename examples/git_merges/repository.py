"""The merges of any git repository in which both parents had changed one YAML or JSON file.

It uses the git command line; `Repository.merges` gives merges for `play`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from shutil import which
from typing import NamedTuple, cast

from examples.git_merges.domain import RegistryCommand
from examples.git_merges.merges import ID_FIELD, Content, Merge, as_id, command, content, entries
from pydantic import ValidationError

NO_YAML = "reading YAML needs PyYAML: pip install pyyaml (JSON files need nothing)"


class Unusable(Exception):
    """This repository or file cannot be read; the text says why."""


class Skipped(Exception):
    """This merge cannot be played; the text says why."""


class Commit(NamedTuple):
    name: str
    time: datetime
    parents: list[str]


@dataclass
class Repository:
    """A local clone, and one file in it."""

    path: Path
    file: str
    skipped: Counter[str] = field(default_factory=Counter[str])
    """How many merges were left out, by reason."""

    def __post_init__(self) -> None:
        self._parse = parser(self.file)
        if not self.path.is_dir():
            raise Unusable(f"{self.path} is not a directory")
        if which("git") is None:
            raise Unusable("there is no git command on the PATH")
        self._git("rev-parse", "--git-dir")
        if not self._git("log", "-1", "--all", "--format=%H", "--", self.file).strip():
            raise Unusable(f"no commit of {self.path} has a file {self.file}")

    def commits(self) -> list[Commit]:
        """The merge commits of all branches, oldest first."""
        listed = self._git(
            "rev-list", "--all", "--merges", "--date-order", "--reverse", "--timestamp", "--parents"
        )
        return [
            Commit(name, datetime.fromtimestamp(int(time), UTC), parents)
            for time, name, *parents in map(str.split, listed.splitlines())
        ]

    def merge(self, commit: Commit) -> Merge | None:
        """The two sides of a merge commit; None unless both had changed the file."""
        try:
            return self._merge(*commit)
        except Skipped as reason:
            self.skipped[str(reason)] += 1
        except ValidationError as error:
            self.skipped[f"a message cannot hold it: {error.errors()[0]['msg']}"] += 1
        return None

    def _merge(self, commit: str, time: datetime, parents: list[str]) -> Merge | None:
        if len(parents) > 2:  # noqa: PLR2004 - two people
            raise Skipped("octopus merge: more than two sides")
        ours_at, theirs_at = parents
        found = self._git("merge-base", "--all", ours_at, theirs_at, allow=(0, 1)).split()
        if not found:
            raise Skipped("the two sides have no commit in common")
        if len(found) > 1:
            raise Skipped("criss-cross merge: more than one merge base")
        blobs = [self._blob(at) for at in (found[0], ours_at, theirs_at, commit)]
        base, ours, theirs, merged = blobs
        if base in (ours, theirs):
            return None
        if ours is None or theirs is None or merged is None:
            raise Skipped("the file is absent on one side, or from the merge")
        before, our, their, people = [self._content(blob) for blob in (base, ours, theirs, merged)]
        concerned = changed(before, our) | changed(before, their) | changed(before, people)
        base_entries = only(before, concerned)
        entries(base_entries)  # raises if a message cannot hold it
        return Merge(
            commit=commit,
            time=time,
            base=base_entries,
            reserved=ids_of_others(before, concerned),
            theirs=tuple(commands(before, their)),
            ours=tuple(commands(before, our)),
            people=content(only(people, concerned)),
            git_stopped=self._stops(base, ours, theirs),
        )

    def _blob(self, commit: str) -> str | None:
        """The file's object at a commit; None if it is absent, or is not a file."""
        line = self._git("ls-tree", "-z", "--full-tree", commit, "--", self.file)
        mode, kind, blob = [*line.partition("\t")[0].split(), "", "", ""][:3]
        return blob if kind == "blob" and mode != "120000" else None  # mode of a symbolic link

    def _content(self, blob: str | None) -> Content:
        if blob is None:
            return {}
        try:
            return as_content(self._parse(self._git("cat-file", "blob", blob)))
        except (ValueError, RecursionError):
            raise Skipped("a version of the file cannot be read") from None

    def _stops(self, base: str | None, ours: str, theirs: str) -> int:
        """The number of conflicts in git's own merge of the three texts."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
            for path, blob in zip(paths, (ours, base, theirs), strict=True):
                path.write_bytes(self._run("cat-file", "blob", blob).stdout if blob else b"")
            conflicts = self._run("merge-file", "-p", *map(str, paths)).returncode
        return conflicts if conflicts < 128 else 0  # noqa: PLR2004 - above that it is an error

    def _git(self, *words: str, allow: tuple[int, ...] = (0,)) -> str:
        done = self._run(*words)
        if done.returncode not in allow:
            said = done.stderr.decode("utf-8", "replace").strip() or f"status {done.returncode}"
            raise Unusable(f"git {words[0]} failed in {self.path}: {said}")
        return done.stdout.decode("utf-8", "replace")

    def _run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-C", str(self.path), *words]
        return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell


# --- reading the file ---------------------------------------------------------------------------


def parser(file: str) -> Callable[[str], object]:
    """A parser for a file with this name.

    Raises:
        Unusable: it is neither JSON nor YAML, or it is YAML and PyYAML is missing.
    """
    match Path(file).suffix.lower():
        case ".json":
            return json.loads
        case ".yml" | ".yaml":
            try:
                yaml = import_module("yaml")
            except ImportError:
                raise Unusable(NO_YAML) from None

            def load(text: str) -> object:
                try:
                    return cast("object", yaml.safe_load(text))
                except yaml.YAMLError as error:
                    raise ValueError(str(error)) from None

            return load
        case suffix:
            raise Unusable(f"{file} is neither .json nor .yml ({suffix or 'no suffix'})")


def as_content(read: object) -> Content:
    """Names mapped to fields; text values stay as they are, nested values become JSON text."""
    if read is None:
        return {}
    if not isinstance(read, dict):
        msg = f"expected a mapping of names to entries, got {type(read).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - the file is wrong, not the program
    return content(
        {
            as_text(name): as_fields(value)
            for name, value in cast("dict[object, object]", read).items()
        }
    )


def as_fields(value: object) -> Mapping[str, str | Sequence[str]]:
    if not isinstance(value, dict):
        return {"value": as_value(value)}
    return {
        as_text(name): as_value(one) for name, one in cast("dict[object, object]", value).items()
    }


def as_value(value: object) -> str | Sequence[str]:
    return (
        [as_text(item) for item in cast("list[object]", value)]
        if isinstance(value, list)
        else as_text(value)
    )


def as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


# --- from two states to commands ----------------------------------------------------------------


def changed(before: Content, after: Content) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def only(of: Content, names: set[str]) -> Content:
    return {name: fields for name, fields in of.items() if name in names}


def ids_of_others(of: Content, names: set[str]) -> tuple[int, ...]:
    found = {as_id(fields.get(ID_FIELD)) for name, fields in of.items() if name not in names}
    return tuple(sorted(number for number in found if number is not None))


def commands(before: Content, after: Content) -> Iterator[RegistryCommand]:
    """The commands that turn `before` into `after`."""
    for name in sorted(before.keys() - after.keys()):
        yield command("RemoveLanguage", name)
    edited = sorted(name for name in changed(before, after) if name in after)
    ids = {fields.get(ID_FIELD) for fields in before.values()}
    for name in edited:  # release an id before another entry takes it
        old, new = before.get(name, {}).get(ID_FIELD), after[name].get(ID_FIELD)
        if isinstance(old, str) and old != new and (new is None or new in ids):
            yield command("UnsetField", name, ID_FIELD)
    for name in edited:
        if name not in before:
            yield command("AddLanguage", name)
        yield from edits(name, before.get(name, {}), after[name])


def edits(
    name: str, before: Mapping[str, str | Sequence[str]], after: Mapping[str, str | Sequence[str]]
) -> Iterator[RegistryCommand]:
    for of in sorted(before.keys() | after.keys()):
        old, new = before.get(of), after.get(of)
        if isinstance(old, str) and not isinstance(new, str) and of != ID_FIELD:
            yield command("UnsetField", name, of)
        old_items, new_items = items(old), items(new)
        for item in sorted(old_items - new_items):
            yield command("RemoveItem", name, of, item)
        for item in sorted(new_items - old_items):
            yield command("AddItem", name, of, item)
        if isinstance(new, str) and new != old:
            yield command("SetField", name, of, new)


def items(value: str | Sequence[str] | None) -> set[str]:
    return set() if value is None or isinstance(value, str) else set(value)
