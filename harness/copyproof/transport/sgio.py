"""Commands by the SG_IO ioctl on a Linux sg node: no program is started, and the sense data come whole.

The header is `struct sg_io_hdr` of include/scsi/sg.h (interface 3); what the kernel puts in it is in
drivers/scsi/sg.c (`sg_new_write`, `sg_start_req`, `sg_rq_end_io`, `sg_new_read`).
"""

from __future__ import annotations

import ctypes
import fcntl
import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty

from copyproof.errors import TransportError, TransportTimeout
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.sense import Sense, SenseKey, decode_sense
from copyproof.transport.courier import Courier
from copyproof.transport.failures import DID_OK, host_error, system_error
from copyproof.transport.sg3 import GRACE, by_hand

SG_IO = 0x2285
INTERFACE = ord("S")
NOTHING, TO_DEVICE, FROM_DEVICE = -1, -2, -3
"""Directions (`SG_DXFER_…`)."""

CDB_LEAST, CDB_MOST = 6, 252
"""What the header takes (`SG_MAX_CDB_SIZE`). Kernels since 5.18 refuse more than 32 bytes: TransportError (EINVAL)."""

DATA_MOST = 1024 * 1024
"""Bytes a command may carry, as many as with sg3: bulk data goes through block nodes."""

SENSE_ROOM = 255
"""Bytes of sense data that there is room for. The kernel keeps at most 96 (`SCSI_SENSE_BUFFERSIZE`)."""

DRIVER_MASK, DRIVER_SENSE = 0x0F, 0x08
"""Driver status: the code, without the suggestions of old kernels; 08h only says that there are sense data."""

_WITH_DATA = (SenseKey.NO_SENSE, SenseKey.RECOVERED_ERROR)


class Header(ctypes.Structure):
    """`struct sg_io_hdr`."""

    _fields_ = (
        ("interface_id", ctypes.c_int),
        ("dxfer_direction", ctypes.c_int),
        ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p),
        ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


Ioctl = Callable[[int, Header], object]


def sg_io(handle: int, header: Header) -> None:
    """Send what a header says through an open sg node, and wait; raises OSError."""
    fcntl.ioctl(handle, SG_IO, header, True)


class Parcel:
    """A command as the kernel takes it: the header, and the memory that it points to."""

    def __init__(self, command: Command, timeout: float) -> None:
        room = len(command.data_out) or command.data_in
        self.cdb = ctypes.create_string_buffer(command.cdb, len(command.cdb))
        self.data = ctypes.create_string_buffer(command.data_out, room) if room else None
        self.sense = ctypes.create_string_buffer(SENSE_ROOM)
        self.header = Header(
            interface_id=INTERFACE,
            dxfer_direction=TO_DEVICE if command.data_out else FROM_DEVICE if command.data_in else NOTHING,
            cmd_len=len(command.cdb),
            mx_sb_len=SENSE_ROOM,
            dxfer_len=room,
            dxferp=ctypes.addressof(self.data) if self.data else None,
            cmdp=ctypes.addressof(self.cdb),
            sbp=ctypes.addressof(self.sense),
            timeout=max(1, math.ceil(timeout * 1000)),
        )


