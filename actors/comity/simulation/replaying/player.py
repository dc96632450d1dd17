"""Plays recorded acts, one after the other, on the real engine and in virtual time."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from comity.actors import Aggregate, Domain
from comity.engine import AggregateId, ComityError, Command, DeciderFailed, Event, Journal, Outcome
from comity.engine.merging.decider import AnyDecider
from comity.simulation.people.draft import Draft
from comity.simulation.playing.asked import Progress
from comity.simulation.playing.stopping import Stopping
from comity.simulation.records.attempt import Attempt
from comity.simulation.records.run import Failure
from comity.simulation.replaying.act import Act
from comity.simulation.replaying.recorded_time import MICROSECONDS, RecordedTime
from comity.simulation.replaying.screen import Screen, Sight

Handle: TypeAlias = Aggregate[object, Command, Event]
Watch: TypeAlias = Callable[[Attempt], None]
"""Is called with each attempt, after its answer."""


class Player:
    """One play of a recorded history.

    Args:
        deciders: by name; they decide.
        seed: chooses the order of the engine's own steps.
        start: when the history begins, in microseconds since 1970.
        age: how many seconds old all views are; None: as recorded.
        journal: an empty journal.
        checked: whether the domain watches its functions for mistakes.
        keep_commands: whether the journal keeps each command as it was sent.
        watch: is called with each attempt.
    """

    def __init__(
        self,
        deciders: Mapping[str, AnyDecider],
        seed: int,
        start: int,
        age: float | None,
        journal: Journal,
        *,
        checked: bool = False,
        keep_commands: bool = False,
        watch: Watch | None = None,
    ) -> None:
        self.attempts: list[Attempt] = []
        self.failure: Failure | None = None
        """The first failure of domain code."""
        self.runtime = RecordedTime(seed, start)
        self.domain = Domain(
            journal,
            deciders=deciders.values(),
            runtime=self.runtime,
            checked=checked,
            keep_commands=keep_commands,
        )
        self._deciders = deciders
        self._start = start
        self._age = age
        self._watch = watch
        self._screens: dict[AggregateId, Screen] = {}
        self._handles: dict[tuple[AggregateId, str, str], Handle] = {}

    def play(self, acts: Iterable[Act], progress: Progress | None) -> bool:
        """Play the acts in their order. False: Ctrl-C ended it early."""
        with Stopping() as stopping:
            try:
                for act in acts:
                    if stopping.wanted:
                        break
                    self._play(act)
                    if progress is not None:
                        progress(self._seconds(act), len(self.attempts))
            except KeyboardInterrupt:  # the second one, or from a callback
                return False
            return not stopping.wanted

    def _play(self, act: Act) -> None:
        self.runtime.go_to(act.microseconds)
        screen = self._screens.setdefault(act.aggregate, Screen())
        handle = self._handle(act)
        sight = screen.recorded(act) if self._age is None else screen.aged(act, self._age)
        self._do(act, handle, screen, sight)
        screen.played(act, handle.version)

    def trace(self) -> str:
        """Return a hash of all steps and outcomes: the same for the same play."""
        told = "\n".join(f"{one.person} {one.outcome} {one.version}" for one in self.attempts)
        return f"{zlib.crc32(told.encode(), self.runtime.trace):08x}"

    def _do(self, act: Act, handle: Handle, screen: Screen, sight: Sight) -> None:
        """Send the command; after a conflict that is new look again, and send it once more."""
        attempt = self._attempt(act, handle, sight)
        known = act.outcome is Outcome.CONFLICTED
        if attempt.outcome == Outcome.CONFLICTED.value and not known:
            self._attempt(act, handle, Sight(screen.newest, 0.0), again=attempt.number)

    def _attempt(self, act: Act, handle: Handle, sight: Sight, again: int | None = None) -> Attempt:
        now = self._seconds(act)
        own_id = act.id if act.id and again is None else None  # another attempt is another command
        draft = Draft(
            act.person, act.command, handle.decider, handle.id.key, sight.seen, now - sight.age, now
        )
        draft.number, draft.sent, draft.decided = len(self.attempts), now, now
        draft.tries, draft.again = 1, again
        try:
            draft.answer = handle.do(act.command, sight.seen, id=own_id, metadata=act.metadata)
        except ComityError as error:
            draft.answer = error
            if isinstance(error, DeciderFailed) and self.failure is None:
                steps = self.runtime.steps
                self.failure = Failure(type(error).__name__, str(error), now, steps)
        attempt = draft.attempt(now)
        self.attempts.append(attempt)
        if self._watch is not None:
            self._watch(attempt)
        return attempt

    def _handle(self, act: Act) -> Handle:
        key = act.aggregate, act.who, act.session
        if key not in self._handles:
            decider = self._deciders[act.aggregate.type]
            sender = self.domain.session(act.person, id=act.session) if act.session else self.domain
            self._handles[key] = sender.aggregate(decider, act.aggregate.key)
        return self._handles[key]

    def _seconds(self, act: Act) -> float:
        return (act.microseconds - self._start) / MICROSECONDS
