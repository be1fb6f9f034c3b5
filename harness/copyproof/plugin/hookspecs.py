"""Hooks that a conftest or another plugin may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from copyproof.targets.live import Lun
    from copyproof.transport.base import Transport
    from copyproof.verdicts.record import CaseRecord, Record


@pytest.hookspec(firstresult=True)
def pytest_hil_transport(config: pytest.Config, lun: Lun, transport: Transport) -> Transport | None:
    """Wrap the transport of one unit, beneath the safety check; return None to leave it as it is.

    Used to record commands, to inject faults, or to reach a device in a way of one's own.
    """


@pytest.hookspec
def pytest_hil_case(config: pytest.Config, case: CaseRecord) -> None:
    """A case was judged. Called in the process that writes the record (the controller under xdist)."""


@pytest.hookspec
def pytest_hil_record(config: pytest.Config, record: Record) -> None:
    """The run's record is complete and about to be written."""
