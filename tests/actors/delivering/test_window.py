"""What an outlet has read and not finished, and what it writes down of that."""

from __future__ import annotations

from tests.support.trips import Wanted, recorded

from comity.actors.delivering.forms import Progress
from comity.actors.delivering.window import Window
from comity.engine.history.batch import Batch


def read(window: Window, *positions: int) -> list[int]:
    """Let the window have these events; return those that are not finished."""
    events = [recorded(Wanted(trip="t"), position) for position in positions]
    entries = window.add(events)
    window.moved(Batch(window.read, events, positions[-1], 1, is_end=True))
    window.advance()
    return [entry.position for entry in entries]


def test_what_was_finished_ahead_is_not_delivered_again() -> None:
    window = Window(Progress(10, ahead=(12, 14)), 100)
    assert read(window, 11, 12, 13, 14) == [11, 13]


def test_what_was_finished_ahead_is_known_until_the_position_has_passed_it() -> None:
    """If it was forgotten once it was read, a second crash would deliver it again."""
    window = Window(Progress(10, ahead=(12, 14)), 100)
    read(window, 11, 12, 13, 14, 15)
    assert (window.position, sorted(window.ahead())) == (10, [12, 14])


def test_the_position_passes_what_was_finished_ahead() -> None:
    window = Window(Progress(10, ahead=(12,)), 100)
    read(window, 11, 12, 13)
    assert window.first is not None
    window.first.done = True
    window.advance()
    assert (window.position, window.ahead()) == (11, (12,))
    window.first.done = True
    window.advance()
    assert (window.position, window.ahead()) == (13, ())
