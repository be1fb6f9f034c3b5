"""The pytest plugin's entry point: options and markers. Everything heavy waits until a target is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from copyproof.plugin.rig import Rig

MARKERS = (
    "hil_requirement(ID): the requirement of the catalogue that this test judges",
    "hil_needs(capability, ...): needs these capabilities of the target, else NOT_SUPPORTED or NOT_OBSERVABLE",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the `--hil-*` options (pytest's documented hook)."""
    group = parser.getgroup("copyproof", "hardware-in-the-loop proof of array copies")
    _add_target(group)
    _add_work(group)


def _add_target(group: pytest.OptionGroup) -> None:
    """What is tested, how it is reached, and what is kept of it."""
    group.addoption(
        "--hil-target", metavar="NAME|PATH.toml", help="the target to test: a shipped name or a target file"
    )
    group.addoption("--hil-report", metavar="DIR", help="write record.json and report.html into this folder")
    group.addoption(
        "--hil-seed", metavar="N", type=int, help="seed of stamps and places (default: from the clock; printed)"
    )
    group.addoption(
        "--hil-transport",
        choices=("sg3", "sgio"),
        help="how commands reach a unit: sg_raw of sg3_utils, or the SG_IO ioctl (default: the target file's)",
    )
    group.addoption("--hil-tape", metavar="FILE", help="record every command and host write of the run on a tape")


def _add_work(group: pytest.OptionGroup) -> None:
    """What is done beside the tests, and how it is judged."""
    group.addoption(
        "--hil-verify",
        metavar="changed|full|sample:N",
        default="changed",
        help="what is verified beside each judgement: at the end all that is known (changed), so after the units were "
        "stamped whole (full), or also N random blocks of each unit after each test (default: changed)",
    )
    group.addoption(
        "--hil-fuzz", metavar="STEPS", type=int, help="also play so many random operations on target and model"
    )
    group.addoption(
        "--hil-fuzz-seconds",
        metavar="N",
        type=float,
        default=3600.0,
        help="end the random operations after so many seconds, shrinking not counted (default: 3600)",
    )
    group.addoption("--hil-strict", action="store_true", help="tolerated outcomes count as FAIL")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the project's own hooks (see copyproof.plugin.hookspecs)."""
    from copyproof.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the working part of the plugin when a target is given."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    if config.getoption("--hil-target"):
        from copyproof.plugin.active import activate

        activate(config)


@pytest.fixture
def hil(request: pytest.FixtureRequest) -> Rig:
    """The whole bench of a test: `hil.copy`, `hil.send`, `hil.judge`; needs `--hil-target`."""
    if not request.config.getoption("--hil-target"):
        pytest.fail(
            "this test needs a target: give --hil-target=NAME or PATH.toml (copyproof targets lists them)",
            pytrace=False,
        )
    rig: Rig = request.getfixturevalue("_hil_rig")
    return rig
