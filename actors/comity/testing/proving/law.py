"""A law, and how it is checked: Hypothesis draws examples, and shrinks one that breaks the law."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import process_time
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from zlib import crc32

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from comity.testing.proving.broken import LawBroken
from comity.testing.proving.desk import Broken
from comity.testing.proving.play import Play

if TYPE_CHECKING:
    from comity.evolution.contract.making import Draw
    from comity.testing.proving.subject import Subject

SHRINKING = 500
"""How many examples are tried to make a failing one smaller: some seconds. Hypothesis itself would
take minutes to be sure that there is none smaller."""


SECONDS: Final = 20.0
"""Seconds of computing after which shrinking ends, where examples take long."""


class _Enough(BaseException):
    """Shrinking is over. Hypothesis lets it through, since it is no `Exception`."""


QUIET: Final = logging.getLogger("comity")


class Law(NamedTuple):
    """One law."""

    name: str
    """For test ids: `merged-commands-commute`."""
    words: str
    """The law as a sentence."""
    check: Callable[[Subject, Law], None]
    """Raises `LawBroken` if the domain breaks the law."""
    applies: Callable[[Subject], bool] = lambda _: True
    """Whether the law is about this domain at all."""


def played(
    name: str,
    words: str,
    law: Callable[[Play], None],
    applies: Callable[[Subject], bool] = lambda _: True,
) -> Law:
    """Make a law that is checked with drawn examples.

    Args:
        name: the law's name.
        words: the law as a sentence.
        law: raises `Broken` if an example breaks the law.
        applies: whether the law is about a domain at all.
    """

    def check(subject: Subject, itself: Law) -> None:
        __tracebackhide__ = True
        draw_examples(subject, itself, law)

    return Law(name, words, check, applies)


def draw_examples(
    subject: Subject, law: Law, example: Callable[[Play], None], number: int = 0
) -> None:
    """Let Hypothesis draw examples of a law.

    Args:
        subject: the domain.
        law: the law.
        example: raises `Broken` if the law is broken.
        number: each number gives other examples, also where Hypothesis is set to draw the same ones
            each time.

    Raises:
        LawBroken: an example breaks the law; it is the smallest that was found.
    """
    __tracebackhide__ = True
    found: list[LawBroken] = []
    tried, until = 0, float("inf")

    def test(data: st.DataObject) -> None:
        nonlocal tried, until
        tried += bool(found)
        if tried > SHRINKING or process_time() > until:
            raise _Enough
        play = Play(subject, cast("Draw", data.draw))
        try:
            example(play)
        except Broken as broken:
            until = min(until, process_time() + SECONDS)
            words = f"{subject.decider.name}, {law.words}"
            found.append(LawBroken(words, play.desk.steps, str(broken)))
            raise found[-1] from None

    name = f"{subject.decider.name}_{law.name}_{number}".replace("-", "_")
    test.__name__ = test.__qualname__ = name  # Hypothesis keeps failing examples under it
    usual = settings.default or settings()
    patient = settings(
        max_examples=max(1, round(usual.max_examples * subject.effort)),
        suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
        report_multiple_bugs=False,
        deadline=None,
    )
    level = QUIET.level
    QUIET.setLevel(logging.CRITICAL)  # each example of a failure would log it
    try:
        drawing = patient(hypothesis.given(st.data())(test))
        if usual.derandomize:  # or all laws would draw the same examples: they have the same code
            hypothesis.seed(crc32(name.encode()))(drawing)
        drawing()
    except (LawBroken, Flaky, _Enough):
        raise min(found, key=LawBroken.size).with_traceback(None) from None
    finally:
        QUIET.setLevel(level)
