"""What is only part of an answer, or much more than one, is an error: neither a refusal nor a state nor a proof."""

from __future__ import annotations

import pytest

from copyproof.errors import DeviceError, SafetyRefusal
from copyproof.pairing.service import PairFault
from copyproof.scsi.pair import PairCommand
from tests.unit.pairing.vendor import NAAS, TOOL, Lab, P, S, ask, changed

FLOOD = r"head -c 70000 /dev/zero | tr '\0' x"


@pytest.mark.parametrize("said", [f"{NAAS[0]}0", f"1{NAAS[0]}", f"{NAAS[0]},{NAAS[1]}"])
def test_a_name_that_only_holds_the_units_designator_is_another_one(lab: Lab, said: str) -> None:
    asked = {"steps": [["echo", f"id {said}"]], "pattern": r"id (?P<id>\S+)"}
    with pytest.raises(SafetyRefusal, match=rf"says {said} for it, not {NAAS[0]}"):
        lab.service(raw=changed("identify", asked)).order(ask(PairCommand.CREATE))
    assert lab.log == []


def test_a_question_whose_first_step_failed_has_no_answer(lab: Lab) -> None:
    steps = [["sh", "-c", "echo gone; exit 1"], ["echo", "pair"]]
    asked = {"steps": steps, "patterns": [{"exit": 1, "pattern": "gone", "state": "SMPL"}]}
    with pytest.raises(DeviceError, match=r"^asking for the state: step 1 of 2, exit 1: gone$"):
        lab.service(raw=changed("status", asked)).status(P, S)


@pytest.mark.parametrize("where", ["", " >&2"])
@pytest.mark.parametrize("code", [0, 228])
def test_output_without_end_is_no_answer_to_an_order_whatever_the_exit_status(lab: Lab, where: str, code: int) -> None:
    tool = TOOL.replace("create|resync) state=PAIR ;;", f"create) {FLOOD}{where}; exit {code} ;;")
    with pytest.raises(PairFault, match=r"^paircreate: it printed 65536 bytes or more, which is no answer"):
        lab.service(tool).order(ask(PairCommand.CREATE))
