"""What every journal does, as tests: an adapter's test is a subclass that says how to open it.

The cases speak of what `Journal` promises and of nothing else, so they run on any adapter: one
whose positions have gaps, that answers `Unknown`, or that wakes late.
"""

import pkgutil

import pytest

# Before they are imported, so that a failed case says what was compared.
pytest.register_assert_rewrite(
    *(f"{__name__}.{each.name}" for each in pkgutil.iter_modules(__path__))
)

from comity.testing.contract.journal_contract import (  # noqa: E402 - they are rewritten
    DurableJournalContract,
    JournalContract,
)

__all__ = ["DurableJournalContract", "JournalContract"]
