"""How names and data read to a person. Reports, the matrix and the CLI use it."""

from __future__ import annotations

import re

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(name: str) -> str:
    """A class name as words: `RenameCard` reads "rename card"."""
    return _HUMP.sub(" ", name).lower()


def brief(text: str, most: int = 500) -> str:
    """The text, cut where it is too long for a report, and such as UTF-8 can hold."""
    if len(text) > most:
        text = f"{text[: most - 3]}..."
    return text.encode(errors="backslashreplace").decode()


def said(error: BaseException, most: int = 200) -> str:
    """What an error says, cut short, even where it cannot say it: its class may be a host's."""
    try:
        return brief(str(error), most)
    except Exception as failure:
        return f"(its text cannot be had: {type(failure).__name__})"


def printable(text: str) -> str:
    r"""The text with control characters escaped, so that data cannot drive a terminal or a log.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    # Characters that turn the direction of text are not printable either.
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
