"""The printable identity of an aggregate: its type's name and its key. Used everywhere."""

from __future__ import annotations

import re
from typing import NamedTuple

from comity.engine.errors import Invalid
from comity.engine.text import printable

MAX_KEY_BYTES = 200
"""An aggregate's key is at most this long in UTF-8: LMDB keys end at 511 bytes."""

_TYPE = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")


class AggregateId(NamedTuple):
    """One aggregate: `AggregateId("board", "sprint-42")`, printed `board/sprint-42`."""

    type: str
    """The decider's name."""
    key: str
    """Which one of that type: 1 to 200 bytes of UTF-8, any characters."""

    def __str__(self) -> str:
        return f"{self.type}/{self.key}"

    def at(self, version: int) -> str:
        """The identity at a version, as logs and reports print it: `Board<sprint-42@17>`."""
        return f"{self.type[:1].upper()}{self.type[1:]}<{printable(self.key)}@{version}>"

    @classmethod
    def parse(cls, text: str) -> AggregateId:
        """Read `board/sprint-42`; everything after the first slash is the key."""
        type_, slash, key = text.partition("/")
        if not slash:
            msg = f"expected an aggregate as TYPE/KEY, such as board/sprint-42, got {text!r}"
            raise Invalid(msg)
        return cls(check_type_name(type_), check_key(key))


def check_type_name(name: str) -> str:
    """Return the name, or raise `Invalid`: it stands in file names and keys."""
    if not _TYPE.match(name):
        msg = (
            "an aggregate type's name is 1 to 64 of a-z, 0-9, _ and -, beginning with a letter; "
            f"got {name!r}"
        )
        raise Invalid(msg)
    return name


def check_key(key: str) -> str:
    """Return the key, or raise `Invalid`: 1 to 200 bytes of valid UTF-8."""
    return check_text(key, "an aggregate's key")


def check_text(text: str, what: str) -> str:
    """Return a name, key or id, or raise `Invalid`: 1 to 200 bytes of valid UTF-8."""
    try:
        size = len(text.encode())
    except (UnicodeEncodeError, AttributeError):
        msg = f"{what} is a str that UTF-8 can encode; got {text!r}"
        raise Invalid(msg) from None
    if not 1 <= size <= MAX_KEY_BYTES:
        msg = f"{what} takes 1 to {MAX_KEY_BYTES} bytes in UTF-8; this one takes {size}"
        raise Invalid(msg)
    return text
