"""Units are found by what they are; what a device says about itself is not believed to be well formed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copyproof.errors import DeviceError, UsageError
from copyproof.targets import discovery

if TYPE_CHECKING:
    from tests.unit.targets.conftest import FakeSysfs

NAA = "6001405abcdef0123456789abcdef012"
OTHER = "6001405abcdef0123456789abcdef999"


def test_a_unit_is_read_from_sysfs(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0", sectors=4096, block_size=4096, protection=1)
    (device,) = discovery.devices(sysfs=sysfs.root)
    assert (device.naa, device.serial, device.vendor, device.product) == (NAA, "SER 1", "ACME", "Array")
    assert (device.blocks, device.block_size, device.size, device.protection) == (512, 4096, 2 << 20, 1)
    assert (device.block, device.sg) == ((Path("/dev/sda"),), (Path("/dev/sg1"),))


def test_no_scsi_at_all_is_an_empty_list(sysfs: FakeSysfs) -> None:
    assert discovery.devices(sysfs=sysfs.root) == []


def test_a_cdrom_is_no_disk(sysfs: FakeSysfs) -> None:
    sysfs.unit("0:0:0:0", kind=5, disk="sr0")
    assert discovery.devices(sysfs=sysfs.root) == []


def test_two_paths_to_one_unit_are_one_device_with_matching_nodes(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0", disk="sdb", sg="sg1")
    sysfs.unit("3:0:1:0", disk="sda", sg="sg2")
    (device,) = discovery.devices(sysfs=sysfs.root)
    assert device.block == (Path("/dev/sdb"), Path("/dev/sda"))
    assert device.sg == (Path("/dev/sg1"), Path("/dev/sg2"))


def test_units_without_a_name_stay_apart(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0", wwid="", serial=b"", disk="sda", sg="sg1")
    sysfs.unit("2:0:1:1", wwid="", serial=b"", disk="sdb", sg="sg2")
    assert [device.naa for device in discovery.devices(sysfs=sysfs.root)] == ["", ""]


@pytest.mark.parametrize("page", [b"", b"\x00", b"\x00\x80\xff\xff", b"\x00\x80\x00\x04\xff\xfe\x00\x1b"])
def test_a_serial_number_page_of_garbage_is_no_crash(sysfs: FakeSysfs, page: bytes) -> None:
    (sysfs.unit("2:0:1:0") / "vpd_pg80").write_bytes(page)
    (device,) = discovery.devices(sysfs=sysfs.root)
    assert device.naa == NAA


def test_a_designator_that_is_no_naa_is_not_taken_for_one(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0", wwid="t10.ATA     QEMU HARDDISK")
    (device,) = discovery.devices(sysfs=sysfs.root)
    assert device.naa == ""


def test_find_takes_naa_or_serial(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0")
    sysfs.unit("2:0:1:1", wwid=f"naa.{OTHER}", serial=b"SER 2", disk="sdb", sg="sg2")
    assert discovery.find(naa=OTHER, sysfs=sysfs.root).serial == "SER 2"
    assert discovery.find(serial="SER 1", sysfs=sysfs.root).naa == NAA


def test_find_names_what_is_missing(sysfs: FakeSysfs) -> None:
    with pytest.raises(UsageError, match=f"no device has the NAA {NAA}"):
        discovery.find(naa=NAA, sysfs=sysfs.root)


def test_a_serial_number_of_two_units_is_refused(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0")
    sysfs.unit("2:0:1:1", wwid=f"naa.{OTHER}", disk="sdb", sg="sg2")
    with pytest.raises(UsageError, match="2 devices have the serial number SER 1; name them by NAA"):
        discovery.find(serial="SER 1", sysfs=sysfs.root)


def test_a_unit_that_is_there_is_not_waited_for(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0")
    started = time.monotonic()
    assert discovery.wait_for([NAA], 30, sysfs=sysfs.root)[NAA].blocks == 2048
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("disk", "sg"), [("", "sg1"), ("sda", ""), ("", "")])
def test_a_unit_without_both_nodes_is_not_ready(sysfs: FakeSysfs, disk: str, sg: str) -> None:
    sysfs.unit("2:0:1:0", disk=disk, sg=sg)
    with pytest.raises(DeviceError, match=f"NAA {NAA}"):
        discovery.wait_for([NAA], 0.05, sysfs=sysfs.root)


def test_a_unit_that_never_appears_is_named_with_where_it_was_looked_for(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0")
    with pytest.raises(DeviceError) as fault:
        discovery.wait_for([NAA, OTHER], 0.05, sysfs=sysfs.root)
    said = str(fault.value)
    assert f"no unit with NAA {OTHER} and 1 sg and block node appeared within 0.05 s" in said
    assert f"{sysfs.root}/class/scsi_device" in said
    assert f"there are: {NAA}" in said


def test_one_path_is_not_enough_where_two_are_wanted(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0")
    with pytest.raises(DeviceError, match="and 2 sg and block nodes appeared"):
        discovery.wait_for([NAA], 0.05, nodes=2, sysfs=sysfs.root)


def test_waiting_looks_again_before_it_gives_up(sysfs: FakeSysfs) -> None:
    later = threading.Timer(0.1, lambda: sysfs.unit("2:0:1:0"))
    later.start()
    assert NAA in discovery.wait_for([NAA], 1.0, sysfs=sysfs.root)
    later.join()


def test_a_unit_that_stays_is_named(sysfs: FakeSysfs) -> None:
    sysfs.unit("2:0:1:0")
    discovery.wait_gone("6001405999", 0.05, sysfs=sysfs.root)
    with pytest.raises(DeviceError, match=f"{NAA} did not go away"):
        discovery.wait_gone("6001405abc", 0.05, sysfs=sysfs.root)


def test_units_that_nobody_answers_for_are_taken_offline_and_no_others(sysfs: FakeSysfs) -> None:
    dead, other = sysfs.unit("2:0:1:0", wwid="naa.6001405aaa"), sysfs.unit("2:0:1:1", wwid="naa.6001405bbb")
    caches = [disk / "cache_type" for unit in (dead, other) for disk in (unit / "scsi_disk").iterdir()]
    for unit in (dead, other):
        (unit / "state").write_text("running")
    for cache in caches:
        cache.write_text("write back")
    discovery.abandon("6001405a", sysfs=sysfs.root)
    assert [(unit / "state").read_text() for unit in (dead, other)] == ["offline\n", "running"]
    assert [cache.read_text() for cache in caches] == ["temporary write through\n", "write back"]
