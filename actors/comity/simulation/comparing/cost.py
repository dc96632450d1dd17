"""What a policy cost the people of a run: what was lost, who was asked again, how long it took."""

from __future__ import annotations

from dataclasses import dataclass

from comity.simulation.records.run import Run
from comity.simulation.telling.counting import quantile
from comity.simulation.telling.wish import Ending, dropped, wishes


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one policy. All fields are numbers of a whole run."""

    policy: str
    attempts: int
    """Commands that were sent, repeats included."""
    wishes: int
    """Things that people wanted: an attempt with its repeats is one wish."""
    done: int
    """Wishes that were accepted in the end, or had nothing left to do."""
    asked: int
    """Refused attempts: each time somebody had to look and decide again."""
    said_no: int
    """Those of `asked` that a business rule refused, and no conflict rule."""
    people_asked: int
    """People who were asked again at least once."""
    replaced: int
    """Attempts that replaced an unseen change of somebody else without asking anybody."""
    dropped: int
    """Attempts that a conflict rule dropped without asking anybody."""
    given_up: int
    """Wishes that were refused and not tried again."""
    unanswered: int
    """Wishes of which nobody knows what became of them, since the domain or network failed."""
    half: float | None
    """Seconds in which half of the wishes that were done were done; None if none was."""
    most: float | None
    """Seconds in which 95 % of them were done."""

    @property
    def lost(self) -> int:
        """What was lost without anybody being asked: changes that were replaced or dropped."""
        return self.replaced + self.dropped


def cost(run: Run) -> Cost:
    """Count what the policy of a run cost."""
    found = wishes(run.attempts)
    endings = [wish.ending for wish in found]
    times = [wish.took for wish in found if wish.took is not None]
    asked = [one for one in run.attempts if one.refused]
    return Cost(
        policy=run.policy,
        attempts=len(run.attempts),
        wishes=len(found),
        done=endings.count(Ending.DONE),
        asked=len(asked),
        said_no=sum(one.outcome == "rejected" for one in asked),
        people_asked=len({one.person for one in asked}),
        replaced=sum(bool(one.overwritten) for one in run.attempts),
        dropped=sum(dropped(one) for one in run.attempts),
        given_up=endings.count(Ending.GIVEN_UP),
        unanswered=endings.count(Ending.UNANSWERED),
        half=quantile(times, 0.5),
        most=quantile(times, 0.95),
    )
