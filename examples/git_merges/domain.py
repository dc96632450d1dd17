"""A registry of programming languages that many people edit at once, with two rules of its own.

Language ids are unique: one that is taken becomes the next free one. A field that others retired
stays retired: what a stale person would set in it goes where it belongs now, or nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from comity.engine import (
    Clash,
    Command,
    Conflicted,
    Decider,
    Event,
    Footprint,
    Key,
    Rejected,
    Value,
)

SUCCESSOR: dict[str, str | None] = {"primary_extension": "extensions", "lexer": None}
"""The fields that may be retired, and the list that takes over what they said, if any does."""

RETIRED_FROM = 3
"""So many entries lose a field, and none keeps it, before that is a decision and not an edit.
In the recorded merges any number from 3 to 199 tells the two apart."""

ELSEWHERE = "a language that is not shown here"


# --- what the registry is -----------------------------------------------------------------------


@dataclass
class Language:
    id: int | None = None
    fields: dict[str, str] = field(default_factory=dict[str, str])
    lists: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Lists are sets: the order in the file means nothing. An empty one is not there."""


@dataclass
class Registry:
    languages: dict[str, Language] = field(default_factory=dict[str, Language])
    holders: dict[int, str] = field(default_factory=dict[int, str])
    """Which language has an id."""

    def language(self, name: str) -> Language:
        if name not in self.languages:
            raise Rejected(f"there is no language {name!r}", language=name)
        return self.languages[name]

    def next_free_id(self, wanted: int) -> int:
        while wanted in self.holders:
            wanted += 1
        return wanted

    def has_anywhere(self, name: str) -> bool:
        return any(name in language.fields for language in self.languages.values())


# --- what people want ---------------------------------------------------------------------------


class Entry(Value):
    """A language as it is copied into a registry."""

    name: str
    id: int | None = None
    fields: tuple[tuple[str, str], ...] = ()
    items: tuple[tuple[str, str], ...] = ()


class CopyIn(Command):
    """Begin with what another registry held: these entries, and ids that others of it have."""

    entries: tuple[Entry, ...]
    reserved: tuple[int, ...] = ()
    touches = ("languages", "ids")


class AddLanguage(Command):
    language: Key[str]
    touches = "languages/{language}/name"  # what two people say about a new one may be merged


class RemoveLanguage(Command):
    language: Key[str]
    touches = "languages/{language}"


class SetField(Command):
    language: Key[str]
    field: str
    value: str
    touches = "languages/{language}/fields/{field}"

    def dependencies(self) -> Footprint:
        """That the field is still in use, in whatever language."""
        return (("fields", self.field),) if self.field in SUCCESSOR else ()

    def on_conflict(self, clash: Clash[Registry], /) -> SetField | AddItem | None:
        here = any(path[0] == "languages" for path in clash.paths)
        if self._is_retired(clash):
            extends = SUCCESSOR[self.field]
            if extends is None:
                return None
            return AddItem(language=self.language, field=extends, item=self.value)
        if here:
            raise Conflicted
        return self  # somebody's edit of another language

    def _is_retired(self, clash: Clash[Registry]) -> bool:
        """Whether others took the field from this language, or from all that had it."""
        if self.field not in SUCCESSOR:
            return False
        lost = [
            event.language
            for event in clash.events
            if isinstance(event, FieldUnset) and event.field == self.field
        ]
        everywhere = len(lost) >= RETIRED_FROM and not clash.state.has_anywhere(self.field)
        return everywhere or self.language in lost


class UnsetField(Command):
    language: Key[str]
    field: str
    touches = "languages/{language}/fields/{field}"


class AddItem(Command):
    language: Key[str]
    field: str
    item: str
    touches = "languages/{language}/fields/{field}/{item}"


class RemoveItem(Command):
    language: Key[str]
    field: str
    item: str
    touches = "languages/{language}/fields/{field}/{item}"


class TakeId(Command):
    language: Key[str]
    number: int
    touches = ("languages/{language}/id", "ids/{number}")
    depends_on = "ids"
    """On every id: the next free one may be one that somebody took in the meantime, or that the
    sender's own command before this one was moved to."""

    def on_conflict(self, clash: Clash[Registry], /) -> TakeId:
        if any(path[0] == "languages" for path in clash.paths):
            raise Conflicted  # others gave this very language an id
        if clash.state.holders.get(self.number) in (None, self.language):
            return self
        return self.model_copy(update={"number": clash.state.next_free_id(self.number)})


class ReleaseId(Command):
    language: Key[str]
    touches = "languages/{language}/id"


RegistryCommand: TypeAlias = (
    CopyIn
    | AddLanguage
    | RemoveLanguage
    | SetField
    | UnsetField
    | AddItem
    | RemoveItem
    | TakeId
    | ReleaseId
)


# --- what happened ------------------------------------------------------------------------------


class CopiedIn(Event):
    entries: tuple[Entry, ...]
    reserved: tuple[int, ...]
    touches = ("languages", "ids")


