"""The service by vendor commands: refusals are answers that change nothing, and what makes no sense is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from copyproof.errors import DeviceError, MalformedAnswer, TransportTimeout, UsageError
from copyproof.pairing.inband import InBandPairs
from copyproof.pairing.service import Declared, PairFault, PairVolume
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.pair import PairCommand, PairState
from copyproof.scsi.pair_wire import PAIR, QUERY_HEADER, PairAction
from copyproof.scsi.sense import Sense, SenseKey
from copyproof.targets.drivers.software import SoftwareDriver
from copyproof.targets.live import Role
from copyproof.targets.pairs import volume_of
from copyproof.targets.spec import load
from copyproof.transport.base import Transport
from tests.unit.pairing.vendor import ask

CREATE, SPLIT, RESYNC, DELETE = PairCommand.CREATE, PairCommand.SPLIT, PairCommand.RESYNC, PairCommand.DELETE
SERVICE = InBandPairs(Declared())
Volumes = dict[str, PairVolume]


@pytest.fixture
def volumes() -> Iterator[Volumes]:
    """The volumes of an array in this process, by role."""
    with SoftwareDriver(load("software-array")) as live:
        yield {role.value: volume_of(lun, lun.path) for role, lun in live.luns.items() if role is not Role.HIDDEN}


def paired(volumes: Volumes, state: PairState = PairState.PAIR) -> tuple[PairVolume, PairVolume]:
    """Two volumes that are a pair."""
    primary, secondary = volumes["primary"], volumes["secondary"]
    SERVICE.order(ask(CREATE, primary, secondary))
    SERVICE.wait(primary, secondary, {PairState.PAIR}, 10, lambda: None)
    if state is PairState.PSUS:
        SERVICE.order(ask(SPLIT, primary, secondary))
        SERVICE.wait(primary, secondary, {PairState.PSUS}, 10, lambda: None)
    return primary, secondary


@pytest.mark.parametrize(
    ("command", "primary", "secondary", "more", "said"),
    [
        (SPLIT, "primary", "secondary", {"whole_group": True}, "05/26/00"),
        (CREATE, "primary", "primary", {}, "05/26/02"),
        (CREATE, "primary", "source", {}, "05/26/02"),
        (CREATE, "other-primary", "secondary", {}, "05/26/02"),
        (CREATE, "secondary", "secondary-2", {}, "05/26/02"),
        (CREATE, "primary", "secondary-2", {"group": 256}, "05/26/00"),
        (CREATE, "primary", "secondary-2", {"pace": 16}, "05/26/00"),
        (RESYNC, "other-primary", "other-secondary", {}, "05/2C/00"),
        (PairCommand.RESTORE, "primary", "secondary", {}, "05/2C/00"),
        (CREATE, "primary", "readonly", {}, "07/27/00"),
    ],
    ids=lambda value: value.name if isinstance(value, PairCommand) else None,
)
def test_a_bad_order_is_refused_and_the_pair_stays(
    volumes: Volumes, command: PairCommand, primary: str, secondary: str, more: dict[str, Any], said: str
) -> None:
    paired(volumes)
    before = SERVICE.display(tuple(volumes.values()))
    answered = SERVICE.order(ask(command, volumes[primary], volumes[secondary], **more))
    assert (answered.accepted, answered.said) == (False, said)
    assert SERVICE.display(tuple(volumes.values())) == before


@pytest.mark.parametrize("more", [{"group": 1 << 16}, {"pace": 256}, {"group": -1}])
def test_an_order_that_the_commands_cannot_carry_is_not_sent(volumes: Volumes, more: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"^paircreate: "):
        SERVICE.order(ask(CREATE, volumes["primary"], volumes["secondary"], **more))


def test_a_p_vol_that_cannot_be_reached_is_told(volumes: Volumes) -> None:
    with pytest.raises(UsageError, match=r"^primary cannot be reached now"):
        SERVICE.order(ask(CREATE, replace(volumes["primary"], transport=None), volumes["secondary"]))


def test_a_pair_that_was_split_tells_its_generation_and_a_display_names_it(volumes: Volumes) -> None:
    paired(volumes, PairState.PSUS)
    (shown,) = SERVICE.display(tuple(volumes.values()))
    assert (shown.primary, shown.secondary, shown.status.primary_state) == ("primary", "secondary", PairState.PSUS)
    assert (shown.status.percent, shown.status.mirror, shown.status.generation) == (100, 0, 1)


@dataclass
class Spoilt:
    """A path on which the answer to one service action is another one."""

    path: Transport
    action: PairAction
    answer: Callable[[Result], Result]
    name: str = "spoilt"

    def execute(self, command: Command, timeout: float) -> Result:
        result = self.path.execute(command, timeout)
        return self.answer(result) if command.cdb[:2] == bytes([0xC1, self.action]) else result

    def repeat_by_hand(self, command: Command) -> str:
        return ""


def spoilt(volume: PairVolume, action: PairAction, answer: Callable[[Result], Result]) -> PairVolume:
    assert volume.transport is not None
    return replace(volume, transport=Spoilt(volume.transport, action, answer))


def lost(_: Result) -> Result:
    raise TransportTimeout("spoilt: no answer in time")


def broken(_: Result) -> Result:
    return Result(Status.CHECK_CONDITION, Sense(SenseKey.HARDWARE_ERROR, 0x44, 0))


@pytest.mark.parametrize(("answer", "why"), [(lost, "no answer in time"), (broken, "04/44/00")])
def test_an_order_without_an_answer_tells_the_real_state(
    volumes: Volumes, answer: Callable[[Result], Result], why: str
) -> None:
    primary, secondary = paired(volumes)
    with pytest.raises(PairFault) as told:
        SERVICE.order(ask(SPLIT, spoilt(primary, PairAction.SPLIT, answer), secondary))
    assert str(told.value).startswith(f"pairsplit: spoilt: {why}; the pair: P-VOL PSUS, S-VOL PSUS, 100 %")
    assert [said.ended.endswith(why) for said in told.value.proof] == [True]


def replaced(at: int, value: int) -> Callable[[Result], Result]:
    """An answer with one byte changed."""

    def changed(result: Result) -> Result:
        return replace(result, data=result.data[:at] + bytes([value]) + result.data[at + 1 :])

    return changed


FIRST = QUERY_HEADER.size
NONSENSE = [
    (replaced(0, 0x7F), r"bytes of pairs are more than"),
    (replaced(FIRST + PAIR["state"].offset, 0x55), r"no pair state has the code 85"),
    (replaced(FIRST + PAIR["percent"].offset, 101), r"101 percent copied"),
    (replaced(4, 9), r"is not known"),
    (lambda result: replace(result, data=b""), r"PAIR QUERY"),
]


@pytest.mark.parametrize(("answer", "why"), NONSENSE)
def test_pairs_that_make_no_sense_are_no_state(volumes: Volumes, answer: Callable[[Result], Result], why: str) -> None:
    primary, secondary = paired(volumes)
    with pytest.raises(MalformedAnswer, match=why):
        SERVICE.status(spoilt(primary, PairAction.QUERY, answer), secondary)


def test_a_target_without_the_commands_is_told(volumes: Volumes) -> None:
    refused = Result(Status.CHECK_CONDITION, Sense(SenseKey.ILLEGAL_REQUEST, 0x20, 0))
    primary = spoilt(volumes["primary"], PairAction.QUERY, lambda _: refused)
    with pytest.raises(DeviceError, match=r"^asking for pairs by spoilt: 05/20/00$"):
        SERVICE.status(primary, volumes["secondary"])
