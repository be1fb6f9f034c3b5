"""An order for a whole consistency group reaches the pairs that the group file names, and is judged by all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof import inuse
from copyproof.cci import orders
from copyproof.cci.array import Array
from copyproof.cci.codes import CciError, Code
from copyproof.cci.horcm import Member
from copyproof.device import Device
from copyproof.errors import SafetyRefusal, TransportTimeout
from copyproof.scsi.pair import PairCommand, PairState
from copyproof.scsi.pair_wire import PairList
from tests.unit.cci.cci_desk import Desk, naa

BOTH = orders.Target([Member("oradb", "dev1", naa(1), naa(2)), Member("oradb", "dev2", naa(3), naa(4))], whole=True)


def paired(desk: Desk, first: int, second: int) -> PairState | None:
    """The state of a pair."""
    pair = desk.array.unit.pairs.find(first, second)
    return pair.state if pair else None


@pytest.mark.parametrize("line", ["pairsplit -S", "pairsplit", "pairsplit -E", "pairresync -restore"])
def test_a_group_of_the_array_with_pairs_that_the_file_does_not_name_is_not_ordered(desk: Desk, line: str) -> None:
    for made in ("-g oradb", "-g many -d third"):
        assert desk.code(f"paircreate {made} -vl -m grp 7") == 0
    desk.array.run(20)
    done = desk.run(f"{line} -g oradb")
    assert (done.code, f"consistency group 7 has also the pair of naa.{naa(1)} and naa.{naa(6)}" in done.err) == (
        236,
        True,
    ), done.err
    assert {paired(desk, *ends) for ends in ((1, 2), (3, 4), (1, 6))} == {PairState.PAIR}
    assert desk.code("pairsplit -g oradb -d dev1") == 0


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The numbers of the volumes that are mounted on this host."""
    numbers: set[int] = set()

    def users(nodes: tuple[Path, ...]) -> tuple[str, ...]:
        return tuple("mounted on /home" for node in nodes if int(node.name[2:]) in numbers)

    monkeypatch.setattr(inuse, "users", users)
    return numbers


class Sent(Array):
    """The array behind a socket as one of units with nodes, and what was ordered of it."""

    def __init__(self, desk: Desk) -> None:
        disks = [Device(naa=naa(n), sg=(Path(f"/dev/sg{n}"),), block=(Path(f"/dev/sd{n}"),)) for n in range(1, 8)]
        super().__init__(desk.folder / "array", lambda: disks)
        self.orders: list[str] = []
        self.silent = 0

    def unused(self, command: PairCommand, orders: object) -> None:
        where, self._socket = self._socket, None
        try:
            super().unused(command, orders)  # type: ignore[arg-type]  # as it came
        finally:
            self._socket = where

    def order(self, command: PairCommand, order: PairList) -> str:
        if self.silent and len(self.orders) == self.silent:
            raise TransportTimeout("no answer")
        self.orders.append(order.secondary.naa)
        return super().order(command, order)


@pytest.mark.parametrize(
    ("command", "used"),
    [(PairCommand.RESYNC, 4), (PairCommand.RESTORE, 3)],
)
def test_a_volume_in_use_anywhere_in_the_group_keeps_all_of_it_from_being_overwritten(
    desk: Desk, mounted: set[int], command: PairCommand, used: int
) -> None:
    assert desk.code("paircreate -g oradb -vl -split -m grp") == 0
    desk.array.run(20)
    mounted.add(used)
    with Sent(desk) as array:
        with pytest.raises(SafetyRefusal, match=rf"{naa(used)}\) would be overwritten and is mounted on"):
            orders.order(array, BOTH, command)
        assert array.orders == []
    assert paired(desk, 1, 2) is PairState.PSUS


def test_a_volume_in_use_is_found_before_the_first_pair_is_created(desk: Desk, mounted: set[int]) -> None:
    mounted.add(4)
    with Sent(desk) as array, pytest.raises(SafetyRefusal, match="would be overwritten"):
        orders.create(array, BOTH, orders.Creation(local=True))
    assert desk.array.unit.pairs.pairs == []


def test_an_order_without_answer_tells_which_were_taken_before(desk: Desk) -> None:
    with Sent(desk) as array:
        array.silent = 1
        with pytest.raises(CciError, match=r"^oradb/dev2: no answer; ordered before it: oradb/dev1$") as problem:
            orders.create(array, BOTH, orders.Creation(local=True))
    assert problem.value.code is Code.EX_CMDIOE


def test_pairs_of_other_groups_and_of_none_do_not_keep_a_group_from_being_ordered(desk: Desk) -> None:
    for made in ("-g oradb -vl -m grp 7", "-g many -d third -vl -m grp 8", "-g many -d fourth -vl"):
        assert desk.code(f"paircreate {made}") == 0
    desk.array.run(20)
    assert desk.code("pairsplit -g oradb") == 0
