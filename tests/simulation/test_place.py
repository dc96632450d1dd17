"""Where the error of a script was raised: in a line that its author wrote."""

from __future__ import annotations

from typing import cast

import pytest
from pydantic import ValidationError

from comity.engine import Command, Key
from comity.simulation.playing.life import place


class Rename(Command):
    card: Key[str]
    title: str


def test_a_command_with_a_wrong_field_is_found_where_it_was_written() -> None:
    with pytest.raises(ValidationError) as raised:
        Rename(card="c1", title=cast("str", 1))
    assert place(raised.value).startswith(
        "test_a_command_with_a_wrong_field_is_found_where_it_was_written, test_place.py line"
    )
