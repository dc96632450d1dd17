"""The errors of files that cannot be imported. `import_journal` and `import_events` raise them."""

from __future__ import annotations

from comity.engine import ComityError


class NotAnExport(ComityError):
    """The file is something else than the export of a journal, or only a part of one."""


class ExportDamaged(NotAnExport):
    """A line is missing, doubled or changed, or the file ends too early. Export anew."""


class ImportFailed(ComityError):
    """A line cannot be imported. The text names it, and says why and what to do."""
