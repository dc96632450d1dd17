"""A contract: what a domain promises to its stored data, to older programs and to its clients.

`contract_file.py` reads and writes it; `terms_of.py` makes today's from the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from pydantic import Field, JsonValue, field_validator

from comity.evolution.contract.form import Form, Part

FORMAT = 2
"""The newest format of contract files that this version of comity reads. A contract without
processes is written in format 1, as it was before there were any."""
Section: TypeAlias = Literal["events", "commands"]


class VersionTerms(Part):
    """A schema version of an event or command."""

    schema_version: int
    fields: Mapping[str, Form]
    """By stored name."""
    readable_from: int | None = None
    """Of an event: programs of this schema version and newer ones may read it."""
    validators: tuple[str, ...] = ()
    """The names of the validators of the whole message."""
    samples: tuple[Mapping[str, JsonValue], ...] = ()
    """Stored fields, as `tagged.py` makes them; kept for ever."""

    @property
    def form(self) -> Form:
        """All fields as one form."""
        return Form(type="record", fields=self.fields, validators=self.validators)


class MessageTerms(Part):
    """An event or command, under its stored name."""

    aliases: tuple[str, ...] = ()
    """Other stored names that its class reads."""
    read_as: str = ""
    """The stored name of the class that reads this one as an alias; "" if it is its own name."""
    versions: tuple[VersionTerms, ...]
    """Oldest first."""

    @field_validator("versions")
    @classmethod
    def _rises(cls, versions: tuple[VersionTerms, ...]) -> tuple[VersionTerms, ...]:
        numbers = [one.schema_version for one in versions]
        if not numbers or sorted({*numbers}) != numbers:
            msg = f"expected rising schema versions, got {numbers}"
            raise ValueError(msg)
        return versions


class DeciderTerms(Part):
    """An aggregate type."""

    events: Mapping[str, MessageTerms]
    """By stored name; also of events that are retired, or read as another event's alias."""
    commands: Mapping[str, MessageTerms]
    retired: tuple[str, ...] = ()
    """The stored names of events that no longer happen and have no class."""
    rules_revision: str = ""
    matrix: Mapping[str, Mapping[str, str]]
    """By command and event: what happens to a command that has not seen the event."""

    def readers(self, section: Section) -> Mapping[str, str]:
        """Return by stored name, also an alias, the stored name of the class that reads it."""
        messages = self.events if section == "events" else self.commands
        own = {name: terms for name, terms in messages.items() if not terms.read_as}
        aliases = {alias: name for name, terms in own.items() for alias in terms.aliases}
        return aliases | {name: name for name in own}


class TableTerms(Part):
    """A table of a read model."""

    columns: Mapping[str, Form]
    key: str
    """The columns of its key, or `computed`."""
    indexes: Mapping[str, str] = {}
    gained: tuple[str, ...] = ()
    """Columns that older rows lack: the model goes on without a rebuild."""


class ModelTerms(Part):
    """A read model."""

    tables: Mapping[str, TableTerms]


class ProcessTerms(Part):
    """A process."""

    hears: tuple[str, ...]
    """The stored names of the events that its instances hear, or may have heard."""
    starts: tuple[str, ...]
    """The stored names of those that begin an instance."""
    orders: tuple[str, ...] = ()
    """The names of the deciders that it may give orders to."""


class Contract(Part):
    """All that is promised."""

    format: int = Field(default=FORMAT, alias="comity contract")
    deciders: Mapping[str, DeciderTerms]
    models: Mapping[str, ModelTerms] = {}
    processes: Mapping[str, ProcessTerms] = {}
