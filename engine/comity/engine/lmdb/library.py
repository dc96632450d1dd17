"""py-lmdb and the LMDB in it: which ones, within which bounds, and its types by names of our own.

Only this room imports lmdb; the rooms above have what they name from here.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple, TypeAlias

import lmdb

ENGINE: Final = 0
"""LMDB 0.9: the default of py-lmdb, and what every other tool reads. It is named wherever a file is
opened, because an environment variable would choose the format otherwise."""

LIBRARY: Final = f"py-lmdb {lmdb.__version__}"
ENGINE_VERSION: Final = "LMDB " + ".".join(map(str, lmdb.version(lib_version=ENGINE)))

READERS: Final = 1_024
"""Read transactions at a time, in all processes together."""

MAP_SIZE: Final = 1 << (36 if sys.maxsize > 1 << 32 else 30)
"""64 GiB of addresses, not of memory or disk; 1 GiB where an address has 32 bits."""

LmdbError: TypeAlias = lmdb.Error
"""The base of LMDB's errors; `Meaning` translates them."""

Transaction: TypeAlias = "lmdb.Transaction[bytes]"
"""One that gives its values as copies."""


class Handle(NamedTuple):
    """A table that is open."""

    table: lmdb._Database
    several: bool
    """Whether a key may have several values."""
