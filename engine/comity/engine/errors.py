"""Every error that comity raises, in one tree; the host program catches them.

ComityError
├── WiringError               a class or a domain is put together wrongly; raised when it is made
├── Invalid                   this input can never be right; send something else
│   ├── FromTheFuture         a version or position that is not there (yet)
│   └── IdReused              the command id already belongs to another command
├── Refused                   the command was understood and the answer is no; nothing changed
│   ├── Rejected              a business rule says no (raise it, or a subclass, in `decide`)
│   └── Conflicted            it clashes with changes that its sender had not seen
├── NotExecuted               guaranteed no effect; the same command may be sent again
│   ├── Busy                  an inbox or the domain is full
│   ├── Expired               the deadline passed before the command was decided
│   ├── Closed                the domain is closed or closing
│   ├── Forked                this process is a fork of the one that opened the domain
│   ├── Quarantined           the aggregate failed too often and rests for a while
│   ├── DeciderFailed         a bug in decide, evolve or a conflict rule
│   └── StorageFailed         the journal could not write, or could not be read to decide
│       └── StorageFull       because the disk or the map is full
├── OutcomeUnknown            it may or may not have happened; retry with the same id
├── JournalError
│   ├── JournalInUse          somebody has this journal open
│   ├── NotAJournal           there is something else at this path
│   ├── JournalDamaged        a record is not what was written
│   └── UnreadableEvent       a stored event fits no event class of the decider
└── ReadModelError
    ├── NotReady              the model is being built, or built anew
    ├── Behind                it did not reach the wanted position in time
    ├── SnapshotExpired       the snapshot was held for too long
    ├── Unserved              no index serves the question
    ├── NoSuchRow             there is no row with this key
    ├── NotUnique             another row has this key of a unique index
    ├── ModelDamaged          its tables are not what was written; they are built anew
    └── ModelInUse            another program projects into it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from comity.engine.text import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from comity.engine.report import MergeReport

Scalar: TypeAlias = str | int | float | bool | None
"""What a business error may carry in its fields: JSON scalars."""


class ComityError(Exception):
    """The root: catch it to catch whatever comity raises."""


class WiringError(ComityError):
    """A message, decider or domain is put together wrongly. The text says what to write instead."""


class Invalid(ComityError):
    """This input can never be right, whatever the state. Nothing was changed."""


class FromTheFuture(Invalid):
    """There is no such version or position (yet): nobody can have seen it, or begin after it."""


class IdReused(Invalid):
    """The command id was used before, for another command. Ids are for retries only."""


class Refused(ComityError):
    """The command was understood and the answer is no. Nothing was changed."""

    MOST: ClassVar[int] = 2000
    """A reason is cut after so many characters: it is stored with the command's id."""

    _kinds: ClassVar[dict[str, list[type[Refused]]]] = {}

    def __init__(self, reason: str = "") -> None:
        self.said = brief(reason, self.MOST)
        """The reason in the words of the rule that refused; empty where it gave none."""
        super().__init__(self.said)
        self._report: MergeReport | None = None
        self._explain: Callable[[MergeReport], MergeReport] | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Refused._kinds.setdefault(cls.__name__, []).append(cls)

    @classmethod
    def named(cls, code: str, module: str = "") -> type[Self]:
        """The kind of refusal that was stored under this name.

        Of several it is the newest in the decider's `module`; where there is none of them, it is
        this class itself.
        """
        kinds = [kind for kind in Refused._kinds.get(code, ()) if issubclass(kind, cls)]
        near = [kind for kind in kinds if kind.__module__ == module]
        return (near or (kinds if len(kinds) == 1 else []) or [cls])[-1]

    @property
    def reason(self) -> str:
        """Why it was refused: what the rule said, or else what the report says."""
        if self.said or self._report is None:
            return self.said
        return brief(self._report.sentence(), self.MOST)

    @reason.setter
    def reason(self, reason: str) -> None:
        self.said = brief(reason, self.MOST)

    def __str__(self) -> str:
        return self.reason

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason!r})"

    @property
    def report(self) -> MergeReport:
        """What was unseen, what clashed, which rule ran, which event made the difference.

        Raises:
            LookupError: the refusal has not been through an aggregate yet.
        """
        if self._report is None:
            msg = "this refusal has no report: only refusals that an aggregate answered have one"
            raise LookupError(msg)
        if self._explain is not None:
            # Finding the decisive event replays history, so it is done for who asks, not for all.
            explain, self._explain = self._explain, None
            self.said = self.reason  # in the words of the report that is stored with its id
            self._report = explain(self._report)
        return self._report

    def attach(
        self,
        report: MergeReport,
        explain: Callable[[MergeReport], MergeReport] | None = None,
    ) -> None:
        """Give the refusal its report; `explain` completes it when somebody reads it."""
        self._report = report
        self._explain = explain

    def again(self) -> Self:
        """The same refusal for one sender alone: a domain may raise a constant for all."""
        refusal = BaseException.__new__(type(self), *self.args)
        refusal.__dict__.update(self.__dict__)
        return refusal