class Sgio:
    """One sg node, driven by the SG_IO ioctl. It is opened at the first command and stays open until `close`. Threads
    that share it take turns.

    The kernel ends a command at its time-out, aborts it and resets the unit, which can take a while: `grace` seconds
    past the time-out the wait ends too. A signal would cut the wait in the kernel short and, after a stop, send the
    command a second time; so a thread that takes no signals waits there, and Ctrl-C ends only the wait for that
    thread. The command goes on to its end or its time-out, as it does with sg_raw killed.

    >>> Sgio(Path("/dev/sg2")).repeat_by_hand(Command(bytes.fromhex("120000002400"), data_in=36))
    'sg_raw --verbose --cmdset=1 --request=36 /dev/sg2 12 00 00 00 24 00'
    """

    def __init__(self, node: Path, ioctl: Ioctl = sg_io, grace: float = GRACE) -> None:
        self.node = node
        self._ioctl = ioctl
        self._grace = grace
        self._courier: Courier[Parcel] | None = None
        self._turn = threading.Lock()

    @property
    def name(self) -> str:
        """`sgio:` and the node."""
        return f"sgio:{self.node}"

    def execute(self, command: Command, timeout: float) -> Result:
        """Send one command; `timeout` in seconds, rounded up to milliseconds, is the kernel's for the command.

        Raises TransportTimeout, TransportError, TargetLost, PermissionDenied; ValueError when the header cannot carry
        the command.
        """
        check_size(command)
        parcel = Parcel(command, timeout)
        with self._turn:
            started = time.monotonic()
            self._deliver(parcel, timeout)
            duration = time.monotonic() - started
        return read_header(parcel, command, duration, self.name)

    def repeat_by_hand(self, command: Command) -> str:
        """Return a shell line of sg3_utils that sends the same command."""
        return by_hand(self.node, command)

    def close(self, patience: float = 1.0) -> None:
        """Let go of the node, after at most `patience` seconds; the next command opens it again."""
        courier, self._courier = self._courier, None
        if courier:
            courier.dismiss(patience)

    def _deliver(self, parcel: Parcel, timeout: float) -> None:
        patience = max(timeout, 0) + self._grace
        try:
            self._courier = self._courier if self._courier and self._courier.here else self._open()
            self._courier.carry(parcel, patience)
        except OSError as problem:
            text = problem.strerror or str(problem)
            raise system_error(problem.errno or 0, self.name, f"SG_IO ended with {text}") from None
        except Empty:
            self.close(patience=0)
            raise TransportTimeout(
                f"{self.name}: the kernel gave no answer within {patience:g} s; the outcome is unknown"
            ) from None
        except BaseException:
            # The answer that still comes must not be taken for that of the next command.
            self.close(patience=0)
            raise

    def _open(self) -> Courier[Parcel]:
        # Without O_NONBLOCK the kernel would wait for as long as somebody has the node for himself.
        handle = os.open(self.node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        return Courier(lambda parcel: self._ioctl(handle, parcel.header), lambda: os.close(handle))


def read_header(parcel: Parcel, command: Command, duration: float, via: str) -> Result:
    """Return the result that the kernel left in a header; `via` names the path in errors.

    Host and driver status come first: beside them the SCSI status means nothing, and is GOOD after a time-out.
    """
    header = parcel.header
    _raise_for_path(header, via)
    status = _status(header, via)
    sense = decode_sense(parcel.sense.raw[: header.sb_len_wr]) if status is Status.CHECK_CONDITION else None
    data = b""
    if command.data_in and parcel.data and _holds_data(status, sense):
        data = parcel.data.raw[: command.data_in - _residual(header, via)]
    residual = _residual(header, via) if command.data_out else command.data_in - len(data)
    return Result(status, sense, data, residual, duration)


def _raise_for_path(header: Header, via: str) -> None:
    if header.host_status != DID_OK:
        raise host_error(header.host_status, via, f"host status {header.host_status:02X}h; the outcome is unknown")
    if header.driver_status & DRIVER_MASK not in (0, DRIVER_SENSE):
        raise TransportError(f"{via}: driver status {header.driver_status:02X}h; the outcome is unknown")


def _status(header: Header, via: str) -> Status:
    try:
        return Status(header.status)
    except ValueError:
        raise TransportError(f"{via}: SCSI status {header.status:02X}h is not known") from None


def _holds_data(status: Status, sense: Sense | None) -> bool:
    """Whether the Data-In Buffer is to be believed: drivers leave the residual at 0 where a command failed."""
    if status is Status.CHECK_CONDITION:
        return sense is not None and sense.key in _WITH_DATA
    return status in (Status.GOOD, Status.CONDITION_MET)


def _residual(header: Header, via: str) -> int:
    if not 0 <= header.resid <= header.dxfer_len:
        raise TransportError(f"{via}: a residual of {header.resid} of {header.dxfer_len} bytes makes no sense")
    return int(header.resid)


def check_size(command: Command) -> None:
    """Raise ValueError for a CDB or data that the header, or this project, does not carry."""
    if not CDB_LEAST <= len(command.cdb) <= CDB_MOST:
        raise ValueError(f"SG_IO takes CDBs of {CDB_LEAST} to {CDB_MOST} bytes, not {len(command.cdb)}")
    if max(len(command.data_out), command.data_in) > DATA_MOST:
        raise ValueError(f"SG_IO moves at most {DATA_MOST} bytes a command here; bulk data goes through the block node")
