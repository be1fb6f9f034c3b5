"""The SG_IO transport on what no device here could be made to say, and its thread; tests/contract has the rest."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copyproof.errors import PermissionDenied, TargetLost, TransportError, TransportTimeout
from copyproof.scsi.cdb import test_unit_ready as ready
from copyproof.scsi.cdb import write10
from copyproof.scsi.command import Command, Result, Status
from copyproof.transport.sgio import Header, Ioctl, Sgio

NULL = Path("/dev/null")
READ = Command(bytes.fromhex("28000000000000000100"), data_in=512)


def answered(fill: Callable[[Header], object], command: Command = READ) -> Result:
    transport = Sgio(NULL, lambda handle, header: fill(header))
    try:
        return transport.execute(command, 5)
    finally:
        transport.close()


def filled(**fields: int) -> Callable[[Header], None]:
    def fill(header: Header) -> None:
        for name, value in fields.items():
            setattr(header, name, value)

    return fill


def test_the_header_is_laid_out_as_the_kernel_has_it() -> None:
    """include/scsi/sg.h, on a machine with pointers of 8 bytes."""
    expected = {"dxferp": 16, "cmdp": 24, "sbp": 32, "timeout": 40, "usr_ptr": 56, "status": 64, "sb_len_wr": 67}
    expected |= {"host_status": 68, "driver_status": 70, "resid": 72, "info": 80}
    assert ctypes.sizeof(ctypes.c_void_p) == 8
    assert {name: getattr(Header, name).offset for name in expected} == expected
    assert ctypes.sizeof(Header) == 88


@pytest.mark.parametrize(
    ("fields", "kind", "says"),
    [
        ({"host_status": 0x03}, TransportTimeout, "DID_TIME_OUT.*unknown"),
        ({"host_status": 0x03, "status": 0x02, "sb_len_wr": 18}, TransportTimeout, "unknown"),
        ({"host_status": 0x01}, TargetLost, "DID_NO_CONNECT"),
        ({"host_status": 0x07}, TransportError, "host status 07h"),
        ({"driver_status": 0x06}, TransportError, "driver status 06h"),
        ({"status": 0x7E}, TransportError, "SCSI status 7Eh is not known"),
        ({"resid": -1}, TransportError, "a residual of -1 of 512 bytes"),
        ({"resid": 513}, TransportError, "a residual of 513 of 512 bytes"),
    ],
)
def test_what_is_no_answer_is_never_good(fields: dict[str, int], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=f"sgio:/dev/null: .*{says}"):
        answered(filled(**fields))


def test_suggestions_of_old_kernels_and_the_mark_of_sense_data_are_no_driver_errors() -> None:
    assert answered(filled(driver_status=0x18)).good


def test_the_residual_of_data_that_go_out_is_told() -> None:
    result = answered(filled(resid=100), write10(0, bytes(512), 512))
    assert (result.status, result.residual, result.data) == (Status.GOOD, 100, b"")


def test_sense_data_come_whole() -> None:
    """96 bytes, as the kernel keeps them; sg_raw has room for 32."""
    raw = bytes([0x72, 0x0A, 0x0D, 0x01, 0, 0, 0, 88]) + bytes([0x0C, 86, 0x02, 2, 0x72, 5, 0x21, 0]) + bytes(80)

    def fill(header: Header) -> None:
        header.status, header.sb_len_wr = 2, len(raw)
        ctypes.memmove(header.sbp, raw, len(raw))

    sense = answered(fill).sense
    assert sense is not None
    assert (sense.raw, str(sense.forwarded[0]), sense.forwarded[0].cut) == (raw, "05/21/00", False)


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.EACCES, PermissionDenied, "Permission denied; run as root"),
        (errno.ENXIO, TargetLost, "No such device or address"),
        (errno.ENODEV, TargetLost, "No such device"),
        (errno.ENOMEM, TransportError, "SG_IO ended with Cannot allocate memory"),
        (errno.EINVAL, TransportError, "SG_IO ended with Invalid argument"),
    ],
)
def test_an_errno_of_the_ioctl_is_the_same_error_as_with_sg_raw(number: int, kind: type[Exception], says: str) -> None:
    def fail(header: Header) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(kind, match=f"sgio:/dev/null: {says}"):
        answered(fail)


def test_a_missing_node_is_a_lost_target_and_a_file_is_a_transport_error(tmp_path: Path) -> None:
    with pytest.raises(TargetLost, match="No such file"):
        Sgio(tmp_path / "none").execute(ready(), 1)
    (tmp_path / "file").touch()
    with pytest.raises(TransportError, match="Inappropriate ioctl"):
        Sgio(tmp_path / "file").execute(ready(), 1)


@pytest.mark.parametrize(
    "command",
    [Command(bytes(5)), Command(bytes(253)), Command(bytes(6), bytes(2**20 + 1)), Command(bytes(6), b"", 2**20 + 1)],
)
def test_what_the_header_cannot_carry_is_refused_before_the_node_is_opened(command: Command) -> None:
    with pytest.raises(ValueError, match="SG_IO"):
        Sgio(Path("/nowhere")).execute(command, 1)


class Stuck:
    """An ioctl that hangs in the kernel the first time, until it is let go."""

    def __init__(self) -> None:
        self.entered, self.free = threading.Event(), threading.Event()
        self.handles: list[int] = []
        self.blocked: set[int] = set()

    def __call__(self, handle: int, header: Header) -> None:
        self.handles.append(handle)
        self.blocked = {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])}
        if len(self.handles) == 1:
            self.entered.set()
            self.free.wait(30)
            header.status = int(Status.BUSY)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    ioctl = Stuck()
    yield ioctl
    ioctl.free.set()


def test_a_command_that_hangs_is_given_up_and_its_answer_is_not_taken_for_the_next(stuck: Stuck) -> None:
    transport = Sgio(NULL, stuck, grace=0.05)
    with pytest.raises(TransportTimeout, match=r"sgio:/dev/null: the kernel gave no answer within 0.05 s; the outcome"):
        transport.execute(ready(), 0)
    stuck.free.set()
    assert [transport.execute(ready(), 5).status for _ in range(2)] == [Status.GOOD] * 2
    transport.close()


def test_an_interrupt_ends_the_wait_and_not_the_command(stuck: Stuck) -> None:
    transport = Sgio(NULL, stuck)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        stuck.entered.wait(30)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        transport.execute(ready(), 30)
    assert len(stuck.handles) == 1
    stuck.free.set()
    assert transport.execute(ready(), 5).good
    transport.close()


def test_the_thread_in_the_kernel_takes_no_signals(stuck: Stuck) -> None:
    stuck.free.set()
    transport = Sgio(NULL, stuck)
    transport.execute(ready(), 5)
    transport.close()
    assert {int(signal.SIGINT), int(signal.SIGTERM), int(signal.SIGTSTP), int(signal.SIGALRM)} <= stuck.blocked


def test_a_node_is_opened_once_and_let_go_of_at_the_end() -> None:
    seen: list[int] = []
    note: Ioctl = lambda handle, header: seen.append(handle)  # noqa: E731
    transport = Sgio(NULL, note)
    for _ in range(3):
        transport.execute(ready(), 5)
    assert len(set(seen)) == 1
    assert str(Path(f"/proc/self/fd/{seen[0]}").readlink()) == "/dev/null"
    transport.close(patience=10)
    assert not Path(f"/proc/self/fd/{seen[0]}").is_symlink()
    transport.close()


def test_threads_that_share_a_node_get_the_answers_to_their_own_commands() -> None:
    under_way: list[int] = []

    def echo(handle: int, header: Header) -> None:
        """Let the data be the LBA, once another thread had its chance."""
        under_way.append(1)
        assert len(under_way) == 1
        cdb = ctypes.string_at(header.cmdp, 10)
        threading.Event().wait(0.001)
        ctypes.memmove(header.dxferp, cdb[2:6] * 128, 512)
        under_way.pop()

    transport = Sgio(NULL, echo)
    wrong: list[int] = []

    def ask(first: int) -> None:
        for lba in range(first, first + 20):
            command = Command(b"\x28\0" + lba.to_bytes(4, "big") + bytes.fromhex("00000100"), data_in=512)
            if transport.execute(command, 5).data != lba.to_bytes(4, "big") * 128:
                wrong.append(lba)

    threads = [threading.Thread(target=ask, args=(number * 100,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    transport.close()
    assert wrong == []
