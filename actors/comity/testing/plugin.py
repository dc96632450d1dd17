"""The plugin of pytest: the fixture `domain`. Installing comity[testing] is enough to have it.

pytest imports this module in all projects of the environment, so it imports no more of comity than
a test asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from comity.testing.opening.domains import Kind, OpenDomain

KINDS = ("memory", "lmdb")
MARK = "comity_journal"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where the journals of tests are."""
    parser.getgroup("comity").addoption(
        "--comity-journal",
        choices=KINDS,
        default="memory",
        help="where the journals of the fixture `domain` are (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for --strict-markers."""
    config.addinivalue_line(
        "markers", f'{MARK}("memory" or "lmdb"): where the journals of this test are'
    )


@pytest.fixture
def domain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenDomain]:
    """Opens domains for the test: `domain(deciders=[board], read_models=[Cards])`.

    They are closed at its end, and the test fails if a read model or a listener failed meanwhile.
    """
    from comity.testing.opening.domains import OpenDomain  # noqa: PLC0415 - see above

    opening = OpenDomain(tmp_path, _kind(request))
    try:
        yield opening
    except BaseException:
        opening.close()
        raise
    failures = opening.close()
    if failures:
        pytest.fail("failed in the background: " + "; ".join(failures), pytrace=False)


def _kind(request: pytest.FixtureRequest) -> Kind:
    asked = cast("Kind", request.config.getoption("--comity-journal"))
    node = cast("pytest.Item", request.node)
    mark = node.get_closest_marker(MARK)
    if mark is None:
        return asked
    if len(mark.args) != 1 or mark.args[0] not in KINDS:
        pytest.fail(f'{MARK}: write {MARK}("memory") or {MARK}("lmdb")', pytrace=False)
    kind: Kind = mark.args[0]
    return kind
