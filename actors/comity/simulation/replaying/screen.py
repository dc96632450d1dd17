"""What people see of one aggregate while its history is played again."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from comity.simulation.replaying.act import Act

MICROSECONDS = 1_000_000


class Sight(NamedTuple):
    """A person's view of an aggregate, at the moment of a command."""

    seen: int | None
    """The version in the play that the person is looking at."""
    age: float
    """How many seconds old the view is."""


class Screen:
    """Tells which version of one aggregate a person sees, in a play of its history.

    Versions in the play differ from the recorded ones as soon as another rule refuses a command.
    """

    def __init__(self) -> None:
        self._acts: list[Act] = []
        self._times: list[int] = []
        """When each act was played. A clock that was set back does not go back here."""
        self._recorded = [0]
        """The recorded version before the first act, and after each."""
        self._played = [0]
        """The version in the play before the first act, and after each."""
        self._own: dict[tuple[str, str], tuple[int, int]] = {}
        """For each sender, its last write: the version in the play, and the time."""

    @property
    def newest(self) -> int:
        """The newest version in the play."""
        return self._played[-1]

    def recorded(self, act: Act) -> Sight:
        """Return the view that the sender had, as far as the journal knows.

        Its age is counted from the first change of others that it lacks.
        """
        if act.seen is None:
            return Sight(None, 0.0)
        shown = bisect_right(self._recorded, act.seen) - 1
        later = range(shown, len(self._times))
        lacks = (at for at in later if not _same_sender(self._acts[at], act))
        since = next((self._times[at] for at in lacks), act.microseconds)
        return Sight(self._played[shown], _seconds(since, act.microseconds))

    def aged(self, act: Act, seconds: float) -> Sight:
        """Return a view that is `seconds` old, but never older than the sender's last write."""
        if act.seen is None:
            return Sight(None, 0.0)
        taken = act.microseconds - round(seconds * MICROSECONDS)
        shown = self._played[bisect_right(self._times, taken)]
        own, written = self._own.get((act.who, act.session), (0, taken))
        if own > shown:
            return Sight(own, _seconds(written, act.microseconds))
        return Sight(shown, float(seconds))

    def played(self, act: Act, version: int) -> None:
        """Note that the act was played, and the version in the play after it."""
        self._acts.append(act)
        self._times.append(max(act.microseconds, self._times[-1] if self._times else 0))
        self._recorded.append(act.version)
        self._played.append(version)
        self._own[act.who, act.session] = version, act.microseconds


def _seconds(start: int, end: int) -> float:
    return max(0, end - start) / MICROSECONDS


def _same_sender(one: Act, other: Act) -> bool:
    return bool(one.session) and one.session == other.session
