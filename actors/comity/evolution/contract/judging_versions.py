"""Judges one schema version: can today's class read what has this version?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.edges import with_edges
from comity.evolution.contract.fitting import misfits
from comity.evolution.contract.judging_fields import changed, remedy, unread
from comity.evolution.contract.judging_samples import judge_command_samples, judge_event_samples

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.evolution.contract.contract import VersionTerms

JudgeSamples: TypeAlias = "Callable[[AnyDecider, str, str, VersionTerms], Iterator[Difference]]"


class Messages(NamedTuple):
    """Events or commands: where older ones come from, and how their samples are judged."""

    noun: str
    may_come: str
    """How the text says that older ones may come."""
    come_from: str
    """How the text begins that says what they have."""
    breaks: Broken
    """The promise that is broken if one cannot be read."""
    judge_samples: JudgeSamples


EVENTS: Final = Messages(
    "event", "journals may have it", "journals have", Broken.STORED_EVENTS, judge_event_samples
)
COMMANDS: Final = Messages(
    "command", "clients may send it", "older clients send", Broken.OLDER_CLIENTS,
    judge_command_samples,
)  # fmt: skip


def judge_version(
    messages: Messages,
    decider: AnyDecider,
    name: str,
    version: VersionTerms,
    current: VersionTerms,
) -> Iterator[Difference]:
    """Say what of the messages of a schema version cannot be read.

    Args:
        messages: `EVENTS` or `COMMANDS`.
        decider: today's decider.
        name: the message's stored name.
        version: the schema version, as the contract has it.
        current: that of today's class.
    """
    number, newest = version.schema_version, current.schema_version
    where = f"{decider.name}, {messages.noun} {name}, schema version {number}"
    breaks, message = messages.breaks, (decider.name, name)
    if number > newest:
        said = f"{messages.may_come}, and today's class has schema version {newest}"
        todo = f"a schema version never goes back: set schema_version = {number} or more"
        yield Difference(where, said, todo, breaks, message)
        return
    wrong = list(misfits(current.form, version.form)) if number == newest else []
    for one in wrong:
        said = unread(one, messages.come_from, "today's class reads")
        yield Difference(where, said, remedy(one, number), breaks, message)
    if not wrong:
        tried = version if number == newest else with_edges(version, current)
        yield from messages.judge_samples(decider, where, name, tried)
        if number == newest:
            for said in changed(version.form, current.form):
                yield Difference(where, said)
