"""The agenda of a process: a read model of what it has yet to hear, to order and to time.

It is made from the journal alone, so a process goes on after a restart, and after damage, from
there. `agenda_of` makes the class for a process; the process's runner reads it.
"""

from __future__ import annotations

import logging
import types
import zlib
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar, cast, get_args

from comity.actors.processes.agenda_rows import InstanceRow, OrderRow, TimerRow, UnheardRow
from comity.engine.messages.message import Event
from comity.engine.messages.moment import microseconds_of
from comity.engine.processes.events import (
    INSTALLED,
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
    TimerCancelled,
    TimerRang,
    TimerSet,
)
from comity.engine.processes.functions import NoKey
from comity.engine.text import printable
from comity.readmodels.tables.read_model import ReadModel
from comity.readmodels.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from comity.engine.history.recorded import Recorded
    from comity.engine.processes.process import AnyProcess

E = TypeVar("E", bound=Event)

_log = logging.getLogger("comity")

LONGEST: Final = 64
"""Characters in the longest name of a model's folder."""

FORMAT: Final = 1
"""Increase it to rebuild all agendas when code outside of `Agenda` changes their rows."""


class Agenda(ReadModel[E], Generic[E]):
    """What a process has yet to do.

    The events that an instance has not heard are a list: the instance names the first and the last,
    each event the next one. So no step searches for them, however many wait.
    """

    process: ClassVar[AnyProcess]
    start: ClassVar[int]
    """The position after which the process hears events."""

    instances = Table(InstanceRow, key=lambda row: row.key)
    by_state = instances.index(lambda row: (row.state, row.begun))
    states = instances.count(by=lambda row: row.state)
    unheard = Table(UnheardRow, key=lambda row: row.position)
    orders = Table(OrderRow, key=lambda row: (row.key, row.number))
    by_position = orders.index(lambda row: row.position)
    timers = Table(TimerRow, key=lambda row: (row.key, row.name))
    by_due = timers.index(lambda row: row.due)

    def project(self, event: E, at: Recorded[E]) -> None:
        """Note an event to be heard, or what a step of an instance has done."""
        key = at.aggregate.key
        if at.aggregate.type == self.process.name:
            if key != INSTALLED:
                row = self.instances.get(key) or self._begin(key, at)
                self.instances.update(key, **self._step(row, event, at))
        elif at.position > self.start:
            self._note(event, at)

    def _begin(self, key: str, at: Recorded[E]) -> InstanceRow:
        row = InstanceRow(
            key=key, state="new", begun=at.microseconds, changed=at.microseconds, heard=0,
            first=None, last=None, unheard=0, orders=0, timers=0, reason="",
        )  # fmt: skip
        self.instances.put(row)
        return row

    # --- events to be heard ---------------------------------------------------------------------

    def _note(self, event: E, at: Recorded[E]) -> None:
        """Note an event for the instance that is to hear it, if there is one."""
        try:
            key = self.process.key_of(cast("Recorded[Event]", at))
        except NoKey as error:  # perhaps a person has typed it: the other instances go on
            _log.warning("%s; position %d is passed over", printable(str(error)), at.position)
            return
        if key is None:
            return
        row = self.instances.get(key)
        starts = type(event) in self.process.starts
        lives = row is not None and (row.state != "ended" or row.first is not None)
        if lives or starts:
            self._append(row or self._begin(key, at), at, starts=starts)

    def _append(self, row: InstanceRow, at: Recorded[E], *, starts: bool) -> None:
        position, last = at.position, row.last
        self.unheard.put(
            UnheardRow(
                position=position, key=row.key, type=at.aggregate.type, source=at.aggregate.key,
                version=at.version, name=at.event.stored_as, time=at.microseconds, starts=starts,
                previous=last, next=None,
            )
        )  # fmt: skip
        first = row.first
        if last is None:
            first = position
        else:
            self.unheard.update(last, next=position)
        self.instances.update(row.key, first=first, last=position, unheard=row.unheard + 1)

    def _drop(self, one: UnheardRow) -> InstanceRow:
        """Take an event out of the list of its instance."""
        row = self.instances[one.key]
        first, last = row.first, row.last
        if first == one.position:
            first = one.next
        elif one.previous is not None:
            self.unheard.update(one.previous, next=one.next)
        if last == one.position:
            last = one.previous if first is not None else None
        elif one.next is not None and one.position != row.first:
            self.unheard.update(one.next, previous=one.previous)
        self.unheard.delete(one.position)
        return self.instances.update(row.key, first=first, last=last, unheard=row.unheard - 1)

    def _drop_first(self, row: InstanceRow, unless: Callable[[UnheardRow], bool]) -> InstanceRow:
        """Drop the first events of the list, up to one that is to stay."""
        while row.first is not None and not unless(one := self.unheard[row.first]):
            row = self._drop(one)
        return row

    # --- steps of an instance -------------------------------------------------------------------

    def _step(self, row: InstanceRow, event: E, at: Recorded[E]) -> Mapping[str, object]:
        """Note what a step has done; returns what changes in the row of the instance."""
        changes: dict[str, object] = {"changed": at.microseconds}
        match event:
            case ProcessHeard(position=position, time=time):
                self._heard(row, position)
                changes |= {"state": "running", "heard": position, "reason": ""}
                if row.state != "running":
                    changes["begun"] = microseconds_of(time)
            case OrderGiven():
                self.orders.put(_order(event, at))
                changes["orders"] = row.orders + 1
            case OrderAnswered(number=number):
                if self.orders.delete((row.key, number)):
                    changes["orders"] = row.orders - 1
            case TimerSet(name=name, number=number, due=due):
                changes["timers"] = row.timers + (not self.timers.exists((row.key, name)))
                self.timers.put(
                    TimerRow(key=row.key, name=name, number=number, due=microseconds_of(due))
                )
            case TimerCancelled(name=name) | TimerRang(name=name):
                if self.timers.delete((row.key, name)):
                    changes["timers"] = row.timers - 1
            case ProcessEnded(reason=reason):
                changes |= self._ended(row, event)
                changes |= {"state": "ended", "reason": reason}
            case _:
                pass
        return changes

    def _heard(self, row: InstanceRow, position: int) -> None:
        """Drop an event that was heard, and those before it, which the instance cannot hear now."""
        one = self.unheard.get(position)
        if one is not None and one.key != row.key:  # it was heard when `key` gave another instance
            other = self._drop(one)
            if other.state != "running":  # what would have begun it may be gone
                other = self._drop_first(other, unless=lambda one: one.starts)
            if other.state == "new" and other.first is None:
                self.instances.delete(other.key)
        self._drop_first(row, unless=lambda one: one.position > position)

    def _ended(self, row: InstanceRow, ended: ProcessEnded) -> Mapping[str, object]:
        """Drop what an ended instance does not do any more."""
        changes: dict[str, object] = {}
        if row.timers:
            for timer in self.timers.prefix(row.key).list():
                self.timers.delete((row.key, timer.name))
            changes["timers"] = 0
        if row.orders and ended.by_hand:
            for order in self.orders.prefix(row.key).list():
                self.orders.delete((row.key, order.number))
            changes["orders"] = 0
        self._drop_first(row, unless=lambda one: one.starts and one.position > ended.upto)
        return changes


