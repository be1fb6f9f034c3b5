"""The same orders in band and by a vendor's command, on the same array: the same answers and states."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from copyproof.errors import SafetyRefusal
from copyproof.pairing.command import CommandPairs
from copyproof.pairing.service import PairRequest, PairService, PairStatus, PairVolume
from copyproof.pairing.setting import Setting
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from copyproof.targets.drivers.software import SoftwareDriver
from copyproof.targets.live import Control, LiveTarget, Role
from copyproof.targets.pairs import declared, service_of, volume_of
from copyproof.targets.spec import load
from copyproof.targets.templates import parse

TOOL = """
printf '%s\\n' "$*" > "$0.ask"
read -r code text < "$0.answer"
printf '%s\\n' "$text"
exit "$code"
"""

VOLUMES = ["{primary.naa}", "{secondary.naa}"]
COMMON = ["group={group}", "pace={pace}", "{?quick}", "{?whole_group}"]
STATE = r"(?P<primary_state>\S+)/(?P<secondary_state>\S+)"
NUMBERS = (
    r" (?P<percent>\d+)% of=(?P<group>\d+) m=(?P<mirror>\d+) g=(?P<generation>\d+) (?P<moved>\d+)\+(?P<pending>\d+)"
)
TEMPLATE = {
    "names": {"tool": ""},
    "options": {"quick": ["quick"], "whole_group": ["all"]},
    "operations": {
        command.name.lower().replace("_", "-"): {"steps": [["sh", "{tool}", command.name, *VOLUMES, *COMMON]]}
        for command in PairCommand
    },
    "refusals": [{"exit": 3}],
    "status": {
        "steps": [["sh", "{tool}", "SHOW", *VOLUMES]],
        "patterns": [{"pattern": f"^pair {STATE}{NUMBERS}$"}, {"pattern": "^no pair$", "state": "SMPL"}],
    },
    "paired": {
        "steps": [["sh", "{tool}", "PAIRED", "{volume.naa}"]],
        "patterns": [{"exit": 11, "state": "SMPL"}, {"pattern": "^paired$", "state": "PAIR"}],
    },
    "identify": {"steps": [["sh", "{tool}", "WHO", "{volume.naa}"]], "pattern": "^I am (?P<id>[0-9a-f]+)$"},
}

Couple = tuple[PairVolume, PairVolume]
Step = tuple[PairCommand, dict[str, object], int]

#: Orders with their options, and the ticks that pass before the state is looked at.
SCRIPT: tuple[Step, ...] = (
    (PairCommand.SPLIT, {}, 0),
    (PairCommand.CREATE, {"pace": 2, "group": 5}, 2),
    (PairCommand.CREATE, {}, 0),
    (PairCommand.RESTORE, {}, 20),
    (PairCommand.SUSPEND, {}, 0),
    (PairCommand.RESYNC, {}, 2),
    (PairCommand.SPLIT, {}, 20),
    (PairCommand.SPLIT, {"whole_group": True}, 0),
    (PairCommand.RESTORE, {}, 20),
    (PairCommand.DELETE, {}, 0),
    (PairCommand.RESYNC, {}, 20),
    (PairCommand.CREATE_SPLIT, {}, 0),
    (PairCommand.RESYNC, {}, 20),
    (PairCommand.DELETE, {}, 20),
    (PairCommand.CREATE_SPLIT, {"kind": SplitKind.QUICK}, 0),
    (PairCommand.DELETE, {}, 30),
    (PairCommand.DELETE, {}, 20),
)


class Vendor:
    """Answers the vendor's program through two named pipes, by the array's own commands."""

    def __init__(self, folder: Path, service: PairService, volumes: tuple[PairVolume, ...]) -> None:
        self.tool, self._service = folder / "tool", service
        self._volumes = {volume.naa: volume for volume in volumes}
        self.tool.write_text(TOOL)
        self._ask, self._answer = (folder / f"tool.{name}" for name in ("ask", "answer"))
        for path in (self._ask, self._answer):
            os.mkfifo(path)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Vendor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ask.write_text("END\n")
        self._thread.join()

    def _serve(self) -> None:
        while (words := self._ask.read_text().split())[0] != "END":
            self._answer.write_text(self._said(words) + "\n")

    def _said(self, words: list[str]) -> str:
        first, volumes = words[0], [self._volumes[word] for word in words[1:] if word in self._volumes]
        if first == "WHO":
            return f"0 I am {volumes[0].naa}"
        if first == "PAIRED":
            rows = self._service.display(tuple(self._volumes.values()))
            return "0 paired" if any(volumes[0].name in (row.primary, row.secondary) for row in rows) else "11"
        if first == "SHOW":
            return f"0 {_line(self._service.status(*volumes))}"
        given = dict(word.split("=") for word in words if "=" in word)
        kind = SplitKind.QUICK if "quick" in words else SplitKind.STEADY
        group, pace, everything = int(given["group"]), int(given["pace"]), "all" in words
        primary, secondary = volumes
        request = PairRequest(PairCommand[first], primary, secondary, kind, group, everything, pace)
        answered = self._service.order(request)
        return "0" if answered.accepted else f"3 {answered.said}"


def _line(seen: PairStatus) -> str:
    if seen.percent is None:
        return "no pair"
    states = f"pair {seen.primary_state.value}/{seen.secondary_state.value} {seen.percent}%"
    return f"{states} of={seen.group} m={seen.mirror} g={seen.generation} {seen.moved}+{seen.pending}"


Seen = list[tuple[bool, PairStatus]]


def played(service: PairService, primary: PairVolume, secondary: PairVolume, control: Control) -> Seen:
    """Give the orders of the script; no time passes but between an order and the look at the pair."""
    seen: Seen = []
    control.hold()
    for command, options, ticks in SCRIPT:
        answered = service.order(PairRequest(command, primary, secondary, **options))  # type: ignore[arg-type]
        control.run(ticks)
        seen.append((answered.accepted, service.status(primary, secondary)))
    control.release()
    return seen


def inband(live: LiveTarget, volumes: Couple, folder: Path) -> Seen:
    assert live.control is not None
    return played(service_of(live, {}), *volumes, live.control)


def by_command(live: LiveTarget, volumes: Couple, folder: Path) -> Seen:
    assert live.control is not None
    with Vendor(folder, service_of(live, {}), volumes) as vendor:
        return played(commands(live, volumes, vendor), *volumes, live.control)


def commands(live: LiveTarget, volumes: tuple[PairVolume, ...], vendor: Vendor) -> CommandPairs:
    """The service by the vendor's program."""
    setting = Setting(parse(TEMPLATE, "t.toml"), "t.toml", "lab", names={"tool": str(vendor.tool)})
    return CommandPairs(setting, declared(live.spec), volumes)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, Seen]:
    """What each way sees, on a new array each."""

    def on_a_new_array(way: Callable[[LiveTarget, Couple, Path], Seen]) -> Seen:
        with SoftwareDriver(load("software-array")) as live:
            primary, secondary = (live.lun(role) for role in (Role.PRIMARY, Role.SECONDARY))
            couple = volume_of(primary, primary.path), volume_of(secondary, secondary.path)
            return way(live, couple, tmp_path_factory.mktemp("vendor"))

    return on_a_new_array(inband), on_a_new_array(by_command)


