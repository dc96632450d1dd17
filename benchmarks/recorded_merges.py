"""Merges of a registry that hundreds of people edited on branches, for `recorded`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from examples.git_merges.__main__ import POLICY, RECORDING
from examples.git_merges.domain import registry
from examples.git_merges.merges import Merge, recorded, shared_ids
from examples.git_merges.play import Played as Merged
from examples.git_merges.play import played
from examples.recordings import recording

from benchmarks.proof import Wrong
from benchmarks.recorded import Played
from comity.actors import Domain

_DIFFER: Final = 22
"""How many of the 539 merges differ from the people's own. In six of them the people had broken
a rule that comity keeps."""


@dataclass(frozen=True)
class Merges:
    """The merges in order; four threads play them, as in the example."""

    merges: Sequence[Merge]

    def open(self, folder: Path) -> Domain:
        """Open a domain whose tail is long enough for the longest branch."""
        return Domain.open(folder, deciders=[registry], policy=POLICY)

    def play(self, domain: Domain) -> Played:
        """Copy in each merge base, then send both branches' commands, which have seen only it."""
        began = time.perf_counter()
        done = list(played(domain, self.merges))
        seconds = time.perf_counter() - began
        commands = sum(len(one.answers) for one in done)
        proof = _prove(done, sum(len(one.theirs) + len(one.ours) for one in self.merges))
        return Played(commands, seconds, proof, {"merges": len(done)})


def read(part: int) -> Merges:
    """Read the first `part` recorded merges, or all if it is 0."""
    return Merges(list(islice(recorded(recording(RECORDING)), part or None)))


def _prove(done: Sequence[Merged], commands: int) -> str:
    answers = sum(len(one.answers) for one in done)
    refused = sum(len(one.refused) for one in done)
    shared = sum(bool(shared_ids(one.result)) for one in done)
    differ = sum(not one.same_as_people for one in done)
    if answers != commands or refused or shared or differ > _DIFFER:
        msg = (
            f"of {commands:,} commands {answers:,} were answered, {refused:,} refused; in {shared} "
            f"merges an id is shared, {differ} differ from the people's own"
        )
        raise Wrong(msg)
    return (
        f"{answers:,} commands, none refused, no id is shared; {len(done) - differ:,} of "
        f"{len(done):,} merges equal the people's own"
    )
