"""The law of read models: the rows are the same, however the events come in batches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from comity.engine.errors import WiringError
from comity.readmodels.projecting.projection import CannotProject
from comity.testing.proving.desk import Broken
from comity.testing.proving.law import Law, draw_examples
from comity.testing.proving.picture import Picture, told, unlike
from comity.testing.proving.play import Play
from comity.testing.stating.given_model import recorded
from comity.testing.stating.said import Said
from comity.testing.stating.tried_model import TriedModel, blamed

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.testing.proving.subject import Subject

LONGEST: Final = 6


def model_law(model: type[AnyReadModel]) -> Law:
    """Make the law of one read model."""
    name = model.__name__

    def check(subject: Subject, law: Law) -> None:
        if not model.events & subject.decider.event_set:
            msg = f"laws(...): {name} projects no event of {subject.decider.name}"
            raise WiringError(msg)
        with ExitStack() as opened:
            tried = [opened.enter_context(TriedModel(model)) for _ in range(3)]
            draw_examples(subject, law, lambda play: _in_any_batches(play, tried))

    return Law(f"{name}-in-any-batches", f"{name} is the same in any batches", check)


def _in_any_batches(play: Play, tried: Sequence[TriedModel[AnyReadModel]]) -> None:
    """Project the same events at once, one by one, and in batches that are drawn."""
    events = _events_of(play, tried[0].model)
    if not events:
        return
    cuts = [number for number in range(1, len(events)) if play.whole(0, 1)]
    hold = bool(play.whole(0, 1))
    ways = {
        "at once": _Way([len(events)]),
        "one by one": _Way(list(range(1, len(events) + 1))),
        f"in batches that end after events {_shown([*cuts, len(events)])}": _Way(
            [*cuts, len(events)], hold=hold
        ),
    }
    pictures: list[Picture] = []
    for one, (name, way) in zip(tried, ways.items(), strict=True):
        pictures.append(_projected(one, events, way, name))
        if unlike(pictures[0], pictures[-1]):
            raise Broken(f"The rows differ: {told(pictures[0], pictures[-1], ('at once', name))}.")


class _Way:
    """How events are cut into batches."""

    def __init__(self, ends: Sequence[int], *, hold: bool = False) -> None:
        self.ends = ends
        self.hold = hold


def _events_of(play: Play, model: type[AnyReadModel]) -> list[Recorded[Event]]:
    """Draw events of two aggregates, in one order."""
    other = Play(play.subject, play.draw)
    said: list[Said[Event]] = []
    while len(said) < LONGEST and play.goes_on():
        key, at = ("b", other) if play.whole(0, 3) == 3 else ("a", play)  # noqa: PLR2004
        before, told_before = at.desk.version, len(at.desk.steps)
        at.step()
        said += [
            Said(one.event, one.who, one.session, one.microseconds, key)
            for one in at.desk.log[before:]
            if type(one.event) in model.events
        ]
        if at is other:
            play.desk.steps += [f"on b, {step}" for step in other.desk.steps[told_before:]]
    return recorded([replace(one, microseconds=None) for one in said])


def _projected(
    tried: TriedModel[AnyReadModel], events: Sequence[Recorded[Event]], way: _Way, name: str
) -> Picture:
    """Project the events in these batches; return all that is stored."""
    tried.wipe()
    start = 0
    for end in way.ends:
        is_last = end == len(events)
        try:
            tried.take(
                events[start:end], is_end=is_last or not way.hold, hold=way.hold and not is_last
            )
        except CannotProject as failure:
            msg = f"{tried.model.__name__}.project failed, {name}, on {blamed(failure)}"
            raise Broken(f"{msg}.") from failure
        start = end
    return {(table, key): value for table, key, value in tried.stored()}


def _shown(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
