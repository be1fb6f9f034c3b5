"""The loop of the serving process and its control socket, on rings of plain memory."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from copyproof.array.settings import ArraySettings, Mapped, VolumeSettings
from copyproof.array.trace import Step, Trace
from copyproof.errors import DeviceError, TargetLost
from copyproof.scsi.cdb import read16, test_unit_ready, write16
from copyproof.serving.control import LINE_MOST, Remote, answered
from copyproof.serving.inproc import Served
from copyproof.serving.tcmu.job import Port
from copyproof.serving.tcmu.server import Desk, unprotected
from tests.unit.serving.kernel import MANAGEMENT, Kernel, Wired

SETTINGS = ArraySettings(
    volumes=(VolumeSettings(1, 2048), VolumeSettings(2, 2048)),
    mapped=(Mapped("host", 1), Mapped("host", 2), Mapped("other", 2)),
)


@pytest.fixture
def array() -> Served:
    """An array that has told everybody that it was switched on."""
    served = Served(SETTINGS)
    for initiator in ("host", "other"):
        for volume in (1, 2):
            served.handle(initiator, volume, test_unit_ready())
    return served


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def station(kernel: Kernel) -> Iterator[Wired]:
    wired = Wired(kernel, Port("host", 1, ""))
    yield wired
    wired.close()


def test_commands_are_executed_as_their_ports_initiator_on_its_volume(
    array: Served, kernel: Kernel, station: Wired
) -> None:
    put = write16(5, b"\xab" * 1024, 512)
    wrote = kernel.queue(put.cdb, 1024, holding=put.data_out)
    read = kernel.queue(read16(5, 2, 512).cdb, 512, 512)
    refused = kernel.queue(read16(5000, 2, 512).cdb, 1024)
    Desk(array).answer(station)
    assert kernel.response(wrote).status == 0
    assert (kernel.response(read).status, kernel.response(read).read) == (0, 1024)
    assert kernel.response(refused).status == 2
    assert station.kicks == 1
    assert array.unit.read(1, 5, 2).data.tobytes() == put.data_out


@pytest.mark.parametrize(
    "cdb", ["c1100000000000000000", "37000000000000000000", "28000000000000000000", "12000000ff00", "f0" + "00" * 9]
)
def test_no_command_leaves_an_earlier_ones_data_in_its_buffer(
    array: Served, kernel: Kernel, station: Wired, cdb: str
) -> None:
    kernel.queue(bytes.fromhex(cdb), 512, holding=b"secret" * 80)
    at = bytes(kernel.memory).index(b"secret")
    Desk(array).answer(station)
    assert b"secret" not in kernel.memory[at : at + 512]


@pytest.mark.parametrize("function", [5, 6, 7])
def test_a_reset_reaches_the_array_as_a_unit_attention(
    array: Served, kernel: Kernel, station: Wired, function: int
) -> None:
    kernel.put(MANAGEMENT, bytes([function]).ljust(24, b"\0"))
    told = kernel.queue(bytes(6))
    Desk(array).answer(station)
    assert kernel.response(told).status == 2
    sense = kernel.response(told).sense
    assert 6 in (sense[1] & 0xF, sense[2] & 0xF)


@pytest.mark.parametrize(("function", "aborted"), [(0, True), (1, True), (2, True), (3, True), (4, True), (128, False)])
def test_an_abort_reaches_the_array_for_the_ports_initiator_and_volume(
    array: Served, kernel: Kernel, station: Wired, monkeypatch: pytest.MonkeyPatch, function: int, aborted: bool
) -> None:
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(array, "abort", lambda *whose: told.append(whose))
    kernel.put(MANAGEMENT, bytes([function]).ljust(24, b"\0"))
    Desk(array).answer(station)
    assert told == [("host", 1)] * aborted


def test_a_device_that_the_kernel_took_away_is_watched_no_longer(array: Served, station: Wired) -> None:
    desk = Desk(array)
    desk.watch(station.handle, lambda: desk.answer(station))
    station.taken_away = True
    desk.answer(station)
    assert station.kicks == 0
    with pytest.raises(KeyError):
        desk._selector.get_key(station.handle)


LONG = "7f00000000000018{:04x}{:02x}00" + "00" * 16 + "{:08x}"


@pytest.mark.parametrize(
    ("cdb", "room", "seen"),
    [
        ("28200000000000000200", 1024, "28000000000000000200"),
        ("28200000000000000200", 1040, "28200000000000000200"),
        ("8a20000000000000000000000002 0000", 1024, "8a00000000000000000000000002 0000"),
        ("a82000000000000000020000", 1024, "a80000000000000000020000"),
        ("aaa000000000000000020000", 1024, "aa0000000000000000020000"),
        ("8820000000000000000000000002 0000", 1024, "8800000000000000000000000002 0000"),
        ("12200000ff00", 512, "12200000ff00"),
        (LONG.format(0x09, 0x20, 2), 1024, LONG.format(0x09, 0x00, 2)),
        (LONG.format(0x0B, 0x68, 2), 1024, LONG.format(0x0B, 0x08, 2)),
        (LONG.format(0x09, 0x20, 2), 1040, LONG.format(0x09, 0x20, 2)),
        (LONG.format(0x0D, 0x20, 2), 1024, LONG.format(0x0D, 0x20, 2)),
        ("7f00000000000002 0009", 0, "7f00000000000002 0009"),
    ],
)
def test_labels_are_asked_for_only_where_the_buffer_has_room_for_them(cdb: str, room: int, seen: str) -> None:
    assert unprotected(bytes.fromhex(cdb), room, 512) == bytes.fromhex(seen)


@pytest.mark.parametrize(("protection", "status"), [(0, 0x02), (1, 0x00)])
def test_a_unit_without_labels_refuses_to_be_asked_for_them(
    kernel: Kernel, station: Wired, protection: int, status: int
) -> None:
    array = Served(replace(SETTINGS, protection=protection))
    array.handle("host", 1, test_unit_ready())
    read = kernel.queue(bytes.fromhex("88200000000000000000000000010000"), 512)
    write = kernel.queue(bytes.fromhex("8a200000000000000000000000010000"), 512)
    Desk(array).answer(station)
    for at in (read, write):
        assert kernel.response(at).status == status
        assert kernel.response(at).sense[12:14] == (b"\x24\x00" if status else b"\0\0")


def test_as_many_ticks_pass_as_the_clock_counts_whenever_it_is_looked_at(array: Served) -> None:
    now, before = [0.0], array.unit.tick
    desk, passed = Desk(array, clock=lambda: now[0]), []
    for seconds in (0.05, 0.38, 0.38, 0.42, 0.48, 1.03):
        now[0] = seconds
        desk._pass_time()
        passed.append(array.unit.tick - before)
    assert passed == [0, 3, 3, 4, 4, 10]
    desk.close()


@pytest.fixture
def serving(array: Served, tmp_path: Path) -> Iterator[Remote]:
    """A loop in a thread, with a control socket and no ring; its clock stands still."""
    desk = Desk(array, clock=lambda: 0.0)
    desk._tick = desk._due = 0.05
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "control"))
        listening.listen()
        desk.watch(listening, lambda: desk.listen(listening))
        thread = threading.Thread(target=desk.serve)
        thread.start()
        remote = Remote(tmp_path / "control")
        yield remote
        desk.stop()
        thread.join(10)
        desk.close()
        remote.close()


def test_the_trace_and_the_clock_are_reached_by_the_socket(array: Served, serving: Remote) -> None:
    serving.begin_trace()
    array.handle("host", 1, write16(5, bytes(512), 512))
    before = array.unit.tick
    serving.run(7)
    assert array.unit.tick == before + 7
    events = serving.end_trace()
    assert [event.lba for event in events if event.step is Step.COMMIT] == [5]
    assert serving.end_trace() == ()
    assert serving.internal_errors() == ()


def test_a_trace_that_lost_its_beginning_is_refused(array: Served, serving: Remote) -> None:
    serving.begin_trace()
    array.unit.trace = Trace(capacity=2)
    array.handle("host", 1, write16(5, bytes(512 * 600), 512))
    with pytest.raises(DeviceError, match=r"the trace keeps 2 events, \d+ before them are lost"):
        serving.end_trace()
    assert serving.end_trace() == ()


def test_no_tick_passes_by_itself_while_the_array_is_held(array: Served, serving: Remote) -> None:
    serving.hold()
    before = array.unit.tick
    array.handle("host", 1, write16(5, bytes(512), 512))
    array.pass_time(3)
    serving.run(2)
    assert array.unit.tick == before + 2
    serving.release()
    array.handle("host", 1, write16(5, bytes(512), 512))
    assert array.unit.tick == before + 3


def test_what_is_not_understood_is_refused_and_the_next_line_is_answered(array: Served, serving: Remote) -> None:
    with pytest.raises(DeviceError, match="there is begin_trace"):
        serving._ask(object, do="dance")
    assert serving.internal_errors() == ()


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"do": 5}', b'{"do": "run", "ticks": -1}', b'{"do": "x", "a": 1}']
)
def test_no_line_is_left_without_an_answer(array: Served, line: bytes) -> None:
    assert answered(array, line).startswith(b'{"refused":')


def test_a_line_without_end_is_hung_up_on(serving: Remote) -> None:
    serving.internal_errors()
    connection = serving._connection
    assert connection is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(4):
            connection.sendall(b"x" * LINE_MOST)
    with suppress(ConnectionResetError):
        assert connection.recv(1) == b""


def test_a_socket_that_is_not_there_is_a_lost_target(tmp_path: Path) -> None:
    with pytest.raises(TargetLost, match="control socket"):
        Remote(tmp_path / "nowhere").internal_errors()
