"""Pairs that Linux makes itself, by LVM and by device mapper: what their volumes hold after each order."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from copyproof import process
from copyproof.errors import UsageError
from copyproof.pairing.command import CommandPairs
from copyproof.pairing.service import Answered, PairRequest, PairVolume
from copyproof.scsi.cdb import read16, write16
from copyproof.scsi.command import Result
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from copyproof.targets import drivers, lease, spec
from copyproof.targets.drivers.mirror import mapper
from copyproof.targets.lease import Mark
from copyproof.targets.live import LiveTarget, Role
from copyproof.targets.pairs import service_of, volume_of
from copyproof.targets.spec import TargetSpec
from copyproof.transport.base import drain
from copyproof.transport.sg3 import Sg3
from tests.lio.test_leaks import other

CREATE, CREATE_SPLIT, SPLIT = PairCommand.CREATE, PairCommand.CREATE_SPLIT, PairCommand.SPLIT
RESYNC, RESTORE, DELETE = PairCommand.RESYNC, PairCommand.RESTORE, PairCommand.DELETE
SLOT = 512
"""Blocks that both implementations are told to note as changed together."""
AT_ONCE = 4
"""Slots in a command."""
PATIENCE = 200.0

pytestmark = pytest.mark.usefixtures("no_leaks")


class Volumes:
    """A target's pair of volumes, driven by its service, read and written past the kernel's caches."""

    def __init__(self, live: LiveTarget) -> None:
        self.live = live
        paths = {role: Sg3(live.lun(role).device.sg[0]) for role in (Role.PRIMARY, Role.SECONDARY)}
        for path in paths.values():
            drain(path, 30)
        self.paths = paths
        service = service_of(live, dict(paths))
        assert isinstance(service, CommandPairs)
        self.service = service
        self.primary, self.secondary = (volume_of(live.lun(role), path) for role, path in paths.items())

    @property
    def both(self) -> tuple[PairVolume, PairVolume]:
        return self.primary, self.secondary

    def order(self, command: PairCommand, kind: SplitKind = SplitKind.STEADY, pace: int = 0) -> Answered:
        return self.service.order(PairRequest(command, *self.both, kind, pace=pace))

    def does(self, command: PairCommand, state: PairState, kind: SplitKind = SplitKind.STEADY) -> None:
        """Order something, which must be accepted, and wait for a state."""
        assert self.order(command, kind).accepted
        assert self.service.wait(*self.both, {state}, PATIENCE).secondary_state is state

    @property
    def state(self) -> PairState:
        return self.service.status(*self.both).primary_state

    def write(self, role: Role, slot: int, byte: int, count: int = 1) -> Result:
        """Fill slots with a byte; return how the last write ended."""
        data = bytes([byte]) * (min(count, AT_ONCE) * SLOT * 512)
        starts = range(slot * SLOT, (slot + count) * SLOT, AT_ONCE * SLOT)
        return [self.paths[role].execute(write16(at, data, 512), 60) for at in starts][-1]

    def read(self, role: Role) -> list[int | None]:
        """The byte that each slot is full of; None for one that holds several."""
        data, size = self.whole(role), SLOT * 512
        slots = (data[at : at + size] for at in range(0, len(data), size))
        return [slot[0] if slot == slot[:1] * size else None for slot in slots]

    def whole(self, role: Role) -> bytes:
        """All that a volume holds."""
        data = b""
        for at in range(0, self.live.lun(role).device.blocks, AT_ONCE * SLOT):
            result = self.paths[role].execute(read16(at, AT_ONCE * SLOT, 512), 60)
            assert result.good, result
            data += result.data
        return data


@contextmanager
def up(name: str, fabric: str = "") -> Iterator[Volumes]:
    with drivers.open_target(_by(spec.load(name), fabric)) as live:
        yield Volumes(live)


def _by(target: TargetSpec, fabric: str) -> TargetSpec:
    if not fabric:
        return target
    lio = msgspec.structs.replace(target.lio, fabric=fabric)
    luns = {role: lun for role, lun in target.luns.items() if role != "readonly"}
    return msgspec.structs.replace(target, lio=lio, luns=luns)


def test_a_snapshot_is_a_point_in_time_at_once_that_both_volumes_may_leave() -> None:
    with up("dm-snapshot") as pair:
        pair.write(Role.PRIMARY, 0, 1, 16)
        pair.does(CREATE_SPLIT, PairState.PSUS, SplitKind.QUICK)
        pair.write(Role.PRIMARY, 0, 2)
        pair.write(Role.SECONDARY, 3, 3)
        first = [1] * 16
        assert pair.read(Role.PRIMARY) == [2, *first[1:]]
        assert pair.read(Role.SECONDARY) == [*first[:3], 3, *first[4:]]
        status = pair.service.status(*pair.both)
        assert status.moved is not None
        assert status.moved >= 2 * SLOT
        with pytest.raises(UsageError, match=r"pairs.only_in.create: not in this state, .* P-VOL PSUS, S-VOL PSUS"):
            pair.order(CREATE)
        pair.does(RESTORE, PairState.PAIR)
        assert pair.read(Role.PRIMARY) == [*first[:3], 3, *first[4:]]
        assert not pair.paths[Role.SECONDARY].execute(read16(0, 1, 512), 60).good
        pair.does(DELETE, PairState.SMPL)
        assert pair.read(Role.PRIMARY) == [*first[:3], 3, *first[4:]]


@pytest.mark.nightly
def test_a_snapshot_taken_again_is_of_the_later_time() -> None:
    with up("dm-snapshot") as pair:
        pair.write(Role.PRIMARY, 0, 1, 16)
        pair.does(CREATE, PairState.PAIR)
        pair.does(SPLIT, PairState.PSUS)
        pair.write(Role.SECONDARY, 5, 9)
        pair.write(Role.PRIMARY, 7, 2)
        pair.does(RESYNC, PairState.PAIR)
        pair.does(SPLIT, PairState.PSUS)
        assert pair.read(Role.SECONDARY) == [*[1] * 7, 2, *[1] * 8]
        pair.does(DELETE, PairState.SMPL)


@pytest.mark.nightly
def test_a_mirror_is_split_tracked_and_merged() -> None:
    with up("lvm-mirror") as pair:
        pair.write(Role.PRIMARY, 0, 1, 16)
        pair.write(Role.SECONDARY, 0, 2, 16)
        pair.does(CREATE, PairState.PAIR)
        assert not pair.paths[Role.SECONDARY].execute(read16(0, 1, 512), 60).good
        assert str(Outcome.of(pair.write(Role.SECONDARY, 0, 3))) == "07/27/00"
        pair.does(SPLIT, PairState.PSUS)
        assert pair.read(Role.SECONDARY) == [1] * 16
        assert str(Outcome.of(pair.write(Role.SECONDARY, 0, 3))) == "07/27/00"
        pair.write(Role.PRIMARY, 4, 4)
        assert pair.read(Role.SECONDARY) == [1] * 16
        refused = pair.order(CREATE)
        assert (refused.accepted, refused.said) == (False, "exit 5: LVM refuses")
        pair.does(RESYNC, PairState.PAIR)
        pair.does(DELETE, PairState.SMPL)
        assert pair.read(Role.SECONDARY) == pair.read(Role.PRIMARY) == [*[1] * 4, 4, *[1] * 11]
        assert pair.write(Role.SECONDARY, 0, 5).good
        assert pair.read(Role.PRIMARY)[0] == 1


@pytest.mark.nightly
def test_a_mirror_that_is_being_copied_is_held_by_pace_and_leaves_each_block_old_or_new() -> None:
    with up("lvm-mirror") as pair:
        pair.write(Role.PRIMARY, 0, 1, 16)
        pair.write(Role.SECONDARY, 0, 2, 16)
        assert pair.order(CREATE, pace=1).accepted
        status = pair.service.status(*pair.both)
        assert status.primary_state is PairState.COPY
        assert status.percent is not None
        assert status.percent < 100
        assert pair.write(Role.PRIMARY, 15, 3).good
        assert pair.state is PairState.COPY
        pair.does(DELETE, PairState.SMPL)
        assert {1, 2} <= set(pair.whole(Role.SECONDARY)) <= {1, 2, 3}
        assert pair.read(Role.PRIMARY) == [*[1] * 15, 3]


@pytest.mark.nightly
def test_where_nothing_protects_a_tracked_half_a_write_to_it_comes_back_with_the_merge() -> None:
    """What docs/findings.md says of LVM: the half is read-only by name, and LIO's loopback fabric writes it."""
    with up("lvm-mirror", "loopback") as pair:
        pair.write(Role.PRIMARY, 0, 1, 16)
        pair.does(CREATE, PairState.PAIR)
        pair.does(SPLIT, PairState.PSUS)
        assert pair.write(Role.SECONDARY, 9, 7).good
        assert pair.read(Role.PRIMARY) == [1] * 16
        pair.does(RESYNC, PairState.PAIR)
        halves = [_half(pair, number)[9 * SLOT * 512] for number in (0, 1)]
        assert halves == [1, 7]


