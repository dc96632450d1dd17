"""The merge report: explains a command's outcome to programs (JSON) and people (a sentence)."""

from __future__ import annotations

from enum import StrEnum

from comity.engine.messages.value import Value
from comity.engine.text import printable, words

MOST_CHANGES = 20
"""A report lists at most this many clashing events; its `unseen` counts all unseen events."""

MOST_ELSEWHERE = 5
"""A report lists at most this many unseen events that did not clash, the newest ones.

Listing more cost more time than the merge itself."""


class Outcome(StrEnum):
    """How a command ended."""

    APPLIED = "applied"
    """Done; there were no unseen events."""
    MERGED = "merged"
    """Done; the unseen events did not clash with the command."""
    REBASED = "rebased"
    """Done by its conflict rule: as the command was, or adapted to the unseen events."""
    UNCHANGED = "unchanged"
    """Nothing to do: the state is as requested already, or the command was dropped."""
    REJECTED = "rejected"
    """Refused by a business rule."""
    CONFLICTED = "conflicted"
    """Refused by its conflict rule."""

    @property
    def refused(self) -> bool:
        """Whether the command was refused."""
        return self in (Outcome.REJECTED, Outcome.CONFLICTED)


class Change(Value):
    """An event that the sender had not seen."""

    version: int
    """The aggregate's version that the event made."""
    event: str
    """The event's stored name."""
    who: str
    path: str | None
    """Where the event overlaps the command; None if it does not."""

    def sentence(self) -> str:
        """Return the event in words: `card renamed by bob at card/c1/title (version 14)`."""
        who = f" by {printable(self.who)}" if self.who else ""
        where = f" at {printable(self.path)}" if self.path is not None else ""
        return f"{words(self.event)}{who}{where} (version {self.version})"


class MergeReport(Value):
    """The explanation of a command's outcome: the unseen events, the clashes, the conflict rule.

    Use `report.model_dump_json()` for programs, and `report.sentence()` for people.
    """

    outcome: Outcome
    command: str
    """The command's stored name: by default the name of its class."""
    who: str
    """The sender's name; empty if none was given."""
    seen: int | None
    """The version that the sender was looking at; None: none, decide on the current state."""
    version: int
    """The version that the command was decided on."""
    unseen: int = 0
    """How many events the sender had not seen."""
    changes: tuple[Change, ...] = ()
    """Unseen events: at most `MOST_CHANGES` that clashed, then `MOST_ELSEWHERE` that did not."""
    rule: str | None = None
    """The conflict rule that ran, if the command clashed."""
    became: str | None = None
    """The changed command that the rule returned, as text; None if it changed nothing."""
    reason: str | None = None
    """The reason that the refusing rule gave."""
    decisive: Change | None = None
    """The unseen event without which the command would not have been refused."""
    rules_revision: str = ""
    """The revision of the rules that decided, as the decider names it; empty if it names none."""

    @property
    def clashes(self) -> tuple[Change, ...]:
        """The listed changes that overlapped the command."""
        return tuple([change for change in self.changes if change.path is not None])

    def sentence(self) -> str:
        """Return the report as a sentence for people.

        Example:
            ann wanted to rename card on version 12; meanwhile card renamed by bob at
            card/c1/title (version 14): refused by rule `reject`
        """
        on = "" if self.seen is None else f" on version {self.seen}"
        start = f"{printable(self.who) or 'somebody'} wanted to {words(self.command)}{on}"
        rules = f" (rules {printable(self.rules_revision)})" if self.rules_revision else ""
        return f"{start}{self._meanwhile()}: {self._ending()}{rules}"

    def _meanwhile(self) -> str:
        told = self.clashes
        if self.decisive and self.decisive.version not in [change.version for change in told]:
            told = (self.decisive, *told)
        if told:
            said = [change.sentence() for change in told[:3]]
            more = len(told) - len(said)
            return f"; meanwhile {', '.join(said)}" + (f" and {more} more" if more else "")
        if self.unseen:
            noun = "change" if self.unseen == 1 else "changes"
            return f"; meanwhile {self.unseen} {noun} elsewhere"
        return ""

    def _ending(self) -> str:
        reason = f" ({printable(self.reason)})" if self.reason else ""
        match self.outcome:
            case Outcome.APPLIED | Outcome.MERGED:
                return self.outcome.value
            case Outcome.REBASED:
                became = f" as {printable(self.became)}" if self.became else ""
                return f"went on by rule `{self.rule}`{became}"
            case Outcome.UNCHANGED if self.rule and not self.became:
                return f"dropped by rule `{self.rule}`"
            case Outcome.UNCHANGED:
                return "nothing was left to do"
            case Outcome.CONFLICTED:
                return "refused" + (f" by rule `{self.rule}`" if self.rule else "") + reason
            case Outcome.REJECTED:
                return f"rejected{reason}{self._difference()}"

    def _difference(self) -> str:
        if self.decisive is None:
            return ""
        return f"; version {self.decisive.version} made the difference"
