"""A lookout with a bell looks when it rings, and listens only while somebody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import pytest
from tests.actors.shelf import Pages, until

from comity.actors.reading.foreign_model import ForeignModel
from comity.actors.reading.lookout import Lookout
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.sharing.bell import MODELS
from comity.engine.sharing.member import Member

LONG = 1_000.0


class Bell:
    """The part of a member that a lookout uses; it may have no thread to listen with."""

    def __init__(self) -> None:
        self.ring_here: Callable[[], None] | None = None
        self.rung = 0
        self.full = False

    def listen(self, bits: int, callback: Callable[[], None]) -> Callable[[], None]:
        assert bits == MODELS
        if self.full:
            raise RuntimeError("can't start new thread")
        self.ring_here = callback

        def stop() -> None:
            self.ring_here = None

        return stop

    def ring(self, bits: int) -> None:
        assert bits == MODELS
        self.rung += 1


class Model:
    """The part of a foreign model that a lookout uses."""

    def __init__(self) -> None:
        self.is_awaited = True
        self.is_watched = self.is_held = False
        self.looks = 0

    def look(self) -> None:
        self.looks += 1

    def end_snapshots(self, held: float) -> None:
        assert held == LONG


@pytest.fixture(autouse=True)
def _only_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lookout, "RUNG", LONG)
    monkeypatch.setattr(Lookout, "KEEP", 0.02)


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def lookout(bell: Bell, model: Model) -> Iterator[Lookout]:
    lookout = Lookout(THREADS, (), LONG, cast("Member", bell))
    lookout.join(cast("ForeignModel[Pages]", model))
    yield lookout
    lookout.close()
    assert bell.ring_here is None


def test_it_looks_at_once_and_when_the_bell_rings(
    lookout: Lookout, bell: Bell, model: Model
) -> None:
    lookout.attend()
    assert until(lambda: model.looks == 1)
    assert bell.ring_here is not None
    bell.ring_here()
    assert until(lambda: model.looks == 2)


def test_it_listens_no_more_when_nobody_waits(lookout: Lookout, bell: Bell, model: Model) -> None:
    model.is_awaited = False
    lookout.attend()
    assert until(lambda: model.looks > 0 and bell.ring_here is None)


def test_without_a_thread_to_listen_it_looks_often(
    lookout: Lookout, bell: Bell, model: Model
) -> None:
    bell.full = True
    lookout.attend()
    assert until(lambda: model.looks > 5)


def test_it_rings_for_others(lookout: Lookout, bell: Bell) -> None:
    lookout.call_others()
    assert bell.rung == 1
