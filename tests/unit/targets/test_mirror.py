"""Volumes for pairs of Linux's own: what is run for them, where they lie, and what becomes of what a dead run left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from copyproof.errors import DeviceError
from copyproof.process import Completed
from copyproof.targets import spec
from copyproof.targets.drivers.lio import ground
from copyproof.targets.drivers.lio.backstores import Wanted
from copyproof.targets.drivers.mirror import lvm, mapper, notes, snapshots
from copyproof.targets.drivers.mirror.lvm import Place
from copyproof.targets.drivers.mirror.mapper import Mapper
from copyproof.targets.drivers.mirror.presence import Behind, MappedPresence
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role

MARK = Mark("00c0ffe", "main")
MIB = 1 << 20


class Recorder:
    """A runner that answers as losetup does, and fails for one program."""

    def __init__(self, failing: str = "") -> None:
        self.run: list[Sequence[str]] = []
        self.failing = failing

    def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        assert timeout > 0
        self.run.append(argv)
        loops = sum(argv[0] == "losetup" for argv in self.run) - 1
        return Completed(int(self.failing in argv), f"/dev/loop{loops}\n".encode(), b"so it is\n", 0.0)

    def of(self, program: str) -> list[list[str]]:
        return [list(argv[1:]) for argv in self.run if argv[0] == program]


def wanted(folder: Path, **sizes: int) -> list[Wanted]:
    return [Wanted(Role(name), size, "serial", MARK, folder) for name, size in sizes.items()]


def device(sysfs: Path, number: int, name: str, *, on: Sequence[int] = (), suspended: bool = False) -> None:
    """A device of device mapper, as sysfs shows it, that stands on others."""
    folder = sysfs / f"block/dm-{number}"
    (folder / "dm").mkdir(parents=True)
    (folder / "holders").mkdir(exist_ok=True)
    (folder / "dm/name").write_text(f"{name}\n")
    (folder / "dm/suspended").write_text(f"{int(suspended)}\n")
    for other in on:
        (sysfs / f"block/dm-{other}/holders/dm-{number}").mkdir(parents=True)
        (folder / f"slaves/dm-{other}").mkdir(parents=True)


def test_devices_are_removed_from_the_top_and_only_those_of_the_mark(tmp_path: Path) -> None:
    device(tmp_path, 0, f"{MARK}-far")
    device(tmp_path, 1, "copyproof--00c0ffe--main-primary_rimage_1", on=[0])
    device(tmp_path, 2, "copyproof--00c0ffe--main-primary", on=[1])
    device(tmp_path, 3, f"{MARK}-primary", on=[2])
    device(tmp_path, 4, "copyproof-1234567-main-primary")
    device(tmp_path, 5, "vg-root")
    runner = Recorder()
    mapper.clear(MARK, runner, tmp_path)
    assert runner.of("dmsetup") == [
        ["remove", "--retry", f"{MARK}-primary"],
        ["remove", "--retry", "copyproof--00c0ffe--main-primary"],
        ["remove", "--retry", "copyproof--00c0ffe--main-primary_rimage_1"],
        ["remove", "--retry", f"{MARK}-far"],
    ]


def test_devices_that_wait_are_woken_from_the_bottom(tmp_path: Path) -> None:
    device(tmp_path, 0, f"{MARK}-primary-real", suspended=True)
    device(tmp_path, 1, f"{MARK}-primary", on=[0], suspended=True)
    device(tmp_path, 2, f"{MARK}-secondary")
    device(tmp_path, 3, "vg-root", suspended=True)
    runner = Recorder()
    mapper.wake(MARK, runner, tmp_path)
    assert runner.of("dmsetup") == [["resume", f"{MARK}-primary-real"], ["resume", f"{MARK}-primary"]]


def test_devices_that_stand_on_each_other_are_still_listed(tmp_path: Path) -> None:
    device(tmp_path, 0, f"{MARK}-a")
    device(tmp_path, 1, f"{MARK}-b", on=[0])
    (tmp_path / "block/dm-1/holders/dm-0").mkdir()
    assert set(mapper.marked(MARK, tmp_path)) == {f"{MARK}-a", f"{MARK}-b"}


def test_a_failing_dmsetup_is_told_with_what_it_said() -> None:
    with pytest.raises(DeviceError, match="dmsetup remove --retry x ended with status 1: so it is"):
        Mapper(Recorder("dmsetup")).remove("x")


def test_every_program_of_lvm_sees_the_runs_own_devices_and_no_others(tmp_path: Path) -> None:
    runner = Recorder()
    group = lvm.build(MARK, wanted(tmp_path, source=MIB, primary=MIB, secondary=MIB), runner)
    programs = [argv for argv in runner.run if argv[0] not in ("losetup", "dmsetup")]
    assert [argv[0] for argv in programs] == ["vgcreate", "lvcreate", "lvcreate", "lvcreate"]
    accepted = '"a|^/dev/loop0$|","a|^/dev/mapper/copyproof-00c0ffe-main-far$|","r|.*|"'
    for argv in programs:
        assert [*argv[1:3]] == ["--config", group.config]
    assert f"global_filter=[{accepted}]" in group.config
    assert f" filter=[{accepted}]" in group.config
    assert f'system_id="{MARK}"' in group.config


def test_volumes_lie_behind_an_extent_that_a_mirror_may_take(tmp_path: Path) -> None:
    runner = Recorder()
    lvm.build(MARK, wanted(tmp_path, source=MIB, primary=MIB, secondary=MIB), runner)
    assert [argv[-1] for argv in runner.of("lvcreate")] == [
        "/dev/loop0:1-16",
        "/dev/loop0:18-33",
        "/dev/mapper/copyproof-00c0ffe-main-far:1-16",
    ]
    assert Place(1, 16).whole == ":0-16"
    assert (tmp_path / "near.img").stat().st_size >= lvm.START + 35 * lvm.EXTENT


def test_only_the_blocks_of_secondary_volumes_are_written_late(tmp_path: Path) -> None:
    lvm.build(MARK, wanted(tmp_path, primary=MIB, secondary=MIB), Recorder())
    kinds = {pace: [line.split()[2] for line in table(tmp_path, pace)] for pace in lvm.PACES}
    assert kinds == {0: ["linear"], **{pace: ["linear", "delay", "linear"] for pace in lvm.PACES if pace}}
    first, count = table(tmp_path, 1)[1].split()[:2]
    assert int(first) * 512 == lvm.START + lvm.EXTENT
    assert int(count) * 512 == MIB
    waits = [int(table(tmp_path, pace)[1].split()[-1]) for pace in lvm.PACES if pace]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] == lvm.SLOWEST


def table(folder: Path, pace: int) -> list[str]:
    return (folder / f"far-{pace}").read_text().splitlines()


@pytest.mark.parametrize("pace", [0, 1])
def test_a_table_of_the_second_device_is_without_holes(tmp_path: Path, pace: int) -> None:
    lvm.build(MARK, wanted(tmp_path, **{"primary": MIB, "secondary": MIB, "other-secondary": MIB}), Recorder())
    at = 0
    for line in table(tmp_path, pace):
        first, count = map(int, line.split()[:2])
        assert first == at
        at += count
    assert at * 512 == (tmp_path / "far.img").stat().st_size


def test_what_this_machines_lvm_noted_of_the_group_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    found = {
        "pvs_online/aaa": f"7:0\nvg:{MARK}\n",
        "pvs_online/bbb": "8:1\nvg:root\n",
        f"pvs_lookup/{MARK}": "aaa\n",
        f"vgs_online/{MARK}": "",
        "vgs_online/root": "",
        "hints": f"{MARK}\n",
    }
    for name, text in found.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    notes.forget(MARK, tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"pvs_online/bbb", "vgs_online/root", "hints"}


def test_a_note_that_goes_while_it_is_looked_at_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "pvs_online/folder").mkdir(parents=True)
    (tmp_path / "pvs_online/gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "pvs_online/ours").write_text(f"vg:{MARK}\n")
    notes.forget(MARK, tmp_path)
    assert not (tmp_path / "pvs_online/ours").exists()


def test_a_store_has_room_for_all_blocks_and_for_notes(tmp_path: Path) -> None:
    names = snapshots.build(MARK, wanted(tmp_path, primary=MIB, secondary=MIB), Recorder())
    assert names[Role.SECONDARY] == f"{MARK}-secondary-store"
    assert (tmp_path / "secondary.img").stat().st_size == MIB + snapshots.SPARE
    assert (tmp_path / "primary.img").stat().st_size == MIB


class Stage:
    """What there is under an S-VOL's unit, and what was done about it."""

    def __init__(self) -> None:
        self.there = {"own"}
        self.runner = Recorder()
        self.protected: list[bool] = []
        behind = Behind("unit", 4096, (("own", True), ("half", False)))
        self.presence = MappedPresence(
            {"secondary": behind}, Mapper(self.runner), self._protect, lambda name: name in self.there, self._leads_to
        )

    def _leads_to(self, device: str) -> str:
        assert device == "unit"
        last = self.tables[-1] if self.tables else "0 8 linear /dev/mapper/own 0"
        return "" if last.endswith("error") else Path(last.split()[3]).name

    def _protect(self, name: str, protected: bool) -> None:
        assert name == "secondary"
        self.protected.append(protected)

    @property
    def tables(self) -> list[str]:
        return [argv[-1] for argv in self.runner.of("dmsetup") if argv[0] == "reload"]