class LanguageAdded(Event):
    language: Key[str]
    touches = "languages/{language}/name"


class LanguageRemoved(Event):
    language: Key[str]
    touches = "languages/{language}"


class FieldSet(Event):
    language: Key[str]
    field: str
    value: str
    touches = "languages/{language}/fields/{field}"


class FieldUnset(Event):
    language: Key[str]
    field: str
    touches = ("languages/{language}/fields/{field}", "fields/{field}")


class ItemAdded(Event):
    language: Key[str]
    field: str
    item: str
    touches = "languages/{language}/fields/{field}/{item}"


class ItemRemoved(Event):
    language: Key[str]
    field: str
    item: str
    touches = "languages/{language}/fields/{field}/{item}"


class IdTaken(Event):
    language: Key[str]
    number: int
    touches = ("languages/{language}/id", "ids/{number}")


class IdReleased(Event):
    language: Key[str]
    number: int
    touches = ("languages/{language}/id", "ids/{number}")


RegistryEvent: TypeAlias = (
    CopiedIn
    | LanguageAdded
    | LanguageRemoved
    | FieldSet
    | FieldUnset
    | ItemAdded
    | ItemRemoved
    | IdTaken
    | IdReleased
)


# --- deciding -----------------------------------------------------------------------------------


def decide(registry: Registry, command: RegistryCommand) -> Iterator[RegistryEvent]:
    match command:
        case CopyIn(entries=entries, reserved=reserved):
            yield from copy_in(registry, entries, reserved)
        case AddLanguage(language=name):
            if name not in registry.languages:
                yield LanguageAdded(language=name)
        case RemoveLanguage(language=name):
            if name in registry.languages:
                yield LanguageRemoved(language=name)
        case SetField(language=name, field=of, value=value):
            if registry.language(name).fields.get(of) != value:
                yield FieldSet(language=name, field=of, value=value)
        case UnsetField(language=name, field=of):
            if of in registry.language(name).fields:
                yield FieldUnset(language=name, field=of)
        case AddItem(language=name, field=of, item=item):
            if item not in registry.language(name).lists.get(of, ()):
                yield ItemAdded(language=name, field=of, item=item)
        case RemoveItem(language=name, field=of, item=item):
            if item in registry.language(name).lists.get(of, ()):
                yield ItemRemoved(language=name, field=of, item=item)
        case TakeId(language=name, number=number):
            yield from take_id(registry, name, number)
        case ReleaseId(language=name):
            held = registry.language(name).id
            if held is not None:
                yield IdReleased(language=name, number=held)


def copy_in(
    registry: Registry, entries: tuple[Entry, ...], reserved: tuple[int, ...]
) -> Iterator[CopiedIn]:
    for entry in entries:
        if entry.name in registry.languages:
            raise Rejected(f"there is a language {entry.name!r} already", language=entry.name)
    yield CopiedIn(entries=entries, reserved=reserved)


def take_id(registry: Registry, name: str, number: int) -> Iterator[IdTaken]:
    if registry.language(name).id == number:
        return
    holder = registry.holders.get(number)
    if holder is not None:
        raise Rejected(f"the id {number} belongs to {holder}", number=number, holder=holder)
    yield IdTaken(language=name, number=number)


# --- what becomes of it -------------------------------------------------------------------------


def evolve(registry: Registry, event: RegistryEvent) -> Registry:
    match event:
        case CopiedIn(entries=entries, reserved=reserved):
            for entry in entries:
                registry.languages[entry.name] = paste(entry)
                if entry.id is not None:  # a copied file may break the rule already
                    registry.holders.setdefault(entry.id, entry.name)
            for number in reserved:
                registry.holders.setdefault(number, ELSEWHERE)
        case LanguageAdded(language=name):
            registry.languages[name] = Language()
        case LanguageRemoved(language=name):
            release(registry, name)
            del registry.languages[name]
        case FieldSet(language=name, field=of, value=value):
            registry.languages[name].fields[of] = value
        case FieldUnset(language=name, field=of):
            del registry.languages[name].fields[of]
        case ItemAdded(language=name, field=of, item=item):
            registry.languages[name].lists.setdefault(of, set()).add(item)
        case ItemRemoved(language=name, field=of, item=item):
            items = registry.languages[name].lists[of]
            items.remove(item)
            if not items:
                del registry.languages[name].lists[of]
        case IdTaken(language=name, number=number):
            release(registry, name)
            registry.languages[name].id = number
            registry.holders[number] = name
        case IdReleased(language=name):
            release(registry, name)
    return registry


def paste(entry: Entry) -> Language:
    language = Language(entry.id, dict(entry.fields))
    for of, item in entry.items:
        language.lists.setdefault(of, set()).add(item)
    return language


def release(registry: Registry, name: str) -> None:
    language = registry.languages[name]
    if language.id is not None and registry.holders.get(language.id) == name:
        del registry.holders[language.id]
    language.id = None


registry = Decider("registry", Registry, decide, evolve)
