"""Waiting for a state, and S-VOLs that are there only while their pair is split."""

from __future__ import annotations

from typing import Any

import pytest

from copyproof.errors import DeviceError, UsageError
from copyproof.pairing.service import Existence, PairFault
from copyproof.scsi.pair import PairCommand, PairState
from tests.unit.pairing.vendor import TOOL, Lab, P, S, ask, changed

CREATE, SPLIT, RESYNC, DELETE = PairCommand.CREATE, PairCommand.SPLIT, PairCommand.RESYNC, PairCommand.DELETE

#: A vendor's program that waits, as pairevtwait does: it is told the state by its own word.
WAIT: dict[str, Any] = {
    "steps": [["sh", "{tool}", "await", "{primary.name}", "{secondary.name}", "{state}", "{timeout}"]],
    "words": {"PSUS": "psus"},
}
AWAIT = TOOL.replace("case $1 in\n  show", 'case $1 in\n  await) echo "$@" >> "$0.waits"; REACH; exit 0 ;;\n  show', 1)


def test_asking_goes_on_until_the_state_is_reached(lab: Lab) -> None:
    service = lab.service()
    orders = iter([CREATE, SPLIT])

    def go_on() -> None:
        service.order(ask(next(orders)))

    seen = service.wait(P, S, {PairState.PSUS}, 10, go_on)
    assert seen.secondary_state is PairState.PSUS


def test_a_state_that_is_not_reached_is_told_with_the_real_one(lab: Lab) -> None:
    service = lab.service()
    service.order(ask(CREATE))
    with pytest.raises(DeviceError) as told:
        service.wait(P, S, {PairState.PSUS, PairState.PSUE}, 0.02, lambda: None)
    assert str(told.value) == "the pair is not in PSUE or PSUS after 0.02 s: P-VOL PAIR, S-VOL PAIR, 100 %"


def test_the_vendors_program_waits_where_the_template_has_one(lab: Lab) -> None:
    tool = AWAIT.replace("REACH", 'echo SSUS > "$file"')
    service = lab.service(tool, changed("wait", WAIT))
    assert service.wait(P, S, {PairState.PSUS}, 7).primary_state is PairState.PSUS
    assert (lab.folder / "tool.waits").read_text() == "await primary secondary psus 7\n"


def test_what_the_vendors_program_says_of_the_state_is_not_believed(lab: Lab) -> None:
    service = lab.service(AWAIT.replace("REACH", "true"), changed("wait", WAIT))
    with pytest.raises(DeviceError, match=r"^the pair is not in PSUS after .* s: P-VOL SMPL, S-VOL SMPL"):
        service.wait(P, S, {PairState.PSUS}, 0.05)
    assert (lab.folder / "tool.waits").read_text().endswith(" psus 1\n")


def test_a_wait_that_fails_is_told_with_the_real_state(lab: Lab) -> None:
    service = lab.service(AWAIT.replace("REACH", 'echo "timed out" >&2; exit 233'), changed("wait", WAIT))
    with pytest.raises(DeviceError, match=r"^waiting: exit 233: timed out; the pair: P-VOL SMPL, S-VOL SMPL, 100 %$"):
        service.wait(P, S, {PairState.PSUS}, 7)


@pytest.mark.parametrize("states", [{PairState.SMPL}, {PairState.SMPL, PairState.PSUS}])
def test_a_state_that_the_vendors_program_cannot_wait_for_is_asked_for(lab: Lab, states: set[PairState]) -> None:
    service = lab.service(AWAIT, changed("wait", WAIT))
    assert service.wait(P, S, states, 7).primary_state is PairState.SMPL
    assert not (lab.folder / "tool.waits").exists()


class Mapped:
    """Notes what is mapped and unmapped."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def appear(self, name: str) -> None:
        self.said.append(f"+{name}")

    def vanish(self, name: str) -> None:
        self.said.append(f"-{name}")


def test_an_s_vol_is_mapped_after_a_split_and_unmapped_before_a_resync(lab: Lab) -> None:
    mapped = Mapped()
    service = lab.service(presence=mapped, secondary_exists=Existence.SPLIT)
    told = []
    for command in (CREATE, SPLIT, RESYNC, SPLIT, DELETE):
        service.order(ask(command))
        told.append(mapped.said)
        mapped.said = []
    assert [steps[0] for steps in told] == ["-secondary", "+secondary", "-secondary", "+secondary", "-secondary"]
    assert [steps[-1] for steps in told] == ["-secondary", "+secondary", "-secondary", "+secondary", "-secondary"]


def test_an_s_vol_whose_resync_failed_is_there_again(lab: Lab) -> None:
    mapped = Mapped()
    tool = TOOL.replace("create|resync)", "resync) exit 7 ;; create)")
    service = lab.service(tool, presence=mapped, secondary_exists=Existence.SPLIT)
    for command in (CREATE, SPLIT):
        service.order(ask(command))
    with pytest.raises(PairFault, match=r"^pairresync: exit 7; the pair: P-VOL PSUS"):
        service.order(ask(RESYNC))
    assert mapped.said[-2:] == ["-secondary", "+secondary"]


def test_an_s_vol_that_is_split_in_the_background_is_mapped_when_that_is_done(lab: Lab) -> None:
    mapped = Mapped()
    tool = TOOL.replace("state=SSUS ;;", 'echo SSUS > "$file"; exit 0 ;;')
    service = lab.service(tool, presence=mapped, secondary_exists=Existence.SPLIT)
    service.order(ask(CREATE))
    service.order(ask(SPLIT))
    service.wait(P, S, {PairState.PSUS}, 5)
    assert mapped.said[-1] == "+secondary"


@pytest.mark.parametrize(
    ("names", "volumes", "complaint"),
    [
        ({}, {}, "lab: pairs.names.tool: is missing; the template needs it (t.toml)"),
        ({"tool": "t", "vg": "x"}, {}, "lab: pairs.names.vg: the template has no such name; allowed: tool"),
        ({"tool": "t\0"}, {}, "lab: pairs.names.tool: has characters that cannot be printed (t.toml)"),
        ({"tool": "t"}, {"secondary": {"dev": "x"}}, "lab: pairs.volumes.secondary.dev: the template has no"),
        ({"tool": "t"}, {}, "lab: pairs.volumes.primary.lv: is missing; the template needs it (t.toml)"),
    ],
)  # fmt: skip
def test_names_that_do_not_fit_the_template_are_told(
    names: dict[str, str], volumes: dict[str, dict[str, str]], complaint: str
) -> None:
    from copyproof.pairing.command import CommandPairs
    from copyproof.pairing.service import Declared
    from copyproof.pairing.setting import Setting
    from copyproof.targets.templates import parse

    proof = {"steps": [["name", "{volume.lv}"]], "pattern": "(?P<id>.*)"}
    raw = changed("identify", proof, changed("volumes", {"lv": ""}))
    setting = Setting(parse(raw, "t.toml"), "t.toml", "lab", names, volumes)
    with pytest.raises(UsageError) as told:
        CommandPairs(setting, Declared(), (P, S)).status(P, S)
    assert str(told.value).startswith(complaint)
