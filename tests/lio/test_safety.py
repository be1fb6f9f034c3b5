"""Safety on real devices: what is in use, marked, reserved or mistaken is refused, and nothing is sent then."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from copyproof import process
from copyproof.device import Device
from copyproof.errors import SafetyRefusal, TargetLost
from copyproof.process import Completed
from copyproof.safety import Gate, Named, Permitted, Writer, guard, open_for_write, permit, vet
from copyproof.scsi.cdb import extended_copy, read10, write10
from copyproof.scsi.command import Command
from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd
from copyproof.scsi.designator import Designator
from copyproof.targets import discovery
from copyproof.transport.sg3 import Sg3
from tests.lio.by_hand import TARGET, backstore, file_unit, mapped, nexus, settle, sh, unit_of

DISKS = 3
SIZE_MB = 12
SECONDS = 30.0
KEY = bytes.fromhex("00000000000000ab")


@pytest.fixture(scope="module")
def every_disk() -> Iterator[list[Device]]:
    """Disks of scsi_debug, each with a store of its own."""
    sh(f"modprobe sg; modprobe scsi_debug per_host_store=1 add_host={DISKS} dev_size_mb={SIZE_MB} max_luns=1")
    settle()
    found = [device for device in discovery.devices() if device.product == "scsi_debug"]
    assert len(found) == DISKS
    yield found
    settle()
    sh("modprobe -r scsi_debug")


@pytest.fixture
def disk(every_disk: list[Device]) -> Iterator[Device]:
    """One that carries nothing before the test."""
    found = every_disk[0]
    node = found.block[0]
    if sh(f"wipefs --no-act {node}"):
        sh(f"dd if=/dev/zero of={node} bs=1M count={SIZE_MB} oflag=direct status=none; partx -d {node} || :")
        settle()
    yield found
    settle()


@pytest.fixture
def other(every_disk: list[Device]) -> Device:
    """One that nobody writes to."""
    return every_disk[1]


@pytest.fixture(scope="module")
def theirs(every_disk: list[Device], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """One that is mounted."""
    found = every_disk[2]
    with mounted(found.block[0], tmp_path_factory.mktemp("theirs")):
        yield found


@contextmanager
def mounted(node: Path | str, where: Path) -> Iterator[Path]:
    sh(f"mkfs.ext4 -q -F {node}; mount {node} {where}")
    try:
        yield where
    finally:
        sh(f"umount {where}")


@contextmanager
def during(begin: str, end: str) -> Iterator[None]:
    try:
        sh(begin)
        settle()
        yield
    finally:
        sh(end)
        settle()


def refusal(device: Device, *, destroy: bool = False) -> str:
    with pytest.raises(SafetyRefusal) as caught:
        vet(device, Named(device.naa, destroy=destroy))
    assert str(device.block[0]) in str(caught.value)
    return str(caught.value)


def refused_in_use(device: Device, words: str) -> None:
    """In use: whatever the target file gives up, and once more at the moment of writing."""
    for destroy in (False, True):
        assert words in refusal(device, destroy=destroy)
    with pytest.raises(SafetyRefusal, match="in use by now"):
        open_for_write(device, Permitted(frozenset({device.naa})))


def refused_until_given_up(device: Device, words: str) -> None:
    assert words in refusal(device)
    vet(device, Named(device.naa, destroy=True))


def test_a_free_disk_may_be_written_and_what_is_written_is_there(disk: Device) -> None:
    page = mmap.mmap(-1, 4096)
    page[:] = bytes(range(256)) * 16
    handle = open_for_write(disk, permit([(disk, Named(disk.naa))]))
    try:
        assert os.pwritev(handle, [page], 8192) == 4096
    finally:
        os.close(handle)
    assert Sg3(disk.sg[0]).execute(read10(16, 8, 512), SECONDS).data == bytes(range(256)) * 16


def test_a_disk_that_is_not_named_is_refused(disk: Device) -> None:
    with pytest.raises(SafetyRefusal, match="does not name it"):
        vet(disk, Named())
    with pytest.raises(SafetyRefusal, match="does not name it"):
        open_for_write(disk, Permitted(frozenset()))


def test_a_disk_with_another_naa_than_the_file_says_is_refused(disk: Device, other: Device) -> None:
    with pytest.raises(SafetyRefusal, match=f"its NAA is {disk.naa}, the target file says {other.naa}"):
        vet(disk, Named(other.naa))


def test_a_disk_whose_node_leads_elsewhere_is_refused(disk: Device, other: Device) -> None:
    crossed = Device(naa=disk.naa, sg=other.sg, block=disk.block)
    with pytest.raises(SafetyRefusal, match=f"{other.sg[0]} leads to {other.naa}"):
        vet(crossed, Named(disk.naa))
    with pytest.raises(TargetLost, match=f"is now naa.{other.naa}"):
        open_for_write(Device(naa=disk.naa, block=other.block), Permitted(frozenset({disk.naa})))


def test_a_mounted_disk_is_refused(disk: Device, tmp_path: Path) -> None:
    with mounted(disk.block[0], tmp_path):
        refused_in_use(disk, f"mounted on {tmp_path}")
    refused_until_given_up(disk, "signature: ext4")


def test_a_disk_with_a_mounted_partition_is_refused(disk: Device, tmp_path: Path) -> None:
    sh(f"echo 2048,,L | sfdisk -q {disk.block[0]}")
    settle()
    with mounted(f"{disk.block[0]}1", tmp_path):
        refused_in_use(disk, f"mounted on {tmp_path}")


def test_a_disk_with_a_partition_table_is_refused(disk: Device) -> None:
    sh(f"echo 2048,,L | sfdisk -q --label gpt {disk.block[0]}")
    settle()
    refused_until_given_up(disk, "partition table: gpt")


def test_a_disk_that_is_swapped_to_is_refused(disk: Device) -> None:
    with during(f"mkswap -q {disk.block[0]}; swapon {disk.block[0]}", f"swapoff {disk.block[0]}"):
        refused_in_use(disk, "swap space in use")


def test_a_disk_in_use_by_lvm_is_refused(disk: Device) -> None:
    node = disk.block[0]
    make = f"vgcreate -qy hilvg {node}; lvcreate -qy -Zn -Wn -an -l1 -n vol hilvg; vgchange -qay hilvg"
    begin = f"modprobe dm_mod; {make}"
    with during(begin, "vgchange -qan hilvg"):
        refused_in_use(disk, "held by LVM hilvg-vol")
    refused_until_given_up(disk, "signature: LVM2_member")


def test_a_disk_in_use_by_md_is_refused(disk: Device) -> None:
    node = disk.block[0]
    make = f"mdadm --quiet --create /dev/md99 --level=1 --raid-devices=2 --metadata=1.2 --run {node} missing"
    begin = f"modprobe raid1; {make}"
    with during(begin, "mdadm --quiet --stop /dev/md99"):
        refused_in_use(disk, "held by md")
    refused_until_given_up(disk, "signature: linux_raid_member")


def test_a_disk_in_use_by_multipath_is_refused(disk: Device) -> None:
    table = f"0 {disk.blocks} multipath 0 0 1 1 round-robin 0 1 1 {disk.block[0]} 1"
    begin = f"modprobe -a dm_multipath dm_round_robin; dmsetup create hilmp --uuid mpath-{disk.naa} --table '{table}'"
    with during(begin, "dmsetup remove --retry hilmp"):
        refused_in_use(disk, "held by multipath hilmp")


class Spy:
    """Runs programs, and writes down the CDBs that go out."""

    def __init__(self) -> None:
        self.opcodes: list[str] = []

    def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        node = next(at for at, word in enumerate(argv) if word.startswith("/dev/"))
        self.opcodes.append(argv[node + 1])
        return process.run(argv, timeout=timeout, stdin=stdin)


def copy(source: str, destination: str) -> bytes:
    cscds = tuple(Cscd(Designator.of_naa(naa), block_length=512) for naa in (source, destination))
    return CopyList(cscds, (BlockSegment(8, 0, 64, 0, 1),)).encode()


def spoilt(data: bytes, *edits: tuple[int, int]) -> bytes:
    changed = bytearray(data)
    for at, value in edits:
        changed[at] = value
    return bytes(changed)


@pytest.mark.parametrize(
    "edits",
    [(), ((3, 32),), ((2, 0), (3, 0)), ((48, 0xE2),), ((48, 0xC0),), ((85, 0), (87, 1)), ((55, 4),)],
    ids=[
        "correct",
        "a CSCD list too short",
        "no CSCD list",
        "another type",
        "a vendor's type",
        "indexes crossed",
        "a short designator",
    ],
)
def test_a_copy_onto_a_mounted_disk_is_refused_with_nothing_sent(
    other: Device, theirs: Device, edits: Sequence[tuple[int, int]]
) -> None:
    spy = Spy()
    gate = guard(other, Permitted(frozenset({other.naa})), spy)
    for pair in ((other.naa, theirs.naa), (theirs.naa, other.naa)):
        with pytest.raises(SafetyRefusal, match=theirs.naa):
            gate.execute(extended_copy(spoilt(copy(*pair), *edits)), SECONDS)
    assert spy.opcodes == []


def test_a_write_to_a_mounted_disk_is_refused_with_nothing_sent(other: Device, theirs: Device) -> None:
    spy = Spy()
    with pytest.raises(SafetyRefusal, match="mounted on"):
        permit([(other, Named(other.naa)), (theirs, Named(theirs.naa, destroy=True))])
    with pytest.raises(SafetyRefusal, match="does not name that unit"):
        guard(theirs, Permitted(frozenset({other.naa})), spy).execute(write10(0, bytes(512), 512), SECONDS)
    assert spy.opcodes == []


def test_the_disk_says_who_it_is_before_each_write_and_its_unit_attention_is_not_lost(disk: Device) -> None:
    spy = Spy()
    gate = guard(disk, permit([(disk, Named(disk.naa))]), spy)
    write = write10(0, bytes(512), 512)
    assert gate.execute(write, SECONDS).good
    sh(f"sg_reset --device {disk.sg[0]}")
    assert gate.execute(write, SECONDS).unit_attention
    assert gate.execute(write, SECONDS).good
    assert spy.opcodes == ["12", "2a"] * 3


def test_a_writer_asks_the_disk_itself_before_each_use(disk: Device, other: Device) -> None:
    spy = Spy()
    permitted = permit([(disk, Named(disk.naa))])
    writer = Writer(disk, permitted, guard(disk, permitted, spy).recognise)
    for _ in range(2):
        os.close(writer())
    writer.close()
    assert spy.opcodes == ["12", "12"]
    astray = Writer(disk, permitted, Gate(Sg3(other.sg[0]), disk.naa, permitted).recognise)
    with pytest.raises(TargetLost, match=f"was {disk.naa} and is now {other.naa}"):
        astray()
    astray.close()


@pytest.fixture(scope="module")
def lio() -> Iterator[None]:
    """The loopback fabric; the session has loaded the modules."""
    fabric = TARGET / "loopback"
    made = not fabric.exists()
    fabric.mkdir(exist_ok=True)
    yield
    if made:
        fabric.rmdir()


@pytest.mark.usefixtures("lio")
def test_a_disk_that_lio_exports_is_refused(disk: Device) -> None:
    with backstore("iblock", f"udev_path={disk.block[0]}", udev_path=disk.block[0]):
        refused_in_use(disk, "claimed by the kernel")


@pytest.fixture
def shared(lio: None, tmp_path: Path) -> Iterator[Device]:
    """A LIO unit that two initiators see."""
    with ExitStack() as stack:
        store = stack.enter_context(file_unit(tmp_path))
        for number in (1, 2):
            stack.enter_context(mapped(store, stack.enter_context(nexus(number))))
        yield unit_of(store, paths=2)


def reserve_out(action: int, kind: int, key: bytes, action_key: bytes) -> Command:
    return Command(bytes([0x5F, action, kind]) + bytes(5) + b"\x18\0", key + action_key + bytes(8))


def test_a_unit_with_foreign_registrations_or_reservations_is_refused(shared: Device) -> None:
    stranger = Sg3(shared.sg[1])
    vet(shared, Named(shared.naa))
    assert stranger.execute(reserve_out(0, 0, bytes(8), KEY), SECONDS).good
    assert "1 registered reservation keys, the first 00000000000000abh" in refusal(shared, destroy=True)
    assert stranger.execute(reserve_out(1, 3, KEY, bytes(8)), SECONDS).good
    assert "a persistent reservation of type 3 by key 00000000000000abh" in refusal(shared, destroy=True)
    assert stranger.execute(reserve_out(3, 0, KEY, bytes(8)), SECONDS).good
    vet(shared, Named(shared.naa))


def test_a_unit_that_another_initiator_reserved_the_old_way_is_refused(shared: Device) -> None:
    stranger = Sg3(shared.sg[1])
    vet(shared, Named(shared.naa))
    assert stranger.execute(Command(b"\x16" + bytes(5)), SECONDS).good
    assert "another initiator has reserved it" in refusal(shared)
    assert stranger.execute(Command(b"\x17" + bytes(5)), SECONDS).good
    vet(shared, Named(shared.naa))


@pytest.mark.usefixtures("lio")
def test_another_unit_under_the_same_node_gets_no_write(tmp_path: Path) -> None:
    with file_unit(tmp_path) as first, file_unit(tmp_path) as second, nexus(3) as group:
        spy = Spy()
        with mapped(first, group):
            ours = unit_of(first)
            gate = guard(ours, permit([(ours, Named(ours.naa))]), spy)
            assert gate.execute(write10(0, bytes(512), 512), SECONDS).good
        discovery.wait_gone(ours.naa, 60)
        with mapped(second, group):
            theirs = unit_of(second)
            assert (theirs.sg, theirs.block) == (ours.sg, ours.block), "the kernel gave the node to the other unit"
            with pytest.raises(TargetLost, match=f"was {ours.naa} and is now {theirs.naa}"):
                gate.execute(write10(0, bytes(512), 512), SECONDS)
            with pytest.raises(TargetLost, match=f"is now naa.{theirs.naa}"):
                open_for_write(ours, Permitted(frozenset({ours.naa})))
    assert spy.opcodes == ["12", "2a", "12"]
