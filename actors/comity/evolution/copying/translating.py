"""Translates the versions that a record's note names into those of the copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from msgpack import unpackb

from comity.engine.history.note import Note
from comity.engine.merging import report_codec

if TYPE_CHECKING:
    from comity.engine.merging.report import Change, MergeReport

Translation: TypeAlias = Callable[[int], int]
"""Gives the version in the copy for one in the original."""

_FIELDS: Final = Note._fields
_SEEN: Final = _FIELDS.index("seen")
_REPORT: Final = _FIELDS.index("report")
_OF_THE_COMMAND: Final = [_FIELDS.index(name) for name in ("digest", "kept") if name in _FIELDS]
"""The fields that only the record with the command's own id has."""


def translated(note: object, version: Translation) -> object:
    """Return a note whose versions are those of the copy; all else stays as it is.

    Raises:
        TooNew: a newer comity wrote the note, in a form that this one does not know.
        JournalDamaged: it is not a note.
    """
    told = Note.unpack(note)
    fields = _list(note)
    seen = None if told.seen is None else version(told.seen)
    fields[_SEEN] = seen
    if told.report is not None:
        head = (told.outcome, told.command, told.who, seen)
        fields[_REPORT] = report_codec.fold(_report(told.report, version), head)
    return tuple(fields)


def with_sender(note: object, *, who: str, session: str, metadata: Mapping[str, str]) -> object:
    """Return a note with another sender and other metadata."""
    fields = _list(note)
    for name, value in (("who", who), ("session", session), ("metadata", metadata)):
        fields[_FIELDS.index(name)] = value
    return tuple(fields)


def without_command(note: object) -> object:
    """Return a note for a record of another id than the command's."""
    fields = _list(note)
    for place in _OF_THE_COMMAND:
        if place < len(fields):
            fields[place] = None
    return tuple(fields)


def _list(note: object) -> list[object]:
    fields = unpackb(note, use_list=False) if isinstance(note, bytes) else note
    return list(cast("tuple[object, ...]", fields))


def _report(report: MergeReport, version: Translation) -> MergeReport:
    def change(one: Change) -> Change:
        return one.model_copy(update={"version": version(one.version)})

    return report.model_copy(
        update={
            "seen": None if report.seen is None else version(report.seen),
            "version": version(report.version),
            "changes": tuple(map(change, report.changes)),
            "decisive": report.decisive and change(report.decisive),
        }
    )