class Rejected(Refused):
    """A business rule says no. Raise it in `decide`; subclass it to carry fields.

    Fields are JSON scalars; they are stored with the refusal, so that a repeated command id
    gets the same refusal with the same fields, also after a restart.

    Example:
        class ColumnFull(Rejected):
            def __init__(self, column: str, limit: int) -> None:
                super().__init__(f"{column} is full", column=column, limit=limit)
    """

    def __init__(self, reason: str, **fields: Scalar) -> None:
        super().__init__(reason)
        for name, value in fields.items():
            _check_scalar(value, f"{type(self).__name__}.{name}")
        self.fields: Mapping[str, Scalar] = {
            name: brief(value, self.MOST) if isinstance(value, str) else value
            for name, value in fields.items()
        }
        self.code = type(self).__name__

    @classmethod
    def restore(
        cls, code: str, reason: str, fields: Mapping[str, Scalar], module: str = ""
    ) -> Rejected:
        """Build a refusal again from what was stored; see `named`."""
        kind = cls.named(code, module)
        error = kind.__new__(kind)
        Rejected.__init__(error, reason, **fields)
        error.code = code
        return error


def _check_scalar(value: object, where: str) -> None:
    whole = isinstance(value, int) and -(1 << 63) <= value < 1 << 63
    if not whole and not isinstance(value, (str, float, type(None))):
        msg = f"{where}: expected a str, a 64-bit int, a float, a bool or None, got {value!r:.100}"
        raise TypeError(msg)


class Conflicted(Refused):
    """The command clashes with changes that its sender had not seen. Conflict rules raise it.

    A subclass keeps its name and reason where it is given again, and nothing else.
    """

    @classmethod
    def restore(cls, code: str, reason: str, module: str = "") -> Conflicted:
        """Build a refusal again from what was stored; see `named`."""
        kind = cls.named(code, module)
        error = kind.__new__(kind)
        Refused.__init__(error, reason)
        return error


class NotExecuted(ComityError):
    """Guaranteed no effect: the same command, with the same id, may be sent again."""


class Busy(NotExecuted):
    """An inbox, or the number of live aggregates, is at its bound. Try again in `retry_after` s."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"{reason}; try again in {retry_after:g} s")
        self.retry_after = retry_after


class Expired(NotExecuted):
    """The command's deadline passed before it was decided."""


class Closed(NotExecuted):
    """The domain is closed or closing: open it again to go on."""


class Forked(NotExecuted):
    """This process is a fork of the one that opened the domain; open the domain after forking."""


class Quarantined(NotExecuted):
    """The aggregate failed too often in a short time and rests; the others run on."""


class DeciderFailed(NotExecuted):
    """A bug in decide, evolve or a conflict rule: it raised something that is not a refusal."""


class StorageFailed(NotExecuted):
    """The disk failed, and it is certain that nothing of this command is stored."""


class StorageFull(StorageFailed):
    """The disk or the journal's map is full. Reading goes on; writing does when there is room."""


class OutcomeUnknown(ComityError):
    """The command may or may not have happened. Send it again with the same id to find out."""


class JournalError(ComityError):
    """The journal cannot be opened or read."""


class JournalInUse(JournalError):
    """Somebody has this journal open; the text says who."""


class NotAJournal(JournalError):
    """There is something at this path, and it is not a journal that this version can read."""


class JournalDamaged(JournalError):
    """A record is not what was written, or one is missing. Restore a backup."""


class UnreadableEvent(JournalError):
    """A stored event fits no event class of the decider: add one, its old name, or an upcast."""


class ReadModelError(ComityError):
    """A read model cannot answer, or cannot take an event."""


class NotReady(ReadModelError):
    """The model is being built from the journal and cannot answer yet. Ask again later."""


class Behind(ReadModelError):
    """The model has not reached the wanted position in time; the text says why, if it stands."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.position = position
        """Where the model is."""


class SnapshotExpired(ReadModelError):
    """The snapshot was closed, or held past its deadline: read again."""


class Unserved(ReadModelError):
    """No index serves the question. Declare one, or ask for a `scan` by name."""


class NoSuchRow(ReadModelError, LookupError):
    """There is no row with this key."""


class NotUnique(ReadModelError):
    """Another row has this key of a unique index already."""


class ModelDamaged(ReadModelError):
    """The model's tables cannot be read. The domain builds them anew from the journal."""


class ModelInUse(ReadModelError):
    """Another program, or another part of this one, has the model open."""
