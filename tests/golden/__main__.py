"""`python -m tests.golden FOLDER` writes the golden files of what comity stores today.

Say a new folder when a form has changed; those that are there stay as they are.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.golden.files import save_form, save_rows
from tests.golden.forms import FORMS
from tests.golden.history import rows_of, write_history


def main(folder: Path) -> None:
    """Write all files into a new folder."""
    folder.mkdir()
    for form in FORMS:
        save_form(folder, form.name, form.says, form.write())
    with tempfile.TemporaryDirectory() as place:
        journal = Path(place) / "journal"
        write_history(journal)
        save_rows(folder, rows_of(journal))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
