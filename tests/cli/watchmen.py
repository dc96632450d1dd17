"""A process that hears calls, for tests of the command line: `python -m tests.cli.watchmen PATH`.

It sets a timer for each caller, and cannot hear a caller that is called "boom".
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from comity.actors import Domain
from comity.engine import (
    Answered,
    Command,
    Decider,
    End,
    Event,
    Order,
    Process,
    Rang,
    Rejected,
    SetTimer,
)


class Call(Command):
    who: str
    words: str = ""


class Hang(Command):
    who: str


class Called(Event):
    who: str
    words: str = ""


def decide(calls: int, command: Call | Hang) -> Iterator[Called]:
    if isinstance(command, Hang):
        raise Rejected("nobody hangs up on us")
    yield Called(who=command.who, words=command.words)


def evolve(calls: int, event: Called) -> int:
    return calls + 1


phone = Decider("phone", int, decide, evolve)


def key(event: Called) -> str:
    return event.who


def remember(words: list[str], thing: Called | Answered | Rang) -> list[str]:
    if isinstance(thing, Called):
        words.append(thing.words)
    return words


def react(words: list[str], thing: Called | Answered | Rang) -> Iterator[Order | SetTimer | End]:
    match thing:
        case Called(who=who):
            if who == "boom":
                raise ValueError("too loud")
            yield SetTimer("check", after=timedelta(hours=36))
            if words == ["hang up"]:
                yield Order(phone, "p2", Hang(who=who))
        case Answered(refused=True, reason=reason):
            yield End(reason)
        case _:
            pass


watchman = Process("watchman", list[str], key, remember, react, starts=[Called], orders=[phone])


def mended(words: list[str], thing: Called | Answered | Rang) -> Iterator[SetTimer]:
    yield SetTimer("check", after=timedelta(hours=36))


calm = Process("watchman", list[str], key, remember, mended, starts=[Called], orders=[phone])
"""The same, with code that hears everybody."""


def open_(path: Path) -> Domain:
    logging.getLogger("comity").addHandler(logging.NullHandler())
    return Domain.open(path, deciders=[phone], processes=[watchman])


def call(domain: Domain, *calls: tuple[str, str]) -> None:
    """Let people call, and wait until the watchman has heard all but "boom"."""
    for who, words in calls:
        domain.session("ann").aggregate(phone, "p1").do(Call(who=who, words=words))
    process = domain.process(watchman)
    loud = sum(who == "boom" for who, _ in calls)
    wait_for(lambda: process.status().unheard == loud and not process.status().orders)
    wait_for(lambda: len(process.stuck()) == loud)


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def main() -> None:
    """Keep a domain open until the input ends."""
    with open_(Path(sys.argv[1])) as domain:
        call(domain, ("dora", "hello"))
        print("open", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
