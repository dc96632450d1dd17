"""Makes names, errors and data readable. Reports, the matrix and the CLI use it."""

from __future__ import annotations

import re

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(name: str) -> str:
    """A class name as words: `RenameCard` becomes "rename card"."""
    return _HUMP.sub(" ", name).lower()


def brief(text: str, most: int = 500) -> str:
    """The text as valid UTF-8, cut to at most `most` characters."""
    if len(text) > most:
        text = f"{text[: most - 3]}..."
    return text.encode(errors="backslashreplace").decode()


def told(error: BaseException, most: int = 500) -> str:
    """An exception's text on one line, as valid UTF-8, cut to at most `most` characters.

    It never raises, even if the exception is the domain's own and its `__str__` fails.
    """
    try:
        said = str(error)
    except BaseException as failure:
        said = f"(no text: its __str__ raised {type(failure).__name__})"
    return brief(" ".join(said[: 4 * most].split()), most)


def printable(text: str) -> str:
    r"""The text with control characters escaped, so that data cannot control a terminal or a log.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    # Characters that change the direction of text are not printable either.
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def duration(seconds: float) -> str:
    """A duration in two units at most: `25 s`, `3 min 20 s`, `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, more = divmod(minutes, 60)
    if hours:
        return f"{hours} h {more} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
