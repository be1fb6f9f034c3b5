"""Commands by sg3_utils: `sg_raw` sends any CDB through a Linux sg node."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

from copyproof import process
from copyproof.errors import TransportTimeout
from copyproof.scsi.command import Command, Result
from copyproof.transport.answer import read_answer

CDB_LEAST, CDB_MOST = 6, 260
DATA_MOST = 1024 * 1024
"""Bytes a command may carry (`MAX_SCSI_DXLEN` of sg_raw). Bulk data goes through block nodes."""

GRACE = 60.0
"""Seconds past the command's own time-out before sg_raw counts as hung: the kernel aborts the command and resets the
unit in that time."""


class Sg3:
    """One sg node, driven by `sg_raw`.

    It hands over at most 32 bytes of sense data, none of the data of a failed command, and not how much of the Data-
    Out Buffer was taken: `Result.residual` is that of the Data-In Buffer, 0 when data goes out.

    >>> Sg3(Path("/dev/sg2")).repeat_by_hand(Command(bytes.fromhex("120000002400"), data_in=36))
    'sg_raw --verbose --cmdset=1 --request=36 /dev/sg2 12 00 00 00 24 00'
    """

    def __init__(self, node: Path, run: process.Runner = process.run, grace: float = GRACE) -> None:
        self.node = node
        self._run = run
        self._grace = grace

    @property
    def name(self) -> str:
        """`sg3:` and the node."""
        return f"sg3:{self.node}"

    def execute(self, command: Command, timeout: float) -> Result:
        """Send one command; `timeout` in seconds, rounded up to whole ones, is the kernel's for the command.

        Raises TransportTimeout, TransportError, TargetLost, ToolMissing, PermissionDenied; ValueError when sg_raw
        cannot carry the command.
        """
        check_size(command)
        seconds = max(1, math.ceil(timeout))
        argv = [
            "sg_raw",
            "--verbose",
            "--cmdset=1",
            f"--timeout={seconds}",
            *arguments(command, binary=True),
            str(self.node),
            *octets(command),
        ]
        try:
            done = self._run(argv, timeout=seconds + self._grace, stdin=command.data_out)
        except TransportTimeout as error:
            raise TransportTimeout(f"{self.name}: {error}; the outcome is unknown") from None
        return read_answer(command, done, self.name)

    def repeat_by_hand(self, command: Command) -> str:
        """Return a shell line that sends the same command and prints status, sense and data."""
        return by_hand(self.node, command)


def by_hand(node: Path, command: Command) -> str:
    """Return a shell line of sg3_utils that sends a command through a node.

    >>> by_hand(Path("/dev/sg2"), Command(bytes.fromhex("0400000000 00"), data_out=b"\\x00\\xff"))
    'printf %s 00ff | xxd -r -p | sg_raw --verbose --cmdset=1 --send=2 /dev/sg2 04 00 00 00 00 00'
    """
    line = shlex.join(["sg_raw", "--verbose", "--cmdset=1", *arguments(command), str(node), *octets(command)])
    return f"printf %s {command.data_out.hex()} | xxd -r -p | {line}" if command.data_out else line


def arguments(command: Command, *, binary: bool = False) -> list[str]:
    """Return sg_raw's options for the direction and length of a command's data."""
    if command.data_out:
        return [f"--send={len(command.data_out)}"]
    if command.data_in:
        return [*(["--binary"] if binary else []), f"--request={command.data_in}"]
    return []


def octets(command: Command) -> list[str]:
    """Return a CDB as sg_raw takes it.

    >>> octets(Command(bytes(6)))
    ['00', '00', '00', '00', '00', '00']
    """
    return [f"{byte:02x}" for byte in command.cdb]


def check_size(command: Command) -> None:
    """Raise ValueError for a CDB or data that sg_raw cannot carry."""
    if not CDB_LEAST <= len(command.cdb) <= CDB_MOST:
        raise ValueError(f"sg_raw takes CDBs of {CDB_LEAST} to {CDB_MOST} bytes, not {len(command.cdb)}")
    if max(len(command.data_out), command.data_in) > DATA_MOST:
        raise ValueError(f"sg_raw moves at most {DATA_MOST} bytes a command; bulk data goes through the block node")
