"""The first and the last line of an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from comity.engine import Invalid, formats
from comity.engine.journal.lineage import Branch, Lineage
from comity.engine.runtime.system import now
from comity.evolution.exporting.exact_json import dumps, loads
from comity.evolution.exporting.record_line import read_time, time_text, whole
from comity.evolution.exporting.wanted_records import WantedRecords

KIND = "export"
"""The first value of the first line, and of the last one."""


class ExportHead(NamedTuple):
    """The first line of an export."""

    format: int
    """The number of the form of the lines."""
    comity: str
    """The version of comity that wrote it."""
    made: int
    """When it was written, in microseconds since 1970."""
    lineage: Lineage
    """Where the journal comes from."""
    records: int
    """How many records the journal had."""
    only: Mapping[str, object]
    """Which part it is; empty if it is the whole journal."""

    @property
    def is_whole(self) -> bool:
        """Whether it has all records."""
        return not self.only


class ExportEnd(NamedTuple):
    """The last line of an export: what it has."""

    records: int
    events: int
    position: int
    """The position of the journal's last event that was looked at."""


def head_line(lineage: Lineage, records: int, wanted: WantedRecords) -> str:
    """Return the first line, without its checksum."""
    restores = [{**branch._asdict(), "time": time_text(branch.time)} for branch in lineage.restores]
    fields: dict[str, object] = {
        "comity": KIND,
        "format": formats.EXPORT,
        "version": formats.own_version(),
        "made": time_text(now()),
        "lineage": {"id": lineage.id, "restores": restores},
        "records": records,
    }
    if not wanted.is_all:
        fields["only"] = wanted.told()
    return dumps(fields)


def end_line(end: ExportEnd) -> str:
    """Return the last line, without its checksum."""
    return dumps({"end": KIND, **end._asdict()})


def is_head(line: bytes) -> bool:
    """Return whether a file that begins with this line is an export, of any format."""
    return line.startswith(b'{"comity":"export",')


def is_end(line: bytes) -> bool:
    """Return whether this is the last line of an export."""
    return line.startswith(b'{"end":"export",')


def read_head(line: str) -> ExportHead:
    """Read the first line.

    Raises:
        TooNew: a newer comity wrote the export.
        Invalid: the line is none.
    """
    fields = _fields(line)
    number = _whole(fields, "format")
    if number > formats.EXPORT:
        known = f"exports up to format {formats.EXPORT}"
        raise formats.too_new(f"this export has format {number}", known, str(fields.get("version")))
    try:
        told = fields["lineage"]
        restores = tuple([_branch(each) for each in told["restores"]])
        lineage = Lineage(str(told["id"]), restores)
        made = read_time(fields["made"])
    except (LookupError, TypeError, AttributeError) as error:
        raise Invalid(f"it does not tell where the journal comes from: {error!r}") from None
    only = fields.get("only", {})
    if not isinstance(only, dict):
        raise Invalid(f"expected a map for 'only', got {only!r:.100}")
    return ExportHead(
        number, str(fields.get("version")), made, lineage, _whole(fields, "records"),
        cast("dict[str, object]", only),
    )  # fmt: skip


def _branch(told: Mapping[str, Any]) -> Branch:
    position, record = whole(told, "position"), whole(told, "record")
    return Branch(str(told["id"]), position, record, read_time(told["time"]))


def read_end(line: str) -> ExportEnd:
    """Read the last line.

    Raises:
        Invalid: the line is none.
    """
    fields = _fields(line)
    return ExportEnd._make([_whole(fields, name) for name in ExportEnd._fields])


def _fields(line: str) -> Mapping[str, Any]:
    fields = loads(line)
    if not isinstance(fields, dict):
        raise Invalid("it is no line of an export")
    return cast("dict[str, Any]", fields)


def _whole(fields: Mapping[str, Any], name: str) -> int:
    if name not in fields:
        raise Invalid(f"it has no {name!r}")
    return whole(fields, name)
