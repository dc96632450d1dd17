"""The names under which messages are stored, as their classes declare them."""

from __future__ import annotations

import re
from typing import cast

from comity.engine.errors import WiringError

_STORED_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")


def declared_names(kind: type[object]) -> tuple[str, tuple[str, ...]]:
    """The stored name and the aliases that a class itself declares.

    Raises:
        WiringError: one is no word, or an alias is there twice or is the stored name.
    """
    own, name = kind.__dict__, kind.__name__
    said = own.get("stored_as")
    stored_as = check_stored_name(said, f"{name}.stored_as") if said else name
    aliases = own.get("aliases", ())
    if not isinstance(aliases, tuple):
        msg = f"{name}.aliases: expected a tuple such as ('OldName',), got {aliases!r:.100}"
        raise WiringError(msg)
    found = [stored_as]
    for alias in cast("tuple[object, ...]", aliases):
        if alias in found:
            msg = f"{name}.aliases: {alias!r} is there twice, or is its stored name; remove it"
            raise WiringError(msg)
        found.append(check_stored_name(alias, f"{name}.aliases"))
    return stored_as, tuple(found[1:])


def check_stored_name(name: object, where: str) -> str:
    """Return the name, if a message can be stored under it.

    Raises:
        WiringError: it is no word; `where` begins the text.
    """
    if not isinstance(name, str) or not _STORED_NAME.match(name):
        msg = f"{where}: expected a word such as 'CardRenamed', got {name!r:.100}"
        raise WiringError(msg)
    return name
