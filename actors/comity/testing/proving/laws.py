"""`laws(board)`: the tests of a domain's laws, in one line of a test file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import pytest

from comity.engine.arguments import check_several
from comity.engine.errors import WiringError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.messages.message import Event
from comity.readmodels.tables.read_model import AnyReadModel, is_read_model
from comity.testing.proving import converging, merges, reaching, states, stored
from comity.testing.proving.law import Law
from comity.testing.proving.models import model_law
from comity.testing.proving.subject import Samples, Subject

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from comity.engine.merging.decider import AnyDecider

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)

LAWS: Final[Sequence[Law]] = (
    *reaching.LAWS, *states.LAWS, *stored.LAWS, *merges.LAWS, *converging.LAWS,
)  # fmt: skip


def laws(
    decider: Decider[S, C, E],
    *,
    models: Sequence[type[AnyReadModel]] = (),
    strategies: Mapping[Any, SearchStrategy[object]] | None = None,
    samples: Mapping[type[C | E], Mapping[int, Sequence[Mapping[str, object]]]] | None = None,
    compare: Callable[[S], object] | None = None,
    overwrites: Sequence[type[C]] = (),
    effort: float = 1.0,
) -> Callable[[Law], None]:
    """Make the tests of the laws that a domain should keep; pytest runs each law on its own.

    Hypothesis draws people and commands. An example that breaks a law is shrunk, and told in a few
    steps. How many examples are drawn is up to the settings of Hypothesis, and to `effort`.

    Args:
        decider: the decider.
        models: read models, whose rows must be the same in any batches of events.
        strategies: strategies for values: by the name of a field, by a type as it is annotated, or
            by a message class. Other values are made from the fields' types and limits.
        samples: the fields of stored events and commands of older schema versions, by class and
            version.
        compare: returns what of a state must be equal where two orders of commands are compared;
            by default all of it.
        overwrites: commands whose own conflict rule may replace what others did. Commands with the
            rule `overwrite` need not be named.
        effort: 0.3 draws a third of the examples that Hypothesis is set to.

    Raises:
        WiringError: an argument is wrong.

    Example:
        test_board = laws(board, models=[Cards])
    """
    if not isinstance(cast("object", decider), Decider):
        msg = f"laws(...): expected a Decider(...), got {decider!r:.100}"
        raise WiringError(msg)
    for model in check_several(models, "laws(...): models", WiringError):
        if not is_read_model(model):
            msg = f"laws(...): models are classes that inherit from ReadModel[...], got {model!r}"
            raise WiringError(msg)
    for kind in overwrites:
        if kind not in decider.command_set:
            msg = f"laws(...): overwrites: {kind!r} is not a command of {decider.name}"
            raise WiringError(msg)
    subject = Subject(
        cast("AnyDecider", decider), models, strategies or {}, cast("Samples", samples or {}),
        cast("Callable[[object], object] | None", compare), overwrites, effort,
    )  # fmt: skip
    book = laws_of(subject)

    @pytest.mark.parametrize("law", book, ids=[law.name for law in book])
    def test(law: Law) -> None:
        __tracebackhide__ = True
        law.check(subject, law)

    return test


def laws_of(subject: Subject) -> list[Law]:
    """Return the laws that are about a domain."""
    return [law for law in (*LAWS, *map(model_law, subject.models)) if law.applies(subject)]
