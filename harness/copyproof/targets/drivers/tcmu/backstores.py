"""User backstores of LIO: rings that a program answers."""

from __future__ import annotations

from copyproof.errors import DeviceError
from copyproof.serving.tcmu.job import HANDLER
from copyproof.targets.drivers.lio.backstores import Backstore, Wanted, naa

SECTORS_MOST = 2048
"""Sectors of 512 bytes that one command may carry."""
ATTRIBUTES = {"pgr_support": 0, "alua_support": 0, "tmr_notification": 1, "cmd_time_out": 25}
"""Reservations and port groups are the array's own to answer, and it is told of resets. What it has not answered in 25
seconds is failed: before the 30 of sd, since the kernel's error handling of tcm_loop sends a command anew while LIO
still has it, which ends in a panic (seen with Linux 6.1)."""


def uio_name(wanted: Wanted) -> str:
    """Return the name by which the kernel shows the ring (tcmu_update_uio_info)."""
    return f"tcm-user/{wanted.index}/{wanted.name}/{HANDLER}/{wanted.name}"


def make(wanted: Wanted, block_size: int) -> Backstore:
    """Make a ring; raises DeviceError when LIO refuses."""
    from rtslib_fb import RTSLibError, UserBackedStorageObject

    try:
        so = UserBackedStorageObject(
            wanted.name,
            config=f"{HANDLER}/{wanted.name}",
            size=wanted.size,
            wwn=wanted.serial,
            hw_max_sectors=SECTORS_MOST,
            # No daemon listens on netlink, and `enable` would wait for its word.
            control=f"hw_block_size={block_size},nl_reply_supported=-1",
            index=wanted.index,
        )
        for name, value in ATTRIBUTES.items():
            so.set_attribute(name, value)
    except (RTSLibError, OSError) as error:
        raise DeviceError(f"LIO refuses the user backstore for {wanted.role.value}: {error}") from error
    return Backstore(wanted.role, so, naa(wanted.serial), None)
