"""Finds the recorded histories that examples play. They are not part of the project.

Set COMITY_DATA to the folder that holds them.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(os.environ.get("COMITY_DATA") or Path(__file__).parents[2] / "shared" / "data")


def recording(name: str) -> Path:
    """The path of a recorded file, such as `shared-typing/friendsforever.json.gz`.

    Raises:
        FileNotFoundError: it does not exist; the text names the folder.
    """
    path = FOLDER / name
    if not path.is_file():
        msg = f"the recording {name} is not in {FOLDER}; set COMITY_DATA to the folder that has it"
        raise FileNotFoundError(msg)
    return path
