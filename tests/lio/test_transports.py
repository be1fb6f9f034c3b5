"""sg_raw and the SG_IO ioctl against a real kernel: every way in which a command can end is told apart."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from copyproof import process
from copyproof.device import Device
from copyproof.errors import PermissionDenied, TargetLost, TransportError, TransportTimeout
from copyproof.process import Completed
from copyproof.scsi.cdb import inquiry, read10, test_unit_ready, write10
from copyproof.scsi.command import Command, Status
from copyproof.targets import discovery
from copyproof.transport import tape
from copyproof.transport.base import drain
from copyproof.transport.sg3 import DATA_MOST, Sg3
from copyproof.transport.sgio import Sgio
from copyproof.transport.tape import Header, TapeUnit, TapeWriter
from copyproof.transport.taping import Playback, Recorder

SECONDS = 30.0
DRIVER = Path("/sys/bus/pseudo/drivers/scsi_debug")
TUR = test_unit_ready()

TIMEOUT, RECOVERED, TRANSPORT, SHORT, HOST_BUSY = 0x4, 0x8, 0x10, 0x100, 0x8000
"""Faults that scsi_debug injects (`SDEBUG_OPT_…` in drivers/scsi/scsi_debug.c)."""

Inject = Callable[..., None]
Make = Callable[..., Sg3 | Sgio]


def sh(line: str) -> str:
    done = subprocess.run(["sh", "-e"], input=line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def disk() -> Iterator[Device]:
    sh("modprobe sg; modprobe scsi_debug dev_size_mb=16; udevadm settle --timeout=60")
    (found,) = [device for device in discovery.devices() if device.product == "scsi_debug"]
    yield found
    sh("udevadm settle --timeout=60; modprobe -r scsi_debug")


@pytest.fixture
def ioctl() -> Iterator[Callable[..., Sgio]]:
    """Makes transports by the ioctl, and lets go of their nodes afterwards."""
    made: list[Sgio] = []

    def make(node: Path, **options: float) -> Sgio:
        made.append(Sgio(node, **options))  # type: ignore[arg-type]  # grace alone is a number
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture(params=["sg3", "sgio"])
def make(request: pytest.FixtureRequest, ioctl: Make) -> Make:
    return Sg3 if request.param == "sg3" else ioctl


@pytest.fixture
def way(make: Make, disk: Device) -> Sg3 | Sgio:
    transport = make(disk.sg[0])
    drain(transport, SECONDS)
    return transport


@pytest.fixture
def inject() -> Iterator[Inject]:
    def put(**values: int) -> None:
        for name, value in values.items():
            (DRIVER / name).write_text(str(value))

    yield put
    put(every_nth=0, opts=0, dsense=0)


def test_data_are_exactly_those_that_came(way: Sg3 | Sgio) -> None:
    whole = way.execute(inquiry(), SECONDS)
    assert (whole.status, len(whole.data) + whole.residual) == (Status.GOOD, 255)
    assert len(whole.data) == whole.data[4] + 5
    short = way.execute(inquiry(allocation_length=36), SECONDS)
    assert (short.data, short.residual) == (whole.data[:36], 0)


@pytest.mark.parametrize("size", [512, 512 * 1024, DATA_MOST])
def test_what_is_written_is_read_back(way: Sg3 | Sgio, size: int) -> None:
    data = os.urandom(size)
    assert way.execute(write10(8, data, 512), SECONDS).good
    assert way.execute(read10(8, size // 512, 512), SECONDS).data == data


@pytest.mark.parametrize("descriptor", [0, 1], ids=["fixed", "descriptor"])
def test_sense_of_both_formats_is_read(way: Sg3 | Sgio, inject: Inject, descriptor: int) -> None:
    inject(dsense=descriptor)
    result = way.execute(inquiry(0x77), SECONDS)
    assert (result.status, str(result.sense), result.data) == (Status.CHECK_CONDITION, "05/24/00", b"")
    assert result.sense is not None
    assert result.sense.raw[0] & 0x7F == (0x72 if descriptor else 0x70)
    assert str(result.sense.pointer) == "byte 2 of the CDB"


@pytest.mark.parametrize(
    ("fault", "status", "sense", "length"),
    [
        (RECOVERED, Status.CHECK_CONDITION, "01/5D/00", 1024),
        (TRANSPORT, Status.CHECK_CONDITION, "0B/4B/03", 0),
        (SHORT, Status.GOOD, None, 512),
    ],
    ids=["recovered error", "aborted command", "short transfer"],
)
def test_an_injected_fault_is_told(
    way: Sg3 | Sgio, inject: Inject, fault: int, status: Status, sense: str | None, length: int
) -> None:
    inject(opts=fault, every_nth=1)
    result = way.execute(read10(0, 2, 512), SECONDS)
    assert (result.status, str(result.sense) if result.sense else None) == (status, sense)
    assert (len(result.data), result.residual) == (length, 1024 - length)


@pytest.mark.parametrize("command", [TUR, read10(0, 1, 512), write10(0, bytes(512), 512)], ids=["none", "in", "out"])
def test_a_command_that_times_out_is_never_good(way: Sg3 | Sgio, inject: Inject, command: Command) -> None:
    inject(opts=TIMEOUT, every_nth=1)
    with pytest.raises(TransportTimeout, match=f"{way.name}: .*DID_TIME_OUT.*unknown"):
        way.execute(command, 1)


def test_a_command_that_hangs_is_ended_by_our_own_time_out(make: Make, disk: Device, inject: Inject) -> None:
    inject(opts=HOST_BUSY, every_nth=1)
    started = time.monotonic()
    hung = make(disk.sg[0], grace=2)
    with pytest.raises(TransportTimeout, match=f"{hung.name}: .* gave no answer within 3 s; the outcome is unknown"):
        hung.execute(TUR, 1)
    assert time.monotonic() - started < 30
    inject(every_nth=0, opts=0)
    assert make(disk.sg[0]).execute(TUR, SECONDS).status in Status


def test_a_unit_attention_is_told_apart_and_drained(way: Sg3 | Sgio) -> None:
    # Udev's probes would take the unit attention away.
    sh(f"udevadm settle --timeout=60; sg_reset --device {way.node}")
    assert way.execute(TUR, SECONDS).unit_attention
    sh(f"udevadm settle --timeout=60; sg_reset --device {way.node}")
    assert [sense.key for sense in drain(way, SECONDS)] == [6]
    assert drain(way, SECONDS) == ()


@pytest.mark.parametrize(
    "command",
    [
        Command(b"\xc1" + bytes(9)),
        Command(bytes.fromhex("7f000000000000180777") + bytes(22)),
        Command(b"\x60" + bytes(7)),
    ],
    ids=["vendor-specific", "32 bytes", "8 bytes of a reserved group"],
)
def test_any_cdb_reaches_the_device(way: Sg3 | Sgio, command: Command) -> None:
    result = way.execute(command, SECONDS)
    assert result.status is Status.CHECK_CONDITION
    assert result.sense is not None
    assert (result.sense.key, result.sense.asc) in [(5, 0x20), (5, 0x24)]


def test_a_missing_node_is_a_lost_target(make: Make) -> None:
    with pytest.raises(TargetLost, match="/dev/sg99: No such file"):
        make(Path("/dev/sg99")).execute(TUR, SECONDS)


def test_what_is_no_scsi_device_is_a_transport_error(make: Make) -> None:
    with pytest.raises(TransportError, match=r"/dev/null: .*Inappropriate ioctl"):
        make(Path("/dev/null")).execute(TUR, SECONDS)


def as_nobody(argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
    lower = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv]
    return process.run(lower, timeout=timeout, stdin=stdin)


def test_another_user_is_told_to_be_root(disk: Device) -> None:
    with pytest.raises(PermissionDenied, match=f"sg3:{disk.sg[0]}: Permission denied; run as root"):
        Sg3(disk.sg[0], as_nobody).execute(TUR, SECONDS)
    os.seteuid(65534)
    try:
        with pytest.raises(PermissionDenied, match=f"sgio:{disk.sg[0]}: Permission denied; run as root"):
            Sgio(disk.sg[0]).execute(TUR, SECONDS)
    finally:
        os.seteuid(0)


def test_a_cdb_that_this_kernel_does_not_take_is_a_transport_error(way: Sg3 | Sgio) -> None:
    """More than 32 bytes, since Linux 5.18."""
    with pytest.raises(TransportError, match="Invalid argument"):
        way.execute(Command(b"\xc1" + bytes(32)), SECONDS)


def test_a_run_of_commands_on_a_tape_is_answered_the_same_without_the_device(
    way: Sg3 | Sgio, inject: Inject, tmp_path: Path
) -> None:
    commands = [inquiry(), inquiry(0x77), read10(0, 2, 512), write10(8, os.urandom(1024), 512), TUR]
    writer, unit = TapeWriter(tmp_path / "tape"), TapeUnit(role="source", naa="", blocks=1, block_size=512, number=1)
    recorder = Recorder(way, "source", writer)
    with writer.recording(Header(target="scsi_debug", seed=0, units=(unit,))):
        first = [recorder.execute(command, SECONDS) for command in commands]
        inject(opts=TIMEOUT, every_nth=1)
        with pytest.raises(TransportTimeout):
            recorder.execute(TUR, 1)
    played = Playback(tape.read(writer.path)).transport("source")
    assert [played.execute(command, SECONDS) for command in commands] == first
    with pytest.raises(TransportTimeout, match=r"DID_TIME_OUT.*unknown"):
        played.execute(TUR, 1)


def test_both_ways_say_the_same_of_the_same(disk: Device, ioctl: Make) -> None:
    commands = [inquiry(), inquiry(0x77), inquiry(0x83), read10(0, 2, 512), read10(0xFFFFFFF0, 1, 512), TUR]
    ways = (Sg3(disk.sg[0]), ioctl(disk.sg[0]))
    drain(ways[0], SECONDS)
    for command in commands:
        by_tool, by_ioctl = (replace(path.execute(command, SECONDS), duration=0.0) for path in ways)
        assert by_tool == by_ioctl


def test_a_unit_that_goes_offline_in_mid_test_is_lost(way: Sg3 | Sgio) -> None:
    state = Path("/sys/class/scsi_generic") / way.node.name / "device/state"
    state.write_text("offline\n")
    try:
        with pytest.raises(TargetLost, match="No such device or address"):
            way.execute(TUR, SECONDS)
    finally:
        state.write_text("running\n")
    assert way.execute(TUR, SECONDS).status in Status


@pytest.mark.parametrize("size", [512, 64 * 1024])
def test_a_write_can_be_repeated_by_hand(way: Sg3 | Sgio, size: int) -> None:
    data = os.urandom(size)
    assert "SCSI Status: Good" in sh(way.repeat_by_hand(write10(16, data, 512)) + " 2>&1")
    assert way.execute(read10(16, size // 512, 512), SECONDS).data == data


def test_a_read_and_a_refusal_can_be_repeated_by_hand(way: Sg3 | Sgio) -> None:
    data = way.execute(read10(0, 1, 512), SECONDS).data
    shown = sh(way.repeat_by_hand(read10(0, 1, 512)) + " 2>&1")
    assert "Received 512 bytes of data" in shown
    assert data[:8].hex(" ") in shown
    assert "Sense key: Illegal Request" in sh(way.repeat_by_hand(inquiry(0x77)) + " 2>&1 || true")


@pytest.mark.nightly
def test_a_unit_that_is_removed_is_lost(disk: Device, ioctl: Make) -> None:
    """Last, as it takes the disk away."""
    device = (Path("/sys/class/scsi_generic") / disk.sg[0].name / "device").resolve()
    held = ioctl(disk.sg[0])
    held.execute(TUR, SECONDS)
    (device / "delete").write_text("1")
    for path in (Sg3(disk.sg[0]), ioctl(disk.sg[0]), held):
        with pytest.raises(TargetLost, match=r"No such (file|device)"):
            path.execute(TUR, SECONDS)
