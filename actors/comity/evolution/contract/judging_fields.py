"""Says in words how the fields of messages and rows differ. The judging modules use it."""

from __future__ import annotations

from collections.abc import Iterator

from comity.evolution.contract.fitting import NO_FIELD, NO_VALUE, Misfit
from comity.evolution.contract.form import Form


def unread(one: Misfit, writer: str, reader: str) -> str:
    """Say what a reader cannot read.

    Args:
        one: where the two differ.
        writer: the writer with its verb: `journals have`.
        reader: the reader with its verb: `today's class reads`.
    """
    return f"{one.at}: {writer} {one.has}, and {reader} {one.reads}"


def remedy(one: Misfit, version: int) -> str:
    """Say what makes the older data of a schema version readable again."""
    upcast = f"set schema_version = {version + 1} and let upcasts[{version}]"
    if one.reads == NO_FIELD:
        name = one.at.rpartition(".")[2]
        return f'if it was renamed, mark it StoredAs("{name}"); else {upcast} take it'
    if one.has == NO_VALUE:
        return f"give it a default, or {upcast} return it"
    return f"keep what was stored, or {upcast} convert it"


def changed(before: Form, now: Form, at: str = "") -> Iterator[str]:
    """Say how two records differ. The caller has judged that nothing is broken."""
    for name, new in sorted(now.fields.items()):
        here, old = f"{at}.{name}".lstrip("."), before.fields.get(name)
        if old is None:
            yield f"{here} is new: {new}"
        elif old.type == new.type == "record":
            yield from changed(old, new, here)
        elif old != new:
            yield f"{here}: {_change(old, new)}"
    if before.validators != now.validators:
        here = f"{at}: " if at else ""
        yield f"{here}{_validators(before, now)}"


def _change(before: Form, now: Form) -> str:
    if str(before) != str(now):
        return f"{now}, and {before} before"
    if before.validators != now.validators:
        return _validators(before, now)
    if now.optional and not before.optional:
        return "it has a default now"
    if before.default != now.default:
        return (
            f"the default is {now.default!r}, and was {before.default!r}; what was stored or sent "
            "without this field is read with the new one"
        )
    return "a part of it has changed"


def _validators(before: Form, now: Form) -> str:
    old, new = (", ".join(one.validators) or "none" for one in (before, now))
    return f"its validators are {new}, and were {old}"
