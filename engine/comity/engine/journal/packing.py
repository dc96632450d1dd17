"""Packs values as msgpack. Entries, notes and messages use it."""

from __future__ import annotations

from typing import Final

import msgpack

from comity.engine.runtime.system import ThreadLocal


class Packers(ThreadLocal):
    """A packer for each thread. `msgpack.packb` makes a new one per call: half of its time."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer().pack


PACKERS: Final = Packers()


def packed(value: object) -> bytes:
    """Return the value as msgpack; raises what msgpack raises."""
    return PACKERS.pack(value)
