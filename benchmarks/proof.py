"""Checks a run's final state against the workload's own fold. A wrong run does not count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, islice

from benchmarks.board import Boards, Card, Change, Refused, author, fold
from benchmarks.contender import Contender
from benchmarks.shape import Shape


class Wrong(Exception):
    """A contender's state does not match its answers."""


def prove(contender: Contender, shape: Shape, answered: Sequence[int], *, read_model: bool) -> str:
    """Check a run, and return a sentence about the checks.

    Args:
        contender: the store after the run.
        shape: the shape of the workload.
        answered: for each client, how many of its first commands were answered.
        read_model: whether the contender's rows are checked too.

    Raises:
        Wrong: a check failed.
    """
    log = list(contender.log())
    _same_changes(log, shape, answered)
    _in_order(log)
    try:
        wanted = fold(log)
    except (Refused, KeyError) as error:
        msg = f"the log breaks a rule of the board: {error}"
        raise Wrong(msg) from None
    _same_boards(contender.boards(), wanted)
    told = f"{len(log):,} events match the {sum(answered):,} answers, and the boards their fold"
    if read_model:
        _same_rows(contender.rows(), wanted)
        told += "; so do the rows"
    return told


def _same_changes(log: Sequence[Change], shape: Shape, answered: Sequence[int]) -> None:
    scripts = [
        islice(shape.script(client, len(answered)), count) for client, count in enumerate(answered)
    ]
    wanted, found = Counter(chain(shape.setting_up(), *scripts)), Counter(log)
    if wanted != found:
        lost, added = wanted - found, found - wanted
        msg = (
            f"{lost.total():,} answered changes are not in the log, such as {next(iter(lost), '')};"
            f" {added.total():,} changes were not answered, such as {next(iter(added), '')}"
        )
        raise Wrong(msg)


def _in_order(log: Sequence[Change]) -> None:
    """Check that each client's titles on each board are in the order in which it sent them."""
    last: dict[tuple[str, int], int] = {}
    for change in log:
        if change.kind in ("create", "rename"):
            client, number = author(change.value)
            if number <= last.get((change.board, client), -1):
                msg = f"out of order on {change.board}: {change}"
                raise Wrong(msg)
            last[change.board, client] = number


def _same_boards(found: Boards, wanted: Boards) -> None:
    for name, cards in wanted.items():
        if dict(found.get(name, {})) != cards:
            msg = f"{name} is not the fold of its events"
            raise Wrong(msg)
    if len(found) != len(wanted):
        msg = f"expected {len(wanted)} boards, got {len(found)}"
        raise Wrong(msg)


def _same_rows(found: Mapping[tuple[str, str], Card], wanted: Boards) -> None:
    expected = {
        (board, name): card for board, cards in wanted.items() for name, card in cards.items()
    }
    if dict(found) != expected:
        msg = f"the {len(found):,} rows do not match the {len(expected):,} cards of the boards"
        raise Wrong(msg)
