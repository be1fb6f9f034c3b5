"""The templates for LVM and for device mapper: what they run, and how they read what both really print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

import pytest

from copyproof.pairing.reading import status_in
from copyproof.pairing.service import PairRequest, PairStatus
from copyproof.pairing.setting import Setting
from copyproof.pairing.template import Operation
from copyproof.scsi.pair import PairCommand, PairState
from copyproof.targets import templates
from tests.unit.pairing.vendor import P, S

NAMES: Mapping[str, Mapping[str, str]] = {
    "lvm": {"config": "devices { }", "prefix": "vg", "far": "/dev/mapper/vg-far", "tables": "/run/far"},
    "dmsetup": {"prefix": "vg"},
}
PLACES = {"primary": {"place": "/dev/loop0:0-16", "own": "/dev/loop0:1-16"}}
PLACES["secondary"] = {"place": "/dev/mapper/vg-far:0-16", "own": "/dev/mapper/vg-far:1-16"}


def setting(name: str) -> Setting:
    return Setting(templates.load(name), name, "t", NAMES[name], PLACES if name == "lvm" else {})


def read(name: str, text: str, code: int = 0) -> PairStatus:
    return status_in(text, code, templates.load(name).status)


def steps(name: str, operation: str, pace: int = 0, state: str = "") -> Sequence[str]:
    """What is run for an operation, the configuration of LVM left out."""
    found: Operation = next(each for key, each in templates.load(name).operations.items() if key == operation)
    told = PairRequest(PairCommand[operation.replace("-", "_").upper()], P, S, pace=pace)
    chosen = next((found.when(each) for each in found.in_state if each == state), found)
    return [re.sub(r" --config '[^']*'", "", shlex.join(argv)) for argv in setting(name).ordered(told, chosen)]


@pytest.mark.parametrize(
    ("printed", "state", "percent"),
    [
        ("  primary:linear::\n", PairState.SMPL, None),
        ("", PairState.SMPL, None),
        ("  primary:raid1:12.50:recover\n  [primary_rimage_1]:linear::\n", PairState.COPY, 12),
        ("  primary:raid1:100.00:recover\n  [primary_rimage_1]:linear::\n", PairState.COPY, 100),
        ("  primary:raid1:0.00:idle\n  [primary_rimage_1]:linear::\n", PairState.COPY, 0),
        ("  primary:raid1:100.00:idle\n  [primary_rimage_1]:linear::\n", PairState.PAIR, 100),
        ("  primary:raid1:100.00:idle\n  primary_rimage_1:linear::\n", PairState.PSUS, 100),
        ("  other-primary:raid1:100.00:idle\n  other-primary_rimage_1:linear::\n", PairState.PSUS, 100),
        ("  WARNING: noise\n  primary:raid1:31.25:recover\n", PairState.COPY, 31),
    ],
)
def test_what_lvs_prints_is_read_as_a_state(printed: str, state: PairState, percent: int | None) -> None:
    assert read("lvm", printed) == PairStatus(state, state, percent)


@pytest.mark.parametrize(
    ("printed", "code", "state"),
    [
        ("0 8192 linear \nDevice does not exist.\nCommand failed.\n", 1, PairState.SMPL),
        ("0 8192 error \nDevice does not exist.\nCommand failed.\n", 1, PairState.SMPL),
        ("0 8192 snapshot-origin \n", 0, PairState.PAIR),
        ("0 8192 snapshot-origin \n0 8192 snapshot 2048/20480 1024\n", 0, PairState.PSUS),
        ("0 8192 snapshot-origin \n0 8192 snapshot Invalid\n", 0, PairState.PSUE),
        ("0 8192 snapshot-origin \n0 8192 snapshot Overflow\n", 0, PairState.PSUE),
        ("0 8192 snapshot-merge 2048/20480 1024\n", 0, PairState.RCPY),
        ("0 8192 snapshot-merge 1024/20480 1024\n", 0, PairState.PAIR),
        ("0 8192 snapshot-merge 1024/20480 102\n", 0, PairState.RCPY),
        ("0 8192 snapshot-merge Merge failed\n", 0, PairState.PSUE),
    ],
)
def test_what_dmsetup_prints_is_read_as_a_state(printed: str, code: int, state: PairState) -> None:
    assert read("dmsetup", printed, code).primary_state is state


def test_the_fill_of_a_snapshots_store_is_shown() -> None:
    assert read("dmsetup", "0 8192 snapshot-origin \n0 8192 snapshot 2048/20480 1024\n").moved == 2048


def test_a_mirror_is_made_in_place_of_the_secondary_volume_after_the_pace_is_set() -> None:
    assert steps("lvm", "create", pace=3) == [
        "lvremove --yes vg/secondary",
        "dmsetup reload vg-far /run/far-3",
        "dmsetup suspend --nolockfs vg-far",
        "dmsetup resume vg-far",
        "lvconvert --yes --type raid1 --mirrors 1 --regionsize 256k vg/primary /dev/mapper/vg-far:0-16",
    ]


def test_a_half_in_step_is_split_off_for_good_and_one_that_is_not_leaves_its_extents_to_a_volume() -> None:
    assert steps("lvm", "delete") == ["lvconvert --yes --splitmirrors 1 --name secondary vg/primary /dev/mapper/vg-far"]
    assert steps("lvm", "delete", state="COPY")[-1].endswith(
        "--zero n --size 1048576b --name secondary vg /dev/mapper/vg-far:1-16"
    )


@pytest.mark.parametrize("operation", ["create-split", "split"])
def test_a_snapshot_gets_its_table_while_the_primary_volume_waits(operation: str) -> None:
    run = steps("dmsetup", operation)
    assert run[-4:] == [
        "dmsetup suspend vg-primary",
        "dmsetup reload vg-secondary-image --table '0 2048 snapshot /dev/mapper/vg-primary-real "
        "/dev/mapper/vg-secondary-store P 512'",
        "dmsetup resume vg-secondary-image",
        "dmsetup resume vg-primary",
    ]
    assert sum(step.startswith("dd if=/dev/zero of=/dev/mapper/vg-secondary-store ") for step in run) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_order_leaves_no_device_waiting(name: str) -> None:
    """A device that is suspended by a step is resumed by a later one."""
    for operation in templates.load(name).operations:
        waiting: list[str] = []
        for words in map(shlex.split, steps(name, operation)):
            if words[:2] == ["dmsetup", "suspend"]:
                waiting.append(words[-1])
            if words[:2] == ["dmsetup", "resume"] and words[-1] in waiting:
                waiting.remove(words[-1])
        assert waiting == []


@pytest.mark.parametrize(
    ("name", "said", "refused"),
    [
        ("dmsetup", "device-mapper: remove ioctl on x failed: No such device or address\nCommand failed.", True),
        ("dmsetup", "/dev/mapper/control: open failed: Permission denied\nFailure to communicate with kernel", False),
        ("lvm", '  Failed to find logical volume "x/secondary"', True),
        ("lvm", '  Volume group "x" not found\n  Cannot process volume group x', False),
        ("lvm", "  WARNING: Running as a non-root user.\n  /run/lock/lvm/V_x: open failed: Permission denied", False),
    ],
)
def test_a_program_that_could_not_do_its_work_has_refused_nothing(name: str, said: str, refused: bool) -> None:
    (refusal,) = templates.load(name).refusals
    assert bool(re.search(refusal.pattern, said, re.MULTILINE)) is refused
