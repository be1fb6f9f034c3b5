"""The ways to a logical unit's sg node, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path

from copyproof.errors import UsageError
from copyproof.scsi.command import Command
from copyproof.transport.base import Transport


class Way(Enum):
    """How commands reach a unit: its sg node by sg_raw of sg3_utils, a process a command, or by the SG_IO ioctl; or,
    with no node, in process."""

    SG3 = "sg3"
    SGIO = "sgio"
    INPROCESS = "inprocess"


@contextmanager
def reach(way: Way, node: Path) -> Iterator[Transport]:
    """Give a transport to a node, and let go of the node afterwards; nothing is opened before the first command.

    Raises UsageError for INPROCESS: what a driver serves so has no node.

    >>> with reach(Way.SGIO, Path("/dev/sg2")) as transport:
    ...     transport.name
    'sgio:/dev/sg2'
    """
    if way is Way.SG3:
        from copyproof.transport.sg3 import Sg3

        yield Sg3(node)
        return
    if way is Way.INPROCESS:
        raise UsageError(f"{node} is a node of this host: reach it by sg3 or sgio, not in process")
    from copyproof.transport.sgio import Sgio

    with closing(Sgio(node)) as transport:
        yield transport


def check_size(way: Way, command: Command) -> None:
    """Raise ValueError for a CDB or data that a way does not carry.

    >>> check_size(Way.SG3, Command(bytes(6)))
    """
    if way is Way.SG3:
        from copyproof.transport import sg3

        sg3.check_size(command)
        return
    if way is Way.INPROCESS:
        return
    from copyproof.transport import sgio

    sgio.check_size(command)
