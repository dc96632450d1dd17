"""Sessions in docstrings (`>>>`) say what the code does."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import comity.engine

MODULES = [
    module.name
    for module in pkgutil.walk_packages(comity.engine.__path__, f"{comity.engine.__name__}.")
]


def results(name: str) -> doctest.TestResults:
    """What trying a module's examples gives."""
    return doctest.testmod(importlib.import_module(name))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_right(name: str) -> None:
    assert results(name).failed == 0


def test_there_are_some() -> None:
    assert sum(results(name).attempted for name in MODULES) >= 3
