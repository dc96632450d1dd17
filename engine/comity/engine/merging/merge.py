"""Merging: decides a command whose sender saw an older version. Actors call it.

The algorithm is `merge`, below: leave out the sender's own events; compare footprints; if events
clash, ask the command's conflict rule; decide on the current state.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from comity.engine.errors import CheckFailed, DeciderFailed, ProcessFailed
from comity.engine.merging.clash import Clash
from comity.engine.merging.command import Command, rests_on
from comity.engine.merging.refusals import Conflicted, Refused, Rejected
from comity.engine.merging.report import MOST_CHANGES, MOST_ELSEWHERE, Change, MergeReport, Outcome
from comity.engine.merging.since import Since
from comity.engine.messages.footprint import Footprint, Path, meeting
from comity.engine.messages.message import Event, commute, footprint_of
from comity.engine.messages.retired_event import RetiredEvent
from comity.engine.messages.trusted import trusted
from comity.engine.text import brief, told

if TYPE_CHECKING:
    from comity.engine.merging.decider import Decider
    from comity.engine.merging.happened import Happened
    from comity.engine.merging.sent import Sender, Sent

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
_R = TypeVar("_R", bound=Refused)

_log = logging.getLogger("comity")


class Decision(NamedTuple, Generic[C, E]):
    """The result of a command that is not refused."""

    outcome: Outcome
    events: tuple[E, ...]
    command: C
    """The command that was decided: the sender's, or the one that its conflict rule returned."""
    report: MergeReport | None
    """The report; None if there were no unseen events."""


def merge(
    decider: Decider[S, C, E],
    state: S,
    version: int,
    command: C,
    sent: Sent,
    since: Sequence[Happened[E]] = (),
) -> Decision[C, E]:
    """Decide the command on the current state, given all events since the version that was seen.

    Args:
        decider: the aggregate's type.
        state: the current state, at `version`. It is not changed.
        version: the aggregate's version.
        command: the sender's command.
        sent: by whom the command was sent, when, and which version the sender had seen.
        since: all events after the version seen, oldest first, including the sender's own.

    Raises:
        Rejected: a business rule refused the command.
        Conflicted: its conflict rule refused the command.
        DeciderFailed: decide, evolve or the rule has a bug.
    """
    log = cast("Since[E]", since if isinstance(since, Since) else Since(since))
    own = log.of(sent.session)
    if len(own) == len(log):  # nothing is unseen
        events = straight(decider, state, version, command, sent, sent)
        return Decision(Outcome.APPLIED if events else Outcome.UNCHANGED, events, command, None)
    case = _Case(decider, state, version, command, sent, log, own)
    clashing = case.clashing()
    if not clashing:
        return case.settle(Outcome.MERGED, command)
    became = case.ask_rule(clashing)
    if became is None:
        return Decision(Outcome.UNCHANGED, (), command, case.report(Outcome.UNCHANGED))
    if not isinstance(became, Refused):
        return case.settle(Outcome.REBASED, became)
    if isinstance(became, Conflicted) and case.changes_nothing():  # unseen events did the same
        return case.settle(Outcome.UNCHANGED, command)
    raise case.refused(became)


def straight(
    decider: Decider[S, C, E],
    state: S,
    version: int,
    command: C,
    sender: Sender | Sent,
    sent: Sent,
) -> tuple[E, ...]:
    """Return the events of a command whose sender has seen everything: `merge` without a report.

    Args:
        decider: the aggregate's type.
        state: the current state, at `version`. It is not changed.
        version: the aggregate's version.
        command: the sender's command.
        sender: the sender, for the report of a refusal.
        sent: how the command was sent, for `decide`; any `Sent` if `decide` does not take it.

    Raises:
        Refused: a rule refused the command; the refusal has its report.
        DeciderFailed: `decide` has a bug.
    """
    try:
        return decide(decider, state, command, sent)
    except Refused as raised:
        refusal = _copy(raised)
    rules, outcome = decider.rules_revision, _outcome(refusal)
    refusal.attach(_report(rules, outcome, command, sender, version, reason=refusal.said))
    raise refusal


