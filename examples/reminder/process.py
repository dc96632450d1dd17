"""The reminder: once a deadline has passed, it reminds the owner daily, then passes the task on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from examples.reminder.domain import (
    DeadlineMoved,
    PassOn,
    Remind,
    TaskFinished,
    TaskGiven,
    tasks,
)

from comity.engine import Answered, CancelTimer, End, Heard, Order, Process, Rang, SetTimer

PATIENCE: Final = 3
"""How often the owner is reminded."""
PAUSE: Final = timedelta(days=1)

Deadline: TypeAlias = TaskGiven | DeadlineMoved | TaskFinished


@dataclass
class Reminder:
    list: str = ""
    """The list that has the task."""
    task: str = ""
    reminded: int = 0


def key(event: Deadline, heard: Heard) -> str:
    return f"{heard.aggregate.key}/{event.task}"


def evolve(reminder: Reminder, thing: Deadline | Answered | Rang, heard: Heard) -> Reminder:
    match thing:
        case TaskGiven(task=task):
            return Reminder(heard.aggregate.key, task)
        case DeadlineMoved():
            reminder.reminded = 0
        case Rang():
            reminder.reminded += 1
        case TaskFinished() | Answered():
            pass
    return reminder


def react(
    reminder: Reminder, thing: Deadline | Answered | Rang
) -> Iterator[Order | SetTimer | CancelTimer | End]:
    match thing:
        case TaskGiven(due=due) | DeadlineMoved(due=due):
            yield SetTimer("deadline", at=due)  # the same name again: it replaces the timer
        case TaskFinished():
            yield CancelTimer("deadline")
            yield End("finished")
        case Rang() if reminder.reminded > PATIENCE:
            yield Order(tasks, reminder.list, PassOn(task=reminder.task))
            yield End("passed on")
        case Rang():
            yield Order(tasks, reminder.list, Remind(task=reminder.task))
            yield SetTimer("deadline", after=PAUSE)
        case Answered(refused=True):  # the task was finished just before it was to be reminded of
            yield End("finished")
        case Answered():
            pass


reminder = Process(
    "reminder", Reminder, key, evolve, react,
    starts=[TaskGiven], orders=[tasks], start="beginning",
)  # fmt: skip
