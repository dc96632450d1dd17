"""Entity tags: which version a person's screen showed, and which answer a client has already."""

from __future__ import annotations

import re
from typing import Annotated

from examples.board.domain import BoardEvent
from examples.web.problems import INVALID, Problem
from fastapi import Header

from comity.readmodels import ReadModel

_VERSION = re.compile(r'"(\d{1,15})"')


def version_seen(
    if_match: Annotated[str | None, Header(max_length=40)] = None,
) -> int | None:
    """The board's version that the page showed, as `If-Match: "12"`.

    None, where the header is missing or `*`: the sender looked at nothing, and nothing is merged.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise Problem(INVALID, 'If-Match is one version that was seen, such as "12"')
    return int(found[1])


def tag_of(model: type[ReadModel[BoardEvent]], version: int) -> str:
    """The strong tag of what a model says at a version.

    Tables are a pure function of events and of the model's code, which the hash stands for.
    """
    return f'"{model.schema.hash[:8]}-{version}"'


def has_already(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has the answer with this tag."""
    if if_none_match is None:
        return False
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in known or "*" in known
