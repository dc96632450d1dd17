"""The processes of a program, by name. Domains, contracts and migrations use it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import cast

from comity.engine.arguments import check_several
from comity.engine.errors import WiringError
from comity.engine.processes.process import AnyProcess, Process, ProcessType


def processes_by_name(
    processes: Iterable[ProcessType], taken: Container[str] = ()
) -> Mapping[str, AnyProcess]:
    """Return processes by name.

    Args:
        processes: the processes.
        taken: the names of the deciders that are given with them.

    Raises:
        WiringError: an item is no process, or two, or a process and a decider, have one name.
    """
    named: dict[str, AnyProcess] = {}
    for one in check_several(processes, "processes", WiringError):
        if not isinstance(one, Process):
            msg = f"processes is a list of Process(...), got {one!r:.100} in it"
            raise WiringError(msg)
        process = cast("AnyProcess", one)
        if process.name in named:
            msg = f"two processes are called {process.name!r}; each needs its own name"
            raise WiringError(msg)
        if process.name in taken:
            msg = f"a decider and a process are both called {process.name!r}"
            raise WiringError(f"{msg}; give the process another name")
        named[process.name] = process
    return named
