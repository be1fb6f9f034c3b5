"""paircreate, pairsplit and pairresync: what reaches the array, and how it ends."""

from __future__ import annotations

import pytest

from copyproof.scsi.command import Command
from copyproof.scsi.pair import PairState
from copyproof.transport.socket import SocketPath
from tests.unit.cci.cci_desk import GRAINS, Desk, naa


def state(desk: Desk, primary: int, secondary: int) -> PairState:
    """The state of a pair inside the array."""
    pair = desk.array.unit.pairs.find(primary, secondary)
    return pair.state if pair else PairState.SMPL


def settled(desk: Desk) -> None:
    """Let all copying come to its end."""
    desk.array.run(4 * GRAINS)


def split(desk: Desk) -> None:
    """Make all pairs of the group, split."""
    assert desk.code("paircreate -g oradb -vl") == 0
    settled(desk)
    assert desk.code("pairsplit -g oradb") == 0
    settled(desk)


def test_a_pair_is_created_split_resynchronised_restored_suspended_and_deleted(desk: Desk) -> None:
    seen = []
    for line in ("paircreate -vl", "pairsplit", "pairresync", "pairsplit", "pairresync -restore", "pairsplit -E"):
        command, *options = line.split()
        assert desk.code(" ".join([command, "-g oradb -d dev1", *options])) == 0
        before = state(desk, 1, 2)
        settled(desk)
        seen.append((before, state(desk, 1, 2)))
    assert seen == [
        (PairState.COPY, PairState.PAIR),
        (PairState.PSUS, PairState.PSUS),
        (PairState.PAIR, PairState.PAIR),
        (PairState.PSUS, PairState.PSUS),
        (PairState.PAIR, PairState.PAIR),
        (PairState.PSUE, PairState.PSUE),
    ]
    assert desk.code("pairsplit -g oradb -d dev1 -S") == 0
    assert state(desk, 1, 2) is PairState.SMPL
    assert state(desk, 3, 4) is PairState.SMPL


