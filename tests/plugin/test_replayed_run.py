"""`copyproof replay`: a tape played to the target it is of, and to others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copyproof import cli
from copyproof.errors import TargetLost
from copyproof.plugin.replay import Replayed, ready, replay
from copyproof.targets import spec
from copyproof.targets.live import Role
from copyproof.transport import tape as tapes
from tests.plugin.fake_target import FileVolume, in_place

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

TESTS = """
@hil_requirement("XC1-LUN-TO-LUN")
def test_copy(hil):
    hil.judge(hil.send(hil.copy(blocks=100)))

@hil_requirement("XC1-DEVICE-TYPE")
def test_type(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(spoil("cscd[0].device_type", 1))))

@hil_requirement("XC1-SEGMENT-CUT")
def test_cut(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(cut(60))))
"""

SOURCE, DESTINATION = "6" + "0" * 30 + "1", "6" + "0" * 30 + "2"
Play = Callable[..., tuple[int, str]]


@pytest.fixture
def tape(stand: Stand, tmp_path: Path) -> Path:
    stand.write(TESTS)
    run = stand.run(f"--hil-tape={tmp_path / 'run.tape'}")
    assert run.status == 0, run.text
    (stand.folder / "events").unlink()
    return tmp_path / "run.tape"


@pytest.fixture
def play(stand: Stand, tape: Path, capsys: pytest.CaptureFixture[str]) -> Play:
    def played(*options: str) -> tuple[int, str]:
        capsys.readouterr()
        with in_place(), pytest.raises(SystemExit) as end:
            cli.main(["replay", str(tape), str(stand.target), *options])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out + said.err

    return played


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_target_that_was_recorded_answers_the_same(play: Play, stand: Stand) -> None:
    status, said = play()
    assert (status, re.sub(r"\d+", "N", said.splitlines()[0]).endswith("no result differs")) == (0, True)
    assert "not compared: designators other than NAA (VPD page 83h) (" in said
    assert (stand.folder / "events").read_text().split() == ["enter", "exit"]


@pytest.mark.parametrize("other", ["6" + "a" * 31, DESTINATION], ids=["other units", "units exchanged"])
def test_another_target_is_called_by_its_own_designators(play: Play, stand: Stand, other: str) -> None:
    text = stand.target.read_text()
    swapped = text.replace(SOURCE, "*").replace(DESTINATION, SOURCE).replace("*", other)
    stand.target.write_text(swapped)
    status, said = play()
    assert status == 0, said
    assert "no result differs" in said


def test_a_list_that_ends_within_a_designator_is_mapped_too(play: Play, stand: Stand) -> None:
    """The safety check refuses it otherwise: it holds 4 bytes of a designator that none of these units has."""
    change(stand.target, "6" + "0" * 30, "6" + "d" * 30)
    status, said = play()
    assert status == 0, said


def test_a_target_that_answers_otherwise_is_told(play: Play, stand: Stand, tmp_path: Path) -> None:
    stand.misbehave("refuses-with-a-wrong-sense")
    status, said = play("--report", str(tmp_path / "report.json"))
    assert status == 1
    assert re.search(r"event \d+, EXTENDED COPY\(LID1\) to source: sense 0[5A]/\w\w/\w\w, now 05/25/00", said)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["schema"] == "copyproof.replay/1"
    assert {difference["part"] for difference in report["differences"]} == {"sense"}
    assert report["commands"] > len(report["differences"]) == said.count("event ") >= 1


def test_an_answer_with_other_data_is_told_from_the_first_byte_on(play: Play, stand: Stand) -> None:
    stand.misbehave("lies-about-itself 0")
    status, said = play()
    assert status == 1
    assert re.search(r"INQUIRY to source: data from byte \d+: ", said)


def test_a_time_out_where_there_was_an_answer_is_told(play: Play, stand: Stand) -> None:
    stand.misbehave("times-out-half-way")
    status, said = play()
    assert status == 1
    assert "EXTENDED COPY(LID1) to source: outcome GOOD, now TransportTimeout" in said


def test_a_lost_target_ends_the_replay(play: Play, stand: Stand) -> None:
    stand.misbehave("dies")
    status, said = play()
    assert status == 1
    assert "the replay ended early, as the target was lost" in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"blocks":8192', '"blocks":8193', "its source unit has 8193 of 512"),
        ('"block_size":512', '"block_size":4096', "its source unit has 8192 of 4096"),
        ('"role":"hidden"', '"role":"extra"', "has a extra unit, target files has none"),
        (SOURCE, SOURCE[:16], "a NAA of 8 bytes"),
        ('"number":1', '"number":9', "another number"),
        ('"role":"bystander","lba":0,"count":64', '"role":"bystander","lba":1,"count":64', "which its header says is"),
    ],
)
def test_a_tape_that_does_not_fit_is_refused_before_anything_of_it_is_sent(
    play: Play, tape: Path, stand: Stand, old: str, new: str, says: str
) -> None:
    change(tape, old, new)
    status, said = play()
    assert status == 2
    assert says in said
    assert said.count("\n") == 1
    events = stand.folder / "events"
    assert set(events.read_text().split() if events.exists() else []) <= {"enter", "exit"}


def test_a_command_that_the_chosen_transport_does_not_carry_is_named_by_its_line(play: Play, tape: Path) -> None:
    header, first, *rest = tape.read_text().splitlines(keepends=True)
    tape.write_text(header + re.sub('"cdb":"[0-9a-f]*"', f'"cdb":"{"00" * 253}"', first) + "".join(rest))
    status, said = play("--transport=sgio")
    assert (status, "line 2: SG_IO takes CDBs of 6 to 252 bytes, not 253" in said) == (2, True), said


def test_a_tape_without_an_event_is_refused_since_nothing_was_compared(play: Play, tape: Path, stand: Stand) -> None:
    tape.write_bytes(tape.read_bytes().splitlines(keepends=True)[0] + b'{"event":"comm')
    status, said = play()
    assert (status, said) == (2, f"copyproof: {tape} holds no event, so there is nothing to compare: record a run\n")
    assert not (stand.folder / "events").exists()


def test_a_unit_that_the_tape_does_not_write_to_is_left_alone(tape: Path, stand: Stand) -> None:
    lines = tape.read_bytes().splitlines()
    dropped = tuple(b'{"event":"%s","role":"bystander"' % kind for kind in (b"write", b"look"))
    kept = [line for line in lines if not line.startswith(dropped)]
    assert len(kept) < len(lines) - 1
    recorded = tapes.parse("t", kept)
    with in_place(), ready(recorded, spec.load(str(stand.target))) as bench:
        assert list(replay(recorded, bench, done := Replayed())) == []
        assert done.writes > 0
        assert set(bench.unit(Role.BYSTANDER).lun.device.block[0].read_bytes()) == {0}


def test_a_target_that_is_lost_in_a_host_write_ends_the_replay_too(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise TargetLost("/dev/sdx: No such device")

    monkeypatch.setattr(FileVolume, "write", gone)
    status, said = play()
    assert (status, "the replay ended early, as the target was lost: /dev/sdx: No such device" in said) == (1, True)


def test_a_copy_to_a_unit_that_the_target_does_not_name_is_refused(play: Play, tape: Path) -> None:
    lines = tape.read_text().splitlines(keepends=True)
    tape.write_text(lines[0] + "".join(lines[1:]).replace(DESTINATION, "6" + "c" * 31))
    status, said = play()
    assert status == 2
    assert "refuses to send EXTENDED COPY(LID1)" in said


def test_a_tape_that_a_crash_cut_short_is_played_as_far_as_it_goes(play: Play, tape: Path) -> None:
    tape.write_bytes(tape.read_bytes()[:-5])
    status, said = play()
    assert status == 0
    assert "the last line of the tape is not whole, and was left out" in said
