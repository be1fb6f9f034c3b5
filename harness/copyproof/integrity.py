"""Whether this kernel checks the labels of what it reads."""

from __future__ import annotations

from pathlib import Path


def kernel_blindness(node: Path, sysfs: Path = Path("/sys")) -> str:
    """Say why the kernel would not check labels when this block node is read; empty when it does.

    A kernel that does not check would let any label pass. It reads PI type 1 labels as `T10-DIF-TYPE1-CRC`
    (block/blk-integrity.c, drivers/scsi/sd_dif.c).
    """
    folder = sysfs / "block" / node.name / "integrity"
    try:
        kind, verifies = ((folder / name).read_text().strip() for name in ("format", "read_verify"))
    except OSError:
        return f"the kernel keeps no integrity profile for {node}"
    if not kind.startswith("T10-DIF-TYPE1"):
        return f"the kernel takes the labels of {node} for {kind}"
    if verifies != "1":
        return f"the kernel does not check the labels of {node}: {folder}/read_verify is {verifies}"
    return ""
