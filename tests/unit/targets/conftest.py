"""A made-up sysfs for tests that need units and have none."""

from __future__ import annotations

from pathlib import Path

import pytest


class FakeSysfs:
    """A folder that looks like /sys as far as discovery looks."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def unit(
        self,
        hctl: str,
        *,
        wwid: str = "naa.6001405abcdef0123456789abcdef012",
        serial: bytes = b"SER 1",
        disk: str = "sda",
        sg: str = "sg1",
        sectors: int = 2048,
        block_size: int = 512,
        protection: int = 0,
        kind: int = 0,
    ) -> Path:
        """Add one path to a unit; an empty `disk` or `sg` leaves that node out."""
        unit = self.root / "class/scsi_device" / hctl / "device"
        texts = {"type": str(kind), "wwid": wwid, "vendor": "ACME    ", "model": "Array", "rev": "1.0 "}
        self.write(unit, texts)
        (unit / "vpd_pg80").write_bytes(b"\x00\x80" + len(serial).to_bytes(2, "big") + serial)
        if disk:
            self.write(unit / "block" / disk, {"size": str(sectors), "queue/logical_block_size": str(block_size)})
            self.write(unit / "scsi_disk" / hctl, {"protection_type": str(protection)})
        if sg:
            (unit / "scsi_generic" / sg).mkdir(parents=True)
        return unit

    def write(self, folder: Path, texts: dict[str, str]) -> None:
        """Write attributes under a folder."""
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text + "\n")


@pytest.fixture
def sysfs(tmp_path: Path) -> FakeSysfs:
    return FakeSysfs(tmp_path / "sys")
