"""What is no tape is told by file and line; what is one comes back as it was written."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.errors import DeviceError, TargetLost, TransportError, UsageError
from copyproof.scsi.cdb import inquiry
from copyproof.scsi.cdb import test_unit_ready as ready
from copyproof.scsi.command import Command, Result, Status
from copyproof.transport import tape
from copyproof.transport.tape import Failure, Header, Sent, Stamped, TapeUnit, TapeWriter
from copyproof.transport.taping import Playback, Recorder

UNITS = tuple(TapeUnit(role=role, naa="", blocks=8, block_size=512, number=1) for role in ("source", "destination"))
HEADER = Header(target="x", seed=1, units=UNITS)
FIRST = msgspec.json.encode(Header(target="x", seed=1, units=UNITS[:1]))


class Fails:
    name = "broken"

    def __init__(self, problem: BaseException) -> None:
        self.problem = problem

    def execute(self, command: Command, timeout: float) -> Result:
        raise self.problem

    def repeat_by_hand(self, command: Command) -> str:
        return ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "line 2"),
        (b"{", "line 2"),
        (b"\xff", "line 2"),
        (b'{"event":"song"}', "line 2.*song"),
        (b'{"event":"command","role":"source","cdb":"zz","status":"GOOD"}', "line 2.*no command with its result"),
        (b'{"event":"command","role":"source","cdb":"","status":"GOOD"}', "line 2.*it has no CDB"),
        (b'{"event":"command","role":"source","cdb":"00","status":"FINE"}', "line 2.*FINE"),
        (b'{"event":"command","role":"source","cdb":"00","status":"GOOD","data_in":-1}', "line 2.*data_in"),
        (
            b'{"event":"command","role":"source","cdb":"00","status":"GOOD","data_in":1,"data_out":"00"}',
            "one direction",
        ),
        (b'{"event":"command","role":"bystander","cdb":"00","status":"GOOD"}', "names no 'bystander' unit"),
        (b'{"event":"write","role":"source","lba":-1,"count":1,"generation":1}', "line 2.*lba"),
    ],
)
def test_a_line_that_is_no_event_is_named(line: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        tape.parse("t", [FIRST, line])


@given(st.lists(st.binary(max_size=40), max_size=3))
def test_no_bytes_are_more_than_a_usage_error(lines: list[bytes]) -> None:
    with pytest.raises(UsageError, match="t: line 1"):
        tape.parse("t", lines)


def test_a_missing_tape_and_a_place_that_cannot_be_written_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as a tape: No such file"):
        tape.read(tmp_path / "none")
    with pytest.raises(UsageError, match="cannot be written: Is a directory"), TapeWriter(tmp_path).recording(HEADER):
        pass


def test_events_come_back_as_they_were_written(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "t")
    result = Result(Status.GOOD, None, bytes(range(96)), 4, 0.25)
    events: list[tape.Event] = [
        tape.sent("source", inquiry(allocation_length=100), 30.0, result),
        Stamped(role="destination", lba=1, count=2, generation=3),
        tape.sent("source", ready(), 1.5, None, Failure(kind="TargetLost", text="gone")),
    ]
    with writer.recording(HEADER):
        for event in events:
            writer.add(event)
    back = tape.read(writer.path)
    assert (back.header, list(back.events), back.cut) == (HEADER, events, False)
    first = back.events[0]
    assert isinstance(first, Sent)
    assert (first.command, first.result) == (inquiry(allocation_length=100), result)


def test_what_a_crash_cut_off_is_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(FIRST + b'\n{"event":"comm')
    assert (tape.read(path).events, tape.read(path).cut) == ((), True)


@pytest.mark.parametrize("problem", [TargetLost("gone"), DeviceError("odd \udcff"), KeyboardInterrupt()])
def test_an_error_is_recorded_and_comes_back(tmp_path: Path, problem: BaseException) -> None:
    writer = TapeWriter(tmp_path / "t")
    with writer.recording(HEADER), pytest.raises(type(problem)):
        Recorder(Fails(problem), "source", writer).execute(ready(), 1)
    played = Playback(tape.read(writer.path)).transport("source")
    expected = type(problem) if isinstance(problem, DeviceError) else TransportError
    with pytest.raises(expected, match="tape:source: "):
        played.execute(ready(), 1)


def playback() -> Playback:
    events = tuple(tape.sent(role, ready(), 1, Result(Status.GOOD)) for role in ("source", "destination"))
    return Playback(tape.Recorded("t", HEADER, events))


def test_a_tape_answers_in_its_order_only() -> None:
    with pytest.raises(UsageError, match=r"t: command 1 is TEST UNIT READY to source.*asked TEST UNIT READY to dest"):
        playback().transport("destination").execute(ready(), 1)
    with pytest.raises(UsageError, match=r"command 1 is TEST UNIT READY.*asked INQUIRY to source, 12 00"):
        playback().transport("source").execute(inquiry(), 1)


def test_a_tape_at_its_end_says_so() -> None:
    played = playback()
    assert played.transport("source").execute(ready(), 1).good
    assert played.transport("destination").execute(ready(), 1).good
    with pytest.raises(UsageError, match="at its end after 2 commands"):
        played.transport("source").execute(ready(), 1)
