"""What the journal keeps beside an entry's events: who, why, with what outcome. Actors write it.

It is a msgpack list that may grow at its end: fields that are not known here are left out, and
those that are missing there are None. One that begins with a number is of a form yet to come.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack

from comity.engine.errors import JournalDamaged
from comity.engine.formats import too_new
from comity.engine.merging import report_codec
from comity.engine.merging.refusals import Conflicted, Refused, Rejected, Scalar
from comity.engine.merging.report import MergeReport, Outcome
from comity.engine.messages import codec

if TYPE_CHECKING:
    from comity.engine.messages.message import Message


class Note(NamedTuple):
    """The sender of a command, its outcome and its report."""

    who: str
    session: str
    seen: int | None
    command: str
    """The command's class name."""
    digest: int | None
    """A checksum of the command's fields, where its sender gave the id: the same id with other
    fields is a mistake. Ids that comity made are only ever repeated on purpose."""
    outcome: Outcome
    metadata: Mapping[str, str]
    report: MergeReport | None
    refusal: tuple[str, str, Mapping[str, Scalar]] | None
    """A refusal's code, reason and fields; no reason where it is what the report says."""
    sent: bytes | None
    """The command as it was sent, where a rule made another one of it, or nothing."""

    def pack(self) -> bytes:
        """The note as msgpack; what is absent takes one byte."""
        return pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Note:
        """The note again.

        Raises:
            TooNew: it is of a form, or has an outcome, that only a newer comity knows.
            JournalDamaged: the bytes are not a note.
        """
        try:
            fields = msgpack.unpackb(data, use_list=False)
            if type(fields[0]) is int:
                raise too_new(f"a record's note has form {fields[0]}", "notes without a number")
            if len(fields) != len(cls._fields):
                fields = _fitted(fields)
            (
                who, session, seen, command, digest, outcome, metadata, report, refusal, sent
            ) = fields  # fmt: skip
            head = (report_codec.OUTCOMES[outcome], command, who, seen)
            return cls(
                who, session, seen, command, digest,
                head[0],
                metadata or {},
                report_codec.unfold(report, head) if report else None,
                refusal[:3] if refusal else None,
                sent,
            )  # fmt: skip
        except (ValueError, TypeError, LookupError) as error:
            msg = f"a record's note cannot be read: {error}"
            raise JournalDamaged(msg) from None

    def refused(self, module: str) -> Refused | None:
        """The refusal that was given, built again; None when the command was not refused.

        `module` is the decider's: where two refusals have one name, its own is meant.
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
                outcome=self.outcome, command=self.command, who=self.who, seen=self.seen, version=0
            )
        )
        return error


def pack(
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
) -> bytes:
    """The note of these fields, packed: every command has one, and few are ever looked at."""
    told = report_codec.fold(report, (outcome, command, who, seen)) if report else None
    return codec.packed(
        (who, session, seen, command, digest, outcome, metadata or None, told, refusal, sent)
    )


def _fitted(fields: tuple[Any, ...]) -> tuple[Any, ...]:
    """As many as are known here: those that came last may be missing, and are None then."""
    return (*fields, None, None, None)[: len(Note._fields)]


def same(command: Message, name: str, checksum: int | None) -> bool:
    """Whether a command is the one that was noted under this class name and checksum."""
    if type(command).__name__ != name:
        return False
    return checksum is None or checksum == digest(command)


def digest(message: Message) -> int:
    """A checksum of a message's class and fields."""
    return zlib.crc32(codec.pack(message), zlib.crc32(type(message).__name__.encode()))
