"""What is no tape is told by file and line; what is one comes back as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.errors import DeviceError, TargetLost, TransportError, UsageError
from copyproof.scsi.cdb import inquiry
from copyproof.scsi.cdb import test_unit_ready as ready
from copyproof.scsi.command import Command, Result, Status
from copyproof.transport import tape
from copyproof.transport.sg3 import Sg3
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
        (b'{"event":"command","role":"source","cdb":"","status":"GOOD"}', "line 2.*a CDB has 6 to 260 bytes, not 0"),
        (b'{"event":"command","role":"source","cdb":"000000000000","status":"FINE"}', "line 2.*FINE"),
        (b'{"event":"command","role":"source","cdb":"000000000000","status":"GOOD","data_in":-1}', "line 2.*data_in"),
        (
            b'{"event":"command","role":"source","cdb":"000000000000","status":"GOOD","data_in":1,"data_out":"00"}',
            "one direction",
        ),
        (b'{"event":"command","role":"bystander","cdb":"000000000000","status":"GOOD"}', "names no 'bystander' unit"),
        (b'{"event":"write","role":"source","lba":-1,"count":1,"generation":1}', "line 2.*lba"),
        (b'{"event":"write","role":"source","lba":0,"count":1,"generation":%d}' % 2**32, "line 2.*generation"),
        (b'{"event":"write","role":"source","lba":%d,"count":0,"generation":1}' % 2**63, "line 2.*lba"),
        (b'{"event":"command","role":"source","cdb":"83","status":"GOOD"}', "line 2.*a CDB has 6 to 260 bytes, not 1"),
        (b'{"event":"command","role":"source","cdb":"%s","status":"GOOD"}' % (b"00" * 261), "line 2.*not 261"),
        (b'{"event":"command","role":"source","cdb":"000000000000","data_in":%d}' % 2**40, "line 2.*data_in"),
        (
            b'{"event":"command","role":"source","cdb":"000000000000","data_out":"%s"}' % (b"00" * (2**20 + 1)),
            "line 2.*data_out",
        ),
        (
            b'{"event":"command","role":"source","cdb":"000000000000","failure":{"kind":"\\u001b[2J","text":""}}',
            "line 2.*kind",
        ),
    ],
)
def test_a_line_that_is_no_event_is_named(line: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        tape.parse("t", [FIRST, line])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": 2**64}, "the seed .* 0 to 18446744073709551615"),
        ({"seed": -1}, "seed"),
        ({"units": [{"naa": "z" * 32}]}, "naa"),
        ({"units": [{"naa": "6" * 31}]}, "naa"),
        ({"units": [{"naa": "6" * 32 + "\n"}]}, "naa"),
        ({"units": [{"number": 2**16}]}, "number"),
        ({"units": [{"blocks": 2**64}]}, "blocks"),
        ({"units": [{"role": "\x1b[2J"}]}, "role"),
        ({"units": [{}, {}]}, "two units have the role source"),
        (
            {"units": [{"naa": "6" * 32}, {"role": "destination", "naa": "6" * 32}]},
            f"two units have the NAA {'6' * 32}",
        ),
    ],
)
def test_a_header_that_cannot_be_of_a_run_is_named(change: dict[str, Any], says: str) -> None:
    header = {**msgspec.json.decode(FIRST), **change}
    header["units"] = [{**msgspec.json.decode(FIRST)["units"][0], **unit} for unit in header["units"]]
    with pytest.raises(UsageError, match=f"t: line 1: .*{says}"):
        tape.parse("t", [msgspec.json.encode(header)])


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


def test_what_a_transport_does_not_carry_is_not_recorded_as_sent(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path / "t")
    with writer.recording(HEADER), pytest.raises(ValueError, match="CDBs of 6"):
        Recorder(Sg3(Path("/dev/sg0")), "source", writer).execute(Command(bytes(2)), 1)
    assert tape.read(writer.path).events == ()


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
