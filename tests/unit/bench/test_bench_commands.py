"""Only commands that were carried out are counted."""

from __future__ import annotations

import pytest

from copyproof.bench import commands
from copyproof.errors import DeviceError
from copyproof.scsi.cdb import test_unit_ready as tur
from copyproof.scsi.command import Command, Result, Status


class Answering:
    """A transport that gives some answers one after the other, the last one again and again."""

    name = "fake:/dev/sg0"

    def __init__(self, *answers: Status) -> None:
        self.answers, self.sent = list(answers), 0

    def execute(self, command: Command, timeout: float) -> Result:
        self.sent += 1
        return Result(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def repeat_by_hand(self, command: Command) -> str:
        return ""


def test_each_command_of_each_round_is_sent_and_counted() -> None:
    unit = Answering(Status.GOOD)
    assert commands._rate(unit, tur(), 7) > 0
    assert unit.sent == 7 * commands.ROUNDS


@pytest.mark.parametrize("status", [Status.BUSY, Status.TASK_SET_FULL, Status.CHECK_CONDITION])
def test_an_answer_that_is_not_good_is_no_speed(status: Status) -> None:
    with pytest.raises(DeviceError, match=f"fake:/dev/sg0 answered {status.name}: nothing measured"):
        commands._rate(Answering(Status.GOOD, Status.GOOD, status), tur(), 7)
