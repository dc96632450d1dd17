"""The settings of the writer and the readers, from environment variables."""

from __future__ import annotations

import os
from typing import NamedTuple, Self

HOSTS = ("127.0.0.1", "localhost")
"""The host names that the apps accept. Others are refused, so that no foreign page can reach them
by pointing its own name here (DNS rebinding)."""


class Settings(NamedTuple):
    """The path of the journal, and the addresses of the writer and the readers."""

    path: str
    """`COMITY_PATH`: the journal's directory."""
    writer: str
    """`COMITY_WRITER`: the origin of the page, which may call the readers."""
    readers: tuple[str, ...]
    """`COMITY_READERS`: the origins of the readers; if there are none, the writer answers reads."""

    @classmethod
    def of_environment(cls) -> Self:
        """Read the settings from the environment."""
        found = os.environ
        return cls(
            path=found.get("COMITY_PATH", "team.db"),
            writer=found.get("COMITY_WRITER", "http://127.0.0.1:8000"),
            readers=tuple(found.get("COMITY_READERS", "").split()),
        )
