"""Records the answer to every command while people work; view, proof and summary read it."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from threading import Lock
from typing import TypeAlias

from examples.board.domain import BoardEvent

from comity.engine import ComityError, MergeReport, Outcome, Receipt, Refused, Rejected

Answer: TypeAlias = Receipt[BoardEvent] | ComityError

KEYS = re.compile(r"(card|comment|column)/[^/]+")
"""Matches the keys in a path, so that `card/c1/title` is counted as `card/{card}/title`."""
FRESH = 1.5
"""Seconds that a sentence stays in view before a newer one replaces it."""


class Diary:
    """Answers, their latencies, and example sentences. Any number of threads may use it."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        """The number of commands by outcome, or by the name of the error if it is no refusal."""
        self.clashes: Counter[tuple[str, str, str, str]] = Counter()
        """The number of commands that clashed, by name, path, rule and outcome."""
        self.receipts: list[Receipt[BoardEvent]] = []
        self.latencies: list[float] = []
        self.sentences: dict[str, str] = {}
        """A recent sentence for each outcome."""
        self._told: dict[str, float] = {}
        self._rejections: list[Rejected] = []
        self._lock = Lock()

    def note(self, started: float, answer: Answer) -> None:
        """Record an answer that has just arrived, to a command that was sent at `started`."""
        seconds = time.perf_counter() - started
        with self._lock:
            self.latencies.append(seconds)
            match answer:
                case Receipt():
                    self.receipts.append(answer)
                    self._note(answer.report)
                case Rejected():  # reading its report would replay the history
                    self.outcomes[Outcome.REJECTED] += 1
                    self._rejections.append(answer)
                case Refused():
                    self._note(answer.report)
                case ComityError():
                    self.outcomes[type(answer).__name__] += 1

    @property
    def commands(self) -> int:
        """The number of answered commands."""
        return len(self.latencies)

    def latency(self, share: float) -> float:
        """The latency in seconds of a share of the answers: 0.5 is the median."""
        ordered = sorted(self.latencies)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan

    def examples(self) -> dict[str, str]:
        """A sentence for each outcome; call it while the domain is open.

        The rejected command clashed with nothing, but another person's event caused its rejection.
        """
        found = dict(self.sentences)
        for rejection in self._rejections[:500]:
            report = rejection.report
            if report.decisive and not report.clashes:
                found[Outcome.REJECTED] = report.sentence()
                break
        return found

    def _note(self, report: MergeReport) -> None:
        self.outcomes[report.outcome] += 1
        if report.rule and report.clashes:
            path = KEYS.sub(r"\1/{\1}", str(report.clashes[0].path))
            self.clashes[report.command, path, report.rule, report.outcome] += 1
        now = time.monotonic()
        if report.unseen and now - self._told.get(report.outcome, -FRESH) > FRESH:
            self.sentences[report.outcome] = report.sentence()
            self._told[report.outcome] = now
