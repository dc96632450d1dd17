"""Every error that comity raises, in one tree; the host program catches them.

ComityError
├── WiringError               a class or a domain is put together wrongly; raised when it is made
├── Invalid                   this input can never be right; send something else
│   ├── FromTheFuture         a version or position that is not there (yet)
│   └── IdReused              the command id already belongs to another command
├── Refused                   the command was understood and the answer is no; see `refusals`
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
│   ├── TooNew                a newer comity wrote it: use that one
│   ├── JournalDamaged        a record is not what was written
│   └── UnreadableEvent       a stored event fits no event class of the decider
└── ReadModelError
    ├── NotReady              the model is being built, or built anew
    ├── Behind                it did not reach the wanted position in time
    ├── SnapshotExpired       the snapshot was held for too long
    ├── Unserved              no index serves the question
    ├── NoSuchRow             there is no row with this key
    ├── NotUnique             another row has this key of a unique index
    ├── OtherFormat           another version of comity has built it
    ├── ModelDamaged          its tables are not what was written; they are built anew
    └── ModelInUse            another program projects into it
"""

from __future__ import annotations

from comity.engine.text import told


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


class TooNew(JournalError):
    """It is sound, and was written by a newer comity: use that one. Nothing was changed."""


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


class OtherFormat(ReadModelError):
    """Another version of comity has built the model. The domain builds it anew for its own."""


class ModelDamaged(ReadModelError):
    """The model's tables cannot be read. The domain builds them anew from the journal."""


class ModelInUse(ReadModelError):
    """Another program, or another part of this one, has the model open."""


def describe_error(error: BaseException) -> str:
    """`KeyError: 'c1'`, cut short."""
    said = told(error, 1_000)
    return said if isinstance(error, ComityError) else f"{type(error).__name__}: {said}"[:1_000]
