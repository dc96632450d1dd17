"""Where the recorded histories are that examples play: beside the project, never inside it.

The examples ask `recording` for a path; set COMITY_DATA to say where the recordings are.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(os.environ.get("COMITY_DATA") or Path(__file__).parents[2] / "shared" / "data")


def recording(name: str) -> Path:
    """The recorded file of that name, such as `shared-typing/friendsforever.json.gz`.

    Raises:
        FileNotFoundError: it is not there; the text says where it was looked for.
    """
    path = FOLDER / name
    if not path.is_file():
        msg = f"the recording {name} is not in {FOLDER}; set COMITY_DATA to the folder that has it"
        raise FileNotFoundError(msg)
    return path
