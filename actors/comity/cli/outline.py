"""Formats nested data as indented lines, one field each. `comity state` uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from rich.text import Text

from comity.cli.console import cell, show_value

INDENT = "  "


def outline(data: object, depth: int = 0) -> Iterator[Text]:
    """The lines for a value from `plain`; a value without nesting takes one line."""
    match data:
        case dict() if data:
            for key, value in cast("dict[str, object]", data).items():
                yield from _entry(cell(f"{key}:", "cyan"), value, depth)
        case list() if data:
            for value in cast("list[object]", data):
                yield from _entry(Text("-", "cyan"), value, depth)
        case _:
            yield _line(depth, _scalar(data))


def _entry(label: Text, value: object, depth: int) -> Iterator[Text]:
    if _is_nested(value):
        yield _line(depth, label)
        yield from outline(value, depth + 1)
    else:
        yield _line(depth, Text.assemble(label, " ", _scalar(value)))


def _is_nested(value: object) -> bool:
    if isinstance(value, list):
        return any(isinstance(one, (dict, list)) for one in cast("list[object]", value))
    return isinstance(value, dict) and value != {}


def _scalar(value: object) -> Text:
    return cell(show_value(value, longest=1_000))


def _line(depth: int, text: Text) -> Text:
    return Text.assemble(INDENT * depth, text)
