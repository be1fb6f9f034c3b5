"""The script that a difference leaves: it shows the difference where there is one, and only there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from copyproof.blocks.origin import ZEROS, Origin
from copyproof.fuzz import script
from copyproof.fuzz.events import Difference, Ordered, Stamped
from copyproof.fuzz.ground import survey
from copyproof.fuzz.operations import Copy, Flaw, Operation, Range, Verify, Write, Zero
from copyproof.fuzz.player import Player
from copyproof.fuzz.search import Budget, Counterexample, Search
from copyproof.model.controller import Transfer
from copyproof.model.extents import Extent
from copyproof.plugin.arrange import Arrangement
from copyproof.plugin.bench import Bench
from copyproof.scsi.command import Result, Status
from copyproof.targets.live import Role
from copyproof.transport import tape
from tests.fuzz.desk import Desk, run
from tests.fuzz.stage import searched, target

SEQUENCE: tuple[Operation, ...] = (
    Write(Range(1, 4, 3), by_command=True),
    Zero(Range(2, 2, 4)),
    Verify(Range(1, 0, 8)),
    Copy((Transfer(1, 0, 2, 8, 8),), flaw=Flaw.UNKNOWN_SOURCE),
    Copy((Transfer(1, 0, 2, 8, 8), Transfer(2, 0, 1, 40, 8)), by_destination=True),
)


def played(bench: Bench, *operations: Operation) -> Search:
    """Play one sequence that differs."""
    search = Search(Player(bench, survey(bench)), Budget(100, 60.0))
    with pytest.raises(Difference):
        search.play(operations)
    return search


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a long sequence left, on a target whose copies are off by one block."""
    made = tmp_path_factory.mktemp("left")
    with target(made / "target", "copies-from-the-next-block") as bench:
        search = played(bench, *SEQUENCE)
        assert search.found is not None
        script.write(search.found, bench, made)
    return made


def test_the_script_shows_the_difference_on_a_target_that_has_it(folder: Path) -> None:
    shown = run(folder, shift=1)
    assert shown.code == 1, shown.text
    assert "destination LBA 8 is wrong" in shown.text


def test_the_script_says_that_a_right_target_does_what_it_must(folder: Path) -> None:
    shown = run(folder, shift=0)
    assert (shown.code, shown.text) == (0, "the target does what it must\n")


def test_an_outcome_that_must_not_be_is_shown(tmp_path: Path) -> None:
    with target(tmp_path / "target", "refuses-with-a-wrong-sense") as bench:
        search = played(bench, Copy((Transfer(1, 0, 2, 0, 1),), flaw=Flaw.LIST_CUT))
        assert search.found is not None
        script.write(search.found, bench, tmp_path)
    shown = run(tmp_path, shift=0)
    # The fake tool answers with 05/26/00, which this list must not end in either.
    assert shown.code == 1
    assert "the command ended in 05/26/00, it must end in 05/1A/00" in shown.text


def test_labels_that_are_wrong_cannot_be_shown_and_that_is_no_pass(tmp_path: Path) -> None:
    with target(tmp_path / "target", "keeps-the-labels", probes='"sidecar"') as bench:
        found = searched(bench, 200).found
        assert found is not None
        script.write(found, bench, tmp_path)
    shown = run(tmp_path, shift=0)
    assert (shown.code, shown.text) == (2, "no block differs; the labels cannot be looked at from here\n")


def test_where_there_is_nothing_to_look_at_nothing_was_shown(folder: Path, tmp_path: Path) -> None:
    with target(tmp_path / "target", "copies-from-the-next-block") as bench:
        found = searched(bench, 10).found
        assert found is not None
        script.write(replace(found, due=()), bench, tmp_path)
    shown = run(tmp_path, shift=0)
    assert (shown.code, shown.text) == (2, "there is no block to look at, so nothing was shown\n")


@pytest.mark.parametrize(("value", "code"), [(1, 0), (2, 0), (3, 1)])
def test_a_block_that_may_hold_one_of_several_is_wrong_when_it_holds_none(
    tmp_path: Path, value: int, code: int
) -> None:
    several = Extent(4, 2, (Origin(1, 40, 1), ZEROS, Origin(1, 40, 2)))
    with target(tmp_path / "target") as bench:
        stamped = [Stamped(Range(1, lba, 1), generation) for lba, generation in ((40, value), (41, 1))]
        copies = [copied(bench, part.at.lba, part.at.lba - 36) for part in stamped]
        found = Counterexample((), "a test", (*stamped, *copies), ((2, several),))
        script.write(found, bench, tmp_path)
    shown = run(tmp_path, shift=0)
    assert shown.code == code, shown.text
    assert ("destination LBA 4 is wrong" in shown.text) == bool(code)


def copied(bench: Bench, source_lba: int, destination_lba: int) -> Ordered:
    order = Arrangement(bench).order([Transfer(1, source_lba, 2, destination_lba, 1)], Role.SOURCE)
    return Ordered(1, order.command, (), Result(Status.GOOD))


def another_unit(desk: Desk) -> None:
    desk.is_now("source", "6" + "f" * 31)


def a_liar(desk: Desk) -> None:
    (desk.naas / "source").write_text("6" + "f" * 31)


def nameless(desk: Desk) -> None:
    desk.wwid("source").unlink()


