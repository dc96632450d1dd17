"""All errors that comity raises, as one tree. Host programs catch them.

ComityError
├── WiringError               a mistake in a class or in a domain's arguments; raised at creation
├── Invalid                   the input is wrong in every state; send something else
│   ├── FromTheFuture         the version or position does not exist (yet)
│   └── IdReused              the command id already belongs to another command
├── Refused                   the command was decided and refused; see `refusals.py`
│   ├── Rejected              a business rule says no (raise it, or a subclass, in `decide`)
│   └── Conflicted            it clashes with changes that its sender had not seen
├── NotExecuted               certainly no effect; the same command may be sent again
│   ├── Busy                  an inbox or the domain is full
│   ├── Expired               the deadline passed before the command was decided
│   ├── Closed                the domain is closed or closing
│   ├── Forked                this process is a fork of the one that opened the domain
│   ├── Quarantined           the aggregate failed too often and takes no commands for a minute
│   ├── DeciderFailed         a bug in decide, evolve or a conflict rule
│   │   ├── CheckFailed       found by checked mode, which names the fault
│   │   └── ProcessFailed     key, evolve or react of a process failed, or it orders in a loop
│   └── StorageFailed         the journal could not be written, or not be read
│       └── StorageFull       because the disk or the map is full
├── OutcomeUnknown            it may or may not have happened; retry with the same id
├── LedElsewhere              another process leads this model, outlet or process: ask it there
├── JournalError
│   ├── JournalInUse          another program has this journal open
│   ├── NotAJournal           the path holds something else, or nothing
│   ├── TooNew                a newer version of comity wrote the journal: use that version
│   ├── OtherBackup           the place has a backup of another journal, or of another branch
│   ├── JournalDamaged        a record is missing, or differs from what was written
│   ├── UnreadableEvent       a stored event fits no event class of the decider
│   └── UnreadableOrder       an order of a process fits no command class any more
├── OutletError               an outlet cannot deliver, or not do what was asked
│   ├── LedgerDamaged         what it has delivered is unknown: its files are damaged or missing
│   ├── OutletAhead           it has delivered what a restored journal lacks: a person decides
│   └── OutletInUse           another program delivers; this one waits for its end
└── ReadModelError
    ├── NotReady              the model is being built and cannot answer yet
    ├── Behind                the model did not reach the requested position in time
    ├── SnapshotExpired       the snapshot was held for too long
    ├── Unserved              no index serves the question
    ├── NoSuchRow             there is no row with this key
    ├── NotUnique             another row has this key of a unique index
    ├── OtherFormat           another version of comity built the model
    ├── ModelDamaged          its tables are damaged; the domain rebuilds them
    └── ModelInUse            another program, or another part of this one, has the model open
"""

from __future__ import annotations

from enum import StrEnum

from comity.engine.text import told


class ComityError(Exception):
    """The root of the tree: catches every error that comity raises."""


class WiringError(ComityError):
    """A mistake in a message, a decider or a domain's arguments. The text says what to write."""


class Invalid(ComityError):
    """The input is wrong in every state. Nothing was changed."""


class FromTheFuture(Invalid):
    """The version or position does not exist (yet), so it cannot be seen or be a starting point."""


class IdReused(Invalid):
    """The command id was used before, for another command. Reuse an id only to retry."""


class NotExecuted(ComityError):
    """The command certainly had no effect. It may be sent again, with the same id."""


class Busy(NotExecuted):
    """An inbox is full, or too many aggregates are live. Try again in `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"{reason}; try again in {retry_after:g} s")
        self.retry_after = retry_after


class Expired(NotExecuted):
    """The command's deadline passed before it was decided."""


class Closed(NotExecuted):
    """The domain is closed or closing. Open it again to continue."""


class Forked(NotExecuted):
    """The domain was opened before this process was forked. Open it after forking."""


class Quarantined(NotExecuted):
    """The aggregate failed too often and takes no commands for a minute. Others go on."""


class DeciderFailed(NotExecuted):
    """A bug in decide, evolve or a conflict rule: it raised an error that is not a refusal."""


class Fault(StrEnum):
    """A mistake in a domain's functions that checked mode finds."""

    DECIDE_CHANGES_STATE = "decide changes the state"
    DECIDE_VARIES = "decide depends on something else than its arguments"
    RULE_CHANGES_STATE = "a conflict rule changes the state"
    RULE_VARIES = "a conflict rule depends on something else than its arguments"
    EVOLVE_VARIES = "evolve is not deterministic"
    EVOLVE_CHANGES_EVENT = "evolve changes the event"
    INITIAL_SHARES_STATE = "initial shares state between aggregates"
    FOOTPRINT_TOO_NARROW = "a footprint misses what an event changed"
    STATE_NOT_COPIED = "the state cannot be copied"


