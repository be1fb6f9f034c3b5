"""The label of a block: the 8-byte T10 protection information tuple, big-endian (SBC-4 4.21.3).

The guard is CRC-16 with polynomial 8BB7h, initial value 0, not reflected, over the user data only; for type 1 the
reference tag is the low 32 bits of the LBA.

>>> [f"{guard:04X}" for guard in guards(np.frombuffer(b"123456789", np.uint8).reshape(1, 9))]
['D0DB']
"""

from __future__ import annotations

import numpy as np
from fastcrc import crc16
from numpy.typing import NDArray

from copyproof.blocks.arrays import U8, U16, U32, U64, Mask
from copyproof.errors import DeviceError

LABEL = np.dtype([("guard", ">u2"), ("application", ">u2"), ("reference", ">u4")])
LABEL_SIZE = LABEL.itemsize

ESCAPE = 0xFFFF
"""The application tag that switches the checks of a block off (types 1 and 2)."""


def guards(data: U8) -> U16:
    """Return the guard tag of each block of `data`, shape (n, size): uint16, shape (n,).

    >>> guards(np.zeros((1, 512), np.uint8)).tolist()
    [0]
    """
    count, size = data.shape
    flat = np.ascontiguousarray(data).reshape(-1).data
    crc = crc16.t10_dif
    return np.fromiter((crc(flat[at : at + size]) for at in range(0, count * size, size)), np.uint16, count)


def reference_tags(lbas: U64) -> U32:
    """Return the type 1 reference tag of each LBA: its low 32 bits.

    >>> reference_tags(np.array([7, 2**32 + 1], np.uint64)).tolist()
    [7, 1]
    """
    return (lbas & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def make_labels(data: U8, reference_lba: int, application: int = 0) -> NDArray[np.void]:
    """Return the type 1 labels of blocks at consecutive LBAs from `reference_lba`: `LABEL`, shape (n,).

    `application` is the application tag, 0 to FFFFh (FFFFh is the escape: it switches the checks off).

    >>> make_labels(np.zeros((2, 512), np.uint8), 2**32 + 5, 0x10).tolist()
    [(0, 16, 5), (0, 16, 6)]
    """
    return assemble(guards(data), reference_lba, application)


def assemble(guard_tags: U16, reference_lba: int, application: int = 0) -> NDArray[np.void]:
    """Return labels as `make_labels` does, from guard tags that are already known.

    >>> assemble(np.array([0xD0DB], np.uint16), 3).tobytes().hex()
    'd0db000000000003'
    """
    if not 0 <= application <= 0xFFFF:
        raise ValueError(f"application tag {application} does not fit in 16 bits")
    labels = np.empty(guard_tags.size, LABEL)
    labels["guard"] = guard_tags
    labels["application"] = application
    labels["reference"] = reference_tags(consecutive(reference_lba, guard_tags.size))
    return labels


def parse_labels(raw: bytes | bytearray | memoryview) -> NDArray[np.void]:
    """View what a device or its sidecar file holds as labels; raises DeviceError unless they are whole.

    >>> parse_labels(bytes.fromhex("d0db 0001 00000040"))[0].item()
    (53467, 1, 64)
    """
    if len(raw) % LABEL_SIZE:
        raise DeviceError(f"{len(raw)} bytes are not a whole number of {LABEL_SIZE}-byte labels")
    return np.frombuffer(raw, LABEL)


def consecutive(first_lba: int, count: int) -> U64:
    """Return the LBAs of `count` blocks from `first_lba`.

    >>> consecutive(5, 3).tolist()
    [5, 6, 7]
    """
    return np.arange(count, dtype=np.uint64) + np.uint64(first_lba)


def proves_relabelling(origin_lbas: U64, first_lba: int) -> Mask:
    """Return for each block copied to `first_lba` on whether its label shows that it was exchanged.

    A block copied to an LBA with the same low 32 bits keeps its tuple byte for byte: right or not, it proves nothing.

    >>> proves_relabelling(np.array([8, 9, 2**32 + 10], np.uint64), 8).tolist()
    [False, False, False]
    >>> proves_relabelling(np.array([0, 1], np.uint64), 8).tolist()
    [True, True]
    """
    own = reference_tags(consecutive(first_lba, origin_lbas.size))
    return np.asarray(reference_tags(origin_lbas) != own)
