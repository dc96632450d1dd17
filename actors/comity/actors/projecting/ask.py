"""A job for a projector's thread, and the answer that its caller waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from comity.actors.runtime.pending import Pending, settle
from comity.actors.runtime.runtime import Runtime
from comity.engine.errors import ComityError, ReadModelError, describe_error

T = TypeVar("T")


class Ask(Generic[T]):
    """A job whose caller waits for its answer; an exception becomes the answer, too."""

    def __init__(self, function: Callable[[], T], name: str, runtime: Runtime) -> None:
        # In a tuple, because None means that there is no answer.
        self.pending: Pending[tuple[T]] = Pending(name, runtime)
        self._function = function

    def __call__(self) -> None:
        """Run the job, on the projector's thread."""
        try:
            answer = self._function()
        except ComityError as error:
            self.end(error)
        except BaseException as error:
            self.end(ReadModelError(f"{self.pending.id}: {describe_error(error)}"))
        else:
            settle([(self.pending, (answer,))])

    def end(self, error: ComityError) -> None:
        """Answer with an error, unless there is an answer already."""
        settle([(self.pending, error)])
