"""Cursors: where a page ended, as text that a web client can hold. Queries make and read them.

A client may hold one for longer than a version of comity: each says the format of its key.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, cast

import msgpack

from comity.engine.errors import Invalid
from comity.engine.formats import MODEL
from comity.readmodels.keys.encoding import MAX_KEY

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Entry
    from comity.readmodels.tables.question import Question

_LONGEST = 2_000
"""Characters; the longest that is ever made has 1,400."""


def pack_cursor(question: int, entry: Entry) -> str:
    """The cursor of this entry, for the question with this checksum."""
    return base64.urlsafe_b64encode(msgpack.packb((question, *entry, MODEL))).decode().rstrip("=")


def unpack_cursor(question: Question, cursor: str) -> Entry:
    """The entry that the page before ended with.

    It only says where to go on inside of the same question, so that a client that changes it
    gets another page of what it may see, and nothing else.

    Raises:
        Invalid: it is none, or one of another question.
    """
    wrong = Invalid(f"{cursor!r:.42} is no cursor: give back Page.next as it was")
    if not isinstance(cast("object", cursor), str) or len(cursor) > _LONGEST:
        raise wrong
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        asked, key, value, *more = msgpack.unpackb(data)
        format_ = more[0] if more else 2  # of those that do not say it
    except (ValueError, TypeError, binascii.Error, msgpack.UnpackException):
        raise wrong from None
    entry = type(asked) is int and type(key) is type(value) is bytes and key
    if not (entry and len(key) <= MAX_KEY and len(value) <= MAX_KEY):
        raise wrong
    if format_ != MODEL:
        msg = "this cursor is of another version of comity: ask for the first page again"
        raise Invalid(msg)
    if asked != question.checksum or not question.span.holds(key):
        msg = "this cursor belongs to another question: ask for the first page of this one"
        raise Invalid(msg)
    return key, value
