"""A job for a follower's thread, and the answer that its caller waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from comity.actors.runtime.pending import Pending, settle
from comity.actors.runtime.runtime import Runtime
from comity.engine.errors import ComityError, describe_error

T = TypeVar("T")


class Ask(Generic[T]):
    """A job whose caller waits for its answer; an exception becomes the answer, too.

    Args:
        function: the job.
        name: who does it, for errors.
        runtime: lets the caller wait.
        failed: the error for exceptions that are not comity's.
    """

    def __init__(
        self, function: Callable[[], T], name: str, runtime: Runtime, failed: type[ComityError]
    ) -> None:
        # In a tuple, because None means that there is no answer.
        self.pending: Pending[tuple[T]] = Pending(name, runtime)
        self._function = function
        self._failed = failed

    def __call__(self) -> None:
        """Run the job, on the follower's thread."""
        try:
            answer = self._function()
        except ComityError as error:
            self.end(error)
        except BaseException as error:
            self.end(self._failed(f"{self.pending.id}: {describe_error(error)}"))
        else:
            settle([(self.pending, (answer,))])

    def end(self, error: ComityError) -> None:
        """Answer with an error, unless there is an answer already."""
        settle([(self.pending, error)])
