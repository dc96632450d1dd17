"""Expected results of a command, for `then`: `rejected(...)`, `merged(...)`, `unchanged()`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Never, TypeVar, cast

from comity.engine.errors import WiringError
from comity.engine.merging.refusals import Conflicted, Refused, Rejected, Scalar
from comity.engine.merging.report import MergeReport, Outcome
from comity.engine.messages.message import Event
from comity.testing.stating.told import shown, unlike

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Came(Generic[E_co]):
    """The result that a command had."""

    report: MergeReport
    events: tuple[E_co, ...] = ()
    refusal: Refused | None = None


DONE: Final = (Outcome.APPLIED, Outcome.MERGED, Outcome.REBASED)


@dataclass(frozen=True, slots=True)
class Expected(Generic[E_co]):
    """What a test expects of a command."""

    outcomes: tuple[Outcome, ...]
    """Any of these."""
    events: tuple[E_co, ...] | None = None
    """Exactly these, in order; None: any."""
    refusal: type[Refused] | None = None
    reason: str = ""
    """A part of the refusal's reason."""
    fields: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    """Fields of the refusal."""
    at: str = ""
    """A place where the command clashes, such as `card/c1/title`."""
    rule: str = ""
    """The name of the conflict rule."""

    def unlike(self, came: Came[Event]) -> list[str]:
        """Return a line for each difference between this and what came; none if it is the same."""
        lines: list[str] = []
        outcome = came.report.outcome
        if outcome not in self.outcomes:
            wanted = " or ".join(one.value for one in self.outcomes)
            lines.append(f"outcome: expected {wanted}, came {outcome.value}")
        if self.events is not None:
            lines += unlike(self.events, came.events, lambda number: f"event {number}")
        if self.rule and came.report.rule != self.rule:
            lines.append(f"rule: expected {self.rule}, came {came.report.rule or 'none'}")
        paths = [change.path for change in came.report.changes if change.path is not None]
        if self.at and self.at not in paths:
            lines.append(f"clash: expected at {self.at}, came {', '.join(paths) or 'none'}")
        return lines + self._refusal_unlike(came.refusal)

    def _refusal_unlike(self, refusal: Refused | None) -> list[str]:
        lines: list[str] = []
        if refusal is None:
            return lines
        if self.refusal is not None and not isinstance(refusal, self.refusal):
            lines.append(f"refusal: expected {self.refusal.__name__}, came {refusal!r}")
        if self.reason not in refusal.reason:
            lines.append(f"reason: expected {self.reason!r} in it, came {refusal.reason!r}")
        has = cast("Mapping[str, Scalar]", getattr(refusal, "fields", {}))
        for name, value in self.fields.items():
            if name not in has:
                lines.append(f"field {name}: expected {shown(value)}, came no such field")
            elif has[name] != value:
                lines.append(f"field {name}: expected {shown(value)}, came {shown(has[name])}")
        return lines


def done(events: tuple[E, ...]) -> Expected[E]:
    """Expect these events, by whatever way the command was accepted."""
    return Expected(DONE, events)


def applied(*events: E) -> Expected[E]:
    """Expect these events, without anything unseen."""
    return Expected((Outcome.APPLIED,), events or None)


def merged(*events: E) -> Expected[E]:
    """Expect that no unseen event clashes with the command. Without events: any events."""
    return Expected((Outcome.MERGED,), events or None)


def rebased(*events: E, rule: str = "", at: str = "") -> Expected[E]:
    """Expect that the command clashes, and that its conflict rule goes on.

    Args:
        events: the events, exactly; without any, all events are accepted.
        rule: the name of the conflict rule, such as `overwrite`.
        at: a place of the clash, such as `card/c1/title`.
    """
    return Expected((Outcome.REBASED,), events or None, rule=rule, at=at)


def unchanged(*, rule: str = "") -> Expected[Never]:
    """Expect that nothing happens: the state is as requested, or `rule` dropped the command."""
    return Expected((Outcome.UNCHANGED,), (), rule=rule)


def rejected(*said: str | type[Rejected], **fields: Scalar) -> Expected[Never]:
    """Expect that a business rule refuses the command.

    Args:
        said: the class of the refusal, a part of its reason, or both.
        fields: fields of the refusal with their values; other fields may have any value.

    Raises:
        WiringError: `said` is something else.

    Example:
        given(board, FULL).when(ADD).then(rejected(ColumnFull, column="doing"))
    """
    kind, reason = _read(said, Rejected, "rejected")
    return Expected((Outcome.REJECTED,), (), kind, reason, fields)


def conflicted(*said: str | type[Conflicted], at: str = "") -> Expected[Never]:
    """Expect that the command clashes, and that its conflict rule refuses it.

    Args:
        said: the class of the refusal, a part of its reason, or both.
        at: a place of the clash, such as `card/c1/title`.

    Raises:
        WiringError: `said` is something else.
    """
    kind, reason = _read(said, Conflicted, "conflicted")
    return Expected((Outcome.CONFLICTED,), (), kind, reason, at=at)


def _read(
    said: Sequence[str | type[Refused]], base: type[Refused], name: str
) -> tuple[type[Refused], str]:
    kind, reason = base, ""
    for one in said:
        if isinstance(one, str):
            reason = one
        elif isinstance(cast("object", one), type) and issubclass(one, base):
            kind = one
        else:
            msg = f"{name}(...) takes a part of the reason, or a class of {base.__name__}; "
            raise WiringError(f"{msg}got {one!r}")
    return kind, reason
