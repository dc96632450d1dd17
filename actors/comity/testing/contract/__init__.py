"""The contract of `Journal`, as tests: to test an adapter, write a subclass that opens it.

The cases check only what `Journal` promises. So they run on any adapter, even if its positions have
gaps, its results are `Unknown`, or its callbacks are called late.
"""

import pkgutil

import pytest

# Before the modules are imported, so that a failed case shows the compared values.
pytest.register_assert_rewrite(
    *(f"{__name__}.{each.name}" for each in pkgutil.iter_modules(__path__))
)

from comity.testing.contract.journal_contract import (  # noqa: E402 - rewritten first
    DurableJournalContract,
    JournalContract,
)

__all__ = ["DurableJournalContract", "JournalContract"]
