"""What the sense data of each fault inside the array is (SBC-3 4.18, 4.22)."""

from __future__ import annotations

from copyproof.array.core.errors import (
    AccessFault,
    ArrayFault,
    BusyFault,
    LabelFault,
    LabelKind,
    MediumFault,
    NoVolume,
    OutOfRange,
)
from copyproof.array.server.mapping import unit_not_supported, write_protected
from copyproof.array.server.sense_data import CheckCondition, out_of_range
from copyproof.scsi.sense import SenseKey

_QUALIFIER = {LabelKind.GUARD: 0x01, LabelKind.APPLICATION: 0x02, LabelKind.REFERENCE: 0x03}


def refusal(fault: ArrayFault) -> CheckCondition:
    """Return how a command ends that met a fault; any other is 04/3E/01 LOGICAL UNIT FAILURE.

    04/44/00 stands for errors of this program alone, and no fault of what it simulates may look like one.
    """
    match fault:
        case LabelFault():
            return label_check_failed(fault.kind, fault.lba)
        case MediumFault():
            return CheckCondition(SenseKey.MEDIUM_ERROR, 0x11, 0x00, information=fault.lba)
        case BusyFault():
            # LOGICAL UNIT NOT READY, OPERATION IN PROGRESS: it becomes ready by itself (SPC-4 annex E.2).
            return CheckCondition(SenseKey.NOT_READY, 0x04, 0x07)
        case AccessFault():
            return write_protected()
        case OutOfRange():
            return out_of_range(fault.lba)
        case NoVolume():
            return unit_not_supported()
    return CheckCondition(SenseKey.HARDWARE_ERROR, 0x3E, 0x01)


def label_check_failed(kind: LabelKind, lba: int, key: SenseKey = SenseKey.ABORTED_COMMAND) -> CheckCondition:
    """0B/10/01, 02 or 03, with the LBA of the first block whose label is wrong as INFORMATION (SBC-3 4.22.2); `key` is
    MISCOMPARE where it was compared with another label."""
    return CheckCondition(key, 0x10, _QUALIFIER[kind], information=lba)
