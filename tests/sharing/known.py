"""The deciders that several processes have in tests, by name, and how a process opens them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from examples.git_merges.domain import registry
from examples.incident_desk.domain import incident
from examples.shared_typing.domain import document
from tests.property.desk import desk
from tests.sharing.worker import Opening

from comity.actors import Domain, Policy
from comity.engine import Decider

DECIDERS: dict[str, Decider[Any, Any, Any]] = {
    one.name: one for one in (desk, document, incident, registry)
}


def open_known(path: Path, names: Sequence[str], policy: Policy | None) -> Domain:
    """Open a domain with some of them."""
    return Domain.open(path, deciders=[DECIDERS[name] for name in names], policy=policy)


def opening(path: Path, *names: str, policy: Policy | None = None) -> Opening:
    """How a process opens a domain with some of them."""
    return partial(open_known, path, names, policy)
