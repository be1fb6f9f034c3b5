"""The reader of sg_raw's answers, on what no device here could be made to say; tests/contract has the recorded ones."""

from __future__ import annotations

import pytest

from copyproof.errors import PermissionDenied, TargetLost, TransportError, TransportTimeout
from copyproof.process import Completed
from copyproof.scsi.cdb import test_unit_ready
from copyproof.scsi.command import Command, Result, Status
from copyproof.transport.answer import read_answer

TUR = test_unit_ready()
READ_ONE = Command(bytes.fromhex("28000000000000000100"), data_in=512)


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


@pytest.mark.parametrize("words", ["Permission denied", "Operation not permitted"])
def test_a_refusal_by_the_system_is_permission_denied(words: str) -> None:
    code = {"Permission denied": 63, "Operation not permitted": 51}[words]
    with pytest.raises(PermissionDenied, match=words):
        answer(f"do_scsi_pt: {words}\n", code=code)


def test_a_time_out_of_the_pass_through_is_a_time_out() -> None:
    with pytest.raises(TransportTimeout):
        answer("do_scsi_pt: timeout\n", code=33)


def test_vendor_specific_sense_is_no_sense() -> None:
    err = "SCSI Status: Check Condition \n\nSense Information:\nVendor specific sense buffer, in hex:\n 7f 01 02 03\n"
    assert answer(err, code=98).sense is None
