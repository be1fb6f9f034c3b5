"""What every transport promises, shown on each of them with recorded answers of real devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from copyproof import data
from copyproof.errors import DeviceError, PermissionDenied, TargetLost, TransportError, TransportTimeout, UsageError
from copyproof.process import Completed, Replay, Take
from copyproof.safety import TIMEOUT, Gate, Permitted
from copyproof.scsi.command import Command, Result, Status
from copyproof.transport.base import Transport, drain
from copyproof.transport.sg3 import Sg3
from tests.contract.ways import asked, by_ioctl, by_tape, by_tool, recorded

Make = Callable[[str], tuple[Transport, list[Command], float]]


def over(way: Callable[[tuple[Take, ...]], Transport]) -> Make:
    def make(transcript: str) -> tuple[Transport, list[Command], float]:
        tape = recorded(transcript)
        questions = [asked(take) for take in tape]
        return way(tape), [command for command, _ in questions], questions[0][1]

    return make


class Known(Gate):
    """A gate whose questions to its unit are not in the transcripts."""

    def recognise(self, timeout: float = TIMEOUT) -> None:
        del timeout


def gate(transcript: str) -> tuple[Transport, list[Command], float]:
    behind, commands, timeout = over(by_tool)(transcript)
    unit = "6001405aaaaaaaa00004000800000000"
    permitted = Permitted(frozenset({unit, "6001405bbbbbbbb00004000800000000"}), frozenset({0xC1}))
    return Known(behind, unit, permitted), commands, timeout


@pytest.fixture(params=[over(by_tool), over(by_ioctl), over(by_tape), gate], ids=["sg3", "sgio", "tape", "gate"])
def make(request: pytest.FixtureRequest) -> Make:
    maker: Make = request.param
    return maker


def results(make: Make, transcript: str) -> list[Result]:
    transport, commands, timeout = make(transcript)
    return [transport.execute(command, timeout) for command in commands]


RESULTS = {
    "good": [(Status.GOOD, None, 0, 0)],
    "good-data-in": [(Status.GOOD, None, 96, 0)],
    "good-short-data-in": [(Status.GOOD, None, 96, 159)],
    "good-no-data-in": [(Status.GOOD, None, 0, 100)],
    "check-fixed": [(Status.CHECK_CONDITION, "05/24/00", 0, 255)],
    "check-descriptor": [(Status.CHECK_CONDITION, "05/24/00", 0, 255)],
    "check-fixed-information": [(Status.CHECK_CONDITION, "03/11/00", 0, 512)],
    "check-descriptor-information": [(Status.CHECK_CONDITION, "03/11/00", 0, 512)],
    "check-recovered": [(Status.CHECK_CONDITION, "01/5D/00", 512, 0)],
    "check-aborted-command": [(Status.CHECK_CONDITION, "0B/4B/03", 0, 512)],
    "unit-attention": [(Status.CHECK_CONDITION, "06/29/00", 0, 0), *[(Status.GOOD, None, 0, 0)] * 2],
    "vendor-opcode": [(Status.CHECK_CONDITION, "05/20/00", 0, 0)],
    "lio-vpd-83": [(Status.GOOD, None, 168, 87)],
    "lio-xcopy-good": [(Status.GOOD, None, 0, 0)],
    "lio-xcopy-unreachable": [(Status.CHECK_CONDITION, "0A/0D/02", 0, 0)],
    "lio-xcopy-list-short": [(Status.CHECK_CONDITION, "05/1A/00", 0, 0)],
    "lio-reservation-conflict": [(Status.RESERVATION_CONFLICT, None, 0, 0)],
    "lio-reserved-spc2": [(Status.RESERVATION_CONFLICT, None, 0, 4096)],
    "lio-task-set-full": [(Status.TASK_SET_FULL, None, 0, 0)],
    "lio-keys-none": [(Status.GOOD, None, 8, 4088), (Status.GOOD, None, 8, 4088)],
    "lio-keys-one": [(Status.GOOD, None, 16, 4080), (Status.GOOD, None, 8, 4088)],
    "lio-keys-held": [(Status.GOOD, None, 16, 4080), (Status.GOOD, None, 24, 4072)],
}

ERRORS: dict[str, tuple[type[Exception], str]] = {
    "timeout-none": (TransportTimeout, "unknown"),
    "timeout-in": (TransportTimeout, "unknown"),
    "timeout-out": (TransportTimeout, "unknown"),
    "offline": (TargetLost, "No such device or address"),
    "no-node": (TargetLost, "No such file"),
    "not-a-device": (TransportError, "Inappropriate ioctl"),
    "permission-open": (PermissionDenied, "run as root"),
}


@pytest.mark.parametrize("transcript", RESULTS)
def test_a_status_is_data(make: Make, transcript: str) -> None:
    seen = [
        (result.status, str(result.sense) if result.sense else None, len(result.data), result.residual)
        for result in results(make, transcript)
    ]
    assert seen == RESULTS[transcript]


@pytest.mark.parametrize("transcript", ERRORS)
def test_what_is_no_answer_is_an_error_that_names_the_path(make: Make, transcript: str) -> None:
    kind, words = ERRORS[transcript]
    with pytest.raises(kind, match=words) as caught:
        results(make, transcript)
    assert make(transcript)[0].name in str(caught.value)
    assert isinstance(caught.value, DeviceError | UsageError)


def test_every_transcript_has_its_expectation() -> None:
    recorded_names = {path.stem for path in (data.folder("fixtures") / "transcripts").glob("*.json")}
    assert recorded_names == RESULTS.keys() | ERRORS.keys()


def test_unit_attentions_are_drained_and_told(make: Make) -> None:
    transport, _, timeout = make("unit-attention")
    assert [str(sense) for sense in drain(transport, timeout)] == ["06/29/00"]


def test_a_unit_attention_is_told_apart(make: Make) -> None:
    assert [result.unit_attention for result in results(make, "unit-attention")] == [True, False, False]


def test_endless_unit_attentions_are_a_device_error() -> None:
    take = recorded("unit-attention")[0]
    with pytest.raises(DeviceError, match="32 unit attentions in a row, the last 06/29/00"):
        drain(Sg3(Path(take.argv[4]), Replay([take] * 32)), 20)


@pytest.mark.parametrize("transcript", ["lio-xcopy-good", "good-data-in", "good"])
def test_the_line_to_repeat_it_holds_the_whole_command(make: Make, transcript: str) -> None:
    transport, (command, *_), _ = make(transcript)
    line = transport.repeat_by_hand(command)
    assert command.cdb.hex(" ") in line
    assert command.data_out.hex() in line
    assert transport.name.partition(":")[2] in line


def test_a_hung_tool_is_a_time_out() -> None:
    def hung(argv: object, *, timeout: float, stdin: bytes = b"") -> Completed:
        raise TransportTimeout(f"sg_raw gave no answer within {timeout:g} s")

    with pytest.raises(TransportTimeout, match=r"sg3:/dev/sg9: sg_raw gave no answer within 65 s; the outcome is"):
        Sg3(Path("/dev/sg9"), hung, grace=60).execute(Command(bytes(6)), 5)


@pytest.mark.parametrize(
    "command",
    [Command(bytes(5)), Command(bytes(261)), Command(bytes(6), bytes(2**20 + 1)), Command(bytes(6), b"", 2**20 + 1)],
)
def test_what_sg_raw_cannot_carry_is_refused_before_it_runs(command: Command) -> None:
    with pytest.raises(ValueError, match="sg_raw"):
        Sg3(Path("/dev/sg9"), Replay([])).execute(command, 5)