class _Case(Generic[S, C, E]):
    """One command during `merge`, with the intermediate results."""

    __slots__ = (
        "_became", "_clashing", "_command", "_decider", "_own", "_paths", "_rule", "_sent",
        "_since", "_state", "_version",
    )  # fmt: skip

    def __init__(
        self,
        decider: Decider[S, C, E],
        state: S,
        version: int,
        command: C,
        sent: Sent,
        since: Since[E],
        own: Sequence[int],
    ) -> None:
        self._decider = decider
        self._state = state
        self._version = version
        self._command = command
        self._sent = sent
        self._since = since
        self._own = own  # the versions that the sender's session made, in order
        self._clashing: Sequence[Happened[E]] = ()
        self._paths: dict[int, Path] = {}  # by version: where its event clashes
        self._rule: str | None = None  # the rule that ran
        self._became: C | None = None  # the command that the rule returned

    def clashing(self) -> list[Happened[E]]:
        """Find the unseen events that clash with the command, and keep the overlapping paths."""
        command, since = self._command, self._since
        if self._decider.whole:
            return self._unseen()
        try:
            rested = rests_on(command)
            paths = since.meetings(footprint_of(command) + rested, self._own)
        except Exception as error:  # a domain may compute footprints
            raise _bug("a footprint", command, error) from None
        self._paths = paths
        if not paths:
            return []
        found = (
            since[:] if len(paths) == len(since) else [since[at - since[0].version] for at in paths]
        )
        if self._decider.commuting:
            found = self._not_commuting(found, rested)
        self._clashing = found
        return found

    def _unseen(self) -> list[Happened[E]]:
        """Return all unseen events; in an aggregate that is one place, each of them clashes."""
        own = frozenset(self._own)
        found = [
            one
            for one in self._since
            if one.version not in own and not isinstance(one.event, RetiredEvent)
        ]
        self._paths = {one.version: () for one in found}
        self._clashing = found
        return found

    def _not_commuting(self, found: list[Happened[E]], rested: Footprint) -> list[Happened[E]]:
        """Leave out the events that commute with all events of the command."""
        try:
            ours = decide(self._decider, self._state, self._command, self._sent)
        except Refused:
            return found
        left = [
            happened
            for happened in found
            if not ours
            or meeting(rested, happened.paths) is not None
            or not all(commute(mine, happened.event) for mine in ours)
        ]
        kept = {happened.version for happened in left}
        self._paths = {version: path for version, path in self._paths.items() if version in kept}
        return left

    def ask_rule(self, clashing: list[Happened[E]]) -> C | Refused | None:
        """Ask the command's conflict rule.

        Returns:
            The command to go on with, or None to drop it, or the rule's refusal.

        Raises:
            DeciderFailed: the rule has a bug.
        """
        rule = self._decider.rules[type(self._command)]
        self._rule = rule.name
        clash = Clash(
            state=self._state,
            clashing=tuple(clashing),
            paths=tuple(self._paths.values()),
            since=tuple(self._since),
            sent=self._sent,
            past=self._since.past,
        )
        try:
            became = rule.ask(self._command, clash)
        except (Rejected, Conflicted) as refusal:
            return _copy(refusal)
        except BaseException as error:  # any error of a rule fails this command only
            raise _bug(self._rule, self._command, error) from None
        if became is not None and type(became) not in self._decider.command_set:
            msg = f"{self._rule} returned {became!r}, not a command of {self._decider.name}"
            raise DeciderFailed(msg)
        self._became = cast("C | None", became)  # just checked
        return self._became

    def changes_nothing(self) -> bool:
        """Whether the unchanged command would give no events on the current state."""
        try:
            same = not decide(self._decider, self._state, self._command, self._sent)
        except Refused:
            return False
        if same:
            self._rule = None  # no rule is needed
        return same

    def settle(self, outcome: Outcome, command: C) -> Decision[C, E]:
        """Decide the command on the current state.

        Raises:
            Refused: a rule refused the command.
            DeciderFailed: `decide` has a bug.
        """
        try:
            events = decide(self._decider, self._state, command, self._sent)
        except Refused as raised:
            refusal = _copy(raised)
        else:
            if not events:
                outcome = Outcome.UNCHANGED
                if command == self._command:  # no rule changed it
                    self._rule = None
            return Decision(outcome, events, command, self.report(outcome))
        raise self.refused(refusal)

    def refused(self, refusal: Refused) -> Refused:
        """Return the refusal with its report."""
        refusal.attach(self.report(_outcome(refusal), refusal.said))
        return refusal

    def report(self, outcome: Outcome, reason: str | None = None) -> MergeReport:
        """Make the merge report."""
        clashing = zip(self._clashing[:MOST_CHANGES], self._paths.values(), strict=False)
        changes = [one.change(path) for one, path in clashing]
        changes += [one.change() for one in self._elsewhere()]
        became = self._became
        same = became is None or became is self._command or became == self._command
        return _report(
            self._decider.rules_revision,
            outcome,
            self._command,
            self._sent,
            self._version,
            len(self._since) - len(self._own),
            tuple(changes),
            self._rule,
            None if same else brief(repr(became)),
            reason,
        )

    def _elsewhere(self) -> Sequence[Happened[E]]:
        """Return the newest unseen events that do not clash, at most `MOST_ELSEWHERE`."""
        since, paths, own = self._since, self._paths, self._own
        if not paths and not own:
            return since[-MOST_ELSEWHERE:]
        if len(paths) + len(own) == len(since):
            return ()
        told = paths.keys() | own
        rest = (one for one in reversed(since) if one.version not in told)
        return list(islice(rest, MOST_ELSEWHERE))[::-1]


