"""One person's script while it is played: what it waits for, and where it failed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, cast

from comity.engine.errors import ComityError
from comity.simulation.people.waits import Answered, Pause, Until, Wait


class ForeignWait(ComityError):
    """A script waits for something else than its person, for example for `asyncio.sleep`."""


_ADVICE: Final = (
    "it waits for something of asyncio's, but no event loop runs here: in a scenario await "
    "person.think(seconds), person.look, person.do or person.until"
)


_NOT_THE_SCRIPT: Final = {"comity", "pydantic"}
"""Packages in which the error of a script may be raised, and which the script's author did not
write."""

OVERTIME: Final = 10
"""So many new things after the working time are more than the end of what was begun before it."""
PATIENCE: Final = 10
"""So many times a script is told to end. Each `finally` in it may wait for something once."""
RAISED: Final = (Exception, SystemExit, GeneratorExit)
"""What a script may raise. Ctrl-C is for the run, and a crash for the simulated process."""


class Life:
    """The script of one person, from its arrival to its end.

    Args:
        name: the person's name.
        number: its number within its crowd.
        script: what it does.
        begun_late: returns how many things it has begun after the working time.
    """

    def __init__(
        self,
        name: str,
        number: int,
        script: Coroutine[object, None, None],
        begun_late: Callable[[], int],
    ) -> None:
        self.name = name
        self.number = number
        self._script = script
        self._begun_late = begun_late
        self.waits: Wait | None = None
        """What it waits for; None before its arrival and after its end."""
        self.steps = 0
        """How many steps it has taken."""
        self.since = 0.0
        """When it began to wait."""
        self.ended = False
        self.at_once = 0
        """How many steps it has taken since it last waited for a whole second."""
        self.sent_home = False
        """Whether it was ended before its own end."""

    @property
    def went_on(self) -> bool:
        """Whether it began something new after the working time, again and again."""
        return self._begun_late() >= OVERTIME

    def has_no_more_to_do(self, until: float) -> bool:
        """Whether it has ended, thinks since before this time, or goes on although it is over."""
        thinks = isinstance(self.waits, Pause) and self.waits.thinks and self.since < until
        return self.ended or thinks or self.went_on

    def go_on(self, now: float) -> Wait | None:
        """Run the script up to its next wait, and return that; None: the script has ended.

        Args:
            now: the time, in seconds since the beginning.

        Raises:
            ForeignWait: it waits for something that is no wait of a person.
            BaseException: whatever the script raises.
        """
        self.at_once = self.at_once + 1 if now < self.since + 1 else 1
        self.waits, self.since = None, now
        self.steps += 1
        try:
            waits = self._script.send(None)
        except StopIteration:
            self.ended = True
            return None
        except RuntimeError as error:
            self.ended = True
            if "running event loop" in str(error):
                raise ForeignWait(_ADVICE).with_traceback(error.__traceback__) from None
            raise
        except BaseException:
            self.ended = True
            raise
        if not isinstance(waits, Pause | Answered | Until):
            self._refuse(waits)
        self.waits = waits
        return waits

    def _refuse(self, waits: object) -> NoReturn:
        self.ended = True
        with suppress(StopIteration):
            self._script.throw(ForeignWait(_ADVICE))
        raise ForeignWait(_ADVICE)

    def end(self) -> None:
        """End the script where it waits, and where it then waits in its `finally`.

        Raises:
            RuntimeError: it goes on whatever happens.
            BaseException: whatever the script raises.
        """
        self.ended, self.waits = True, None
        for _ in range(PATIENCE):
            try:
                self._script.close()
            except RuntimeError as error:
                if "ignored GeneratorExit" not in str(error):
                    raise
            else:
                return
        msg = "it catches GeneratorExit, so it cannot be sent home: catch Exception at most"
        raise RuntimeError(msg)


def place(error: BaseException) -> str:
    """Return where an error was raised: the innermost line outside of comity and its libraries."""
    found = "an unknown line"
    step: TracebackType | None = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        root = cast("str", frame.f_globals.get("__name__", "")).partition(".")[0]
        if root not in _NOT_THE_SCRIPT and root not in sys.stdlib_module_names:
            code = frame.f_code
            found = f"{code.co_name}, {Path(code.co_filename).name} line {step.tb_lineno}"
        step = step.tb_next
    return found
