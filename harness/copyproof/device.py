"""A logical unit as the kernel shows it.

>>> Device(naa="6001405abcdef0123456789abcdef0123", blocks=2048).size
1048576
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Device:
    """One logical unit as udev and INQUIRY show it.

    `naa` is the NAA designator in lower-case hex without prefix, empty when it has none; `blocks` counts
    logical blocks of `block_size` user bytes; `protection` is the T10 PI type, 0 to 3. Several nodes where there are
    several paths, `sg[i]` and `block[i]` being the same path; `holders` says why safety would refuse it, empty
    when it would not or was not asked.
    """

    naa: str
    serial: str = ""
    vendor: str = ""
    product: str = ""
    revision: str = ""
    blocks: int = 0
    block_size: int = 512
    protection: int = 0
    sg: tuple[Path, ...] = ()
    block: tuple[Path, ...] = ()
    holders: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """User bytes."""
        return self.blocks * self.block_size

    @property
    def label(self) -> str:
        """What messages call it, for example `/dev/sdb (naa.6001405…)`."""
        identity = f"naa.{self.naa}" if self.naa else f"serial {self.serial}"
        return f"{self.block[0]} ({identity})" if self.block else identity
