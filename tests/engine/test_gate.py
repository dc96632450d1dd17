"""The gate between those who read a journal and those who open it again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from comity.engine.lmdb.gate import Gate


def test_who_wants_to_be_alone_is_and_everybody_gets_through() -> None:
    gate = Gate()
    inside: list[str] = []
    broken: list[str] = []

    def read() -> None:
        with gate:
            inside.append("reader")
            if "alone" in inside:
                broken.append("a reader was let in")
            inside.remove("reader")

    def reopen() -> None:
        with gate.alone():
            if inside:
                broken.append(f"not alone: {inside}")
            inside.append("alone")
            inside.remove("alone")

    def often(act: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            for _ in range(2_000):
                act()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    for thread in [often(act) for act in (read, reopen, read, reopen, read)]:
        thread.join(60)
        assert not thread.is_alive(), "two who wanted to be alone have held each other up"
    assert broken == []
