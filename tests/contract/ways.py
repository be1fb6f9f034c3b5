"""Recorded answers of real devices, served again over each transport.

The transcripts are of sg_raw. What it printed says what the kernel had told it, and from that the other transports'
own answers are made: the header that the ioctl fills, the tape that a recorder writes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from copyproof import data, process
from copyproof.errors import CopyproofError
from copyproof.process import Replay, Take
from copyproof.scsi.command import Command, Status
from copyproof.transport import tape
from copyproof.transport.answer import OS_ERROR_BASE, STATUS_NAMES, raw_sense
from copyproof.transport.sg3 import Sg3
from copyproof.transport.sgio import DRIVER_SENSE, Header, Sgio
from copyproof.transport.tape import TapeWriter, read
from copyproof.transport.taping import Playback, Recorder, Tape

UNIT = tape.TapeUnit(role="source", naa="", blocks=0, block_size=512, number=1)
HEADER = tape.Header(target="recorded", seed=0, units=(UNIT,))

#: A node that anybody may open, and that is never asked anything.
OPENABLE = Path("/dev/null")


def recorded(transcript: str) -> tuple[Take, ...]:
    return process.takes(data.folder("fixtures") / "transcripts" / f"{transcript}.json")


def asked(take: Take) -> tuple[Command, float]:
    """The command and the time-out that a recorded sg_raw line stands for."""
    node = next(at for at, word in enumerate(take.argv) if word.startswith("/dev/"))
    options = dict(word.partition("=")[::2] for word in take.argv[1:node])
    cdb = bytes.fromhex("".join(take.argv[node + 1 :]))
    return Command(cdb, take.stdin, int(options.get("--request", 0))), float(options["--timeout"])


def by_tool(takes: tuple[Take, ...]) -> Sg3:
    node = next(word for word in takes[0].argv if word.startswith("/dev/"))
    return Sg3(Path(node), Replay(takes))


def by_ioctl(takes: tuple[Take, ...]) -> Sgio:
    return Sgio(OPENABLE, kernel(takes))


def by_tape(takes: tuple[Take, ...]) -> Tape:
    """A tape of a whole transcript: recorded first, then read back and played."""
    with tempfile.TemporaryDirectory() as folder:
        writer = TapeWriter(Path(folder) / "tape")
        recorder = Recorder(by_tool(takes), "source", writer)
        with writer.recording(HEADER):
            for take in takes:
                with contextlib.suppress(CopyproofError):
                    recorder.execute(*asked(take))
        return Playback(read(writer.path)).transport("source")


def kernel(takes: tuple[Take, ...]) -> Callable[[int, Header], None]:
    """An ioctl that answers as the kernel must have answered sg_raw, and refuses what sg_raw was not asked."""
    left = iter(takes)

    def answer(handle: int, header: Header) -> None:
        assert os.fstat(handle)
        take = next(left)
        command, timeout = asked(take)
        assert sent(header) == (command, timeout)
        fill(header, take)

    return answer


def sent(header: Header) -> tuple[Command, float]:
    """The command that a header stands for, read through its pointers, and its time-out in seconds."""
    cdb = ctypes.string_at(header.cmdp, header.cmd_len)
    if header.dxfer_direction == -2:
        return Command(cdb, ctypes.string_at(header.dxferp, header.dxfer_len)), header.timeout / 1000
    assert header.dxfer_direction == (-3 if header.dxfer_len else -1)
    return Command(cdb, data_in=header.dxfer_len), header.timeout / 1000


def fill(header: Header, take: Take) -> None:
    """Leave in a header what the kernel left for sg_raw; raises OSError where the ioctl or the open failed."""
    text = take.completed.error_text
    if "SCSI Status:" not in text and "Host_status" not in text:
        number = take.completed.code - OS_ERROR_BASE
        raise OSError(number if number > 0 else errno.ENOTTY, os.strerror(number if number > 0 else errno.ENOTTY))
    host = re.search(r"Host_status=0x([0-9a-f]+)", text)
    header.host_status = int(host[1], 16) if host else 0
    status = next(iter(statuses(text)), Status.GOOD)
    header.status = status
    if status is Status.CHECK_CONDITION:
        sense = raw_sense(text)
        header.driver_status = DRIVER_SENSE
        header.sb_len_wr = len(sense)
        ctypes.memmove(header.sbp, sense, len(sense))
    out = take.completed.out
    if out:
        ctypes.memmove(header.dxferp, out, len(out))
    # Where a command failed, drivers leave the residual at 0.
    header.resid = header.dxfer_len - len(out) if header.dxfer_direction == -3 and status is Status.GOOD else 0


def statuses(text: str) -> Iterator[Status]:
    for name in re.findall(r"^SCSI Status: (.+?) *$", text, re.MULTILINE):
        yield STATUS_NAMES[name.strip().lower()]
