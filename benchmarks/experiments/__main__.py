"""The process that runs one experiment: python -m benchmarks.experiments NAME FOLDER SECONDS."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import cast

from benchmarks.experiments.finding import Experiment


def main() -> None:
    """Run it; its findings are the output."""
    name, folder, seconds = sys.argv[1:]
    module = importlib.import_module(f"benchmarks.experiments.{name}")
    run = cast("Experiment", module.run)
    json.dump([finding.as_json() for finding in run(Path(folder), float(seconds))], sys.stdout)


if __name__ == "__main__":
    main()
