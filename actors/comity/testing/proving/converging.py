"""The law of `transform`: all screens come to the same state, whoever types what at once.

Each person has a screen of its own, as an editor would: it shows its own changes at once, sends
them later, and moves what arrives over what it has sent and not got back yet.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from hypothesis import reject

from comity.engine.errors import describe_error
from comity.engine.merging.clash import Clash
from comity.engine.merging.happened import Happened
from comity.engine.merging.merge import Decision, decide
from comity.engine.merging.refusals import Refused
from comity.engine.merging.sent import Sent
from comity.testing.proving.desk import Broken, Desk, Wish
from comity.testing.proving.law import Law, played
from comity.testing.proving.picture import told, unlike
from comity.testing.proving.play import PEOPLE, TRIES, Play

if TYPE_CHECKING:
    from comity.engine.merging.rule import Rule
    from comity.engine.messages.message import Event, Message
    from comity.testing.proving.subject import Subject

MOST: Final = 4
"""The most commands of one example."""


class _Delivery(NamedTuple):
    """One command as it comes back to all screens."""

    who: str
    events: tuple[Event, ...]


class _Typed(NamedTuple):
    """One command of a screen that has not come back."""

    wish: Wish
    seen: int
    events: list[Message]
    """Its events, as they read now."""


class _Screen:
    """What one person sees."""

    def __init__(self, who: str, start: Desk) -> None:
        self.who = who
        self.view = start.branch()
        self.read = 0
        """How many deliveries it has taken."""
        self.seen = start.version
        self.unsent: list[_Typed] = []
        self.waiting: list[_Typed] = []
        """Typed, and not come back: in the order of typing."""

    def type(self, wish: Wish) -> bool:
        """Show a command at once and note it to be sent; returns whether it changes the state."""
        view = self.view
        try:
            events = decide(view.decider, view.state, wish.command, wish.sent(self.seen))
        except Refused:
            return False
        before, state = view.picture(), copy.deepcopy(view.state)
        for event in events:
            self._show(event)
        if not unlike(before, view.picture()):
            view.state = state
            return False
        typed = _Typed(wish, self.seen, list(events))
        self.unsent.append(typed)
        self.waiting.append(typed)
        return True

    def receive(self, delivery: _Delivery) -> None:
        """Take what came of the next command."""
        self.read += 1
        self.seen += len(delivery.events)
        if delivery.who == self.who:
            self.waiting.pop(0)
            return
        for event in delivery.events:
            moved: Message | None = event
            for typed in self.waiting:
                moved = self._past(moved, delivery.who, typed)
            if moved is not None:
                self._show(moved)

    def _past(self, theirs: Message | None, who: str, typed: _Typed) -> Message | None:
        """Move an event over a command of this screen, and the command's events over the event."""
        rule = self.view.decider.rules[type(typed.wish.command)]
        for number, mine in enumerate(list(typed.events)):
            if theirs is None:
                break
            after = _moved(rule, theirs, who, mine, self.who)
            kept = _moved(rule, mine, self.who, theirs, who)
            typed.events[number : number + 1] = [] if kept is None else [kept]
            theirs = after
        return theirs

    def _show(self, event: Message) -> None:
        view = self.view
        try:
            view.state = view.decider.evolve(view.state, cast("Event", event))
        except Exception as error:  # the domain's evolve may raise anything
            msg = f"On {self.who}'s screen evolve raised {describe_error(error)} on {event!r}"
            raise Broken(f"{msg}, as the step of transform gave it.") from error


def _moved(rule: Rule, message: Message, by: str, over: Message, over_by: str) -> Message | None:
    """Move a message over another one, by the step of a command's rule."""
    # The step takes commands and events, so any message may stand for what has happened.
    happened = Happened(1, cast("Event", over), over_by, over_by)
    clash = Clash(None, (), (), (happened,), Sent(by, by, 0))
    try:
        return cast("Message | None", rule.ask(message, clash))
    except Exception as error:  # the domain's step may raise anything
        msg = f"{rule.name} raised {describe_error(error)} on {message!r} over {over!r}"
        raise Broken(msg) from error


def _converge(play: Play, people: Sequence[str]) -> None:
    desk = play.reach(3)
    screens = [_Screen(who, desk) for who in people]
    server, deliveries = desk.branch(), list[_Delivery]()
    typed, last = 0, None
    while typed < MOST and play.goes_on():
        screen = screens[play.whole(0, len(screens) - 1)]
        match play.whole(0, 3):
            case 0 | 1:
                wish = _type(play, screen, last)
                typed += wish is not None
                last = wish or last
            case 2:
                _deliver(server, screen, deliveries)
            case _:
                _catch_up(screen, deliveries, 1)
    for screen in screens:
        while screen.unsent:
            _deliver(server, screen, deliveries)
    for screen in screens:
        _catch_up(screen, deliveries, len(deliveries))
    desk.steps[:] = server.steps
    for screen in screens:
        here, there = server.picture(), screen.view.picture()
        if unlike(here, there):
            how = told(here, there, ("in the journal", f"on {screen.who}'s screen"))
            raise Broken(f"The screens do not come to the same state: {how}.")


def _type(play: Play, screen: _Screen, last: Wish | None) -> Wish | None:
    """Draw a command that has an effect on the screen, often one like the last."""
    for _ in range(TRIES):
        wish = play.wish(screen.who, last)
        if screen.type(wish):
            return wish
    return None


def _deliver(server: Desk, screen: _Screen, deliveries: list[_Delivery]) -> None:
    """Send the oldest unsent command of a screen to the journal."""
    if not screen.unsent:
        return
    typed = screen.unsent.pop(0)
    answer = server.send(typed.wish, typed.seen)
    if not isinstance(answer, Decision):  # a business rule says no now: the screen starts anew
        reject()
    deliveries.append(_Delivery(screen.who, answer.events))


def _catch_up(screen: _Screen, deliveries: Sequence[_Delivery], most: int) -> None:
    for delivery in deliveries[screen.read : screen.read + most]:
        screen.receive(delivery)


def two_converge(play: Play) -> None:
    """Two people at once."""
    _converge(play, PEOPLE[:2])


def three_converge(play: Play) -> None:
    """Three people at once."""
    _converge(play, PEOPLE[:3])


def _transforms(subject: Subject) -> bool:
    return bool(subject.transforming)


LAWS: Final[tuple[Law, ...]] = (
    played("transform-converges-for-two", "transform converges for two", two_converge, _transforms),
    played(
        "transform-converges-for-three",
        "transform converges for three",
        three_converge,
        _transforms,
    ),
)
