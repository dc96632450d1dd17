"""Entity tags: the version that a person's screen showed, and the answer that a client has."""

from __future__ import annotations

import re
from typing import Annotated

from examples.board.domain import BoardEvent
from examples.sprint.domain import SprintEvent
from examples.web.problems import INVALID, Problem
from fastapi import Header

from comity.readmodels import ReadModel

_VERSION = re.compile(r'"(\d{1,15})"')


def version_seen(
    if_match: Annotated[str | None, Header(max_length=40)] = None,
) -> int | None:
    """The board's version that the page showed, from `If-Match: "12"`.

    None if the header is missing or `*`: the command is decided without merging.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise Problem(INVALID, 'If-Match: expected one version, such as "12"')
    return int(found[1])


def tag_of(model: type[ReadModel[BoardEvent] | ReadModel[SprintEvent]], version: int) -> str:
    """The strong tag of a model's answer at a version.

    Tables depend only on the events and on the model's code, whose hash is in the tag.
    """
    return f'"{model.schema.hash[:8]}-{version}"'


def has_already(if_none_match: str | None, tag: str) -> bool:
    """Whether the client already has the answer with this tag."""
    if if_none_match is None:
        return False
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in known or "*" in known
