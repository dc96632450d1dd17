"""Prints one instance of a process: what it did, its state, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

import typer
from rich.text import Text

from comity.actors.processes.trying import Trying
from comity.cli.console import cell, show, show_columns, show_json, show_value
from comity.cli.outline import outline
from comity.cli.plain import plain
from comity.cli.standing import away, is_over
from comity.engine import AggregateId, ComityError, NotReady
from comity.engine.history.history import recorded, state_at
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
    TimerCancelled,
    TimerRang,
    TimerSet,
)
from comity.engine.processes.installed import fields_of, steps_of
from comity.engine.processes.packed import shown
from comity.engine.runtime.system import now
from comity.engine.text import told

if TYPE_CHECKING:
    from comity.actors import Stuck, Waits
    from comity.actors.processes.process_reader import ProcessReader
    from comity.engine import Recorded
    from comity.engine.processes.process import AnyProcess


def show_instance(reader: ProcessReader, key: str, code: AnyProcess | None, *, json: bool) -> None:
    """Print an instance.

    Args:
        reader: its process.
        key: which instance.
        code: the process's code, to fold the state, and to find out what is stuck.
        json: print it as JSON.
    """
    instance = AggregateId(reader.name, key)
    steps = steps_of(reader.name)
    events = [one for record in reader.journal.read(instance) for one in recorded(steps, record)]
    waits, why = _waits(reader, key, code)
    if not events and not (waits and waits.events):
        raise typer.BadParameter(f"{reader.name} has no instance {key!r:.100}")
    state = None if code is None else _state(reader, instance, code)
    if json:
        history = [_as_json(one) for one in events]
        show_json(
            {**instance._asdict(), "history": history, "state": state, "waits_for": _named(waits)}
        )
        return
    show(Text.assemble(cell(instance, "bold"), f": {len(events):,} events, times in UTC"), "")
    if events:
        show_columns((_row(one, code) for one in events), right=[0])
        show("")
    if state is not None:
        show(cell("state", "dim"), *outline(state, 1), "")
    show(*_waiting(waits) if waits else (f"what it waits for is not known: {why}",))


def _waits(reader: ProcessReader, key: str, code: AnyProcess | None) -> tuple[Waits | None, str]:
    stuck: list[Stuck] = []
    try:
        if code is not None:
            with reader.agenda() as agenda:
                stuck = list(Trying(code, reader.journal, now()).stuck(agenda))
        return reader.waits_for(key, stuck), ""
    except NotReady as error:
        return None, str(error)


def _state(reader: ProcessReader, instance: AggregateId, code: AnyProcess) -> object:
    try:
        return plain(state_at(code.decider, reader.journal, instance)[0].state)
    except ComityError as error:
        return f"it cannot be folded: {error}"
    except Exception as error:  # the domain's code may raise anything
        return f"it cannot be folded: evolve raised {type(error).__name__}: {told(error)}"


# --- its history ----------------------------------------------------------------------------------


class _Step(NamedTuple):
    verb: str
    what: str
    style: str = ""


def _as_json(one: Recorded[ProcessEvent]) -> dict[str, object]:
    return {
        "version": one.version,
        "position": one.position,
        "time": one.time.isoformat(),
        "event": one.event.stored_as,
        "fields": fields_of(one.event),
    }


def _row(one: Recorded[ProcessEvent], code: AnyProcess | None) -> tuple[Text, Text, Text, Text]:
    step = _told(one.event)
    what = Text.assemble(cell(step.what, "bold"))
    for name, value in _message(one, code).items():
        what.append_text(Text.assemble(" ", cell(f"{name}=", "dim"), cell(show_value(value))))
    time = f"{one.time:%Y-%m-%d %H:%M:%S}"
    return cell(one.version, "cyan"), cell(time, "dim"), cell(step.verb, step.style), what


def _told(event: ProcessEvent) -> _Step:
    match event:
        case ProcessHeard(name=name, type=type_, key=key, version=version):
            return _Step("heard", f"{name} of {type_}/{key}, version {version}")
        case OrderGiven(name=name, command=command, type=type_, key=key):
            called = "" if name == command else f"{name}: "
            return _Step("ordered", f"{called}{command} of {type_}/{key}")
        case OrderAnswered(name=name, outcome=outcome, reason=reason, code=code):
            why = f": {reason}" if reason else ""
            return _Step("answered", f"{name} {outcome}{why}", "yellow" if code else "green")
        case _:
            return _Step(*_ended_or_timed(event))


def _ended_or_timed(event: ProcessEvent) -> tuple[str, str]:
    match event:
        case TimerSet(name=name, due=due):
            return "set timer", f"{name} at {due:%Y-%m-%d %H:%M:%S}"
        case TimerCancelled(name=name):
            return "cancelled", name
        case TimerRang(name=name):
            return "rang", name
        case ProcessEnded(reason=reason, by_hand=by_hand):
            return "ended by hand" if by_hand else "ended", reason
        case _:
            return event.stored_as, ""


def _message(one: Recorded[ProcessEvent], code: AnyProcess | None) -> Mapping[str, object]:
    """The fields of the message in a step: as its class has them, or as they are stored."""
    event = one.event
    if not isinstance(event, (ProcessHeard, OrderGiven)):
        return {}
    if code is not None:
        with suppress(ComityError):  # its class is gone
            if isinstance(event, ProcessHeard):
                return dict(code.event_heard(event))
            return dict(code.order_of(event, one.aggregate.key).command)
    fields = shown(event.data)
    return cast("Mapping[str, object]", fields) if isinstance(fields, Mapping) else {}


# --- what it waits for ----------------------------------------------------------------------------


def _named(waits: Waits | None) -> object:
    if waits is None:
        return None
    return {name: [one._asdict() for one in rows] for name, rows in waits._asdict().items()}


def _waiting(waits: Waits) -> Iterator[Text]:
    if not any(waits):
        yield Text("it waits for nothing", "green")
    for event in waits.events:
        yield _line("has not heard", f"{event.name} of {event.aggregate}", away(event.time))
    for order in waits.orders:
        yield _line(
            "waits for the answer of", f"{order.aggregate} to {order.name}", away(order.given)
        )
    for timer in waits.timers:
        late = "late by" if is_over(timer.due) else "rings in"
        yield _line("waits for its timer", timer.name, f"{late} {away(timer.due)}")
    for one in waits.stuck:
        yield Text.assemble(("is stuck: ", "bold red"), cell(f"it {one.doing}: {one.reason}"))


def _line(verb: str, what: str, when: str) -> Text:
    return Text.assemble(f"{verb} ", cell(what, "bold"), f" ({when})")
