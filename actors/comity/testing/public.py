"""What `comity.testing` gives to tests. The package loads it at the first use of a name."""

from collections.abc import Mapping
from typing import Final

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

PUBLIC: Final[Mapping[str, object]] = {
    "LawBroken": LawBroken,
    "OpenDomain": OpenDomain,
    "SwitchedJournal": SwitchedJournal,
    "answered": answered,
    "applied": applied,
    "assert_matrix": assert_matrix,
    "by": by,
    "conflicted": conflicted,
    "down": down,
    "endings": endings,
    "failing": failing,
    "given": given,
    "hanging": hanging,
    "laws": laws,
    "merged": merged,
    "rang": rang,
    "rebased": rebased,
    "refused": refused,
    "rejected": rejected,
    "slow": slow,
    "unchanged": unchanged,
}