AnyAgenda = Agenda[Event]


def agenda_of(process: AnyProcess, start: int) -> type[AnyAgenda]:
    """Make the agenda of a process that hears the events after position `start`.

    It is built anew if `key`, `starts` or the events of the process change.
    """
    made_of = [FORMAT, sorted(kind.stored_as for kind in process.starts)]
    made_of += [kind.stored_as for kind in process.events]
    code = b"|".join([repr(made_of).encode(), process.key_code])

    def fill(body: dict[str, object]) -> None:
        body["stored_as"] = folder_of(process.name)
        body["version"] = 1 + zlib.crc32(code)
        body["process"] = process
        body["start"] = start
        body["__module__"] = __name__

    # Only the events of processes are named here, since others may have the same stored names.
    base = cast("Callable[[], type[AnyAgenda]]", lambda: Agenda[ProcessEvent])()
    made = cast("type[AnyAgenda]", types.new_class(f"Agenda of {process.name}", (base,), {}, fill))
    made.events = frozenset((*get_args(ProcessEvent), *process.events))
    return made


def agenda_named(name: str) -> type[AnyAgenda]:
    """Make the class by which a program without the process reads its agenda, and nothing more."""

    def fill(body: dict[str, object]) -> None:
        body["stored_as"] = folder_of(name)
        body["__module__"] = __name__

    base = Agenda[ProcessEvent]
    return cast("type[AnyAgenda]", types.new_class(f"Agenda of {name}", (base,), {}, fill))


def folder_of(name: str) -> str:
    """The name of the folder with the agenda of a process."""
    folder = f"process-{name}"
    if len(folder) > LONGEST:
        folder = f"{folder[:40]}-{zlib.crc32(name.encode()):x}"
    return folder


def _order(event: OrderGiven, at: Recorded[E]) -> OrderRow:
    return OrderRow(
        key=at.aggregate.key, number=event.number, name=event.name, type=event.type,
        target=event.key, command=event.command, position=at.position, version=at.version,
        time=at.microseconds,
    )  # fmt: skip
