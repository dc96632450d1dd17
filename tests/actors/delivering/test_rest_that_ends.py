"""A rest of the breaker that ends in the middle of a turn."""

from __future__ import annotations

import pytest
from tests.actors.delivering.posts import Office


def test_a_rest_that_ends_within_a_turn_is_followed_by_a_turn_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else nothing would wake the outlet: the turn saw a rest, and its end saw none."""
    office, now = Office(), [0.0]
    office.idle(1)
    dispatcher = office.handle.actor.dispatcher
    assert dispatcher is not None
    monkeypatch.setattr(dispatcher.breaker, "_now", lambda: now[0])
    dispatcher.breaker.trip()
    monkeypatch.setattr(dispatcher, "_write_when_due", lambda: now.append(now.pop() + 100))
    assert dispatcher.go_on() == 0.0
    assert dispatcher.go_on() > 0.0
