"""A flame graph as SVG; the width of a function is the time that is spent in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from benchmarks.plot import WIDTH

_ROW: Final = 18
_LEAST: Final = 1.2
"""The least width in pixels; narrower frames are left out."""
_MINE: Final = re.compile(r"\((?:actors|engine|readmodels)/")


def flame(tree: Mapping[str, Any]) -> str:
    """Draw a tree whose nodes have a `name`, a `value` and `children`."""
    depth = _depth(tree, WIDTH / max(1, tree["value"]))
    parts = list(_boxes(tree, 0.0, 0, WIDTH / max(1, tree["value"]), depth))
    label = "flame graph of the hot path"
    return (
        f'<svg viewBox="0 0 {WIDTH} {depth * _ROW + 2}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "</svg>"
    )


def _depth(node: Mapping[str, Any], scale: float) -> int:
    wide = [child for child in node["children"] if child["value"] * scale >= _LEAST]
    return 1 + max((_depth(child, scale) for child in wide), default=0)


def _boxes(
    node: Mapping[str, Any], x: float, level: int, scale: float, depth: int
) -> Iterator[str]:
    width = node["value"] * scale
    if width < _LEAST:
        return
    y = (depth - level - 1) * _ROW + 1
    name, kind = node["name"], _kind(node["name"])
    share = 100 * width / WIDTH
    yield (
        f'<g><title>{escape(name)}: {share:.1f} %</title><rect class="flame {kind}" x="{x:.1f}" '
        f'y="{y}" width="{width:.1f}" height="{_ROW - 1}" rx="2"/>'
    )
    letters = int((width - 6) / 6)
    if letters > 3:  # noqa: PLR2004 - fewer say nothing
        text = name if len(name) <= letters else name[: letters - 1] + "…"
        yield f'<text class="frame {kind}" x="{x + 4:.1f}" y="{y + 12.5}">{escape(text)}</text>'
    yield "</g>"
    for child in sorted(node["children"], key=lambda one: str(one["name"])):
        yield from _boxes(child, x, level + 1, scale, depth)
        x += child["value"] * scale


def _kind(name: str) -> str:
    if _MINE.search(name):
        return "mine"
    return "floor" if "(benchmarks/" in name or "(peers/" in name else "peer"
