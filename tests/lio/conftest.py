"""Tests on real LIO targets. They need root and a kernel that has LIO: `ci/vm python -m pytest tests/lio`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from copyproof import process
from copyproof.targets import drivers, leaks, spec
from copyproof.targets.drivers.lio import ground
from copyproof.targets.live import LiveTarget


def settle() -> None:
    """Wait until udev has finished with all that came and went."""
    process.run(["udevadm", "settle", "--timeout=30"], timeout=40)


@pytest.fixture(scope="session", autouse=True)
def _root() -> None:
    if os.geteuid() != 0:
        pytest.exit("tests/lio needs root and a kernel with LIO: ci/vm python -m pytest tests/lio", returncode=2)


@pytest.fixture(scope="session", autouse=True)
def _no_leaks_of_the_session(_root: None) -> Iterator[None]:
    """What there was before the first test is what there is after the last."""
    # Modules make nodes of their own when they are loaded, and stay: load them all before the first look.
    for name in spec.names():
        if (target := spec.load(name)).driver in ("lio", "mirror", "tcmu"):
            ground.prepare(target)
    settle()
    before = leaks.snapshot()
    yield
    settle()
    assert leaks.compare(before, leaks.snapshot()) == []


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """What there was before the test is what there is after it."""
    settle()
    before = leaks.snapshot()
    yield
    settle()
    assert leaks.compare(before, leaks.snapshot()) == []


@pytest.fixture(scope="session")
def loopback() -> Iterator[LiveTarget]:
    """The target lio-loopback, up for the whole session: for tests that leave it as it was."""
    with drivers.open_target(spec.load("lio-loopback")) as live:
        yield live