def test_both_ways_get_the_same_answers_and_see_the_same_states(seen: tuple[Seen, Seen]) -> None:
    for step, one, other in zip(SCRIPT, *seen, strict=True):
        assert (step, one) == (step, other)


def test_the_script_sees_refusals_and_states_that_pass(seen: tuple[Seen, Seen]) -> None:
    answers = [accepted for accepted, _ in seen[0]]
    states = [status.primary_state.value for _, status in seen[0]]
    assert answers.count(False) >= 4
    assert {"SMPL", "COPY", "PAIR", "PSUE", "COPY(RS)", "PSUS", "COPY(SP)", "PSUS(SP)"} <= set(states)


BAD: tuple[tuple[PairCommand, Role, Role, dict[str, object], str], ...] = (
    (PairCommand.SPLIT, Role.PRIMARY, Role.SECONDARY, {"whole_group": True}, "05/26/00"),
    (PairCommand.CREATE, Role.PRIMARY, Role.SECONDARY_2, {"group": 256}, "05/26/00"),
    (PairCommand.CREATE, Role.PRIMARY, Role.SOURCE, {}, "05/26/02"),
    (PairCommand.RESTORE, Role.PRIMARY, Role.SECONDARY, {}, "05/2C/00"),
)


def test_bad_orders_by_a_command_are_refused_by_the_array_and_change_nothing(tmp_path: Path) -> None:
    with SoftwareDriver(load("software-array")) as live:
        roles = (Role.PRIMARY, Role.SECONDARY, Role.SECONDARY_2, Role.SOURCE)
        volumes = {role: volume_of(live.lun(role), live.lun(role).path) for role in roles}
        with Vendor(tmp_path, service_of(live, {}), tuple(volumes.values())) as vendor:
            service, primary, secondary = commands(live, tuple(volumes.values()), vendor), *list(volumes.values())[:2]
            service.order(PairRequest(PairCommand.CREATE, primary, secondary))
            before = service.wait(primary, secondary, {PairState.PAIR}, 20, lambda: None)
            for command, one, other, options, said in BAD:
                request = PairRequest(command, volumes[one], volumes[other], **options)  # type: ignore[arg-type]
                answered = service.order(request)
                assert (answered.accepted, answered.said) == (False, f"exit 3: {said}")
                assert service.status(primary, secondary) == before
            for request in (
                PairRequest(PairCommand.CREATE, primary, primary),
                PairRequest(PairCommand.CREATE, volumes[Role.SOURCE], secondary),
            ):
                with pytest.raises(SafetyRefusal):
                    service.order(request)
                assert service.status(primary, secondary) == before
