"""Writes figures in Prometheus's text format, version 0.0.4. `prometheus_text` uses it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge"]
Labels: TypeAlias = Mapping[str, str]

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_IN_HELP: Final = str.maketrans({"\\": "\\\\", "\n": "\\n"})


class Exposition:
    """The text of a scrape: families of figures, each with its help and its kind.

    Example:
        text = Exposition()
        text.add("comity_commits_total", "counter", "Groups written.", 7)
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, kind: Kind, about: str, value: float) -> None:
        """Add a family with one figure that has no labels."""
        self.add_each(name, kind, about, [({}, value)])

    def add_each(
        self, name: str, kind: Kind, about: str, figures: Iterable[tuple[Labels, float]]
    ) -> None:
        """Add a family with a figure for each set of labels; none without figures.

        Args:
            name: letters, digits and `_`; that of a counter ends in `_total`.
            kind: `counter` or `gauge`.
            about: what it says, on one line.
            figures: their labels and values.
        """
        lines = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in figures]
        if lines:
            about = about.translate(_IN_HELP)
            self._lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *lines]

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = [f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}"


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(float(value) if isinstance(value, float) else int(value))
