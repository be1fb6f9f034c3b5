"""The reader of sg_raw's answers, on recorded transcripts and on garbage."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof import data
from copyproof.errors import PermissionDenied, TargetLost, TransportError, TransportTimeout
from copyproof.process import Completed, Replay, takes
from copyproof.scsi.cdb import inquiry, test_unit_ready
from copyproof.scsi.command import Command, Result, Status
from copyproof.transport.answer import read_answer
from copyproof.transport.sg3 import Sg3

TUR = test_unit_ready()
INQUIRY = inquiry()
BAD_PAGE = inquiry(0x77)
READ_ONE = Command(bytes.fromhex("28000000000000000100"), data_in=512)
READ_BAD = Command(bytes.fromhex("28000000123400000100"), data_in=512)
WRITE_ONE = Command(bytes.fromhex("2a000000000000000100"), data_out=bytes(512))


def replay(transcript: str, command: Command, timeout: float = 20) -> Result:
    return Sg3(Path("/dev/sg1"), Replay(takes(data.folder("fixtures") / "transcripts" / f"{transcript}.json"))).execute(
        command, timeout
    )


def test_good_without_data() -> None:
    assert replay("good", TUR).status is Status.GOOD


def test_data_are_exactly_those_that_came() -> None:
    result = replay("good-short-data-in", INQUIRY)
    assert (len(result.data), result.residual) == (96, 159)
    assert result.data[8:16] == b"Linux   "


def test_no_data_at_all_is_a_full_residual() -> None:
    result = replay("good-no-data-in", Command(bytes.fromhex("120183000000"), data_in=100))
    assert (result.good, result.data, result.residual) == (True, b"", 100)


@pytest.mark.parametrize(
    ("transcript", "command", "sense"),
    [
        ("check-fixed", BAD_PAGE, "05/24/00"),
        ("check-descriptor", BAD_PAGE, "05/24/00"),
        ("check-fixed-information", READ_BAD, "03/11/00"),
        ("check-descriptor-information", READ_BAD, "03/11/00"),
        ("check-aborted-command", READ_ONE, "0B/4B/03"),
        ("vendor-opcode", Command(bytes.fromhex("c1000000000000000000")), "05/20/00"),
    ],
)
def test_sense_is_read_from_its_bytes(transcript: str, command: Command, sense: str) -> None:
    result = replay(transcript, command)
    assert (result.status, str(result.sense), result.data) == (Status.CHECK_CONDITION, sense, b"")
    assert result.residual == command.data_in


def test_information_of_fixed_sense_arrives() -> None:
    sense = replay("check-fixed-information", READ_BAD).sense
    assert sense is not None
    assert sense.information == 0x1234


def test_recovered_error_keeps_its_data() -> None:
    result = replay("check-recovered", READ_ONE)
    assert (str(result.sense), len(result.data), result.residual) == ("01/5D/00", 512, 0)


@pytest.mark.parametrize(
    ("transcript", "command"), [("timeout-none", TUR), ("timeout-in", READ_ONE), ("timeout-out", WRITE_ONE)]
)
def test_timed_out_command_is_never_good(transcript: str, command: Command) -> None:
    with pytest.raises(TransportTimeout, match="unknown"):
        replay(transcript, command, timeout=2)


def test_offline_unit_is_lost() -> None:
    with pytest.raises(TargetLost, match="sg3:/dev/sg1: No such device or address"):
        replay("offline", TUR, timeout=4)


def test_unreadable_node_is_permission_denied() -> None:
    with pytest.raises(PermissionDenied, match="run as root"):
        replay("permission-open", TUR, timeout=4)


def answer(err: str, code: int = 0, out: bytes = b"", command: Command = TUR) -> Result:
    return read_answer(command, Completed(code, out, err.encode(), 0.1), "sg3:/dev/sg1")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Busy", Status.BUSY),
        ("Reservation Conflict", Status.RESERVATION_CONFLICT),
        ("Task set Full", Status.TASK_SET_FULL),
        ("ACA Active", Status.ACA_ACTIVE),
        ("Task Aborted", Status.TASK_ABORTED),
        ("Condition Met", Status.CONDITION_MET),
    ],
)
def test_status_without_sense_is_read_by_name(name: str, status: Status) -> None:
    assert answer(f"SCSI Status: {name} \n\n", code=99).status is status


@pytest.mark.parametrize(
    "err",
    [
        "",
        "SCSI Status: \n",
        "SCSI Status: Unknown status [0x7e] \n",
        "SCSI Status: Good \nSCSI Status: Busy \n",
        "do_scsi_pt: bad pass through setup\n",
        ">>> transport error: Host_status=0x07 [DID_ERROR]\nDriver_status=0x00 [DRIVER_OK]\n\nSCSI Status: Good \n",
        ">>> transport error: Driver_status=0x06 [DRIVER_TIMEOUT]\n\nSCSI Status: Good \n",
        ">>> transport error: Host_status=0xff is invalid\n\nSCSI Status: Good \n",
        ">>> os error: Cannot allocate memory\nSCSI Status: Good \n",
        "\x00\ufffd\x07",
    ],
)
def test_what_is_not_understood_is_a_transport_error(err: str) -> None:
    with pytest.raises(TransportError):
        answer(err)


def test_lost_connection_is_a_lost_target() -> None:
    with pytest.raises(TargetLost, match="DID_NO_CONNECT"):
        answer(">>> transport error: Host_status=0x01 [DID_NO_CONNECT]\n\nSCSI Status: Good \n", code=99)


def test_good_with_a_failing_exit_status_is_no_good() -> None:
    with pytest.raises(TransportError, match="exit status 99"):
        answer("SCSI Status: Good \n", code=99)


def test_killed_tool_leaves_the_outcome_unknown() -> None:
    with pytest.raises(TransportError, match="signal 9"):
        answer("SCSI Status: Good \n", code=-9)


@pytest.mark.parametrize("out", [b"", bytes(511), bytes(513)])
def test_other_data_than_announced_is_a_transport_error(out: bytes) -> None:
    with pytest.raises(TransportError, match="announced 512"):
        answer("SCSI Status: Good \nWriting 512 bytes of data to stdout\n", out=out, command=READ_ONE)


def test_more_data_than_asked_is_a_transport_error() -> None:
    with pytest.raises(TransportError, match="at most 512"):
        answer("SCSI Status: Good \nWriting 1024 bytes of data to stdout\n", out=bytes(1024), command=READ_ONE)


def test_silence_about_the_data_is_a_transport_error() -> None:
    with pytest.raises(TransportError, match="no word"):
        answer("SCSI Status: Good \n", command=READ_ONE)


def test_sense_ends_where_the_received_bytes_end() -> None:
    rows = "".join("        " + " ".join(["aa"] * 16) + "\n" for _ in range(15))
    err = (
        "SCSI Status: Check Condition \n\nSense Information:\n"
        " Raw sense data (in hex), sb_len=18, embedded_len=252\n"
        "        70 00 05 00 00 00 00 f4  00 00 00 00 26 00 00 00\n"
        f"{rows}"
    )
    sense = answer(err, code=5).sense
    assert sense is not None
    assert len(sense.raw) == 18


def test_check_condition_without_sense_is_a_result() -> None:
    result = answer("SCSI Status: Check Condition \n\n>>> Strange: status is CHECK CONDITION but no Sense\n", code=99)
    assert (result.status, result.sense) == (Status.CHECK_CONDITION, None)
