"""Calls a function that migrates a journal, and checks its answers: nothing may get lost.

A wrong answer raises `CopyFailed`, which names the record and says what is expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from traceback import extract_tb
from typing import Final, NoReturn, TypeAlias, cast

from comity.engine import Invalid, WiringError
from comity.engine.aggregate_id import AggregateId, check_key, check_text, check_type_name
from comity.engine.arguments import check_whole
from comity.engine.journal.packing import packed
from comity.engine.messages.codec import MAX_PAYLOAD, unpack_fields
from comity.engine.text import printable, told
from comity.evolution.copying.copy_failed import CopyFailed
from comity.evolution.copying.journal_event import JournalEvent
from comity.evolution.copying.journal_record import JournalRecord

Rewrite: TypeAlias = Callable[[JournalRecord], Iterable[JournalRecord]]
"""Returns what the copy has instead of a record. It must give the same answer each time it runs
through the journal."""

RewriteClass: TypeAlias = Callable[[], Rewrite]
"""A class of such functions, for one that remembers something: each pass makes a new object."""

_MOST: Final = 100_000
"""The most records that one may become; a function that does not end would fill the memory."""
_INSTEAD: Final = "return [record] to keep it, or [record.with_events()] to keep only its id"
_RETURN: Final = "it takes a record and returns a list of records, such as [record]"


class Answers:
    """Gives the answers of one function for one pass through the journal."""

    def __init__(self, function: Rewrite | RewriteClass) -> None:
        self._name = getattr(function, "__qualname__", type(function).__qualname__)
        self._function = _made(function, self._name)

    def answer(self, record: JournalRecord) -> list[JournalRecord]:
        """Return what the copy has instead of the record, with the command's own id first.

        Raises:
            CopyFailed: the function raised an error, or its answer cannot be stored as it is.
        """
        try:
            given = list(islice(self._function(record), _MOST + 1))
        except (Exception, SystemExit) as error:  # the user's function
            what = f"raised {type(error).__name__}: {told(error)}{_line(error)}"
            self._refuse(record, what, _RETURN, error)
        self._check_records(record, given)
        for one in given:
            if one.aggregate is not record.aggregate or one.events is not record.events:
                self._check(record, one)
        return sorted(given, key=_is_extra)

    def _check_records(self, record: JournalRecord, given: list[JournalRecord]) -> None:
        if len(given) > _MOST:
            self._refuse(record, f"returned more than {_MOST:,} records", "does it end?")
        strange = [one for one in given if not _is_of(record, one)]
        if strange:
            what = f"returned {strange[0]!r:.100}, and not records of this command"
            self._refuse(record, what, "return what the record's own methods give")
        own = sum(not one.extra for one in given)
        if own == 0:
            self._refuse(record, "lost the command's id", _INSTEAD)
        if own > 1:
            what = f"returned {own} records with the command's id"
            self._refuse(record, what, "make all but one with record.another(aggregate, ...)")
        if len({one.aggregate for one in given}) < len(given):
            what = "returned two records of one aggregate"
            self._refuse(record, what, "put all events of an aggregate into one record")

    def _check(self, record: JournalRecord, given: JournalRecord) -> None:
        try:
            check_aggregate(given.aggregate)
            for event in given.events:
                check_event(event)
        except Invalid as error:
            self._refuse(record, "returned what cannot be stored", str(error), error)

    def _refuse(
        self, record: JournalRecord, what: str, instead: str, error: BaseException | None = None
    ) -> NoReturn:
        raise CopyFailed(
            f"{printable(self._name)} {what}, for {place(record)}; {instead}. Correct the function "
            "and run the command again; if it then says that the copy differs, begin a new copy"
        ) from error


def _made(function: Rewrite | RewriteClass, name: str) -> Rewrite:
    """Return the function; of a class, a new object.

    Raises:
        WiringError: no object can be made of the class, or it cannot be called.
    """
    if not isinstance(function, type):
        return cast("Rewrite", function)
    try:
        made = function()
    except Exception as error:  # the user's class
        msg = f"{name}() raised {type(error).__name__}: {told(error)}; it is made without arguments"
        raise WiringError(msg) from error
    if not callable(made):
        msg = f"objects of {name} cannot be called: give it a method __call__(self, record)"
        raise WiringError(msg)
    return cast("Rewrite", made)


def _line(error: BaseException) -> str:
    """Say at which line of the user's code the error was raised; empty if it was not in there."""
    frames = extract_tb(error.__traceback__)[1:]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def place(record: JournalRecord) -> str:
    """Return a record's place in words: `command 'x' (RenameCard) of board/b1 at version 7`."""
    where = f"{printable(str(record.source.aggregate))} at version {record.version}"
    return f"command {record.command_id!r} of {where}"


def check_aggregate(aggregate: AggregateId) -> None:
    """Check that an aggregate of the copy can be one.

    Raises:
        Invalid: its type or key cannot be stored.
    """
    if not isinstance(cast("object", aggregate), AggregateId):
        raise Invalid(f"expected an AggregateId, got {aggregate!r:.100}")
    check_type_name(aggregate.type)
    check_key(aggregate.key)


def check_event(event: JournalEvent) -> None:
    """Check that an event of the copy can be stored.

    Raises:
        Invalid: it is no event, has no name, or its fields cannot be stored.
    """
    if not isinstance(cast("object", event), JournalEvent):
        raise Invalid(f"expected an event, got {event!r:.100}")
    check_text(event.name, "an event's name")
    check_whole(event.schema_version, f"the schema version of {event.name}", 1)
    try:
        data = packed(unpack_fields(event.stored.data))
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid(
            f"the fields of {event.name} cannot be stored: {told(error)}; give them as the journal "
            "stores them, or make the event with JournalEvent.of(event)"
        ) from error
    if len(data) > MAX_PAYLOAD:
        raise Invalid(f"{event.name} takes {len(data):,} bytes; the most is {MAX_PAYLOAD:,}")


def _is_of(record: JournalRecord, given: object) -> bool:
    return isinstance(given, JournalRecord) and given.source is record.source


def _is_extra(record: JournalRecord) -> bool:
    return record.extra
