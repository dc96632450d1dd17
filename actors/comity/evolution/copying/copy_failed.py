"""The error of a journal that cannot be copied as the function says. `migrate` raises it."""

from __future__ import annotations

from comity.engine import ComityError


class CopyFailed(ComityError):
    """The copy is not complete, and no domain opens it. The text says why, and what to do."""
