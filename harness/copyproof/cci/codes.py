"""The exit codes of CCI's commands, and which of them an array's answer is.

Sources: the command reference of CCI and that of HP's RAID Manager (222, 228, 229, 234 to 236, and the statuses of
`pairvolchk`), the clients of CCI in OpenStack and elsewhere (the others, 233 of a wait that timed out among them).

>>> refusal("05/2C/00", paired=True).name, refusal("05/26/02", paired=False).value
('EX_INVSTP', 235)
"""

from __future__ import annotations

from enum import IntEnum

from copyproof.errors import CopyproofError, DeviceError


class Code(IntEnum):
    """How a command ends that did not do its work; 0 to 127 are left to those that did."""

    EX_ENOCTG = 217
    """No number of a consistency group is left."""
    EX_CMDRJE = 221
    """The order was refused for another reason than those that have a code of their own."""
    EX_INVVOL = 222
    """The volumes are in no pair, or in another than is meant."""
    EX_INVSTP = 228
    """The pair's state does not take the command."""
    EX_INCSTG = 229
    """The local volumes of a group are P-VOLs and S-VOLs."""
    EX_EWSTOT = 233
    """The state was not reached in time."""
    EX_EWSUSE = 234
    """The pair was suspended while its state was waited for."""
    EX_EVOLCE = 235
    """These volumes cannot be a pair."""
    EX_ENQVOL = 236
    """The volumes of a group are not all in the same way."""
    EX_CMDIOE = 237
    """A command had no result that can be read."""
    EX_ENOGRP = 239
    """There is no such group."""
    EX_ENORMT = 242
    """The other side of the group is not to be found."""
    EX_ENODEV = 246
    """There is no such volume."""
    EX_ATTHOR = 251
    """There is no group file, or it cannot be read."""
    EX_INVARG = 253
    """An option is wrong, or does not go with another."""
    EX_REQARG = 254
    """An option is missing."""


class CciError(CopyproofError):
    """A command that ends with one of the codes; the message says why."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def refusal(said: str, paired: bool) -> Code:
    """Return the code for an order that was answered by `said`: key/ASC/ASCQ in hex, or the name of a status."""
    if said == "05/26/02":
        return Code.EX_EVOLCE
    if said == "05/2C/00":
        return Code.EX_INVSTP if paired else Code.EX_INVVOL
    refused = said.startswith(("05/", "07/")) or said == "RESERVATION_CONFLICT"
    return Code.EX_CMDRJE if refused else Code.EX_CMDIOE


def code_of(problem: CopyproofError) -> Code:
    """Return the code for an error of any kind.

    >>> code_of(DeviceError("the cable is cut")).name
    'EX_CMDIOE'
    """
    if isinstance(problem, CciError):
        return problem.code
    return Code.EX_CMDIOE if isinstance(problem, DeviceError) else Code.EX_INVARG
