"""Other conflict rules for a decider, without a change of the domain's classes.

Use them to compare policies: play the same people under each, and see what each one loses. The
decider that they return has the name, the messages and the functions of the given one.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TypeVar, cast

from comity.engine.errors import WiringError
from comity.engine.merging.clash import Clash
from comity.engine.merging.command import Command
from comity.engine.merging.decider import Decider
from comity.engine.merging.rule import Rule, RuleFunction
from comity.engine.merging.rules import overwrite, reject
from comity.engine.messages.message import Event

S = TypeVar("S")
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
K = TypeVar("K", bound=Command)


def with_rules(
    decider: Decider[S, C, E], rules: Mapping[type[K], RuleFunction]
) -> Decider[S, C, E]:
    """Return the decider with other conflict rules for these command classes.

    Open a domain with it in place of the given decider. Handles may be asked for with either:
    `domain.aggregate(decider, key)` decides by the rules that the domain was opened with.

    Args:
        decider: the decider; it stays as it is.
        rules: a rule for each of these classes, as it would be assigned to `on_conflict`. The
            other classes keep their rules.

    Raises:
        WiringError: `decider` is none, a key is not one of its command classes, or a rule cannot be
            called with a command and a clash.

    Example:
        hasty = with_rules(board, {RenameCard: overwrite, AssignCard: give_way})
        with Domain.open("team.db", deciders=[hasty]) as domain:
            ...
    """
    _check(decider, "with_rules")
    if not isinstance(cast("object", rules), Mapping):
        msg = f"with_rules: expected rules such as {{RenameCard: overwrite}}, got {rules!r:.100}"
        raise WiringError(msg)
    known = ", ".join(kind.__name__ for kind in decider.commands)
    for kind in rules:
        if kind not in decider.command_set:
            shown = kind.__name__ if isinstance(cast("object", kind), type) else repr(kind)
            msg = f"with_rules: {decider.name} has no command class {shown:.100}; it has {known}"
            raise WiringError(msg)
    return _playing(
        decider, {kind: Rule(kind, rules[kind], f"with_rules, {kind.__name__}") for kind in rules}
    )


def last_writer_wins(decider: Decider[S, C, E]) -> Decider[S, C, E]:
    """Return the decider with `overwrite` for every command.

    A command that clashes goes on as its sender wrote it, on the newest state. The business rules
    of `decide` are still asked. So a sender is never asked again because of a conflict, and what
    another sender wrote may be lost without a word.

    Raises:
        WiringError: `decider` is none.
    """
    _check(decider, "last_writer_wins")
    return _playing(decider, {kind: Rule(kind, overwrite, "") for kind in decider.commands})


def rejecting(decider: Decider[S, C, E]) -> Decider[S, C, E]:
    """Return the decider with `reject` for every command: a clash is always refused.

    Raises:
        WiringError: `decider` is none.
    """
    _check(decider, "rejecting")
    return _playing(decider, {kind: Rule(kind, reject, "") for kind in decider.commands})


def whole_aggregate(decider: Decider[S, C, E]) -> Decider[S, C, E]:
    """Return the decider under optimistic locking of the whole aggregate, as by a version column.

    Every unseen event refuses every command, wherever the two change the aggregate. As always, the
    events of the sender's own session are not unseen, and a command that would change nothing on
    the newest state is `unchanged` instead of refused.

    Raises:
        WiringError: `decider` is none.
    """
    _check(decider, "whole_aggregate")

    def whole_aggregate(command: Command, clash: Clash[object], /) -> Command | None:
        return reject(command, clash)

    made = _playing(decider, {kind: Rule(kind, whole_aggregate, "") for kind in decider.commands})
    made.whole = True
    return made


def _playing(decider: Decider[S, C, E], rules: Mapping[type[Command], Rule]) -> Decider[S, C, E]:
    made = copy.copy(decider)
    made.rules = {**decider.rules, **rules}
    return made


def _check(decider: object, where: str) -> None:
    if not isinstance(decider, Decider):
        msg = f"{where}: expected a Decider(...), got {decider!r:.100}"
        raise WiringError(msg)
