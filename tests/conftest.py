"""How hypothesis draws: the same examples in each `scripts/test`, new ones in `scripts/soak`."""

from __future__ import annotations

from hypothesis import settings

# A change must not fail for what was drawn by chance: that is for soak to find.
settings.register_profile("same", derandomize=True)
settings.register_profile("new", max_examples=1_000, print_blob=True)
