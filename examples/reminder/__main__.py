"""A week of deadlines in simulated time, in which the program is down for two days.

Run it: python -m examples.reminder
"""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from examples.reminder.domain import (
    DeadlineMoved,
    FinishTask,
    GiveTask,
    MoveDeadline,
    OwnerReminded,
    TaskCommand,
    TaskEvent,
    TaskFinished,
    TaskGiven,
    TaskPassedOn,
    tasks,
)
from examples.reminder.process import reminder

from comity.actors import Policy
from comity.engine import Recorded
from comity.engine.messages.moment import moment
from comity.simulation.world.process import Process
from comity.simulation.world.world import World

DAY: Final = timedelta(days=1)
HOURLY: Final = Policy(chores=3_600.0)
"""Or a simulated week would take minutes, in which the domain looks for late commands."""


class Line(NamedTuple):
    """A line of the story."""

    time: datetime
    text: str


def story() -> list[Line]:
    """What happens in a week. Simulated time passes, so it takes a moment."""
    with World(deciders=[tasks], processes=[reminder], policy=HOURLY) as world:
        office = world.start()
        begin = now(office)
        for task, who in (("taxes", "ann"), ("slides", "bob"), ("minutes", "cem")):
            send(office, "lea", GiveTask(task=task, to=who, due=begin + 2 * DAY))
        sleep(office, DAY)
        send(office, "bob", FinishTask(task="slides"))
        send(office, "cem", MoveDeadline(task="minutes", due=begin + 5 * DAY))
        world.crash()
        told = [Line(now(office), "the program crashes")]
        world.runtime.wait_until(lambda: False, (2 * DAY).total_seconds())
        office = world.start()
        told += [Line(now(office), "it runs again; a timer was due while it did not")]
        sleep(office, 2.5 * DAY)
        send(office, "cem", FinishTask(task="minutes"))
        sleep(office, 3 * DAY)
        board = office.domain.aggregate(tasks, "office")
        told += [Line(one.time, sentence(one)) for one in office.domain.history(board)]
    return sorted(told, key=lambda line: line.time)


def send(office: Process, who: str, command: TaskCommand) -> None:
    office.domain.session(who).aggregate(tasks, "office").send(command).result(timeout=5)


def sleep(office: Process, time: timedelta) -> None:
    """Let simulated time pass; the process does then what is due."""
    office.runtime.wait_until(lambda: False, time.total_seconds())


def now(office: Process) -> datetime:
    return moment(office.runtime.now())


def sentence(at: Recorded[TaskEvent]) -> str:
    match at.event:
        case TaskGiven(task=task, to=to, due=due):
            return f"{at.who} gives {to} the {task}, due {due:%a %d}"
        case DeadlineMoved(task=task, due=due):
            return f"{at.who} moves the deadline of the {task} to {due:%a %d}"
        case TaskFinished(task=task):
            return f"{at.who} finishes the {task}"
        case OwnerReminded(task=task, to=to):
            return f"the {at.who} reminds {to} of the {task}"
        case TaskPassedOn(task=task):
            return f"the {at.who} passes the {task} on to the lead"


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m examples.reminder",
        description="A process reminds people of deadlines that have passed.",
    ).parse_args()
    for time, text in story():
        print(f"{time:%a %d %b %H:%M}  {text}")
