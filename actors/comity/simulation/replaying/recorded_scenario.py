"""A recorded history as a scenario: play it as it was, under other rules, or on older views."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias, cast

from comity.actors import Domain
from comity.actors.assembly.assembly import by_name
from comity.engine import Invalid, Journal, WiringError
from comity.engine.arguments import check_seconds
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.opener import Place, opener_of
from comity.engine.merging.decider import AggregateType, AnyDecider
from comity.engine.runtime.system import monotonic
from comity.simulation.playing.asked import Progress
from comity.simulation.playing.scenario import check_hours, replaced
from comity.simulation.records.run import Run
from comity.simulation.replaying.act import Act
from comity.simulation.replaying.player import Player, Watch
from comity.simulation.replaying.rebuilding import Commands
from comity.simulation.replaying.recorded_time import MICROSECONDS
from comity.simulation.replaying.recording import Recording
from comity.simulation.telling.axis import span

AtEnd: TypeAlias = Callable[[Domain], None]
"""Is called with the domain after the last act, to look at the final states."""

OWN_RULES = "own rules"
HOUR = 3_600 * MICROSECONDS


@dataclass(frozen=True)
class RecordedScenario:
    """People's recorded commands, to be played again. `recorded_scenario` reads one from a journal.

    A play decides every command anew, on the real engine, at the recorded times and in the
    recorded order. It writes to a journal in memory; the recorded journal is only read.

    Args:
        name: for reports.
        deciders: the types of the aggregates.
        acts: what people did, in the order of the recording.
        left_out: how many recorded commands are not among the acts, by reason.
        age: how many seconds old each person's view is; None: as recorded.

    Example:
        team = recorded_scenario("team.db", deciders=[board])
        as_it_was = team.play()
        hasty = team.play(deciders=[with_rules(board, {RenameCard: overwrite})], policy="hasty")
        older = team.aged(600).play()
    """

    name: str
    deciders: Sequence[AggregateType]
    acts: Sequence[Act] = field(repr=False)
    left_out: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    age: float | None = None

    def __post_init__(self) -> None:
        kinds = by_name(self.deciders)
        for act in self.acts:
            if act.aggregate.type not in kinds:
                msg = f"{self.name}: an act is for {act.aggregate}, and no decider has this name"
                raise WiringError(msg)

    @property
    def people(self) -> int:
        """How many people the history has."""
        return len({act.person for act in self.acts})

    def aged(self, seconds: float) -> RecordedScenario:
        """Return the same history on views that are `seconds` old.

        A view is never older than its person's own last write. Commands that name no view stay as
        they are.

        Raises:
            Invalid: `seconds` is no number of seconds.
        """
        seconds = check_seconds(seconds, "aged")
        return replace(self, name=f"{self.name}, views {span(seconds)} old", age=seconds)

    def play(
        self,
        seed: int = 0,
        *,
        people: int | None = None,
        hours: float | None = None,
        deciders: Sequence[AggregateType] | None = None,
        policy: str = OWN_RULES,
        progress: Progress | None = None,
        watch: Watch | None = None,
        at_end: AtEnd | None = None,
        journal: Journal | None = None,
        checked: bool = False,
        keep_commands: bool = False,
    ) -> Run:
        """Play the history once.

        A person whose command is conflicted looks again and sends it once more; but not if it was
        conflicted in the recording too, since what the person did then is recorded. Ctrl-C ends
        the play; the run then tells what was played.

        Args:
            seed: chooses the order of the engine's own steps; outcomes do not depend on it.
            people: as many as the history has, or None: a history cannot have others.
            hours: play only the first hours; everything by default.
            deciders: are played in place of the scenario's deciders of the same names.
            policy: the name of these rules, kept in the run.
            progress: is called after each act with the simulated seconds and the attempts so far.
            watch: is called with each attempt, for a live display.
            at_end: is called with the domain after the last act, to look at the final states.
            journal: an empty journal to write to; by default one in memory. The play closes it.
            checked: watch the deciders for mistakes, see `Domain.open`. It takes three times as
                long, and refuses what the recorded domain accepted in spite of a mistake.
            keep_commands: keep each command in the journal as it was sent, see `Domain.open`.

        Raises:
            WiringError: a decider has a name that the history has not.
            Invalid: another argument is wrong, or there is nothing to play.
        """
        self._check_people(people)
        kinds, acts = self._with(deciders or ()), self._within(hours)
        start, began = acts[0].microseconds, monotonic()
        player = Player(
            kinds, seed, start, self.age, _empty(journal), checked=checked,
            keep_commands=keep_commands, watch=watch,
        )  # fmt: skip
        try:
            ended = player.play(acts, progress)
            if ended and at_end is not None:
                at_end(player.domain)
        finally:
            player.domain.close()
        return Run(
            scenario=self.name,
            policy=policy,
            seed=seed,
            people=self.people,
            seconds=player.runtime.monotonic(),
            took=monotonic() - began,
            steps=player.runtime.steps,
            trace=player.trace(),
            attempts=tuple(player.attempts),
            failure=player.failure,
            interrupted=not ended,
        )

    def _check_people(self, people: int | None) -> None:
        if people is not None and people != self.people:
            msg = f"{self.name}: a history has its own people, {self.people} here, got {people!r}"
            raise Invalid(msg)

    def _with(self, deciders: Sequence[AggregateType]) -> Mapping[str, AnyDecider]:
        return by_name(replaced(self.deciders, deciders))

    def _within(self, hours: float | None) -> Sequence[Act]:
        if not self.acts:
            raise Invalid(f"{self.name}: there are no acts to play")
        if hours is None:
            return self.acts
        end = self.acts[0].microseconds + check_hours(hours) * HOUR
        return [act for act in self.acts if act.microseconds <= end]


def recorded_scenario(
    journal: Place | Journal,
    *,
    deciders: Iterable[AggregateType],
    commands: Commands = MappingProxyType({}),
    name: str | None = None,
) -> RecordedScenario:
    """Read a journal as a scenario: who did what, when, and on which view.

    The journal is only read; another process may write it meanwhile. If its domain is opened with
    `keep_commands=True`, it has every command as it was sent, also the refused ones, and nothing is
    left out. Otherwise it keeps a command whole only if a conflict rule changed or dropped it. Any
    other command is made again from the events that it caused: from the fields with the same names,
    if the result gives the same events on the same state, or else by your function in `commands`.
    Commands without events, for example refused ones, are then left out; `left_out` counts them.

    Args:
        journal: the directory of the journal, its opener, or an open journal.
        deciders: the types of the aggregates to play. Other aggregates are left out.
        commands: for each name of a command's class, a function that makes the command from its
            events (`Sequence[Recorded]`) where the journal does not keep it, or None to leave these
            commands out.
        name: a name for reports; by default that of the directory.

    Raises:
        Unplayable: a command cannot be made from its events, and `commands` does not help.
        NotAJournal, JournalDamaged, TooNew: there is no journal, or it cannot be read.
        UnreadableEvent: an event fits no event class of its decider.
        Invalid: the journal has no events of these deciders, or `commands` has a name that neither
            they nor the journal have.

    Example:
        def moved(caused: Sequence[Recorded]) -> Command | None:
            event = caused[0].event
            assert isinstance(event, CardMoved)
            return MoveCard(card=event.card, to=event.column)

        team = recorded_scenario("team.db", deciders=[board], commands={"MoveCard": moved})
    """
    kinds = by_name(deciders)
    if callable(getattr(journal, "read_all", None)):
        recording = Recording.read(cast("Journal", journal), name or "the journal", kinds, commands)
        return _scenario(name or "the journal", kinds, recording)
    opener = opener_of(cast("Place", journal))
    opened = opener.open(read_only=True)
    title = name or (opener.path.name if opener.path else str(opener))
    try:
        return _scenario(title, kinds, Recording.read(opened, str(opener), kinds, commands))
    finally:
        opened.close()


def _scenario(name: str, kinds: Mapping[str, AnyDecider], recording: Recording) -> RecordedScenario:
    left_out = MappingProxyType(dict(recording.left_out))
    return RecordedScenario(name, tuple(kinds.values()), tuple(recording.acts), left_out)


def _empty(journal: Journal | None) -> Journal:
    if journal is None:
        return MemoryJournal()
    if position := journal.position():
        msg = f"journal: expected an empty journal to play on, got one with {position:,} events"
        raise Invalid(msg)
    return journal
