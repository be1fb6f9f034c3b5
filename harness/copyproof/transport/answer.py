"""What `sg_raw --verbose` prints, read back into a Result.

Written against sg3_utils 1.46 as run, and against the source of 1.48 and 1.49 (`src/sg_raw.c`, `sg_get_sense_str` in
`lib/sg_lib.c`). What is not recognised is an error: an answer is never guessed, as a command that timed out still
prints "SCSI Status: Good".
"""

from __future__ import annotations

import re

from copyproof.errors import TransportError, TransportTimeout
from copyproof.process import Completed
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.sense import decode_sense
from copyproof.transport.failures import DID_OK, host_error, system_error

STATUS_NAMES = {
    "good": Status.GOOD,
    "check condition": Status.CHECK_CONDITION,
    "condition met": Status.CONDITION_MET,
    "busy": Status.BUSY,
    "reservation conflict": Status.RESERVATION_CONFLICT,
    "task set full": Status.TASK_SET_FULL,
    "aca active": Status.ACA_ACTIVE,
    "task aborted": Status.TASK_ABORTED,
}
"""As `sg_lib_sstatus_str_arr` of sg3_utils spells them, in lower case."""

OS_ERROR_BASE = 50
OS_ERROR_LAST = 96
"""Exit statuses 51 to 96 are 50 + errno (`SG_LIB_OS_BASE_ERR`)."""

SENSE_MOST = 32
"""Bytes of sense data that sg_raw has room for.

Up to 1.49 it prints as many as the data *claim* to have, reading past its buffer. No option makes room for more, so
that fixed sense data may end before the ASCQ of what they forward: see `Forwarded.cut`.
"""

_STATUS = re.compile(r"^SCSI Status: (.+?) *$", re.MULTILINE)
_HEX_LINES = r"((?: *[0-9a-f]{2}(?: {1,2}[0-9a-f]{2})* *\n)+)"
_RAW_SENSE = re.compile(r"Raw sense data \(in hex\), sb_len=(\d+).*\n" + _HEX_LINES)
_VENDOR_SENSE = re.compile(r"Vendor specific sense buffer, in hex:()\n" + _HEX_LINES)
_PATH_ERROR = re.compile(r"^>>> (transport|os) error: ", re.MULTILINE)
_HOST_STATUS = re.compile(r"Host_status=0x([0-9a-f]+)")
_WRITING = re.compile(r"^Writing (\d+) bytes of data to stdout$", re.MULTILINE)


def read_answer(command: Command, done: Completed, via: str) -> Result:
    """Return the result that sg_raw reports for `command`; `via` names the path in errors.

    Raises TransportTimeout (host status DID_TIME_OUT), TargetLost (no such device, DID_NO_CONNECT), PermissionDenied,
    or TransportError for a host or driver status, an operating system error, and any answer that is not understood.
    """
    text = done.error_text
    _raise_for_path(text, done.code, via)
    status = _status(text, done, via)
    data = _data(command, status, text, done, via)
    sense = decode_sense(raw_sense(text)) if status is Status.CHECK_CONDITION else None
    return Result(status, sense, data, command.data_in - len(data), done.duration)


def raw_sense(text: str) -> bytes:
    """Return the sense bytes in what sg_raw printed, empty where there are none.

    >>> raw_sense(" Raw sense data (in hex), sb_len=4, embedded_len=4\\n        70 00 05 00\\n").hex()
    '70000500'
    """
    found = _RAW_SENSE.search(text) or _VENDOR_SENSE.search(text)
    if found is None:
        return b""
    return bytes.fromhex(found[2])[: min(int(found[1] or SENSE_MOST), SENSE_MOST)]


def _raise_for_path(text: str, code: int, via: str) -> None:
    """Host and driver status and operating system errors come first: beside them the SCSI status means nothing."""
    if code < 0:
        raise TransportError(f"{via}: sg_raw was ended by signal {-code}; the outcome is unknown")
    if _PATH_ERROR.search(text):
        _raise_for_host(text, via)
    if "SCSI Status:" not in text:
        if "do_scsi_pt: timeout" in text:
            raise TransportTimeout(f"{via}: {brief(text)}")
        _raise_for_system(text, code, via)


def _raise_for_host(text: str, via: str) -> None:
    found = _HOST_STATUS.search(text)
    raise host_error(int(found[1], 16) if found else DID_OK, via, brief(text))


def _raise_for_system(text: str, code: int, via: str) -> None:
    number = code - OS_ERROR_BASE if OS_ERROR_BASE < code <= OS_ERROR_LAST else 0
    raise system_error(number, via, f"sg_raw ended with exit status {code}: {brief(text)}")


def _status(text: str, done: Completed, via: str) -> Status:
    names = _STATUS.findall(text)
    status = STATUS_NAMES.get(names[0].strip().lower()) if len(names) == 1 else None
    if status is None:
        raise TransportError(f"{via}: SCSI status not understood: {brief(text)}")
    if status is Status.GOOD and done.code != 0:
        raise TransportError(f"{via}: status GOOD, but sg_raw ended with exit status {done.code}: {brief(text)}")
    return status


def _data(command: Command, status: Status, text: str, done: Completed, via: str) -> bytes:
    """Data come on standard output, and exactly as many as sg_raw says; it withholds those of a failed command."""
    found = _WRITING.search(text)
    said = int(found[1]) if found else 0
    if said != len(done.out) or said > command.data_in:
        raise TransportError(
            f"{via}: sg_raw announced {said} bytes of at most {command.data_in} and wrote {len(done.out)}"
        )
    if status is Status.GOOD and command.data_in and not found and "No data received" not in text:
        raise TransportError(f"{via}: no word about the data: {brief(text)}")
    return done.out


def brief(text: str, most: int = 300) -> str:
    """Return what a tool printed as one line of at most `most` characters.

    >>> brief("one\\n\\n  two \\n")
    'one; two'
    """
    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= most else line[: most - 1] + "…"
