"""What the writer and the readers are told by their environment when they start."""

from __future__ import annotations

import os
from typing import NamedTuple, Self

HOSTS = ("127.0.0.1", "localhost")
"""The names by which a browser on this machine calls the apps; other names are refused, so that no
page from elsewhere can have its own name led here."""


class Settings(NamedTuple):
    """Where the journal is, and who serves what."""

    path: str
    """`COMITY_PATH`: the journal's directory."""
    writer: str
    """`COMITY_WRITER`: the origin of the page, which readers answer to."""
    readers: tuple[str, ...]
    """`COMITY_READERS`: the origins of the readers; the writer answers reads itself if there is
    none."""

    @classmethod
    def of_environment(cls) -> Self:
        """As the environment says."""
        found = os.environ
        return cls(
            path=found.get("COMITY_PATH", "team.db"),
            writer=found.get("COMITY_WRITER", "http://127.0.0.1:8000"),
            readers=tuple(found.get("COMITY_READERS", "").split()),
        )
