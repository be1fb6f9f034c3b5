"""However a run ends, its target goes down with it or with the next run, and nobody else's does."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from copyproof.errors import DeviceError
from copyproof.targets import discovery, drivers, leaks, lease, spec
from copyproof.targets.drivers.lio import backstores, driver, initiator, iscsi
from copyproof.targets.lease import Mark

RUN = """
import signal, sys
from copyproof.targets import drivers, spec
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with drivers.open_target(spec.load(sys.argv[1])) as live:
    print(*(lun.device.naa for lun in live.luns.values()), flush=True)
    sys.stdin.read()
"""


class Other:
    """Another run with its target up."""

    def __init__(self, process: subprocess.Popen[str], naas: set[str]) -> None:
        self.process, self.naas = process, naas

    def present(self) -> set[str]:
        return self.naas & {device.naa for device in discovery.devices()}

    def end(self, how: signal.Signals | None = None) -> int:
        if how is None:
            self.process.communicate("", timeout=60)
        else:
            self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def other(name: str) -> Iterator[Other]:
    argv = [sys.executable, "-c", RUN, name]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        naas = set(process.stdout.readline().split())
        assert naas
        try:
            yield Other(process, naas)
        finally:
            process.kill()


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("name", ["lio-loopback", pytest.param("lio-iblock", marks=pytest.mark.nightly), "lio-iscsi"])
def test_what_a_killed_run_left_is_cleared_by_the_next(name: str) -> None:
    with other(name) as dead:
        dead.end(signal.SIGKILL)
        assert dead.present() == dead.naas
        assert len(lease.dead()) == 1
        with drivers.open_target(spec.load("lio-ramdisk")):
            assert dead.present() == set()
            assert lease.dead() == []


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_an_interrupted_run_takes_its_target_down(how: signal.Signals, status: int) -> None:
    with other("lio-loopback") as run:
        assert run.end(how) == status
        assert run.present() == set()


@pytest.mark.usefixtures("no_leaks")
def test_two_runs_at_once_do_not_clear_each_other() -> None:
    with other("lio-iscsi") as living:
        with drivers.open_target(spec.load("lio-iscsi")) as live:
            assert living.naas.isdisjoint({lun.device.naa for lun in live.luns.values()})
            assert living.present() == living.naas
        assert living.present() == living.naas
        assert len(initiator.sessions()) == 2
        living.end()
        assert living.present() == set()


@pytest.mark.usefixtures("no_leaks")
def test_a_target_that_nobody_of_ours_made_is_left_alone() -> None:
    from rtslib_fb import RDMCPStorageObject

    foreign = RDMCPStorageObject("somebody", size=1 << 20, wwn="3f1e1a52-8a5c-4d4b-9b6e-2f4f0d5c7a11")
    try:
        with other("lio-loopback") as dead:
            dead.end(signal.SIGKILL)
            with drivers.open_target(spec.load("lio-loopback")):
                assert foreign.exists
        assert foreign.exists
    finally:
        foreign.delete()


@pytest.mark.usefixtures("no_leaks")
def test_a_unit_that_never_appears_is_named_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "APPEAR", 1.0)
    monkeypatch.setattr(backstores, "naa", lambda serial: "6" * 32)
    with pytest.raises(
        DeviceError, match=f"no unit with NAA {'6' * 32}.* appeared within 1 s in /sys/class/scsi_device"
    ):
        drivers.open_target(spec.load("lio-loopback")).__enter__()


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize(
    ("room", "step", "failure"),
    [
        (backstores, "make", OSError(28, "No space left on device")),
        (iscsi, "publish", KeyboardInterrupt()),
        (initiator, "log_in", DeviceError("the array caught fire")),
        (discovery, "wait_for", SystemExit(143)),
    ],
)
def test_a_failure_half_way_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, room: ModuleType, step: str, failure: BaseException
) -> None:
    monkeypatch.setattr(room, step, late(getattr(room, step), failure))
    with pytest.raises(type(failure)):
        drivers.open_target(spec.load("lio-iscsi")).__enter__()


def late(real: Callable[..., object], failure: BaseException) -> Callable[..., object]:
    """A step that is done in full and then fails, which is the worst moment; making fails at the second unit."""
    calls: list[object] = []

    def step(*arguments: object, **named: object) -> object:
        calls.append(real(*arguments, **named))
        if real.__name__ != "make" or len(calls) == 2:
            raise failure
        return calls[-1]

    return step


@pytest.mark.usefixtures("no_leaks")
def test_the_leak_check_sees_a_target_that_is_up() -> None:
    before = leaks.snapshot()
    with drivers.open_target(spec.load("lio-iblock")):
        left = leaks.compare(before, leaks.snapshot())
    kinds = {line.partition(":")[0] for line in left}
    assert {"configfs", "loop devices", "SCSI units", "sg nodes", "private folders", "locks and notes"} <= kinds


def test_marks_are_carried_by_everything_that_is_made() -> None:
    before = leaks.snapshot()
    with drivers.open_target(spec.load("lio-iscsi")):
        left = leaks.compare(before, leaks.snapshot())
        (mark,) = {Mark.parse(line) for line in left if "locks" in line and ".lock" in line}
        assert mark is not None
        numbers = {str(mark.number << 4 | role) for role in range(16)}
        unmarked = {line for line in left if mark.run not in line and not any(number in line for number in numbers)}
    # Units and nodes have numbers that the kernel gives (their designators carry the mark); the rest is shared by runs.
    named_by_us = {line for line in unmarked if not line.startswith(("SCSI units: ", "sg nodes: "))}
    assert named_by_us <= {
        "configfs: iscsi",
        "configfs: iscsi/discovery_auth",
        "locks and notes: made-iscsi",
        "locks and notes: made-iscsid",
    }
