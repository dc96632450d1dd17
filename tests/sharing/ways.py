"""How the processes of a test open their domains, and what they do there when they are asked."""

from __future__ import annotations

import mmap
import os
import random
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tests.property.desk import Desk, DeskCommand, DeskEvent, Vote, desk
from tests.property.rule_story import answered, some_command
from tests.sharing.calls import Call, Decided, Look, Trouble
from tests.sharing.counts import show
from tests.sharing.worker import Opening, Post

from comity.actors import Aggregate, Domain, Pending, Policy
from comity.actors.runtime.thread_runtime import ThreadRuntime
from comity.engine import ComityError, Receipt, Refused
from comity.engine.journal import index
from comity.engine.runtime import system
from comity.readmodels.tables.read_model import AnyReadModel

CLIENT = 30.0
"""Seconds that a client waits for an answer."""


class Shifted(ThreadRuntime):
    """A machine whose clock is wrong by some hours."""

    def __init__(self, hours: float) -> None:
        self._microseconds = round(hours * 3_600_000_000)

    def now(self) -> int:
        """Microseconds since 1970, by this clock."""
        return system.now() + self._microseconds


@dataclass(frozen=True)
class Setup:
    """How a process opens its domain."""

    policy: Policy | None = None
    hours: float = 0
    """By how much its clock is wrong."""
    models: Sequence[type[AnyReadModel]] = ()
    flush: int = 0
    """After how many records it writes the journal's index; 0: after as many as usual."""
    plant: Callable[[], None] | None = None
    """Plants a fault."""


USUAL = Setup()


def open_desks(path: Path, setup: Setup = USUAL) -> Domain:
    """Open a domain with desks."""
    if setup.flush:
        pytest.MonkeyPatch().setattr(index, "FLUSH_RECORDS", setup.flush)
    if setup.plant:
        setup.plant()
    return Domain.open(
        path, deciders=[desk], read_models=setup.models, policy=setup.policy,
        runtime=Shifted(setup.hours),
    )  # fmt: skip


def desks(path: Path, setup: Setup = USUAL) -> Opening:
    """How a process opens it."""
    return partial(open_desks, path, setup)


def close_and_open(post: Post, path: Path, key: str, times: int) -> list[Call]:
    """Close the domain, open it again and send a command, so many times."""
    calls: list[Call] = []
    for number in range(times):
        post.domain.close()
        post.domain = open_desks(path)
        calls.append(send(post, key, Vote(votes=1), id=f"{post.name} {number}"))
    return calls


# --- one thing at a time --------------------------------------------------------------------------


def send(
    post: Post, key: str, command: DeskCommand, *, id: str, who: str = "", seen: int | None = None
) -> Call:
    """Send a command in a session that is named like its sender; return the answered call."""
    asked = _Asked(post, Call(post.name, who, who, key, id, command, seen, time.monotonic_ns()))
    return asked.answered()


def look(post: Post, key: str) -> Look:
    """Read an aggregate."""
    start = time.monotonic_ns()
    seen = post.domain.aggregate(desk, key).look()
    return Look(post.name, key, start, time.monotonic_ns(), seen.version, seen.state)


class _Asked:
    """A command on its way."""

    def __init__(self, post: Post, call: Call) -> None:
        self._call = call
        self._pending: Pending[Receipt[DeskEvent]] | Trouble
        try:
            handle = _handle(post.domain, call)
            self._pending = handle.send(call.command, call.seen, id=call.id)
        except ComityError as error:
            self._pending = trouble(error)
        self._call = call._replace(sent=time.monotonic_ns())

    def answered(self) -> Call:
        """Wait for the answer."""
        pending = self._pending
        answer = _answer(pending) if isinstance(pending, Pending) else pending
        return self._call._replace(end=time.monotonic_ns(), answer=answer)


def _handle(domain: Domain, call: Call) -> Aggregate[Desk, DeskCommand, DeskEvent]:
    if call.session:
        return domain.session(call.who, id=call.session).aggregate(desk, call.key)
    return domain.aggregate(desk, call.key)