class CheckFailed(DeciderFailed):
    """Checked mode found a mistake in decide, evolve, initial, a conflict rule or a footprint.

    The text has an example. Nothing was changed, and other commands are not affected.

    Args:
        fault: the mistake.
        text: the example, and what to do.
        parts: the parts of the state that changed or differed, such as `cards/c1/title`.
    """

    def __init__(self, fault: Fault, text: str, parts: tuple[str, ...] = ()) -> None:
        super().__init__(f"{fault}: {text}")
        self.fault = fault
        self.parts = parts
        self._text = text

    def __reduce__(self) -> tuple[object, ...]:
        return CheckFailed, (self.fault, self._text, self.parts)


class ProcessFailed(DeciderFailed):
    """A bug in a process: `key`, `evolve` or `react` raised, or what it orders is a loop.

    The instance has not changed. It hears the same again, once the bug is repaired.
    """


class StorageFailed(NotExecuted):
    """The disk failed, and certainly nothing of this command is stored."""


class StorageFull(StorageFailed):
    """The disk or the journal's map is full. Reading works; writing resumes when there is room."""


class OutcomeUnknown(ComityError):
    """The command may or may not have happened. Send it again with the same id to find out."""


class LedElsewhere(ComityError):
    """Another process leads this model, outlet or process. Ask for it there; the text names it."""


class JournalError(ComityError):
    """The journal cannot be opened or read."""


class JournalInUse(JournalError):
    """Another program has this journal open; the text names it."""


class NotAJournal(JournalError):
    """The path holds no journal that this version of comity can read."""


class TooNew(JournalError):
    """A newer version of comity wrote the journal: use that version. The journal is not damaged."""


class OtherBackup(JournalError):
    """The place has a backup of another journal, or of what this one was before a restore.

    Nothing was changed. Keep it, and back this journal up to another place.
    """


class JournalDamaged(JournalError):
    """A record is missing or differs from what was written. Restore a backup."""


class UnreadableEvent(JournalError):
    """A stored event fits no event class.

    Add a class, its old name (`stored_as`) or an upcast, or run the newer program that wrote it.
    """


class UnreadableOrder(JournalError):
    """An order of a process has a command that no class of its decider reads any more.

    Put the class back, or its old name among the aliases of another; or end the instance by hand.
    """


class OutletError(ComityError):
    """An outlet cannot deliver, or cannot do what was asked."""


class LedgerDamaged(OutletError):
    """An outlet's ledger is damaged or missing, so it is unknown what was delivered."""


class OutletAhead(OutletError):
    """An outlet has delivered events that its journal, restored from a backup, does not have.

    Call `rejoin` or `skip_to_end`, or run `comity outlets` with `--rejoin` or `--skip`.
    """


class OutletInUse(OutletError):
    """Another program, or another part of this one, delivers through this outlet."""


class ReadModelError(ComityError):
    """A read model cannot answer, or cannot apply an event."""


class NotReady(ReadModelError):
    """The model is being built from the journal and cannot answer yet. Try again later."""


class Behind(ReadModelError):
    """The model did not reach the requested position in time. The text says why, if it stopped."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.position = position
        """The model's position."""


class SnapshotExpired(ReadModelError):
    """The snapshot was closed, or held past its deadline. Take a new one."""


class Unserved(ReadModelError):
    """No index serves the query. Declare one, or use `scan` to look at every row."""


class NoSuchRow(ReadModelError, LookupError):
    """The table has no row with this key."""


class NotUnique(ReadModelError):
    """Another row already has this key in a unique index."""


class OtherFormat(ReadModelError):
    """Another version of comity built the model. The domain rebuilds it in its own format."""


class ModelDamaged(ReadModelError):
    """The model's tables are damaged. The domain rebuilds them from the journal."""


class ModelInUse(ReadModelError):
    """Another program, or another part of this one, has the model open."""


def describe_error(error: BaseException) -> str:
    """`KeyError: 'c1'`, cut short."""
    said = told(error, 1_000)
    return said if isinstance(error, ComityError) else f"{type(error).__name__}: {said}"[:1_000]
