"""Units that are nodes of this host: found by NAA, and refused where something of the host uses what would be lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from copyproof import inuse
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.cci import array as under_test
from copyproof.cci.array import Array
from copyproof.cci.codes import CciError, Code
from copyproof.device import Device
from copyproof.errors import SafetyRefusal, UsageError
from copyproof.scsi.designator import Designator
from copyproof.scsi.pair import PairCommand
from copyproof.scsi.pair_wire import PairList
from copyproof.serving.inproc import Served
from copyproof.transport.inprocess import InProcess
from tests.unit.cci.cci_desk import naa

DISKS = [Device(naa=naa(n), sg=(Path(f"/dev/sg{n}"),), block=(Path(f"/dev/sd{n}"),)) for n in (1, 2)]
ORDER = PairList(Designator.of_naa(naa(1)), Designator.of_naa(naa(2)))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    """An array whose volumes are behind sg nodes of their numbers."""
    array = Served(ArraySettings(volumes=tuple(VolumeSettings(n, 2048, naa(n)) for n in (1, 2))))

    class Node(InProcess):
        def __init__(self, node: Path) -> None:
            super().__init__(array, "host", int(node.name.removeprefix("sg")), str(node))

        def close(self) -> None:
            pass

    monkeypatch.setattr(under_test, "Sgio", Node)
    return array


def used_by(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let one disk be mounted."""

    def users(nodes: Sequence[Path]) -> tuple[str, ...]:
        return ("mounted on /home (sdx)",) if Path(f"/dev/sd{number}") in nodes else ()

    monkeypatch.setattr(inuse, "users", users)


def test_an_order_goes_through_the_sg_node_of_its_p_vol(served: Served) -> None:
    with Array(None, lambda: DISKS) as array:
        assert array.order(PairCommand.CREATE, ORDER) == "GOOD"
        assert array.path(naa(1)).name == "inprocess:/dev/sg1"
    assert [pair.secondary for pair in served.unit.pairs.pairs] == [2]


@pytest.mark.parametrize(
    ("disks", "error", "why"),
    [
        ([], CciError, f"no unit of this host has the NAA {naa(1)}"),
        ([Device(naa=naa(1), block=(Path("/dev/sdq"),))], UsageError, "has no sg node"),
    ],
)
def test_a_unit_that_cannot_be_reached_is_told(disks: list[Device], error: type[Exception], why: str) -> None:
    with Array(None, lambda: disks) as array, pytest.raises(error, match=why) as problem:
        array.path(naa(1))
    assert getattr(problem.value, "code", Code.EX_ENODEV) is Code.EX_ENODEV


@pytest.mark.parametrize(
    ("command", "used", "refused"),
    [
        (PairCommand.CREATE, 2, True),
        (PairCommand.CREATE_SPLIT, 2, True),
        (PairCommand.RESYNC, 2, True),
        (PairCommand.RESTORE, 1, True),
        (PairCommand.CREATE, 1, False),
        (PairCommand.RESTORE, 2, False),
        (PairCommand.SPLIT, 2, False),
        (PairCommand.SUSPEND, 1, False),
        (PairCommand.DELETE, 2, False),
    ],
)
def test_what_the_host_uses_is_not_overwritten(
    served: Served, monkeypatch: pytest.MonkeyPatch, command: PairCommand, used: int, refused: bool
) -> None:
    used_by(monkeypatch, used)
    with Array(None, lambda: DISKS) as array:
        if refused:
            with pytest.raises(SafetyRefusal, match=rf"{naa(used)}\) would be overwritten and is mounted on"):
                array.order(command, ORDER)
            assert served.unit.pairs.find(1, 2) is None
        else:
            assert _answered(array.order, command)


def _answered(order: Callable[[PairCommand, PairList], str], command: PairCommand) -> bool:
    """Whether the array itself answered."""
    return order(command, ORDER) in ("GOOD", "05/2C/00")


def test_an_array_behind_a_socket_has_no_nodes_that_could_be_used(tmp_path: Path) -> None:
    asked: list[object] = []

    def find() -> list[Device]:
        asked.append(None)
        return []

    with Array(tmp_path / "nobody", find) as array:
        assert array.path(naa(1)).name == f"socket:{naa(1)}"
    assert asked == []
