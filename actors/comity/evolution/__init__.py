"""Years: a domain that changes while its data stays. For deploys, and for CI.

Each room is one question that comes up when a program meets data of another version of itself.
"""

from comity.evolution.contract.checking import ContractCheck, check_contract
from comity.evolution.contract.contract_file import NotAContract
from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.writing import ContractBroken, write_contract

__all__ = [
    "Broken",
    "ContractBroken",
    "ContractCheck",
    "Difference",
    "NotAContract",
    "check_contract",
    "write_contract",
]
