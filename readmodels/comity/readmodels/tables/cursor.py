"""Cursors: the end of a page, as text that a web client can keep. Queries make and read them.

A client may keep a cursor for longer than a version of comity, so it has the format of its key.
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
"""The most characters of a cursor; the longest that comity makes has 1,400."""


def pack_cursor(question: int, entry: Entry) -> str:
    """The cursor for an entry of the question with this checksum."""
    return base64.urlsafe_b64encode(msgpack.packb((question, *entry, MODEL))).decode().rstrip("=")


def unpack_cursor(question: Question, cursor: str) -> Entry:
    """The last entry of the earlier page.

    A cursor is only a place within one question. A client that forges one gets another page of
    the same question, and no other data.

    Raises:
        Invalid: it is not a cursor, or it belongs to another question.
    """
    wrong = Invalid(
        f"{cursor!r:.42} is not a cursor: pass what the page before gave (Page.next), unchanged"
    )
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
        msg = "this cursor belongs to another query: start with the first page of this one"
        raise Invalid(msg)
    return key, value
