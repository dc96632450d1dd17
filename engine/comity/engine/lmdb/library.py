"""py-lmdb and its LMDB: versions, limits, and our names for its types.

Only this room imports lmdb; the rooms above import these names.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple, TypeAlias

import lmdb

ENGINE: Final = 0
"""LMDB 0.9: the default of py-lmdb; every other tool reads its files. Each opening of a file names
it, because otherwise an environment variable could choose another format."""

LIBRARY: Final = f"py-lmdb {lmdb.__version__}"
ENGINE_VERSION: Final = "LMDB " + ".".join(map(str, lmdb.version(lib_version=ENGINE)))

READERS: Final = 1_024
"""The most read transactions at a time, in all processes together."""

MAP_SIZE: Final = 1 << (36 if sys.maxsize > 1 << 32 else 30)
"""64 GiB of addresses, not of memory or disk; 1 GiB where an address has 32 bits."""

LmdbError: TypeAlias = lmdb.Error
"""The base of LMDB's errors; `Meaning` translates them."""

Transaction: TypeAlias = "lmdb.Transaction[bytes]"
"""A transaction that gives values as copies."""


class Handle(NamedTuple):
    """A table that is open."""

    table: lmdb._Database
    several: bool
    """Whether a key may have several values."""
