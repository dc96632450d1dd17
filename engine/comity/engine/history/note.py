"""Notes: what the journal keeps of a command beside its events. Actors write them.

A note is a list that may grow at its end: unknown fields are ignored, and missing fields are None.
A list that begins with a number has a form that only a newer comity reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgpack

from comity.engine.errors import JournalDamaged
from comity.engine.formats import filled, too_new
from comity.engine.journal.packing import packed
from comity.engine.merging import report_codec
from comity.engine.merging.refusals import Conflicted, Refused, Rejected, Scalar
from comity.engine.merging.report import MergeReport, Outcome


class Note(NamedTuple):
    """The sender of a command, its outcome and its report."""

    who: str
    session: str
    seen: int | None
    command: str
    """The command's stored name; in older notes its class's name."""
    digest: int | None
    """A checksum of the command's name and fields, if its sender gave the id; otherwise None.

    It detects the mistake of one id for two different commands. An id that comity made is repeated
    only on purpose, and needs no check."""
    outcome: Outcome
    metadata: Mapping[str, str]
    report: MergeReport | None
    refusal: tuple[str, str, Mapping[str, Scalar]] | None
    """A refusal's code, reason and fields; the reason is empty if the report gives it."""
    sent: bytes | None
    """The command as it was sent, if a conflict rule changed or dropped it; otherwise None."""
    schema: int | None = None
    """The command's schema version, if the note has its digest or its fields; None in older notes.
    """
    revision: str | None = None
    """The revision of the rules that the command was decided by; None: the decider named none."""
    kept: bytes | None = None
    """The command as it was sent, in a journal that keeps commands; None if `sent` has it."""

    @property
    def rules_revision(self) -> str:
        """The revision of the rules that the command was decided by; empty if none was named."""
        return self.revision or ""

    def pack(self) -> bytes:
        """Pack the note as msgpack; an absent field takes one byte."""
        more = self.schema, self.revision, self.kept
        return packed(
            fold(
                self.who, self.session, self.seen, self.command, self.digest, self.outcome,
                self.metadata, self.report, self.refusal, self.sent,
                None if more == (None, None, None) else more,
            )
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: object) -> Note:
        """Make a note from its fields as `fold` gives them, or from these as packed bytes.

        Raises:
            TooNew: the note has a form or an outcome that only a newer comity knows.
            JournalDamaged: the values are not a note.
        """
        try:
            fields: Any = data
            if isinstance(data, bytes):  # in commits of format 2
                fields = msgpack.unpackb(data, use_list=False)
            if type(fields[0]) is int:
                raise too_new(f"a record's note has form {fields[0]}", "notes without a number")
            if len(fields) != len(cls._fields):
                fields = _fitted(fields)
            (
                who, session, seen, command, digest, outcome, metadata, report, refusal, sent,
                schema, revision, kept,
            ) = fields  # fmt: skip
            head = (report_codec.OUTCOMES[outcome], command, who, seen)
            read: tuple[Any, ...] = (
                who, session, seen, command, digest,
                head[0],
                metadata or {},  # a read-only map could be neither pickled nor written as JSON
                report_codec.unfold(report, head, revision or "") if report else None,
                refusal[:3] if refusal else None,
                sent, schema, revision, kept,
            )  # fmt: skip
            return filled(cls, read)
        except (ValueError, TypeError, LookupError) as error:
            msg = f"a record's note cannot be read: {error}"
            raise JournalDamaged(msg) from None

    def refused(self, module: str) -> Refused | None:
        """Make the refusal that the sender got again; None if the command was not refused.

        Args:
            module: the decider's module. If several refusals have one name, its own is used.
        """
        if self.refusal is None:
            return None
        code, reason, fields = self.refusal
        if self.outcome is Outcome.CONFLICTED:
            error: Refused = Conflicted.restore(code, reason, module)
        else:
            error = Rejected.restore(code, reason, fields, module)
        error.attach(
            self.report
            or MergeReport(
                outcome=self.outcome,
                command=self.command,
                who=self.who,
                seen=self.seen,
                version=0,
                rules_revision=self.rules_revision,
            )
        )
        return error


_FIELDS: Final = len(Note._fields)
_FEWER: Final = _FIELDS - len(Note._field_defaults)
"""The fields of a note without its last three, which most notes have not."""
_KNOWN: Final = tuple(outcome.value for outcome in Outcome)

Origin: TypeAlias = tuple[str, str, str, Mapping[str, str], MergeReport | None, str]
"""A command's sender, session, name, metadata and report, and the revision of the rules."""


def origin(data: object) -> Origin:
    """Return what an event tells of its command, from the note as `Note.unpack` takes it.

    Raises:
        TooNew, JournalDamaged: as `Note.unpack`.
    """
    fields: Any = data
    if type(data) is tuple and len(fields) in (_FEWER, _FIELDS):
        who, session, _, command, _, outcome, metadata, report, refusal, _, *more = fields
        # Most notes have neither; the others, and those of a newer comity, are read as a whole.
        if report is None and refusal is None and outcome in _KNOWN and type(who) is str:
            revision = more[1] or "" if more else ""
            return who, session, command, metadata or {}, None, revision
    note = Note.unpack(fields)
    return note.who, note.session, note.command, note.metadata, note.report, note.rules_revision


def fold(
    who: str,
    session: str,
    seen: int | None,
    command: str,
    digest: int | None,
    outcome: Outcome,
    metadata: Mapping[str, str],
    report: MergeReport | None = None,
    refusal: tuple[str, str, Mapping[str, Scalar]] | None = None,
    sent: bytes | None = None,
    more: tuple[int | None, str | None, bytes | None] | None = None,
) -> tuple[object, ...]:
    """Return a note's fields as plain values. Every command has a note, and few are read again.

    `more` is schema, revision and kept, or None if the note has none of them, as most.
    """
    told = report_codec.fold(report, (outcome, command, who, seen)) if report else None
    name = outcome._value_  # plain text is packed in half the time of a member
    fields = who, session, seen, command, digest, name, metadata or None, told, refusal, sent
    return fields if more is None else fields + more


def _fitted(fields: tuple[Any, ...]) -> tuple[Any, ...]:
    """Fit the fields to those of `Note`: drop unknown ones, and fill missing ones with None."""
    return (*fields, None, None, None, None, None, None)[:_FIELDS]
