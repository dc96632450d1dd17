"""How hypothesis draws: the same examples in each `scripts/test`, new ones in `scripts/soak`; and
what the last line of a run says.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import settings
from tests.support.left_out import closing_line, reasons

# A change must not fail for what was drawn by chance: that is for soak to find.
settings.register_profile("same", derandomize=True)
settings.register_profile("new", max_examples=1_000, print_blob=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # pytest's own last line is written meanwhile
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Say what was left out."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, pytest.TerminalReporter):
        reporter.write_line(closing_line(reasons(reporter.stats)))