def test_without_d_all_pairs_of_the_group_are_meant(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -vl") == 0
    assert (state(desk, 1, 2), state(desk, 3, 4)) == (PairState.COPY, PairState.COPY)
    settled(desk)
    for line, then in (("pairsplit -g oradb", PairState.PSUS), ("pairsplit -g oradb -S", PairState.SMPL)):
        assert desk.code(line) == 0
        assert (state(desk, 1, 2), state(desk, 3, 4)) == (then, then)


def test_vr_makes_the_volumes_of_the_other_side_p_vols(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -d dev1 -vr") == 0
    assert state(desk, 2, 1) is PairState.COPY


def test_either_side_orders_what_there_is(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -d dev1 -vl") == 0
    settled(desk)
    assert desk.code("pairsplit -g oradb -d dev1", side=1) == 0
    assert state(desk, 1, 2) is PairState.PSUS


@pytest.mark.parametrize(
    ("options", "first"),
    [("", PairState.COPY_SP), ("-fq normal", PairState.COPY_SP), ("-fq quick", PairState.PSUS_SP)],
)
def test_a_split_is_steady_or_quick_at_the_creation_and_later(desk: Desk, options: str, first: PairState) -> None:
    assert desk.code(f"paircreate -g oradb -d dev1 -vl -c 1 -split {options}") == 0
    assert desk.code("paircreate -g oradb -d dev2 -vl -c 1") == 0
    assert desk.code(f"pairsplit -g oradb -d dev2 -rw {options}") == 0
    assert (state(desk, 1, 2), state(desk, 3, 4)) == (first, first)
    settled(desk)
    assert (state(desk, 1, 2), state(desk, 3, 4)) == (PairState.PSUS, PairState.PSUS)


def test_the_pace_says_how_much_a_tick_copies(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -d dev1 -vl -c 1") == 0
    assert desk.code("paircreate -g oradb -d dev2 -vl -c 2") == 0
    desk.array.run(GRAINS // 2)
    assert (state(desk, 1, 2), state(desk, 3, 4)) == (PairState.COPY, PairState.PAIR)


def test_a_consistency_group_is_split_by_one_order_and_shows_one_generation(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -vl -m grp") == 0
    settled(desk)
    assert desk.code("pairsplit -g oradb") == 0
    pairs = [desk.array.unit.pairs.find(*ends) for ends in ((1, 2), (3, 4))]
    assert [(pair.group, pair.generation) for pair in pairs if pair] == [(1, 1), (1, 1)]


def test_pairs_in_no_group_get_a_generation_each(desk: Desk) -> None:
    split(desk)
    pairs = [desk.array.unit.pairs.find(*ends) for ends in ((1, 2), (3, 4))]
    assert [(pair.group, pair.generation) for pair in pairs if pair] == [(0, 1), (0, 2)]


def test_with_d_one_pair_of_a_consistency_group_is_meant(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -vl -m grp") == 0
    settled(desk)
    assert desk.code("pairsplit -g oradb -d dev2") == 0
    assert (state(desk, 1, 2), state(desk, 3, 4)) == (PairState.PAIR, PairState.PSUS)


def test_a_new_consistency_group_gets_a_number_that_is_free_or_the_one_given(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -d dev1 -vl -m grp 1") == 0
    assert desk.code("paircreate -g oradb -d dev2 -vl -m grp") == 0
    groups = [pair.group for pair in desk.array.unit.pairs.pairs]
    assert groups == [1, 2]


def test_an_order_that_the_state_does_not_take_is_228(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -d dev1 -vl") == 0
    done = desk.run("pairresync -g oradb -d dev1 -restore")
    assert done.code == 228
    assert done.err == "pairresync: [EX_INVSTP] oradb/dev1 is P-VOL COPY, and the array answers 05/2C/00\n"


def test_an_order_to_volumes_that_are_no_pair_is_222(desk: Desk) -> None:
    for line in ("pairsplit -g oradb", "pairsplit -g oradb -E", "pairresync -g oradb"):
        done = desk.run(line)
        assert (done.code, "[EX_INVVOL] oradb/dev1 is SMPL" in done.err) == (222, True), line


def test_a_delete_where_nothing_is_paired_is_done(desk: Desk) -> None:
    assert desk.code("pairsplit -g oradb -S") == 0


@pytest.mark.parametrize("device", ["self", "small", "taken", "swapped"])
def test_volumes_that_make_no_pair_are_235(desk: Desk, device: str) -> None:
    assert desk.code("paircreate -g oradb -d dev1 -vl") == 0
    done = desk.run(f"paircreate -g odd -d {device} -vl")
    assert (done.code, "[EX_EVOLCE]" in done.err) == (235, True)
    assert [(pair.primary, pair.secondary) for pair in desk.array.unit.pairs.pairs] == [(1, 2)]


def test_a_fourth_s_vol_is_235_and_the_three_before_it_are_told(desk: Desk) -> None:
    done = desk.run("paircreate -g many -vl")
    assert done.code == 237
    assert "many/fourth is SMPL, and the array answers 05/26/02; ordered before it: many/first" in done.err
    assert desk.run("paircreate -g many -d fourth -vl").code == 235
    assert len(desk.array.unit.pairs.pairs) == 3


def test_pairs_that_are_not_alike_are_236_and_nothing_is_ordered(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -vl") == 0
    settled(desk)
    assert desk.code("pairsplit -g oradb -d dev1") == 0
    for line in ("pairsplit -g oradb", "pairresync -g oradb", "paircreate -g oradb -vl"):
        done = desk.run(line)
        assert done.code == 236
        assert "nothing was ordered: oradb/dev1 is PSUS, oradb/dev2 is PAIR" in done.err
    assert (state(desk, 1, 2), state(desk, 3, 4)) == (PairState.PSUS, PairState.PAIR)
    assert desk.code("pairsplit -g oradb -S") == 0
    assert desk.array.unit.pairs.pairs == []


def test_a_group_with_p_vols_and_s_vols_on_one_side_is_229(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -vl") == 0
    settled(desk)
    done = desk.run("pairsplit -g mixed")
    assert (done.code, "P-VOL, S-VOL" in done.err) == (229, True)
    assert (state(desk, 1, 2), state(desk, 3, 4)) == (PairState.PAIR, PairState.PAIR)


def test_another_initiators_reservation_is_221(desk: Desk) -> None:
    for _ in range(2):  # the first is told of the unit attention
        desk.array.handle("stranger", 2, Command(bytes([0x16, 0, 0, 0, 0, 0])))
    done = desk.run("paircreate -g oradb -d dev1 -vl")
    assert (done.code, "RESERVATION_CONFLICT" in done.err) == (221, True)


def test_a_way_that_leads_to_another_unit_is_noticed_before_anything_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SocketPath.__init__

    def crossed(self: SocketPath, path: object, name: str) -> None:
        real(self, path, naa(6) if name == naa(1) else name)  # type: ignore[arg-type]

    monkeypatch.setattr(SocketPath, "__init__", crossed)
    done = desk.run("paircreate -g oradb -d dev1 -vl")
    assert (done.code, f"was {naa(1)} and is now {naa(6)}" in done.err) == (237, True)
    assert desk.array.unit.pairs.pairs == []


@pytest.mark.parametrize(
    ("line", "code", "why"),
    [
        ("paircreate -g oradb", 254, "either -vl, on this one, or -vr, on the other"),
        ("paircreate -g oradb -vl -vr", 253, "either -vl, on this one, or -vr, on the other"),
        ("paircreate -g oradb -vr -vl", 253, "either -vl, on this one, or -vr, on the other"),
        ("paircreate -vl", 254, "Missing option '-g'"),
        ("pairevtwait -g oradb -s pair", 254, "Missing option '-t'"),
        ("paircreate -g oradb -vl -fq quick", 253, "-fq is for -split"),
        ("paircreate -g oradb -vl 3", 253, "needs -m grp"),
        ("paircreate -g oradb -vl -c 16", 253, "1<=x<=15"),
        ("paircreate -g oradb -vl -m cyl", 253, "'grp'"),
        ("pairsplit -g oradb -r", 253, "there is -rw"),
        ("pairsplit -g oradb -S -E", 253, "do not go together"),
        ("pairsplit -g oradb -S -fq quick", 253, "do not go together"),
        ("pairevtwait -g oradb -s done -t 1", 253, "'psus'"),
        ("pairshow -g oradb", 253, "No such command"),
        ("", 253, "cci: [EX_INVARG] Missing command. See --help.\n"),
        ("pairsplit -g nodb", 239, "has no group 'nodb'; there are: oradb, odd, many, mixed, high"),
        ("pairsplit -g oradb -d dev9", 246, "has no 'dev9'; there are: dev1, dev2"),
    ],
)
def test_what_the_user_can_mend_has_a_code_of_its_own(desk: Desk, line: str, code: int, why: str) -> None:
    done = desk.run(line)
    assert (done.code, why in done.err) == (code, True), done.err
    assert desk.array.unit.pairs.pairs == []


def test_an_array_that_is_not_served_is_237(desk: Desk) -> None:
    path = desk.folder / "horcm0.conf"
    path.write_text(path.read_text().replace("/array", "/nobody"))
    done = desk.run("pairsplit -g oradb")
    assert (done.code, "nobody serves" in done.err) == (237, True)
