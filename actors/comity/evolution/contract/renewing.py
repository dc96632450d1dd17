"""Renews a contract: today's terms, with the schema versions and samples that were promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from comity.evolution.contract.contract import (
    Contract,
    DeciderTerms,
    MessageTerms,
    ProcessTerms,
    Section,
    VersionTerms,
)

if TYPE_CHECKING:
    from pydantic import JsonValue

Sample: TypeAlias = "Callable[[str, Section, str], tuple[Mapping[str, JsonValue], ...]]"
"""Makes samples of a message: of a decider's name, `events` or `commands`, and a stored name."""
_SampleByName: TypeAlias = "Callable[[str], tuple[Mapping[str, JsonValue], ...]]"


def renewed(promised: Contract, current: Contract, sample: Sample) -> Contract:
    """Return today's contract, with all older versions and samples; none is ever changed."""
    none = DeciderTerms(events={}, commands={}, matrix={})
    return current.model_copy(
        update={
            "deciders": {
                name: _decider(name, promised.deciders.get(name, none), terms, sample)
                for name, terms in current.deciders.items()
            },
            "processes": {
                name: _process(promised.processes.get(name), terms)
                for name, terms in current.processes.items()
            },
        }
    )


def _process(before: ProcessTerms | None, now: ProcessTerms) -> ProcessTerms:
    """Return today's process, with all events that its instances may have heard."""
    heard = before.hears if before else ()
    return now.model_copy(update={"hears": tuple(sorted({*heard, *now.hears}))})


def _decider(name: str, before: DeciderTerms, now: DeciderTerms, sample: Sample) -> DeciderTerms:
    events = {
        **_gone(before.events, now.readers("events")),
        **_current(before.events, now.events, lambda one: sample(name, "events", one)),
    }
    readers = now.readers("commands")
    sent = {one: terms for one, terms in before.commands.items() if one in readers}
    commands = {
        **_gone(sent, readers),
        **_current(before.commands, now.commands, lambda one: sample(name, "commands", one)),
    }
    return now.model_copy(update={"events": events, "commands": commands})


def _gone(
    before: Mapping[str, MessageTerms], readers: Mapping[str, str]
) -> dict[str, MessageTerms]:
    """Return the messages that were promised, and who reads them now, if not their own class."""
    return {
        name: terms.model_copy(update={"read_as": readers.get(name, "")})
        for name, terms in before.items()
    }


def _current(
    before: Mapping[str, MessageTerms], now: Mapping[str, MessageTerms], sample: _SampleByName
) -> dict[str, MessageTerms]:
    return {
        name: terms.model_copy(
            update={"versions": _versions(name, before.get(name), terms, sample)}
        )
        for name, terms in now.items()
    }


def _versions(
    name: str, before: MessageTerms | None, now: MessageTerms, sample: _SampleByName
) -> tuple[VersionTerms, ...]:
    """Return the older versions as they were, and today's with samples of its fields."""
    newest = now.versions[-1]
    promised = before.versions if before else ()
    kept = tuple(one for one in promised if one.schema_version < newest.schema_version)
    same = next((one for one in promised if one.schema_version == newest.schema_version), None)
    samples = same.samples if same else ()
    if same is None or same.fields != newest.fields or not samples:
        samples = (*samples, *(one for one in sample(name) if one not in samples))
    return (*kept, newest.model_copy(update={"samples": samples}))
