"""The format record of an LMDB journal: its format, its needs, and the versions that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from msgpack import UnpackException, packb, unpackb

from comity.engine import formats
from comity.engine.errors import JournalDamaged, NotAJournal
from comity.engine.files.seal import seal, unseal
from comity.engine.journal.lineage import Branch, Lineage
from comity.engine.lmdb.library import ENGINE_VERSION, LIBRARY
from comity.engine.runtime.system import now, token

FORMAT_KEY: Final = b"format"


class JournalFormat(NamedTuple):
    """The format record. It is stored as a map, so a newer comity may add fields."""

    format: int
    """The number of the stored form; a journal with another number cannot be read."""
    library: str
    """The py-lmdb that made the journal."""
    engine: str
    """The LMDB that made the journal: it determines the layout of data.mdb."""
    created: int
    """When the journal was made, in microseconds since 1970."""
    fsync: bool
    """Whether every commit was flushed; false for ever after one opening with unsafe_no_fsync."""
    comity: str = ""
    """The version of comity that made the journal; early versions left it empty."""
    needs: Mapping[str, str] = {}
    """The features that a reader must support, each with the first comity version that does. A name
    is added in the transaction that first uses the feature, never earlier."""
    has: Mapping[str, str] = {}
    """The features that a reader may ignore, with versions as in `needs`."""
    id: str = ""
    """The name of the journal, which copies keep: a random text; early versions left it empty."""
    restores: Sequence[Sequence[Any]] = ()
    """Each restore from a backup, as the fields of a `Branch`; new fields at the end."""
    more: Mapping[str, object] = {}
    """Fields of a newer comity, kept unchanged."""


_FIELDS: Final = JournalFormat._fields[:-1]


def lineage_of(record: JournalFormat) -> Lineage:
    """Return the lineage that a format record tells; early journals are named by their time."""
    restores = tuple(Branch._make(each[: len(Branch._fields)]) for each in record.restores)
    return Lineage(record.id or f"{record.created:x}", restores)


def new_format() -> JournalFormat:
    """Return the format record of a new journal."""
    return JournalFormat(
        formats.JOURNAL, LIBRARY, ENGINE_VERSION, now(), fsync=True,
        comity=formats.own_version(), id=token(8),
    )  # fmt: skip


def pack_format(record: JournalFormat) -> bytes:
    """Return the sealed row of a format record."""
    fields = record._asdict()
    for name in ("id", "restores"):  # an early journal's record stays as it was
        if not fields[name]:
            del fields[name]
    return seal(FORMAT_KEY, packb({**fields.pop("more"), **fields}))


def read_format(sealed: memoryview | None) -> JournalFormat:
    """Return the format record in this row.

    Raises:
        NotAJournal: there is no row, or the format is no longer supported.
        TooNew: only a newer comity can read the journal.
        JournalDamaged: the row is not what was written.
    """
    if sealed is None:
        raise NotAJournal("this is an LMDB environment without the format record of a journal")
    data = unseal(FORMAT_KEY, sealed, "the format record")
    try:
        more = cast("dict[str, Any]", unpackb(data))
        _check_number(more["format"], more.get("comity", ""))
        known = {name: more.pop(name) for name in _FIELDS if name in more}
        record = JournalFormat(**known, more=more)
        _check_needs(record.needs)
    except (KeyError, TypeError, AttributeError, ValueError, UnpackException) as error:
        raise JournalDamaged(
            f"the format record does not hold what it should: {error!r}; restore a backup"
        ) from error
    return record


def _check_number(number: int, made_by: str) -> None:
    if number > formats.JOURNAL:
        raise formats.too_new(
            f"this journal has format {number}", f"format {formats.JOURNAL}", made_by
        )
    if number < formats.JOURNAL:
        raise NotAJournal(
            f"this journal has format {number}, of an early comity, and this one reads format "
            f"{formats.JOURNAL}: read it with the comity that made it"
        )


def _check_needs(needs: Mapping[str, str]) -> None:
    unknown = {name: since for name, since in needs.items() if name not in formats.NEEDS}
    if unknown:
        what = ", ".join(f"{name} (since comity {unknown[name]})" for name in sorted(unknown))
        known = ", ".join(sorted(formats.NEEDS)) or "journals without needs"
        raise formats.too_new(f"this journal needs {what}", known)
