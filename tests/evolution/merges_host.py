"""A domain with the recorded merges, which then goes on: `python -m tests.evolution.merges_host`.

Arguments: the journal, and how many merges are played before it says `filled`. Then it plays the
merges once more, about 300 commands a second, until its input ends. It says `closed` and the time,
in seconds of the monotonic clock that all processes share.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from examples.git_merges.__main__ import POLICY, RECORDING
from examples.git_merges.domain import registry
from examples.git_merges.merges import recorded
from examples.git_merges.play import play, played
from examples.recordings import recording

from comity.actors import Domain

PER_SECOND = 300


def main() -> None:
    """Play the merges."""
    path, many = Path(sys.argv[1]), int(sys.argv[2])
    merges = list(recorded(recording(RECORDING)))
    with Domain.open(path, deciders=[registry], policy=POLICY) as domain:
        for _ in played(domain, merges[:many]):
            pass
        print("filled", flush=True)
        ended = threading.Event()
        threading.Thread(target=_wait, args=[ended], daemon=True).start()
        for number, merge in enumerate(cycle(merges)):
            if ended.is_set():
                break
            commit = f"{merge.commit[:30]}-{number}"
            done = play(domain, replace(merge, commit=commit))
            ended.wait(len(done.answers) / PER_SECOND)
    print("closed", time.monotonic(), flush=True)


def _wait(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main()
