"""The law that makes the others worth something: every command and event comes up in examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from comity.testing.proving.broken import LawBroken
from comity.testing.proving.law import Law, draw_examples

if TYPE_CHECKING:
    from comity.testing.proving.play import Play
    from comity.testing.proving.subject import Subject

ROUNDS: Final = 10
"""How often as many examples as for another law are drawn, while something has not come up."""


def _everything_comes_up(subject: Subject, law: Law) -> None:
    missing = {kind.__name__ for kind in (*subject.decider.commands, *subject.decider.events)}
    refusals: dict[str, str] = {}

    def example(play: Play) -> None:
        while play.desk.version < MOST and play.goes_on():
            refusal = play.step()
            if refusal is not None:
                refusals[refusal.report.command] = f"refused: {refusal.reason}"
        missing.difference_update(play.came_up)

    for number in range(ROUNDS):
        if missing:
            draw_examples(subject, law, example, number)
    if missing:
        invalid = {name: f"invalid: {why}" for name, why in subject.maker.failures.items()}
        reasons = {**invalid, **refusals}
        said = [
            f"{name} ({reasons[name]})" if name in reasons else name for name in sorted(missing)
        ]
        raise LawBroken(
            f"{subject.decider.name}, {law.words}",
            [],
            f"In all examples none was accepted of {', '.join(said)}. So the other laws say "
            "nothing about them. Give values that are accepted, by the field's name, type or "
            'message class: laws(..., strategies={"column": st.sampled_from(["todo", "done"])})',
        )


MOST: Final = 12

LAWS: Final[tuple[Law, ...]] = (
    Law("everything-comes-up", "every command and event comes up", _everything_comes_up),
)