def smaller(desk: Desk) -> None:
    with (desk.units / "destination").open("r+b") as file:
        file.truncate(8191 * 512)


def twice(desk: Desk) -> None:
    desk.named["DESTINATION"] = desk.named["SOURCE"]
    desk.named["OVERWRITE"] = f"naa.{(desk.naas / 'source').read_text()}"


def by_two_paths(desk: Desk) -> None:
    desk.is_now("destination", (desk.naas / "source").read_text())
    desk.named["OVERWRITE"] = f"naa.{(desk.naas / 'source').read_text()}"


def unnamed(desk: Desk) -> None:
    del desk.named["SOURCE"]


def held(desk: Desk) -> None:
    desk.disk("source", "sdx").joinpath("holders/dm-0").mkdir(parents=True)


def mounted(desk: Desk) -> None:
    desk.disk("source", "sdx")
    (desk.proc / "mounts").write_text("/dev/sdx /mnt ext4 rw 0 0\n")


def mounted_by_another_name(desk: Desk) -> None:
    (desk.disk("source", "sdx") / "dev").write_text("65:112\n")
    (desk.proc / "self/mountinfo").write_text("1 2 65:112 / /mnt rw - ext4 /dev/disk/by-id/x rw\n")


def swapped(desk: Desk) -> None:
    desk.partition(desk.disk("source", "sdx"), "sdx1")
    desk.named["OVERWRITE"] = f"naa.{(desk.naas / 'source').read_text()}"
    (desk.proc / "swaps").write_text("Filename\tType\n/dev/sdx1\tpartition\t1\t0\t-2\n")


def partitioned(desk: Desk) -> None:
    desk.partition(desk.disk("destination", "sdx"), "sdx1")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (unnamed, "name the sg node of the SOURCE unit: SOURCE=/dev/sgN"),
        (
            another_unit,
            "is not the SOURCE unit naa.60000000000000000000000000000001; if it may be overwritten, say",
        ),
        (a_liar, "says that it is naa.6fffffffffffffffffffffffffffffff, the kernel knows it as naa.60000000"),
        (nameless, "the kernel knows it as nothing"),
        (smaller, "must have 8192 blocks of 512 bytes, it has: 0x1fff 0x200"),
        (twice, "is the same unit as another that is named"),
        (by_two_paths, "is the same unit as another that is named"),
        (held, "sdx is held by another device"),
        (mounted, "sdx is mounted"),
        (mounted_by_another_name, "sdx is mounted"),
        (swapped, "sdx1 is swapped on"),
        (partitioned, "sdx has a partition, sdx1; if it may be overwritten, say OVERWRITE="),
    ],
)
def test_a_unit_that_must_not_be_overwritten_is_refused_before_anything_is_written(
    folder: Path, spoil: Callable[[Desk], None], said: str
) -> None:
    shown = run(folder, shift=1, spoil=spoil)
    assert shown.code == 2, shown.text
    assert said in shown.text
    assert shown.untouched


def test_another_unit_that_is_meant_is_overwritten_and_named_in_the_copies(folder: Path) -> None:
    def meant(desk: Desk) -> None:
        another_unit(desk)
        partitioned(desk)
        named = [(desk.naas / name).read_text() for name in ("source", "destination")]
        desk.named["OVERWRITE"] = " ".join(f"naa.{naa}" for naa in named)

    assert run(folder, shift=1, spoil=meant).code == 1
    assert run(folder, shift=0, spoil=meant).code == 0


def test_a_designator_in_the_environment_sends_no_copy_elsewhere(folder: Path) -> None:
    def inherited(desk: Desk) -> None:
        desk.named |= {"SOURCE_NAA": "6" + "e" * 31, "DESTINATION_NAA": "6" + "d" * 31, "naa": "6", "unseen": "x"}

    shown = run(folder, shift=0, spoil=inherited)
    assert (shown.code, shown.text) == (0, "the target does what it must\n")


def test_the_tape_holds_the_same_commands_and_writes(folder: Path) -> None:
    recorded = tape.read(folder / script.TAPE)
    kinds = [type(event).__name__ for event in recorded.events]
    assert kinds.count("Sent") == 4
    assert (kinds[0], kinds[-1]) == ("Stamped", "Looked")
    assert recorded.unit("source").blocks == 8192


def test_a_stray_write_needs_the_bystander_named_too(tmp_path: Path) -> None:
    with target(tmp_path / "target", "writes-the-bystander") as bench:
        found = searched(bench, 50).found
        assert found is not None
        script.write(found, bench, tmp_path)
    text = (tmp_path / script.SCRIPT).read_text()
    assert 'look bystander "$BYSTANDER" 5 1 ' in text
    assert 'stamp "$BYSTANDER" 5 1 ' in text


def test_what_a_device_said_cannot_leave_its_comment(folder: Path, tmp_path: Path) -> None:
    with target(tmp_path / "target", "copies-from-the-next-block") as bench:
        search = searched(bench, 10)
        assert search.found is not None
        object.__setattr__(search.found, "diagnosis", "harmless\nrm -rf \x1b[31m")
        script.write(search.found, bench, tmp_path)
    lines = (tmp_path / script.SCRIPT).read_text().splitlines()
    assert "#   harmless?rm -rf ?[31m" in lines
