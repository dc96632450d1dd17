"""Parking: what fails waits, what follows it waits behind it, and all else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.readmodels.bench import Bench, at, batch_of
from tests.readmodels.cards import CardAdded, CardMoved, CardRemoved, Cards

from comity.engine import AggregateId, Event
from comity.engine.errors import StorageFailed
from comity.engine.history.batch import Batch
from comity.readmodels.projecting.parking import Parked
from comity.readmodels.projecting.projection import CannotProject
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.state import Stopped

ILL, WELL = AggregateId("board", "ill"), AggregateId("board", "well")


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path / "cards")
    yield bench
    bench.close()


def failed(bench: Bench[Cards]) -> Batch:
    """Event 2 fails and is parked; this is it."""
    bench.take(CardAdded(card="a", title="A"), aggregate=ILL)
    batch = bench.make(CardMoved(card="none", column="x"), aggregate=ILL)
    with pytest.raises(CannotProject):
        bench.projection.take(batch)
    bench.projection.set_aside(batch.events[0], KeyError("none"))
    return batch


def waiting(bench: Bench[Cards]) -> list[tuple[int, str, str]]:
    return [(one.position, one.key, one.error) for one in bench.projection.parked()]


def keys(bench: Bench[Cards]) -> list[str]:
    return bench.ask(lambda model: [f"{row.board}/{row.card}" for row in model.rows.all()])


def test_an_event_is_set_aside_and_the_model_goes_on_behind_it(cards: Bench[Cards]) -> None:
    failed(cards)
    assert cards.projection.parks
    assert waiting(cards) == [(2, "ill", "KeyError: 'none'")]
    assert cards.projection.checkpoint.position == 2
    cards.take(CardAdded(card="b", title="B"), aggregate=WELL)
    assert keys(cards) == ["ill/a", "well/b"]


def test_what_is_parked_says_what_it_is(cards: Bench[Cards]) -> None:
    failed(cards)
    (one,) = cards.projection.parked()
    assert one == Parked(2, "board", "ill", 2, "CardMoved", "ann", "KeyError: 'none'")
    assert one.aggregate == ILL


def test_later_events_of_its_aggregate_wait_behind_it(cards: Bench[Cards]) -> None:
    failed(cards)
    cards.projection.take(
        batch_of(
            [at(CardRemoved(card="a"), 3, ILL), at(CardAdded(card="b", title="B"), 4, WELL)], 4
        )
    )
    assert waiting(cards) == [(2, "ill", "KeyError: 'none'"), (3, "ill", "")]
    assert keys(cards) == ["ill/a", "well/b"]


def test_an_aggregate_is_parked_still_when_the_model_is_opened_again(cards: Bench[Cards]) -> None:
    failed(cards)
    cards.reopen()
    cards.take(CardRemoved(card="a"), aggregate=ILL)
    assert [position for position, *_ in waiting(cards)] == [2, 3]
    assert keys(cards) == ["ill/a"]


def test_a_batch_that_fails_parks_nothing(cards: Bench[Cards]) -> None:
    failed(cards)
    events: list[Event] = [CardRemoved(card="a"), CardMoved(card="none", column="x")]
    batch = batch_of([at(events[0], 3, ILL), at(events[1], 4, WELL)], 4)
    with pytest.raises(CannotProject):
        cards.projection.take(batch)
    assert [position for position, *_ in waiting(cards)] == [2]


def test_parked_events_are_taken_again_in_their_order(cards: Bench[Cards]) -> None:
    failed(cards)
    third = cards.make(CardMoved(card="a", column="done"), aggregate=ILL)
    cards.projection.take(third)
    repaired = at(CardAdded(card="a", title="repaired"), 2, ILL)
    changes = cards.projection.replay(ILL, [repaired, *third.events])
    assert [
        (one.new and vars(one.new)["title"], one.new and vars(one.new)["column"]) for one in changes
    ] == [("repaired", "done")]
    assert waiting(cards) == []
    assert not cards.projection.parks
    assert cards.projection.checkpoint.position == 3
    cards.take(CardRemoved(card="a"), aggregate=ILL)
    assert keys(cards) == []


def test_only_what_waits_is_taken_again(cards: Bench[Cards]) -> None:
    failed(cards)
    events = [
        at(CardAdded(card="z", title="Z"), 1, ILL),
        at(CardAdded(card="b", title="B"), 2, ILL),
    ]
    cards.projection.replay(ILL, events)
    assert keys(cards) == ["ill/a", "ill/b"]


def test_what_fails_again_is_parked_as_before(cards: Bench[Cards]) -> None:
    batch = failed(cards)
    before = cards.everything()
    with pytest.raises(CannotProject):
        cards.projection.replay(ILL, batch.events)
    assert cards.everything() == before
    assert cards.projection.parks
    cards.take(CardAdded(card="b", title="B"), aggregate=WELL)
    assert keys(cards) == ["ill/a", "well/b"]


def test_what_is_dropped_never_comes(cards: Bench[Cards]) -> None:
    failed(cards)
    cards.take(CardRemoved(card="a"), aggregate=ILL)
    assert cards.projection.drop(ILL) == 2
    assert cards.projection.drop(ILL) == 0
    assert waiting(cards) == []
    cards.take(CardAdded(card="c", title="C"), aggregate=ILL)
    assert keys(cards) == ["ill/a", "ill/c"]


def test_one_aggregate_is_looked_for(cards: Bench[Cards]) -> None:
    failed(cards)
    cards.projection.set_aside(at(CardRemoved(card="x"), 3, WELL), ValueError("no"))
    assert [one.position for one in cards.projection.parked(WELL)] == [3]
    assert len(cards.projection.parked()) == 2


def test_many_may_be_parked(cards: Bench[Cards]) -> None:
    failed(cards)
    cards.take(*(CardRemoved(card=f"{n}") for n in range(700)), aggregate=ILL)
    assert [position for position, *_ in waiting(cards)] == list(range(2, 703))


@pytest.mark.parametrize("what", ["set_aside", "drop", "replay", "stop"])
def test_storage_that_fails_leaves_all_as_it_was(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    failed(cards)
    before, checkpoint = cards.everything(), cards.projection.checkpoint
    event = at(CardRemoved(card="a"), 3, WELL)

    def refuse(_: Writing) -> None:
        raise StorageFailed("no")

    with monkeypatch.context() as patch:
        patch.setattr(Writing, "commit", refuse)
        with pytest.raises(StorageFailed):
            match what:
                case "set_aside":
                    cards.projection.set_aside(event, ValueError())
                case "drop":
                    cards.projection.drop(ILL)
                case "replay":
                    cards.projection.replay(ILL, [at(CardRemoved(card="a"), 2, ILL)])
                case _:
                    cards.projection.stop(event, ValueError(), 1)
    assert cards.everything() == before
    assert (cards.projection.checkpoint, cards.projection.stopped) == (checkpoint, None)
    cards.take(CardRemoved(card="a"), aggregate=WELL)
    assert [position for position, *_ in waiting(cards)] == [2]
    assert keys(cards) == ["ill/a"]


# --- stopping -------------------------------------------------------------------------------------


def test_a_model_that_stands_says_where_and_why(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="A"))
    event = at(CardMoved(card="none", column="x"), 2, ILL)
    cards.projection.stop(event, KeyError("none"), 1)
    cards.reopen()
    stopped = cards.projection.stopped
    assert stopped is not None
    assert stopped.sentence() == (
        "stopped at position 2, CardMoved of board/ill (version 2): KeyError: 'none'"
    )
    assert Stopped.unpack(stopped.pack()) == stopped
    assert cards.projection.checkpoint.position == 1
    assert keys(cards) == ["b/a"]


def test_a_model_that_goes_on_does_not_stand(cards: Bench[Cards]) -> None:
    cards.projection.stop(at(CardMoved(card="none", column="x"), 1, ILL), KeyError("none"), 1)
    cards.take(CardAdded(card="a", title="A"))
    assert cards.projection.stopped is None
    cards.reopen()
    assert cards.projection.stopped is None
