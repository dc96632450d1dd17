"""Two programs with the same outlet: one delivers, the other waits, and takes over."""

from __future__ import annotations

import pytest
from tests.actors.delivering.posts import LastingJournal, Posts
from tests.actors.notebook import Stamp, notebook

from comity.actors import Domain
from comity.actors.domain import kill
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime


@pytest.mark.parametrize("ends", ["closed", "killed"])
def test_whoever_waits_takes_over_when_the_other_ends(ends: str) -> None:
    journal, outside = LastingJournal(), SimulatedRuntime(1)
    one, two = outside.beside("one"), outside.beside("two")
    first, second = Posts(), Posts()
    holder = Domain(journal, deciders=[notebook], outlets=[first], runtime=one)
    waiter = Domain(journal, deciders=[notebook], outlets=[second], runtime=two)
    holder.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
    assert outside.wait_until(lambda: first.of("a") == [1], 5)
    assert outside.wait_until(lambda: holder.outlets()[0].position == 1, 5)
    assert (waiter.outlets()[0].state, holder.outlets()[0].state) == ("standby", "following")
    outside.wait_until(lambda: False, 0.5)
    if ends == "killed":
        one.crash()
        kill(holder)
    else:
        holder.close()
    waiter.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
    assert outside.wait_until(lambda: second.of("a") == [2], 1.5)
    waiter.close()
