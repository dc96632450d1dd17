"""What becomes of a message from a broker, for every error that comity has."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from pydantic import ValidationError

from comity import engine
from comity.engine import (
    ComityError,
    DeciderFailed,
    Invalid,
    NotExecuted,
    OutcomeUnknown,
    Refused,
    WiringError,
)
from comity.integration import Settled, settled

KINDS = [kind for kind in vars(engine).values() if inspect.isclass(kind)]
EVERY = [kind for kind in KINDS if issubclass(kind, ComityError) and kind is not ComityError]
BUGS = (DeciderFailed, WiringError)


def made(kind: type[BaseException]) -> BaseException:
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_only_what_is_final_is_not_delivered_again(kind: type[ComityError]) -> None:
    wanted = "ack" if issubclass(kind, Refused) else "again"
    assert settled(made(kind)) == ("dead" if issubclass(kind, Invalid) else wanted)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_attempts_count_only_against_bugs(kind: type[ComityError]) -> None:
    later = settled(made(kind), attempt=1_000)
    assert (later is not settled(made(kind))) == issubclass(kind, BUGS)


def test_a_receipt_is_acknowledged() -> None:
    assert settled(None) is Settled.ACK


def test_a_bug_of_the_consumer_is_tried_a_few_times() -> None:
    bug = KeyError("item")
    assert [settled(bug, attempt=n, most=3) for n in (1, 2, 3)] == ["again", "again", "dead"]


@pytest.mark.parametrize(
    "kind", [TimeoutError, ConnectionError, asyncio.CancelledError, SystemExit]
)
def test_what_time_heals_comes_again_without_end(kind: type[BaseException]) -> None:
    assert settled(kind(), attempt=1_000) is Settled.AGAIN


def test_a_command_that_cannot_be_built_is_dead() -> None:
    with pytest.raises(ValidationError) as error:
        engine.MergeReport.model_validate({})
    assert settled(error.value) is Settled.DEAD


@pytest.mark.parametrize("attempt", [0, -1, 1.5, True])
def test_attempts_are_counted_from_one(attempt: int) -> None:
    with pytest.raises(Invalid, match="attempt: expected a whole number, 1 or more"):
        settled(None, attempt=attempt)


def test_each_group_has_errors() -> None:
    for group in (Refused, Invalid, *BUGS, NotExecuted, OutcomeUnknown):
        assert any(issubclass(kind, group) for kind in EVERY)
