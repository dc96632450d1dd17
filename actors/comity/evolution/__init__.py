"""Years: a domain that changes while its data stays. For deploys, and for CI.

Each room is one question that comes up when a program meets data of another version of itself.
"""

from comity.evolution.auditing.audit import (
    Audit,
    CommandsRead,
    CopyRead,
    KindRead,
    ModelPlan,
    Problem,
    ProblemPlace,
)
from comity.evolution.auditing.check_journal import check_journal
from comity.evolution.auditing.progress import AuditProgress
from comity.evolution.contract.checking import ContractCheck, check_contract
from comity.evolution.contract.contract_file import NotAContract
from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.writing import ContractBroken, write_contract
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.journal_event import JournalEvent
from comity.evolution.copying.journal_record import JournalRecord
from comity.evolution.copying.migrated import CopyProgress, Migrated
from comity.evolution.copying.migration import migrate
from comity.evolution.exporting.export_events import ExportedEvents, export_events
from comity.evolution.exporting.export_journal import Exported, export_journal
from comity.evolution.exporting.import_events import ImportedEvents, import_events
from comity.evolution.exporting.import_journal import ImportedJournal, import_journal
from comity.evolution.exporting.imported_command import ImportedCommand
from comity.evolution.exporting.transfer_errors import ExportDamaged, ImportFailed, NotAnExport
from comity.evolution.exporting.transfer_progress import TransferProgress
from comity.evolution.rehearsing.progress import RehearsalProgress
from comity.evolution.rehearsing.rehearsal import Rehearsal, RehearsalCase
from comity.evolution.rehearsing.rehearse import rehearse

__all__ = [
    "Audit",
    "AuditProgress",
    "Broken",
    "CommandsRead",
    "ContractBroken",
    "ContractCheck",
    "CopyFailed",
    "CopyProgress",
    "CopyRead",
    "Difference",
    "ExportDamaged",
    "Exported",
    "ExportedEvents",
    "ImportFailed",
    "ImportedCommand",
    "ImportedEvents",
    "ImportedJournal",
    "JournalEvent",
    "JournalRecord",
    "KindRead",
    "Migrated",
    "ModelPlan",
    "NotAContract",
    "NotAnExport",
    "Problem",
    "ProblemPlace",
    "Rehearsal",
    "RehearsalCase",
    "RehearsalProgress",
    "TransferProgress",
    "check_contract",
    "check_journal",
    "export_events",
    "export_journal",
    "import_events",
    "import_journal",
    "migrate",
    "rehearse",
    "write_contract",
]
