"""The matrix as a promise: a test fails if a change of the domain changes what merges."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeVar, cast

from comity.engine import Command, Decider, Event, Invalid, WiringError, matrix
from comity.engine.merging.promise import broken, promised, written

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

WRITE: Final = "COMITY_WRITE_MATRIX"
"""With this variable set in the environment, the file is written."""


def assert_matrix(decider: Decider[S, C, E], path: str | os.PathLike[str]) -> None:
    """Check that the decider's matrix is still the one in the file.

    Keep the file under version control: its changes show, in a review, what merges now and did not
    before. Set COMITY_WRITE_MATRIX=1 in the environment to write it.

    Args:
        decider: the decider.
        path: the file; `Path(__file__).with_name("board.matrix.txt")` is beside the test.

    Raises:
        AssertionError: the matrix has changed, or there is no file. The text says what changed.
        WiringError: `decider` is none.

    Example:
        def test_what_merges_stays():
            assert_matrix(board, Path(__file__).with_name("board.matrix.txt"))
    """
    if not isinstance(cast("object", decider), Decider):
        msg = f"assert_matrix: expected a Decider(...), got {decider!r:.100}"
        raise WiringError(msg)
    table, file = matrix(decider), Path(path)
    if os.environ.get(WRITE):
        file.write_text(written(table), encoding="utf-8")
        return
    accept = f"to accept it, run this test once with {WRITE}=1 in the environment"
    try:
        before = promised(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = f"there is no {file} yet, with what merges in {decider.name}; {accept}"
        raise AssertionError(msg) from None
    except (Invalid, UnicodeDecodeError) as error:
        msg = f"{file} is not a matrix that assert_matrix has written: {error}; {accept}"
        raise AssertionError(msg) from None
    changes = broken(before, table)
    if changes:
        told = "\n".join(f"  {change}" for change in changes)
        msg = f"what merges in {decider.name} is not what {file} says:\n{told}\n{accept}"
        raise AssertionError(msg)
