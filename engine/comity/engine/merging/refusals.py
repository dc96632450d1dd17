"""Refusals: errors with a reason and a report. Rules raise them, and the sender gets them.

All other errors are in `comity.engine.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from comity.engine.errors import ComityError
from comity.engine.text import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from comity.engine.merging.report import MergeReport

Scalar: TypeAlias = str | int | float | bool | None
"""The values that a refusal's fields may have: JSON scalars."""


class Refused(ComityError):
    """The command was understood, but refused. Nothing was changed."""

    MOST: ClassVar[int] = 2000
    """A longer reason is cut to this many characters, since it is stored with the command's id."""

    _kinds: ClassVar[dict[str, list[type[Refused]]]] = {}

    def __init__(self, reason: str = "") -> None:
        self.said = brief(reason, self.MOST)
        """The reason that the refusing rule gave; empty if it gave none."""
        super().__init__(self.said)
        self._report: MergeReport | None = None
        self._explain: Callable[[MergeReport], MergeReport] | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Refused._kinds.setdefault(cls.__name__, []).append(cls)

    @classmethod
    def named(cls, code: str, module: str = "") -> type[Self]:
        """Find the class of a stored refusal.

        If several classes have this name, it is the newest in the decider's `module`. If none
        fits, it is this class itself.
        """
        kinds = [kind for kind in Refused._kinds.get(code, ()) if issubclass(kind, cls)]
        near = [kind for kind in kinds if kind.__module__ == module]
        return (near or (kinds if len(kinds) == 1 else []) or [cls])[-1]

    @property
    def reason(self) -> str:
        """Why the command was refused: the rule's reason, or else the report's sentence."""
        if self.said or self._report is None:
            return self.said
        return brief(self._report.sentence(), self.MOST)

    @reason.setter
    def reason(self, reason: str) -> None:
        self.said = brief(reason, self.MOST)

    def __str__(self) -> str:
        return self.reason

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason!r})"

    @property
    def report(self) -> MergeReport:
        """The explanation: unseen events, clashes, the rule that ran, and the decisive event.

        Raises:
            LookupError: the refusal has no report, since no aggregate has answered with it.
        """
        if self._report is None:
            msg = "this refusal has no report: only refusals that an aggregate answered have one"
            raise LookupError(msg)
        if self._explain is not None:
            # Finding the decisive event replays history, so it waits until the report is read.
            explain, self._explain = self._explain, None
            self.said = self.reason  # keep the reason of the stored report
            self._report = explain(self._report)
        return self._report

    def attach(
        self,
        report: MergeReport,
        explain: Callable[[MergeReport], MergeReport] | None = None,
    ) -> None:
        """Give the refusal its report; `explain` completes the report at its first reading."""
        self._report = report
        self._explain = explain

    def again(self) -> Self:
        """Copy the refusal for one sender: a domain may raise the same instance every time."""
        refusal = BaseException.__new__(type(self), *self.args)
        refusal.__dict__.update(self.__dict__)
        return refusal


class Rejected(Refused):
    """A business rule refuses the command. Raise it in `decide`; subclass it to add fields.

    Fields are JSON scalars. They are stored with the refusal: a repeated command id gets the same
    refusal with the same fields, also after a restart.

    Example:
        class ColumnFull(Rejected):
            def __init__(self, column: str, limit: int) -> None:
                super().__init__(f"{column} is full", column=column, limit=limit)
    """

    def __init__(self, reason: str, **fields: Scalar) -> None:
        super().__init__(reason)
        for name, value in fields.items():
            _check_scalar(value, f"{type(self).__name__}.{name}")
        self.fields: Mapping[str, Scalar] = {
            name: brief(value, self.MOST) if isinstance(value, str) else value
            for name, value in fields.items()
        }
        self.code = type(self).__name__

    @classmethod
    def restore(
        cls, code: str, reason: str, fields: Mapping[str, Scalar], module: str = ""
    ) -> Rejected:
        """Make a refusal from its stored parts; `named` finds its class."""
        kind = cls.named(code, module)
        error = kind.__new__(kind)
        Rejected.__init__(error, reason, **fields)
        error.code = code
        return error


def _check_scalar(value: object, where: str) -> None:
    whole = isinstance(value, int) and -(1 << 63) <= value < 1 << 63
    if not whole and not isinstance(value, (str, float, type(None))):
        msg = f"{where}: expected a str, a 64-bit int, a float, a bool or None, got {value!r:.100}"
        raise TypeError(msg)


class Conflicted(Refused):
    """The command clashes with changes that its sender had not seen. Conflict rules raise it.

    A repeated command id gets the same refusal; of a subclass, only the name and the reason.
    """

    @classmethod
    def restore(cls, code: str, reason: str, module: str = "") -> Conflicted:
        """Make a refusal from its stored parts; `named` finds its class."""
        kind = cls.named(code, module)
        error = kind.__new__(kind)
        Refused.__init__(error, reason)
        return error
