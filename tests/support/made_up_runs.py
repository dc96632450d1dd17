"""Runs that nobody played, for tests of what is told about runs."""

from __future__ import annotations

import random
from dataclasses import replace

from comity.simulation.records.attempt import Attempt, Overlap
from comity.simulation.records.run import Failure, Run

BOB = Overlap("CardRenamed", "bob", "card/c1/title")
EVENT_OF = {"RenameCard": "CardRenamed", "MoveCard": "CardMoved", "RemoveCard": "CardRemoved"}


def attempt(number: int = 0, outcome: str = "applied", **changes: object) -> Attempt:
    """An attempt of ann's to rename a card, answered after a second."""
    made = Attempt(
        number=number,
        person="ann",
        aggregate="board/b1",
        command="RenameCard",
        text="RenameCard(card='c1', title='Pay')",
        chosen=10.0,
        sent=10.0,
        answered=11.0,
        seen=3,
        age=12.0,
        unseen=0,
        outcome=outcome,
        version=3,
        overlaps=(),
        overwritten=(),
        rule=None,
        tries=1,
        again=None,
        sentence=f"ann wanted to rename card on version 3: {outcome}",
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def run(*attempts: Attempt, failure: Failure | None = None, **changes: object) -> Run:
    """A run of an hour with these attempts."""
    made = Run("team board", "own rules", 7, 2, 3_600.0, 0.5, 100, "ab12", attempts)
    return replace(made, failure=failure, **changes)  # type: ignore[arg-type]


def busy_hours(policy: str = "own rules", refusals: float = 0.1, seed: int = 7) -> Run:
    """A run of eight hours in which people refuse to be bored; `refusals` of the clashes are."""
    dice = random.Random(seed)
    attempts: list[Attempt] = []
    for _ in range(4_000):
        command = dice.choice(list(EVENT_OF))
        age = dice.expovariate(1 / 60)
        unseen = int(age / 20 * dice.random())
        clash = dice.random() < min(0.8, age / 600)
        refused = clash and dice.random() < refusals
        sent = dice.uniform(0, 28_000)
        event = EVENT_OF[dice.choice(list(EVENT_OF))]
        attempts.append(
            attempt(
                len(attempts),
                "conflicted"
                if refused
                else "rebased"
                if clash
                else "merged"
                if unseen
                else "applied",
                command=command,
                chosen=sent - dice.random(),
                sent=sent,
                answered=sent + dice.lognormvariate(-1, 1),
                age=age,
                unseen=unseen + clash,
                overlaps=(BOB._replace(event=event),) if clash else (),
                overwritten=(BOB._replace(event=event),) if clash and not refused else (),
                rule="reject" if refused else "overwrite" if clash else None,
            )
        )
        while attempts[-1].refused and dice.random() < 0.9:
            last = attempts[-1]
            attempts.append(
                last._replace(
                    number=len(attempts),
                    again=last.number,
                    sent=last.sent + 20,
                    chosen=last.sent + 19,
                    answered=last.sent + 21,
                    outcome="conflicted" if dice.random() < refusals / 3 else "applied",
                )
            )
    return run(*attempts, policy=policy, seconds=28_800.0, people=500)
