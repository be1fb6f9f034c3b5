"""What a target offers is asked for and tried, and what it does not offer is not played."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from copyproof.errors import DeviceError, MalformedAnswer
from copyproof.fuzz.events import Difference
from copyproof.fuzz.ground import survey
from copyproof.fuzz.operations import Copy, Flaw, Range, Reset, Unmap, Write, Zero
from copyproof.fuzz.player import Player
from copyproof.fuzz.strategies import KINDS
from copyproof.model.controller import Transfer
from copyproof.plugin.bench import Bench
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.provisioning import Provisioning, provisioning, unmap, write_same16
from copyproof.scsi.sense import Sense, SenseKey
from copyproof.scsi.vpd import BlockLimits
from copyproof.targets.live import Role
from copyproof.verdicts.profile import Deviation, Profile
from tests.fuzz.stage import target


def test_limits_come_from_the_target(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        ground = survey(bench)
    assert (ground.longest, ground.segments) == (1500, 8)
    assert (ground.same, ground.unmapped, ground.zeros) == (1000, 4096, True)
    assert ground.strange == (0x00, 0xE0)


def test_a_limit_that_the_target_does_not_name_is_found_by_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copyproof.fuzz.ground._limits", lambda _: BlockLimits(0, 0, 0, 0, 0))
    with target(tmp_path) as bench:
        ground = survey(bench)
        # Half of the smaller unit is tried first: 4096, 2048, 1024, 512 blocks.
        assert (ground.same, ground.unmapped) == (512, 0)
        assert bench.model.slice(1, 0, 512)[0].origins == ()


ATTENTION = Result(Status.CHECK_CONDITION, Sense(SenseKey.UNIT_ATTENTION, 0x2A, 0x09))
FAULT = Result(Status.CHECK_CONDITION, Sense(SenseKey.HARDWARE_ERROR, 0x44, 0x00))


def test_a_unit_attention_to_a_trial_is_drained_and_tells_no_limit(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        Answers(bench, {0x93: [ATTENTION], 0x42: [ATTENTION], 0x12: [ATTENTION]})
        ground = survey(bench)
    assert (ground.same, ground.unmapped, ground.zeros) == (1000, 4096, True)


@pytest.mark.parametrize("sense", ["05/20/00", "02/08/00"])
def test_a_trial_that_is_refused_whatever_its_length_leaves_the_command_out(tmp_path: Path, sense: str) -> None:
    key, asc, ascq = bytes.fromhex(sense.replace("/", ""))
    refusal = Result(Status.CHECK_CONDITION, Sense(SenseKey(key), asc, ascq))
    with target(tmp_path) as bench:
        Answers(bench, {0x93: [refusal] * 32})
        assert survey(bench).same == 0


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([Result(Status.BUSY)], "BUSY: WRITE SAME"),
        ([ATTENTION, ATTENTION], "06/2A/09: WRITE SAME"),
        ([FAULT], "was tried and ended in 04/44/00"),
    ],
)
def test_a_trial_that_ends_otherwise_than_in_a_refusal_is_an_error(
    tmp_path: Path, results: list[Result], said: str
) -> None:
    with target(tmp_path) as bench:
        Answers(bench, {0x93: results})
        with pytest.raises(DeviceError, match=said):
            survey(bench)


class Answers:
    """The transport of the source, which has other answers first to some operation codes."""

    def __init__(self, bench: Bench, first: dict[int, list[Result]]) -> None:
        source = bench.unit(Role.SOURCE)
        self._transport, self._first, self.name = source.transport, first, source.transport.name
        bench.units = {**bench.units, Role.SOURCE: replace(source, transport=self)}

    def repeat_by_hand(self, command: Command) -> str:
        return self._transport.repeat_by_hand(command)

    def execute(self, command: Command, timeout: float) -> Result:
        due = self._first.get(command.opcode, [])
        return due.pop(0) if due else self._transport.execute(command, timeout)


def test_units_that_a_target_file_names_are_never_reset(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        ground = survey(bench)
    assert not ground.resets
    assert "reset" not in [kind.name for kind in KINDS if kind.offered(ground)]


def test_without_unmap_and_write_same_neither_is_played(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        ground = replace(survey(bench), same=0, unmapped=0)
    assert {"zero", "unmap"}.isdisjoint(kind.name for kind in KINDS if kind.offered(ground))


def test_a_target_without_operating_parameters_gets_one_segment_and_no_strange_types(tmp_path: Path) -> None:
    with target(tmp_path, "has-no-operating-parameters 0") as bench:
        ground = survey(bench)
    assert (ground.longest, ground.segments, ground.strange) == (4096, 1, None)


def test_of_unmapped_blocks_nothing_is_sure_unless_they_read_zeros(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        ground = replace(survey(bench), zeros=False)
        player = Player(bench, ground)
        player.begin()
        player.play(Unmap(Range(1, 8, 4)))
        assert [extent.origins for extent in bench.model.slice(1, 8, 4)] == [()]


def test_a_unit_that_leaves_blocks_of_incomplete_granules_mapped_is_right(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        ground = survey(bench)
        assert (ground.granule, ground.granules_from) == (8, 0)
        player = Player(bench, ground)
        player.begin()
        player.play(Unmap(Range(1, 5, 20)))
        player.finish()
        assert [len(extent.origins) for extent in bench.model.slice(1, 5, 20)] == [2, 1, 2]


def test_a_reset_asks_for_nothing_wider_than_the_unit(tmp_path: Path) -> None:
    from copyproof.process import Completed, Replay, Take

    with target(tmp_path) as bench:
        node = str(bench.unit(next(iter(bench.units))).lun.device.sg[0])
        run = Replay([Take(("sg_reset", "--no-esc", "--device", node), Completed(0, b"", b"", 0.0))])
        player = Player(bench, survey(bench), run)
        player.begin()
        player.play(Reset(1))
        assert run.left == []


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (Write(Range(1, 4, 1), by_command=True), "write source LBA 4 by command"),
        (Zero(Range(2, 4, 2)), "write zeros to destination LBA 4 to 5"),
        (Reset(2), "reset destination"),
        (
            Copy((Transfer(1, 0, 2, 9, 2),), by_destination=True, flaw=Flaw.SEGMENT_TYPE),
            "copy source LBA 0 to 1 to destination 9, sent to the destination, spoilt for XC1-SEG-TYPE",
        ),
    ],
)
def test_an_operation_is_told_in_one_line(operation: object, text: str) -> None:
    assert str(operation) == text


def test_write_same_and_unmap_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="blocks holds 0 to"):
        write_same16(0, 1 << 32, bytes(512))
    with pytest.raises(ValueError, match="lba holds 0 to"):
        unmap(1 << 64, 1)


@pytest.mark.parametrize("raw", ["", "00b2", "00b20000", "00b10004 0084 0200"])
def test_a_malformed_provisioning_page_is_refused(raw: str) -> None:
    with pytest.raises(MalformedAnswer):
        provisioning(bytes.fromhex(raw))


def test_a_unit_without_unmap_says_so() -> None:
    assert provisioning(bytes.fromhex("00b20004 0000 0000")) == Provisioning(unmap=False, reads_zeros=False)


def test_a_deviation_that_the_profile_knows_is_no_difference_and_another_is(tmp_path: Path) -> None:
    known = Deviation(
        requirement="XC1-LIST-SHORT", outcome="05/25/00", clause="SPC-4 6.4.1", shown_by="fake", reason="a wrong sense"
    )
    with target(tmp_path, "refuses-with-a-wrong-sense") as bench:
        bench.profile = Profile(name="fake", deviation=(known,))
        player = Player(bench, survey(bench))
        player.begin()
        copy = Copy((Transfer(1, 0, 2, 0, 8),), flaw=Flaw.LIST_CUT)
        assert str(player.play(copy)) == "05/25/00"
        with pytest.raises(Difference, match="05/25/00 instead of"):
            player.play(replace(copy, flaw=Flaw.SEGMENT_LENGTH))
