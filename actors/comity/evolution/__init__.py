"""Years: a domain that changes while its data stays. For deploys, and for CI.

Each room is one question that comes up when a program meets data of another version of itself.
"""

from comity.evolution.contract.checking import ContractCheck, check_contract
from comity.evolution.contract.contract_file import NotAContract
from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.writing import ContractBroken, write_contract
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.journal_event import JournalEvent
from comity.evolution.copying.journal_record import JournalRecord
from comity.evolution.copying.migrated import CopyProgress, Migrated
from comity.evolution.copying.migration import migrate
from comity.evolution.rehearsing.progress import RehearsalProgress
from comity.evolution.rehearsing.rehearsal import Rehearsal, RehearsalCase
from comity.evolution.rehearsing.rehearse import rehearse

__all__ = [
    "Broken",
    "ContractBroken",
    "ContractCheck",
    "CopyFailed",
    "CopyProgress",
    "Difference",
    "JournalEvent",
    "JournalRecord",
    "Migrated",
    "NotAContract",
    "Rehearsal",
    "RehearsalCase",
    "RehearsalProgress",
    "check_contract",
    "migrate",
    "rehearse",
    "write_contract",
]
