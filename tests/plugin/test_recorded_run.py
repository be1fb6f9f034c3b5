"""A run on a tape: everything that was sent and stamped, in order, and as it was answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copyproof.scsi.command import Status
from copyproof.transport import tape
from copyproof.transport.tape import Looked, Sent, Stamped
from copyproof.transport.taping import Playback

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

COPY = """
@hil_requirement("XC1-LUN-TO-LUN")
def test_copy(hil):
    hil.judge(hil.send(hil.copy(blocks=8)))
"""


@pytest.fixture
def recorded(stand: Stand, tmp_path: Path) -> tape.Recorded:
    stand.write(COPY)
    run = stand.run(f"--hil-tape={tmp_path / 'run.tape'}")
    assert run.status == 0, run.text
    return tape.read(tmp_path / "run.tape")


def test_a_tape_holds_every_command_of_the_record(recorded: tape.Recorded, stand: Stand) -> None:
    record = json.loads((stand.folder / "report" / "record.json").read_text())
    cases = [case for requirement in record["requirements"] for case in requirement["cases"]]
    copies = [command["cdb"] for case in cases for command in case["commands"]]
    taped = [event for event in recorded.events if isinstance(event, Sent)]
    assert copies
    assert copies == [event.cdb for event in taped if event.cdb.startswith("83") and event.data_out]
    assert {event.status for event in taped} == {"GOOD"}


def test_a_tape_says_what_it_is_of(recorded: tape.Recorded) -> None:
    header = recorded.header
    assert (header.target, header.seed) == ("files", 1)
    assert [unit.role for unit in header.units] == ["source", "destination", "bystander", "hidden", "readonly"]
    assert recorded.unit("source").blocks == 8192


def test_a_stamped_write_stands_where_it_happened(recorded: tape.Recorded) -> None:
    kinds = [event.cdb[:2] if isinstance(event, Sent) else type(event).__name__ for event in recorded.events]
    first = kinds.index("Stamped")
    assert recorded.events[first] == Stamped(role="bystander", lba=0, count=64, generation=1)
    assert kinds[first + 1 : kinds.index("83", first)].count("Stamped") == 2
    assert kinds[-1] == "Looked"


def test_what_was_judged_stands_behind_the_copy_with_what_was_due(recorded: tape.Recorded) -> None:
    looks = [event for event in recorded.events if isinstance(event, Looked)]
    copied = [event for event in looks if event.role == "destination" and event.contents[0].told({})[:8] == "volume 1"]
    assert {event.count for event in copied} == {8}
    assert {event.role for event in looks} == {"source", "destination", "bystander"}


def test_what_was_recorded_can_be_played_without_a_device(recorded: tape.Recorded) -> None:
    playback = Playback(recorded)
    taped = [event for event in recorded.events if isinstance(event, Sent)]
    results = [playback.transport(event.role).execute(event.command, event.timeout) for event in taped]
    assert {result.status for result in results} == {Status.GOOD}
    assert [result.data.hex() for result in results] == [event.data for event in taped]
    assert playback.left == []


def test_a_command_that_got_no_answer_is_on_the_tape(stand: Stand, tmp_path: Path) -> None:
    stand.write(COPY.replace("blocks=8", "blocks=100"))
    stand.misbehave("times-out-half-way")
    stand.run(f"--hil-tape={tmp_path / 'run.tape'}")
    failures = [event for event in tape.read(tmp_path / "run.tape").events if isinstance(event, Sent) and event.failure]
    assert [(event.cdb[:2], event.failure and event.failure.kind) for event in failures] == [("83", "TransportTimeout")]


def test_workers_of_xdist_have_a_tape_each(stand: Stand, tmp_path: Path) -> None:
    stand.write(COPY + COPY.replace("test_copy", "test_copy_again"))
    run = stand.apart(stand.options("-n2", f"--hil-tape={tmp_path / 'run.tape'}"))
    assert run.status == 0, run.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-gw0.tape", "run-gw1.tape"]


@pytest.mark.parametrize("place", ["missing/run.tape", "."])
def test_a_tape_that_cannot_be_written_is_refused_before_the_target_is_up(
    stand: Stand, tmp_path: Path, place: str
) -> None:
    stand.write(COPY)
    run = stand.run(f"--hil-tape={tmp_path / place}")
    assert run.status == 4
    assert "--hil-tape=" in run.text
    assert "name a file in a folder that is there and yours" in run.text
    assert run.events == []


@pytest.mark.parametrize(
    ("key", "option", "used"),
    [("", [], "sg3"), ('transport = "sgio"', [], "sgio"), ('transport = "sgio"', ["--hil-transport=sg3"], "sg3")],
    ids=["default", "target file", "option"],
)
def test_the_record_says_which_transport_was_used(stand: Stand, key: str, option: list[str], used: str) -> None:
    """The option goes before the target file, and that before the default."""
    stand.write(COPY)
    stand.target.write_text(stand.target.read_text().replace('driver = "lab"', f'driver = "lab"\n{key}'))
    assert stand.run(*option).record.target.transport == used


def test_an_unknown_transport_is_refused_with_those_there_are(stand: Stand) -> None:
    stand.write(COPY)
    stand.target.write_text(stand.target.read_text().replace('driver = "lab"', 'driver = "lab"\ntransport = "sgx"'))
    assert "transport: 'sgx' is not allowed; it must be one of sg3, sgio" in stand.run().text
    assert "sg3" in stand.run("--hil-transport=sgx").text
