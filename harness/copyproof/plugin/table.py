"""Tables of cases, and the marks that a conformance test carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from _pytest.mark import ParameterSet

from copyproof.plugin.order import Order
from copyproof.scsi.spoil import Spoiler
from copyproof.targets.capabilities import Capability

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Case:
    """One row: the requirement it judges, what it spoils, and a name where a requirement has several rows."""

    requirement: str
    spoiler: Spoiler
    name: str = ""

    @property
    def label(self) -> str:
        """The name by which reports and profiles know the row."""
        return self.name or self.spoiler.name

    def apply(self, order: Order) -> Order:
        """Return the order, spoilt."""
        return order.spoilt(self.spoiler)


def table(*cases: Case) -> pytest.MarkDecorator:
    """Run a test once a row; the row comes as its argument `case` and brings its requirement along."""
    return pytest.mark.parametrize("case", [_row(case) for case in cases])


def _row(case: Case) -> ParameterSet:
    name = f"{case.requirement}-{case.label}".replace(" ", "-")
    return pytest.param(case, id=name, marks=hil_requirement(case.requirement))


def hil_requirement(name: str) -> pytest.MarkDecorator:
    """Say which requirement of the catalogue a test judges."""
    return pytest.mark.hil_requirement(name)


def hil_needs(*capabilities: Capability) -> pytest.MarkDecorator:
    """Say what a target must have for a test; where it lacks that, the verdict says so with the reason."""
    return pytest.mark.hil_needs(*capabilities)