def decide(decider: Decider[S, C, E], state: S, command: C, sent: Sent) -> tuple[E, ...]:
    """Return the events of the command on this state.

    Raises:
        Refused: a rule refused the command.
        DeciderFailed: `decide` raised another error, or returned something that is not an event of
            the decider.
    """
    try:
        events = tuple(decider.decide(state, command, sent))
    except (Rejected, Conflicted) as refusal:
        raise _forget_traceback(refusal) from None
    except BaseException as error:  # any error is a bug, and fails this command only
        raise _bug("decide", command, error) from None
    for event in events:
        if type(event) not in decider.event_set:
            msg = f"decide gave {event!r} for {command!r}: not an event of {decider.name}"
            raise DeciderFailed(msg)
    return events


def _report(
    rules_revision: str,
    outcome: Outcome,
    command: Command,
    sender: Sender | Sent,
    version: int,
    unseen: int = 0,
    changes: tuple[Change, ...] = (),
    rule: str | None = None,
    became: str | None = None,
    reason: str | None = None,
) -> MergeReport:
    fields: dict[str, object] = {
        "outcome": outcome,
        "command": command.stored_as,
        "who": sender.who,
        "seen": sender.seen,
        "version": version,
        "unseen": unseen,
        "changes": changes,
        "rule": rule,
        "became": became,
        "reason": reason or None,
        "decisive": None,
        "rules_revision": rules_revision,
    }
    return trusted(MergeReport, fields)


def _outcome(refusal: Refused) -> Outcome:
    return Outcome.REJECTED if isinstance(refusal, Rejected) else Outcome.CONFLICTED


def _copy(refusal: _R) -> _R:
    """Copy a refusal for its sender, since a domain may raise the same instance every time.

    Raise the copy only after the `except` clause: as its context, the domain's instance would keep
    all the frames of `merge` in memory.
    """
    return _forget_traceback(refusal).again()


def _forget_traceback(error: _R) -> _R:
    """Remove the traceback: it would keep the frames' locals alive as long as the error."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def _bug(where: str, command: Command, error: BaseException) -> DeciderFailed:
    if isinstance(error, CheckFailed | ProcessFailed):
        return error
    kind = type(command).__name__
    _log.error("%s raised %s on %s", where, type(error).__name__, kind, exc_info=error)
    return DeciderFailed(
        f"{where} raised {type(error).__name__} on {kind}: {told(error, 200)}; "
        "it has a bug, or should raise Rejected or Conflicted; nothing was changed"
    )
