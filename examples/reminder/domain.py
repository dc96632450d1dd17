"""A list of tasks with deadlines. Some are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from comity.engine import Command, Decider, Event, Key, Rejected


class GiveTask(Command):
    task: Key[str]
    to: str
    due: datetime


class MoveDeadline(Command):
    task: Key[str]
    due: datetime


class FinishTask(Command):
    task: Key[str]


class Remind(Command):
    task: Key[str]


class PassOn(Command):
    """Give a task that was forgotten to the lead."""

    task: Key[str]


class TaskGiven(Event):
    task: Key[str]
    to: str
    due: datetime


class DeadlineMoved(Event):
    task: Key[str]
    due: datetime


class TaskFinished(Event):
    task: Key[str]


class OwnerReminded(Event):
    task: Key[str]
    to: str


class TaskPassedOn(Event):
    task: Key[str]


TaskCommand: TypeAlias = GiveTask | MoveDeadline | FinishTask | Remind | PassOn
TaskEvent: TypeAlias = TaskGiven | DeadlineMoved | TaskFinished | OwnerReminded | TaskPassedOn


@dataclass
class Tasks:
    open: dict[str, str] = field(default_factory=dict[str, str])
    """The owner of each open task."""


def decide(tasks: Tasks, command: TaskCommand) -> Iterator[TaskEvent]:
    match command:
        case GiveTask(task=task, to=to, due=due):
            if task in tasks.open:
                raise Rejected(f"{tasks.open[task]} has this task", task=task)
            yield TaskGiven(task=task, to=to, due=due)
        case _ if command.task not in tasks.open:
            raise Rejected("there is no such open task", task=command.task)
        case MoveDeadline(task=task, due=due):
            yield DeadlineMoved(task=task, due=due)
        case FinishTask(task=task):
            yield TaskFinished(task=task)
        case Remind(task=task):
            yield OwnerReminded(task=task, to=tasks.open[task])
        case PassOn(task=task):
            yield TaskPassedOn(task=task)


def evolve(tasks: Tasks, event: TaskEvent) -> Tasks:
    match event:
        case TaskGiven(task=task, to=to):
            tasks.open[task] = to
        case TaskFinished(task=task):
            del tasks.open[task]
        case TaskPassedOn(task=task):
            tasks.open[task] = "the lead"
        case DeadlineMoved() | OwnerReminded():
            pass
    return tasks


tasks = Decider("tasks", Tasks, decide, evolve)
