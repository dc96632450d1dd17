"""For tests of domains and adapters: given/when/then, laws, the fixture `domain`, faults on demand.

Each name is loaded at its first use, because pytest imports this package at every start, to find
the plugin, and `laws` needs Hypothesis. Install comity[testing] for both.
"""

import typing

if typing.TYPE_CHECKING:
    from comity.testing.opening.domains import OpenDomain
    from comity.testing.promising.assert_matrix import assert_matrix
    from comity.testing.proving.broken import LawBroken
    from comity.testing.proving.laws import laws
    from comity.testing.stating.endings import endings
    from comity.testing.stating.expected import (
        applied,
        conflicted,
        merged,
        rebased,
        rejected,
        unchanged,
    )
    from comity.testing.stating.given import given
    from comity.testing.stating.hearing import answered, rang, refused
    from comity.testing.stating.said import by
    from comity.testing.switching.switched_journal import SwitchedJournal
    from comity.testing.switching.switches import down, failing, hanging, slow

__all__ = [
    "LawBroken",
    "OpenDomain",
    "SwitchedJournal",
    "answered",
    "applied",
    "assert_matrix",
    "by",
    "conflicted",
    "down",
    "endings",
    "failing",
    "given",
    "hanging",
    "laws",
    "merged",
    "rang",
    "rebased",
    "refused",
    "rejected",
    "slow",
    "unchanged",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"comity.testing has no {name}; it has {', '.join(__all__)}"
        raise AttributeError(msg)
    from comity.testing.public import PUBLIC  # noqa: PLC0415 - see above

    return PUBLIC[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
