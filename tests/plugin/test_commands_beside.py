"""Commands that are no judged copy: the model is told what they did, so that nobody is blamed for the host's writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from copyproof.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

TEST = """
from copyproof.errors import TransportTimeout
from copyproof.scsi.cdb import extended_copy, write16
from copyproof.scsi.command import Command
from copyproof.scsi.provisioning import unmap, write_same16

@hil_requirement("XC1-LUN-TO-LUN")
def test_beside(hil):
    order = hil.copy(blocks=8)
    behind = order.intent[0].destination_lba + 8
    bench, unit = hil.bench, hil.bench.unit(Role.DESTINATION)
    def stamps(lba, count):
        return bench.stamper.make(unit.number, lba, count, bench.generation + 1).tobytes()
    def known():
        return all(extent.origins for extent in bench.model.slice(unit.number, behind, 4))
    {lines}
    hil.judge(hil.send(order))
"""

HOST_WRITES = {
    "zeros by WRITE SAME": ["hil.send(write_same16(behind, 4, bytes(512)), via=Role.DESTINATION)", "assert known()"],
    "another block by WRITE SAME": ["hil.send(write_same16(behind, 4, b'x' * 512), via=Role.DESTINATION)"],
    "UNMAP": ["hil.send(unmap(behind + -behind % 8, 8), via=Role.DESTINATION)"],
    "other bytes by WRITE": ["hil.send(write16(behind, b'x' * 2048, 512), via=Role.DESTINATION)"],
    "stamps by WRITE": ["hil.send(write16(behind, stamps(behind, 4), 512), via=Role.DESTINATION)", "assert known()"],
    "stamps of another place by WRITE": ["hil.send(write16(behind, stamps(0, 4), 512), via=Role.DESTINATION)"],
    "a copy as bytes": ["hil.send(hil.copy(blocks=8).command)"],
    "a write beyond the unit": [
        "hil.send(write16(unit.blocks, bytes(512), 512), via=Role.DESTINATION)",
        "assert known()",
    ],
    "a command that changes no block": ["hil.send(Command(bytes([0x5F]) + bytes(9), bytes(24)))", "assert known()"],
}


def verdicts(stand: Stand, *lines: str) -> list[tuple[Verdict, str]]:
    stand.write(TEST.replace("{lines}", "\n    ".join(lines)))
    run = stand.run()
    return [(case.verdict, case.cause) for case in run.cases]


@pytest.mark.parametrize("lines", HOST_WRITES.values(), ids=HOST_WRITES)
def test_what_the_host_itself_wrote_fails_no_copy_beside_it(stand: Stand, lines: list[str]) -> None:
    assert verdicts(stand, *lines) == [(Verdict.PASS, "")]


@pytest.mark.parametrize("kind", ["zeros by WRITE SAME", "stamps by WRITE"])
def test_what_is_known_of_a_host_write_is_still_looked_at(stand: Stand, kind: str) -> None:
    after = "unit.volume.write(behind + 1, bench.stamper.make(9, 1, 1, 7))"
    ((verdict, cause),) = verdicts(stand, *HOST_WRITES[kind], after)
    assert (verdict, cause.startswith("destination LBA ")) == (Verdict.FAIL, True)


def test_a_copy_as_bytes_that_timed_out_may_have_done_a_part(stand: Stand) -> None:
    stand.misbehave("times-out-half-way")
    lost = ["with pytest.raises(TransportTimeout):", "    hil.send(hil.copy(blocks=100).command)"]
    assert verdicts(stand, *lost) == [(Verdict.PASS, "")]


def test_a_spoilt_copy_that_timed_out_may_have_done_what_its_bytes_say(stand: Stand) -> None:
    stand.misbehave("times-out-half-way")
    spoilt = "hil.copy(blocks=100).spoilt(spoil('segment[0].destination_lba', behind + 1))"
    lost = ["with pytest.raises(TransportTimeout):", f"    hil.send({spoilt})", "hil._unjudged.clear()"]
    assert verdicts(stand, *lost) == [(Verdict.PASS, "")]
