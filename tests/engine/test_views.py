"""How unseen events read to a sender: what is kept changes nothing, and a long way is read once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.engine import Clash, Command, Event, Happened, Sent
from comity.engine.merging.happened import Dropped
from comity.engine.merging.step import Step
from comity.engine.merging.unseen import unseen
from comity.engine.merging.views import Past, Views
from comity.engine.messages.message import Message


class Say(Command):
    text: str


class Said(Event):
    text: str


def step(message: Message, over: Message) -> Message | None:
    """Writes down over what it was moved; now and then nothing is left."""
    assert isinstance(message, (Say, Said))
    assert isinstance(over, (Say, Said))
    text = f"({message.text}/{over.text})"
    return None if len(text) % 11 == 0 else message.model_copy(update={"text": text[-60:]})


STEP = Step(step)


class Log:
    """A history in which everybody sends without waiting."""

    def __init__(self, dice: random.Random) -> None:
        self.events: list[Happened[Event]] = []
        self.asked = 0
        self._dice = dice

    def after(self, version: int) -> list[Happened[Event]]:
        """The events after a version."""
        self.asked += 1
        return self.events[version:]

    def add(self, session: str, seen: int | None) -> None:
        """One command with one to three events, or none."""
        version, dice = len(self.events), self._dice
        sent = Say(text=f"{version}") if dice.random() < 0.7 else None
        if sent is not None and seen is not None and self.events and dice.random() < 0.2:
            self.events[-1].dropped += (Dropped(session, session, seen, sent),)
            return
        for part in range(dice.choice((1, 1, 3))):
            event = Said(text=f"{version + part}!")
            number = version + part + 1
            self.events.append(Happened(number, event, session, session, sent, seen, part))

    def clash(self, session: str, seen: int, views: Views) -> Clash[str]:
        """What a rule is given."""
        since = tuple(self.events[seen:])
        return Clash("", since, (), since, Sent("", session), Past(views, self.after))


def read(log: Log, session: str, seen: int, views: Views) -> list[tuple[int, str]]:
    """The unseen events, as they read."""
    return [
        (one.version, str(event)) for one, event in unseen(STEP, log.clash(session, seen, views))
    ]


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 1 << 32))
def test_what_is_kept_of_a_sender_changes_nothing(seed: int) -> None:
    dice = random.Random(seed)
    log, kept = Log(dice), Views()
    seen = dict.fromkeys("abc", 0)
    for _ in range(40):
        who = dice.choice("abc")
        if dice.random() < 0.5:
            seen[who] = dice.randrange(seen[who], len(log.events) + 1)
        on = dice.choice((seen[who], seen[who], seen[who], dice.randrange(len(log.events) + 1)))
        if on < len(log.events):
            found = read(log, who, on, kept)
            assert found == read(log, who, on, Views())
            assert {version for version, _ in found} <= set(range(on + 1, len(log.events) + 1))
        if dice.random() < 0.8:
            log.add(who, dice.choice((on, on, on, None)))


def test_of_many_senders_the_longest_silent_are_worked_out_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Views, "MOST", 2)
    log, views = Log(random.Random(1)), Views()
    for number in range(12):
        log.add("abcd"[number % 4], max(0, number - 6))
    for who in "abcd" * 2:
        assert read(log, who, 3, views) == read(log, who, 3, Views())


def test_a_sender_that_always_has_something_in_flight_is_read_back_in_a_few_steps() -> None:
    log = Log(random.Random(2))
    log.events = [
        Happened(n, Said(text="."), who, who, None, max(0, n - 5))
        for n in range(1, 2001)
        for who in ("ab"[n % 2],)
    ]
    read(log, "a", 1996, Views())
    assert log.asked < 12