def _answer(pending: Pending[Receipt[DeskEvent]]) -> Decided | Trouble:
    try:
        position = pending.result(CLIENT).position
    except Refused:
        position = None
    except (ComityError, TimeoutError) as error:
        return trouble(error)
    return Decided(answered(pending), position)


def trouble(error: Exception) -> Trouble:
    """An error as it is reported."""
    return Trouble(type(error).__name__, str(error))


# --- many at once ---------------------------------------------------------------------------------


class Screens:
    """The newest version that anybody knows of each aggregate, for all processes."""

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self._places = {key: 8 * number for number, key in enumerate(keys)}
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(file, 8 * len(keys))
        self._shown = mmap.mmap(file, 8 * len(keys))
        os.close(file)

    def __getitem__(self, key: str) -> int:
        return int(struct.unpack_from("q", self._shown, self._places[key])[0])

    def show(self, key: str, version: int) -> None:
        """Note a version; where two do so at the same time, the older may stay."""
        if version > self[key]:
            struct.pack_into("q", self._shown, self._places[key], version)


class Load:
    """A client of one process. It shares sessions, screens and some ids with all other clients."""

    def __init__(self, post: Post, screens: Screens, keys: Sequence[str], seed: str) -> None:
        self.post = post
        self.dice = random.Random(f"{seed} {post.name}")
        self.screens = screens
        self.keys = keys
        self.seed = f"{post.name} {seed}"
        self.reads = bool(post.domain.models())

    def work(self, bursts: int) -> None:
        """Send so many bursts of commands, and look in between."""
        for burst in range(bursts):
            asked = [
                self._send(f"{self.seed} {burst} {n}")
                for n in range(self.dice.choice((1, 1, 2, 4)))
            ]
            if self.dice.random() < 0.2:
                asked.append(self._send_shared(burst // 4))
            if self.dice.random() < 0.3:
                self._look(self.dice.choice(self.keys))
            for one in asked:
                self._take(one.answered())

    def _send(self, id_: str) -> _Asked:
        dice = self.dice
        key = dice.choice(self.keys)
        newest = self.screens[key]
        seen = dice.choice((newest,) * 4 + (max(0, newest - dice.randrange(9)),) * 4 + (None,))
        person = dice.randrange(5)
        who, session = ("", "") if person == 4 else (f"w{person % 3}", f"session {person}")
        return self._begin(who, session, key, id_, some_command(dice, 6), seen)

    def _send_shared(self, number: int) -> _Asked:
        """A command that every process sends, with one id: one of them is first."""
        same = random.Random(number)
        key, command = same.choice(self.keys), some_command(same, 6)
        return self._begin("w0", "session 0", key, f"shared {number}", command, None)

    def _begin(
        self, who: str, session: str, key: str, id_: str, command: DeskCommand, seen: int | None
    ) -> _Asked:
        name = self.post.name
        call = Call(name, who, session, key, id_, command, seen, time.monotonic_ns())
        self.post.tell(call)
        return _Asked(self.post, call)

    def _take(self, call: Call) -> None:
        self.post.tell(call)
        match call.answer:
            case Decided(says, position) if position is not None:
                version = says[1]
                assert isinstance(version, int)
                self.screens.show(call.key, version)
                if self.reads and self.dice.random() < 0.1:
                    self.post.tell(show(self.post, position))
            case _:
                pass

    def _look(self, key: str) -> None:
        with suppress(ComityError):
            seen = look(self.post, key)
            self.post.tell(seen)
            self.screens.show(key, seen.version)


def load(post: Post, screens: Path, keys: Sequence[str], seed: str, bursts: int) -> None:
    """Work as one client."""
    Load(post, Screens(screens, keys), keys, seed).work(bursts)


def look_on(post: Post, screens: Path, keys: Sequence[str], seconds: float) -> None:
    """Look at each aggregate as soon as anybody has a receipt of it, for so many seconds."""
    shown, until = Screens(screens, keys), time.monotonic() + seconds
    known = dict.fromkeys(keys, 0)
    while time.monotonic() < until:
        for key in keys:
            if shown[key] > known[key]:
                known[key] = shown[key]
                with suppress(ComityError):
                    post.tell(look(post, key))
        time.sleep(0.0001)
