"""The meaning of a change: messages, deciders, merging and the journal. Pure: no clock, no thread.

Domain code imports from here; it needs nothing else of comity.
"""

from comity.engine.aggregate_id import AggregateId
from comity.engine.checking.checked import checked
from comity.engine.errors import (
    Behind,
    Busy,
    CheckFailed,
    Closed,
    ComityError,
    DeciderFailed,
    Expired,
    Fault,
    Forked,
    FromTheFuture,
    IdReused,
    Invalid,
    JournalDamaged,
    JournalError,
    JournalInUse,
    LedElsewhere,
    LedgerDamaged,
    ModelDamaged,
    ModelInUse,
    NoSuchRow,
    NotAJournal,
    NotExecuted,
    NotReady,
    NotUnique,
    OtherBackup,
    OtherFormat,
    OutcomeUnknown,
    OutletAhead,
    OutletError,
    OutletInUse,
    ProcessFailed,
    Quarantined,
    ReadModelError,
    SnapshotExpired,
    StorageFailed,
    StorageFull,
    TooNew,
    UnreadableEvent,
    UnreadableOrder,
    Unserved,
    WiringError,
)
from comity.engine.history.listing import ListedAggregate
from comity.engine.history.recorded import Recorded
from comity.engine.journal.journal import Journal
from comity.engine.journal.lineage import Branch, Lineage
from comity.engine.merging.at import At
from comity.engine.merging.authors import Author, Authors
from comity.engine.merging.clash import Clash
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.merging.happened import Happened
from comity.engine.merging.matrix import Matrix, Meeting, matrix
from comity.engine.merging.merge import Decision, merge
from comity.engine.merging.policies import last_writer_wins, rejecting, whole_aggregate, with_rules
from comity.engine.merging.receipt import Preview, Receipt
from comity.engine.merging.refusals import Conflicted, Refused, Rejected
from comity.engine.merging.report import Change, MergeReport, Outcome
from comity.engine.merging.rules import give_way, overwrite, reject, transform
from comity.engine.merging.sent import Sent
from comity.engine.messages.footprint import Footprint, Path, overlap
from comity.engine.messages.message import Event, Key
from comity.engine.messages.retired_event import RetiredEvent
from comity.engine.messages.stored_names import StoredAs
from comity.engine.messages.upcast import Fields
from comity.engine.messages.value import Value
from comity.engine.processes.answered import Answered
from comity.engine.processes.heard import Heard
from comity.engine.processes.order import Order
from comity.engine.processes.process import Process
from comity.engine.processes.rang import Rang
from comity.engine.processes.reaction import End
from comity.engine.processes.timers import CancelTimer, SetTimer

__all__ = [
    "AggregateId",
    "Answered",
    "At",
    "Author",
    "Authors",
    "Behind",
    "Branch",
    "Busy",
    "CancelTimer",
    "Change",
    "CheckFailed",
    "Clash",
    "Closed",
    "ComityError",
    "Command",
    "Conflicted",
    "Decider",
    "DeciderFailed",
    "Decision",
    "End",
    "Event",
    "Expired",
    "Fault",
    "Fields",
    "Footprint",
    "Forked",
    "FromTheFuture",
    "Happened",
    "Heard",
    "IdReused",
    "Invalid",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalInUse",
    "Key",
    "LedElsewhere",
    "LedgerDamaged",
    "Lineage",
    "ListedAggregate",
    "Matrix",
    "Meeting",
    "MergeReport",
    "ModelDamaged",
    "ModelInUse",
    "NoSuchRow",
    "NotAJournal",
    "NotExecuted",
    "NotReady",
    "NotUnique",
    "Order",
    "OtherBackup",
    "OtherFormat",
    "Outcome",
    "OutcomeUnknown",
    "OutletAhead",
    "OutletError",
    "OutletInUse",
    "Path",
    "Preview",
    "Process",
    "ProcessFailed",
    "Quarantined",
    "Rang",
    "ReadModelError",
    "Receipt",
    "Recorded",
    "Refused",
    "Rejected",
    "RetiredEvent",
    "Sent",
    "SetTimer",
    "SnapshotExpired",
    "StorageFailed",
    "StorageFull",
    "StoredAs",
    "TooNew",
    "UnreadableEvent",
    "UnreadableOrder",
    "Unserved",
    "Value",
    "WiringError",
    "checked",
    "give_way",
    "last_writer_wins",
    "matrix",
    "merge",
    "overlap",
    "overwrite",
    "reject",
    "rejecting",
    "transform",
    "whole_aggregate",
    "with_rules",
]
