"""The merge report: why a command ended as it did, for programs (JSON) and people (a sentence)."""

from __future__ import annotations

from enum import StrEnum

from comity.engine.messages.value import Value
from comity.engine.text import printable, words

MOST_CHANGES = 20
"""A report lists this many of the changes that clashed; it counts all that were unseen."""

MOST_ELSEWHERE = 5
"""And this many of those elsewhere, the newest: listing more cost more than the merge itself."""


class Outcome(StrEnum):
    """How a command ended."""

    APPLIED = "applied"
    """Done; nothing was unseen."""
    MERGED = "merged"
    """Done; what was unseen does not clash with it."""
    REBASED = "rebased"
    """Done, after its conflict rule made it fit what was unseen."""
    UNCHANGED = "unchanged"
    """Nothing to do: it is so already, or the command gave way."""
    REJECTED = "rejected"
    """Refused by a business rule."""
    CONFLICTED = "conflicted"
    """Refused by its conflict rule."""

    @property
    def refused(self) -> bool:
        """Whether the answer was no."""
        return self in (Outcome.REJECTED, Outcome.CONFLICTED)


class Change(Value):
    """An event that the sender had not seen."""

    version: int
    """The aggregate's version that it made."""
    event: str
    """The event's stored name."""
    who: str
    path: str | None
    """Where it overlaps the command; None where it does not."""

    def sentence(self) -> str:
        """`card renamed by bob at card/c1/title (version 14)`."""
        who = f" by {printable(self.who)}" if self.who else ""
        where = f" at {printable(self.path)}" if self.path is not None else ""
        return f"{words(self.event)}{who}{where} (version {self.version})"


class MergeReport(Value):
    """What was unseen, who did it, what overlapped, which rule ran, what the command became.

    `report.model_dump_json()` gives it to programs, `report.sentence()` to people.
    """

    outcome: Outcome
    command: str
    """The command's class name."""
    who: str
    """The sender's name; empty when nobody said."""
    seen: int | None
    """The version that the sender was looking at; None: at nothing, do it to today's state."""
    version: int
    """The version that the command was decided on."""
    unseen: int = 0
    """How many events the sender had not seen."""
    changes: tuple[Change, ...] = ()
    """Those events, at most `MOST_CHANGES` that clashed, then `MOST_ELSEWHERE` that did not."""
    rule: str | None = None
    """The conflict rule that ran, if the command clashed."""
    became: str | None = None
    """What the rule made of the command."""
    reason: str | None = None
    """Why it was refused, in the words of the rule that refused it."""
    decisive: Change | None = None
    """The unseen event without which the command would not have been refused."""

    @property
    def clashes(self) -> tuple[Change, ...]:
        """The changes that overlapped the command."""
        return tuple([change for change in self.changes if change.path is not None])

    def sentence(self) -> str:
        """The report as a person would say it.

        Example:
            ann wanted to rename card on version 12; meanwhile card renamed by bob at
            card/c1/title (version 14): refused by rule `reject`
        """
        on = "" if self.seen is None else f" on version {self.seen}"
        start = f"{printable(self.who) or 'somebody'} wanted to {words(self.command)}{on}"
        return f"{start}{self._meanwhile()}: {self._ending()}"

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
