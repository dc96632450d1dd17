"""One drill: a part of a domain is broken. What do the others do meanwhile, and what afterwards?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from typing import Literal, TypeAlias, TypeVar, get_args

from tests.testing.drilled.team import (
    DONE,
    Ask,
    Letters,
    Mails,
    MoreWishes,
    Wishes,
    desk,
    first,
    second,
    stock,
)

from comity.actors.runtime.runtime import Runtime
from comity.engine import ComityError, Expired, OutcomeUnknown, StorageFailed
from comity.testing import OpenDomain, down, failing, hanging, slow

T = TypeVar("T")
Part: TypeAlias = Literal["journal", "model", "outlet", "process"]
Way: TypeAlias = Literal["down", "failing", "slow", "hanging"]
Other: TypeAlias = Literal[
    "commands are answered", "states are read", "models are read", "models take events",
    "outlets deliver", "processes order", "timers ring", "the status is told",
]  # fmt: skip

OTHERS: tuple[Other, ...] = get_args(Other)
PARTS = {
    "journal": None, "model": Wishes, "outlet": Mails, "process": first,
}  # fmt: skip
Model: TypeAlias = type[Wishes] | type[MoreWishes]
MODELS: Sequence[Model] = (Wishes, MoreWishes)
WAYS: Mapping[Way, Callable[..., AbstractContextManager[None]]] = {
    "down": down, "failing": failing, "slow": slow, "hanging": hanging,
}  # fmt: skip
SOON = 4.0
"""Seconds in which what goes on has come; what has not come then waits. Each call of the domain's
functions that hangs holds a thread, and another one joins after a second."""
AFTERWARDS = 60.0
"""Seconds in which all has come to its end after the drill."""


class Drill:
    """A domain with two of each part. One is broken, all others must go on.

    Args:
        opening: opens the domain.
        part: what is broken.
        way: how.
        runtime: threads, or one simulated thread.
    """

    def __init__(self, opening: OpenDomain, part: Part, way: Way, runtime: Runtime) -> None:
        self.mails = Mails()
        self._outlets: list[Mails | Letters] = [self.mails, Letters()]
        self._runtime = runtime
        self._part, self._switch = PARTS[part], WAYS[way]
        self._wishes: list[str] = []
        self.domain = opening(
            deciders=[desk, stock], read_models=MODELS, processes=[first, second],
            outlets=self._outlets, runtime=runtime, may_fail=True,
        )  # fmt: skip

    def run(self) -> dict[Other, bool]:
        """Return whether each other part goes on while this one is broken.

        Raises:
            AssertionError: something was lost or done twice, or does not come to its end.
        """
        goes_on = dict[Other, bool]()
        self._ask("before")
        assert self._soon(self._all_is_done, AFTERWARDS), self._told()
        with ExitStack() as paused:
            for part in (*MODELS, *self._outlets, first, second):
                if not self._is_broken(part):
                    paused.enter_context(down(self.domain, part))
            self._ask("stored")
            with self.broken():
                paused.close()  # so that they find something to do, even if nothing new is stored
                answered = self._ask("meanwhile")
                for other in OTHERS:
                    goes_on[other] = self._goes_on(other, answered=answered)
        for wish in ("meanwhile", "after"):  # the same id: it has one effect
            assert self._soon(partial(self._ask, wish), AFTERWARDS), f"no answer to {wish}"
        assert self._soon(self._all_is_done, AFTERWARDS), self._told()
        return goes_on

    def broken(self) -> AbstractContextManager[None]:
        """Break the part until the block ends."""
        if self._part is None:
            return self._switch(self.domain)
        return self._switch(self.domain, self._part)

    def _is_broken(self, part: object) -> bool:
        return self._part is not None and (part is self._part or type(part) is self._part)

    def _ask(self, wish: str) -> bool:
        """Send a command, again if nobody knows its outcome. False: it has no effect yet."""
        if wish not in self._wishes:
            self._wishes.append(wish)
        until = self._runtime.monotonic() + SOON
        while self._runtime.monotonic() < until:
            with suppress(OutcomeUnknown, StorageFailed, Expired, TimeoutError):
                self.domain.aggregate(desk, "d").send(Ask(wish=wish), id=wish).result(SOON)
                return True
            self._pause()
        return False

    def _goes_on(self, other: Other, *, answered: bool) -> bool:
        wish = "meanwhile" if answered else "stored"
        match other:
            case "commands are answered":
                return answered
            case "states are read":
                return self._works(lambda: self.domain.state(self.domain.aggregate(desk, "d")) > 1)
            case "models are read":
                return all(map(self._rows, MODELS))
            case "models take events":
                return self._each(MODELS, lambda model: wish in self._rows(model))
            case "outlets deliver":
                return self._each(self._outlets, lambda outlet: wish in outlet.sent["d"])
            case "processes order":
                return self._each([first, second], lambda one: self._done(wish, "Taken", one.name))
            case "timers ring":
                return self._each(
                    [first, second], lambda one: self._done(wish, "Reminded", one.name)
                )
            case "the status is told":
                told = self.domain.models(), self.domain.outlets(), self.domain.processes()
                return [len(each) for each in told] == [2, 2, 2]

    def _each(self, parts: Sequence[T], has: Callable[[T], bool]) -> bool:
        """Whether it soon holds for each part that is not broken."""
        well = [one for one in parts if not self._is_broken(one)]
        return self._soon(lambda: all(has(one) for one in well))

    def _all_is_done(self) -> bool:
        """Whether each part has everything, in order, and nothing was done twice."""
        sent = [list(dict.fromkeys(one.sent["d"])) for one in self._outlets]
        rows = [self._rows(model) for model in MODELS]
        done = [sorted(self._stock(wish)) for wish in self._wishes]
        assert all(len(one) == len(set(one)) for one in done), f"done twice: {done}"
        return (
            all(one == self._wishes for one in sent)
            and all(one == set(self._wishes) for one in rows)
            and all(one == DONE for one in done)
        )

    def _rows(self, model: Model) -> set[str]:
        with self.domain.read(model, stale=True, timeout=0) as read:
            return {row.wish for row in read.rows.all().list()}

    def _stock(self, wish: str) -> list[str]:
        return self.domain.state(self.domain.aggregate(stock, wish))

    def _done(self, wish: str, what: str, who: str) -> bool:
        return f"{what} by {who}" in self._stock(wish)

    def _works(self, look: Callable[[], bool]) -> bool:
        try:
            return look()
        except ComityError:
            return False

    def _soon(self, condition: Callable[[], bool], seconds: float = SOON) -> bool:
        until = self._runtime.monotonic() + seconds
        while not condition():
            if self._runtime.monotonic() > until:
                return False
            self._pause()
        return True

    def _pause(self) -> None:
        self._runtime.sleeper().sleep(0.01)

    def _told(self) -> str:
        domain = self.domain
        return f"not done:\n{domain.models()}\n{domain.outlets()}\n{domain.processes()}"