def _half(pair: Volumes, number: int) -> bytes:
    name = pair.live.pair_hooks.names["prefix"].replace("-", "--") + f"-primary_rimage_{number}"
    argv = ["dd", f"if={mapper.NODES / name}", "bs=64k", "iflag=direct", "status=none"]
    return process.run(argv, timeout=60).out


@pytest.mark.nightly
def test_a_half_that_is_in_use_is_not_merged_and_the_pair_stays_split() -> None:
    with up("lvm-mirror") as pair:
        pair.does(CREATE, PairState.PAIR)
        pair.does(SPLIT, PairState.PSUS)
        # As a lab does whose S-VOL nobody unmaps.
        service = service_of(careless(pair.live), dict(pair.paths))
        answered = service.order(PairRequest(RESYNC, *pair.both))
        assert not answered.accepted
        assert pair.state is PairState.PSUS


def careless(live: LiveTarget) -> LiveTarget:
    return replace(live, pair_hooks=replace(live.pair_hooks, presence=None))


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["lvm-mirror", "dm-snapshot"])
def test_what_a_killed_run_left_is_cleared_by_the_next_even_a_device_that_waits(name: str) -> None:
    with other(name) as dead:
        dead.end(signal.SIGKILL)
        (mark,) = lease.dead()
        subprocess.run(["dmsetup", "suspend", f"{mark}-primary"], check=True)
        with drivers.open_target(spec.load("lio-ramdisk")):
            assert dead.present() == set()
            assert mapper.marked(mark) == []


@pytest.mark.nightly
def test_two_runs_at_once_do_not_meet_and_a_strangers_volumes_are_left_alone(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"")
    subprocess.run(["truncate", "--size=16M", disk], check=True)
    loop = subprocess.run(["losetup", "-f", "--show", disk], check=True, capture_output=True, text=True).stdout.strip()
    try:
        subprocess.run(["vgcreate", "stranger", loop], check=True)
        before = disk.read_bytes()
        with other("lvm-mirror") as living, up("lvm-mirror") as pair:
            pair.write(Role.PRIMARY, 0, 1, 16)
            pair.does(CREATE, PairState.PAIR)
            listed = process.run(["vgs", "--config", pair.live.pair_hooks.names["config"], "-o", "vg_name"], timeout=60)
            ours = [str(Mark.parse(line)) for line in listed.text.splitlines() if Mark.parse(line)]
            assert ours == [pair.live.pair_hooks.names["prefix"]]
            assert "stranger" not in listed.text
            assert living.present() == living.naas
            living.end()
        assert disk.read_bytes() == before
    finally:
        subprocess.run(["vgremove", "--force", "--yes", "stranger"], check=True)
        subprocess.run(["losetup", "-d", loop], check=True)
