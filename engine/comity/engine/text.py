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


def told(error: BaseException, most: int = 500) -> str:
    """What an exception says, on one line, cut short and such as UTF-8 can hold.

    It may be a domain's own, whose `__str__` may do anything.
    """
    try:
        said = str(error)
    except BaseException as failure:
        said = f"its text cannot be made, which raised {type(failure).__name__}"
    return brief(" ".join(said[: 4 * most].split()), most)


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