def test_a_unit_leads_to_nothing_while_its_volume_is_half_of_a_mirror() -> None:
    stage = Stage()
    stage.presence.vanish("secondary")
    stage.presence.vanish("secondary")
    assert stage.tables == ["0 8 error"]
    assert stage.protected == [True]


def test_a_half_that_is_split_off_is_protected_and_a_volume_of_its_own_is_not() -> None:
    stage = Stage()
    stage.presence.vanish("secondary")
    stage.there = {"half"}
    stage.presence.appear("secondary")
    stage.presence.appear("secondary")
    stage.presence.vanish("secondary")
    stage.there = {"own"}
    stage.presence.appear("secondary")
    assert stage.tables == ["0 8 error", "0 8 linear /dev/mapper/half 0", "0 8 error", "0 8 linear /dev/mapper/own 0"]
    assert stage.protected == [True, True, True, False]


def test_what_another_process_did_to_a_unit_is_seen() -> None:
    stage = Stage()
    stage.presence.vanish("secondary")
    Mapper(stage.runner).load("unit", mapper.linear("/dev/mapper/own", 4096))
    stage.presence.vanish("secondary")
    assert stage.tables[-1] == "0 8 error"


def test_a_device_leads_to_the_one_beneath_it(tmp_path: Path) -> None:
    device(tmp_path, 0, "store")
    device(tmp_path, 1, "unit", on=[0])
    (tmp_path / "block/dm-2/slaves/loop0").mkdir(parents=True)
    device(tmp_path, 2, "on a loop device")
    beneath = [mapper.leads_to(name, tmp_path) for name in ("unit", "store", "on a loop device", "unknown")]
    assert beneath == ["store", "", "", ""]


def test_a_unit_that_has_nothing_to_lead_to_is_an_error() -> None:
    stage = Stage()
    stage.presence.vanish("secondary")
    stage.there = set()
    with pytest.raises(DeviceError, match="secondary: there is no volume of own, half"):
        stage.presence.appear("secondary")


@pytest.mark.parametrize(
    ("name", "modules", "package"),
    [("lvm-mirror", {"dm_raid", "raid1"}, "lvm2"), ("dm-snapshot", {"dm_snapshot"}, "dmsetup")],
)
def test_what_a_target_needs_is_asked_for(name: str, modules: set[str], package: str) -> None:
    target = spec.load(name)
    assert modules <= set(ground.modules(target))
    assert package in ground.programs(target).values()
