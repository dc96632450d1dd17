"""Judges whether older programs, which may still run, can read the events that are stored today.

An event class says with `readable_from` which programs these are; they leave out what they do not
know. Without it nothing is promised to older programs: they stop with words, and lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.fitting import NO_FIELD, Meeting, misfits
from comity.evolution.contract.judging_fields import unread

if TYPE_CHECKING:
    from comity.evolution.contract.contract import MessageTerms, VersionTerms

OLDER: Final = Broken.OLDER_PROGRAMS
LEAVING_OUT: Final = Meeting(older=True, skips=True)
"""An older program leaves out the fields that it does not know."""


def judge_older(
    decider: str, promised: MessageTerms, name: str, reader: str, current: VersionTerms
) -> Iterator[Difference]:
    """Yield what older programs cannot read of an event.

    Args:
        decider: the decider's name.
        promised: the event's terms in the contract.
        name: its stored name in the contract.
        reader: the stored name of the class that reads it today.
        current: what that class writes.
    """
    where = f"{decider}, event {name}"
    if promised.read_as:  # programs that wrote this name were judged when the name changed
        return
    if reader != name:
        yield _renamed(where, name, reader, current)
        return
    newest = promised.versions[-1]
    if newest.schema_version == current.schema_version:
        yield from _withdrawn(where, newest, current)
    for version in promised.versions:
        if current.readable_from is None:
            if version is newest:
                yield from _unpromised(where, version, current)
        elif current.readable_from <= version.schema_version <= current.schema_version:
            yield from _promised(where, version, current)


def _renamed(where: str, name: str, reader: str, current: VersionTerms) -> Difference:
    said = f"it is stored as {reader} now, which programs from before this change do not know"
    if current.readable_from is None:
        return Difference(where, said, f'if they run beside today\'s, write stored_as = "{name}"')
    return Difference(
        where,
        f"{said}; readable_from = {current.readable_from} promises that they read it",
        f'write stored_as = "{name}" on its class, or take readable_from away',
        OLDER,
    )


def _withdrawn(where: str, before: VersionTerms, current: VersionTerms) -> Iterator[Difference]:
    """Say that fewer programs may read a schema version than before."""
    if before.readable_from is None:
        return
    if current.readable_from is None or current.readable_from > before.readable_from:
        now = current.readable_from or "gone"
        yield Difference(
            where,
            f"readable_from was {before.readable_from}, and is {now} now: some "
            f"programs that could read schema version {current.schema_version} cannot any more",
            f"set readable_from = {before.readable_from}, or stop these programs first and then "
            "write the contract anew",
            OLDER,
        )


def _promised(where: str, version: VersionTerms, current: VersionTerms) -> Iterator[Difference]:
    """Say what programs of a schema version cannot read, although they may."""
    number = version.schema_version
    for one in misfits(version.form, current.form, LEAVING_OUT):
        said = unread(one, "today's class writes", f"programs of schema version {number} read")
        todo = f"write it as before, or take readable_from = {current.readable_from} away"
        yield Difference(where, said, todo, OLDER)


def _unpromised(where: str, version: VersionTerms, current: VersionTerms) -> Iterator[Difference]:
    """Say that older programs will stop at today's events; nothing else is promised to them."""
    number, newest = version.schema_version, current.schema_version
    missed = list(misfits(version.form, current.form, Meeting(older=True)))
    if newest > number:
        said = f"schema version {newest} is new"
    elif missed and not any(misfits(current.form, version.form)):
        how = "is new" if all(one.reads == NO_FIELD for one in missed) else "changed"
        said = f"{', '.join(one.at for one in missed)} {how} in schema version {number}"
    else:
        return
    if any(misfits(version.form, current.form, LEAVING_OUT)):
        todo = "first deploy programs that read it, and then those that write it"
    else:
        todo = f"readable_from = {number} lets them go on"
    yield Difference(
        where,
        f"{said}; programs from before this change stop at such an event, and lose nothing",
        f"if they run beside today's, {todo}",
    )
