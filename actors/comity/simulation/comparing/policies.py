"""Policies: sets of conflict rules by name, each applied to the deciders of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias, cast

from comity.engine.errors import WiringError
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AggregateType, AnyDecider
from comity.engine.merging.policies import (
    last_writer_wins,
    rejecting,
    whole_aggregate,
    with_rules,
)
from comity.engine.merging.rule import RuleFunction

Policy: TypeAlias = "Callable[[AnyDecider], AggregateType] | Mapping[type[Command], RuleFunction]"
"""A function that returns a decider with other rules, such as `whole_aggregate`; or the rules that
some commands get, such as `{RenameCard: overwrite}`."""


def own_rules(decider: AnyDecider) -> AnyDecider:
    """Return the decider as it is."""
    return decider


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        "own rules": own_rules,
        "reject": rejecting,
        "version column": whole_aggregate,
        "last writer wins": last_writer_wins,
    }
)
"""The policies that are compared if none are named.

- `own rules`: the domain as it is.
- `reject`: a command that clashes is refused, whatever its own rule says.
- `version column`: a command is refused if anything of its aggregate has changed unseen.
- `last writer wins`: a command that clashes is accepted as it is.
"""


def played_by(
    name: str, policy: Policy, deciders: Sequence[AggregateType]
) -> tuple[AggregateType, ...]:
    """Return the deciders as a policy plays them.

    Raises:
        WiringError: no decider has a command of the policy, or the policy is none.
    """
    known = [cast("AnyDecider", one) for one in deciders]
    try:
        if callable(policy):
            return tuple(_made(policy(one), one) for one in known)
        if isinstance(cast("object", policy), Mapping):
            return tuple(_given(policy, known))
    except WiringError as error:
        msg = f"policy {name!r}: {error}"
        raise WiringError(msg) from None
    msg = (
        f"policy {name!r}: expected a function of a decider, such as whole_aggregate, or rules "
        f"such as {{RenameCard: overwrite}}, got {policy!r:.100}"
    )
    raise WiringError(msg)


def _given(
    rules: Mapping[type[Command], RuleFunction], deciders: Iterable[AnyDecider]
) -> list[AggregateType]:
    left = dict(rules)
    made: list[AggregateType] = []
    for decider in deciders:
        its = {kind: left.pop(kind) for kind in decider.commands if kind in left}
        made.append(with_rules(decider, its) if its else decider)
    if left:
        unknown = ", ".join(getattr(kind, "__name__", repr(kind)) for kind in left)
        those = ", ".join(kind.__name__ for one in deciders for kind in one.commands)
        msg = f"no decider of the scenario has {unknown:.200}; their commands are {those}"
        raise WiringError(msg)
    return made


def _made(made: object, decider: AnyDecider) -> AggregateType:
    if isinstance(made, AggregateType) and made.name == decider.name:
        return made
    msg = f"expected a decider named {decider.name}, got {made!r:.100}: return with_rules(...)"
    raise WiringError(msg)
