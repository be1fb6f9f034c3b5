"""The ways to a logical unit's sg node, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path

from copyproof.scsi.command import Command
from copyproof.transport.base import Transport


class Way(Enum):
    """How commands reach an sg node: by sg_raw of sg3_utils, a process a command, or by the SG_IO ioctl."""

    SG3 = "sg3"
    SGIO = "sgio"


@contextmanager
def reach(way: Way, node: Path) -> Iterator[Transport]:
    """Give a transport to a node, and let go of the node afterwards; nothing is opened before the first command.

    >>> with reach(Way.SGIO, Path("/dev/sg2")) as transport:
    ...     transport.name
    'sgio:/dev/sg2'
    """
    if way is Way.SG3:
        from copyproof.transport.sg3 import Sg3

        yield Sg3(node)
        return
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
    from copyproof.transport import sgio

    sgio.check_size(command)
