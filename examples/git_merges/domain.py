"""A registry of programming languages that many people edit at once, with two conflict rules.

Language ids are unique: if an id is taken, the next free one is used. If other people have retired
a field, it stays retired: a stale value for it goes to the list that replaces it, or is dropped.
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
"""The fields that may be retired, and the list that replaces each, if there is one."""

RETIRED_FROM = 3
"""A field counts as retired if at least this many entries lose it and none keeps it.
In the recorded merges any number from 3 to 199 gives the same results."""

ELSEWHERE = "a language that is not shown here"


# --- state --------------------------------------------------------------------------------------


@dataclass
class Language:
    id: int | None = None
    fields: dict[str, str] = field(default_factory=dict[str, str])
    lists: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """A language. Lists are sets, since their order has no meaning; empty ones are left out."""


@dataclass
class Registry:
    languages: dict[str, Language] = field(default_factory=dict[str, Language])
    holders: dict[int, str] = field(default_factory=dict[int, str])
    """The language of each id."""

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


# --- commands -----------------------------------------------------------------------------------


class Entry(Value):
    """A language as it is copied into a registry."""

    name: str
    id: int | None = None
    fields: tuple[tuple[str, str], ...] = ()
    items: tuple[tuple[str, str], ...] = ()


class CopyIn(Command):
    """Start with a copy of another registry: these entries, and the ids of its other entries."""

    entries: tuple[Entry, ...]
    reserved: tuple[int, ...] = ()
    touches = ("languages", "ids")


class AddLanguage(Command):
    language: Key[str]
    touches = "languages/{language}/name"  # two people may add the same one


class RemoveLanguage(Command):
    language: Key[str]
    touches = "languages/{language}"


class SetField(Command):
    language: Key[str]
    field: str
    value: str
    touches = "languages/{language}/fields/{field}"

    def dependencies(self) -> Footprint:
        """It depends on the field being in use, in any language."""
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
        return self  # an edit of another language

    def _is_retired(self, clash: Clash[Registry]) -> bool:
        """Whether others removed the field from this language, or from all languages."""
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
    """It depends on every id: the next free one may have been taken meanwhile, by another person or
    by an earlier command of the same sender."""

    def on_conflict(self, clash: Clash[Registry], /) -> TakeId:
        if any(path[0] == "languages" for path in clash.paths):
            raise Conflicted  # others gave this language an id
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


# --- events -------------------------------------------------------------------------------------


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


# --- decisions ----------------------------------------------------------------------------------


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
            raise Rejected(f"there is already a language {entry.name!r}", language=entry.name)
    yield CopiedIn(entries=entries, reserved=reserved)


def take_id(registry: Registry, name: str, number: int) -> Iterator[IdTaken]:
    if registry.language(name).id == number:
        return
    holder = registry.holders.get(number)
    if holder is not None:
        raise Rejected(f"the id {number} belongs to {holder}", number=number, holder=holder)
    yield IdTaken(language=name, number=number)


# --- evolving the state -------------------------------------------------------------------------


def evolve(registry: Registry, event: RegistryEvent) -> Registry:
    match event:
        case CopiedIn(entries=entries, reserved=reserved):
            for entry in entries:
                registry.languages[entry.name] = paste(entry)
                if entry.id is not None:  # a copied file may already break the rule
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
