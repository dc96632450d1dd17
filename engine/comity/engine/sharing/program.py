"""The text by which one program names itself to others that have the same domain open."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime

from comity.engine.runtime.system import now


def this_program() -> str:
    """`process 12 ('app.py') on host since 2026-11-30 06:11:53 UTC`."""
    program = repr(" ".join(sys.argv) or "python")[:200]  # cut after repr, which makes it longer
    since = datetime.fromtimestamp(now() // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} ({program}) on {platform.node()} since {since}"
