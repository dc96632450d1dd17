"""A report as one HTML page."""

from __future__ import annotations

from benchmarks.report import Report


def render(report: Report) -> str:
    """The page."""
    return report.plan
