"""Finds the cases of a plan that cannot be measured on this machine."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks import recorded
from benchmarks.job import Case
from benchmarks.plan import Plan


def possible(plan: Plan) -> tuple[Plan, dict[str, str]]:
    """The plan without the cases that cannot be measured here, and the reason for each."""
    reasons = {item.case.name: _reason(item.case) for item in plan.items}
    kept = [item for item in plan.items if not reasons[item.case.name]]
    return plan._replace(items=kept), {name: text for name, text in reasons.items() if text}


def _reason(case: Case) -> str:
    if case.workload == "recorded":
        return recorded.missing(case)
    if case.options.get("mode") == "uvloop" and find_spec("uvloop") is None:
        return "uvloop is not installed in .venv, since no package there needs it"
    return ""
