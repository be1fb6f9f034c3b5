"""pairdisplay, pairvolchk and pairevtwait: what they tell of each state."""

from __future__ import annotations

import pytest

from copyproof.cci.array import Array
from copyproof.cci.codes import CciError, Code
from copyproof.cci.horcm import Member
from copyproof.cci.waiting import Clock, wait
from tests.unit.cci.cci_desk import GRAINS, Desk, naa

MEMBER = Member("oradb", "dev1", naa(1), naa(2))

#: Orders and ticks that lead to a state, what each side shows there, and the exit codes of pairvolchk -ss on each side.
STATES = {
    "SMPL": ((), ("-", "-"), (11, 11)),
    "COPY": (("paircreate -vl -c 1",), ("COPY", "COPY"), (22, 32)),
    "PAIR": (("paircreate -vl", 8), ("PAIR", "PAIR"), (23, 33)),
    "COPY(SP)": (("paircreate -vl -c 1 -split",), ("COPY", "COPY"), (22, 32)),
    "PSUS(SP)": (("paircreate -vl -c 1 -split -fq quick",), ("PSUS", "SSUS"), (24, 34)),
    "PSUS": (("paircreate -vl -split", 8), ("PSUS", "SSUS"), (24, 34)),
    "RCPY": (("paircreate -vl -split", 8, 8, 7, "pairresync -restore"), ("RCPY", "RCPY"), (22, 32)),
    "PSUE": (("paircreate -vl", "pairsplit -E"), ("PSUE", "PSUE"), (25, 35)),
}


def brought(desk: Desk, steps: tuple[str | int, ...]) -> None:
    """Give orders to dev1, and let ticks pass; the odd number stands for a difference of both volumes."""
    for step in steps:
        if step == 7:
            pair = desk.array.unit.pairs.find(1, 2)
            assert pair is not None
            pair.secondary_changes.mark(0, 1)
        elif isinstance(step, int):
            desk.array.run(step)
        else:
            command, *options = step.split()
            assert desk.code(" ".join([command, "-g oradb -d dev1", *options])) == 0


@pytest.mark.parametrize(("steps", "shown", "codes"), STATES.values(), ids=STATES.keys())
def test_each_state_is_shown_and_told_by_the_exit_code_on_either_side(
    desk: Desk, steps: tuple[str | int, ...], shown: tuple[str, str], codes: tuple[int, int]
) -> None:
    brought(desk, steps)
    for side, order in ((0, shown), (1, shown[::-1])):
        rows = desk.table("pairdisplay -g oradb -d dev1", side)
        assert [row[9] for row in rows] == list(order)
        assert desk.code("pairvolchk -g oradb -d dev1 -ss", side) == codes[side]
        simplex = shown[0] == "-"
        assert desk.code("pairvolchk -g oradb -d dev1", side) == (1 if simplex else 2 + side)


def test_both_sides_of_a_pair_are_displayed_for_people(desk: Desk) -> None:
    brought(desk, ("paircreate -vl -c 1", 2))
    done = desk.run("pairdisplay -g oradb -fc")
    assert done.out.splitlines() == [
        "Group   PairVol(L/R) (Port#,TID, LU-M) ,Seq#,LDEV#.P/S,Status,   % ,P-LDEV# M",
        "oradb   dev1(L)      (-, -, -0) ,-,1.P-VOL COPY,  25 ,2 -",
        "oradb   dev1(R)      (-, -, -0) ,-,2.S-VOL COPY,  25 ,1 -",
        "oradb   dev2(L)      (-, -, -) ,-,3.SMPL ----,----- ,---- -",
        "oradb   dev2(R)      (-, -, -) ,-,4.SMPL ----,----- ,---- -",
    ]


def test_columns_for_programs_hold_one_word_each(desk: Desk) -> None:
    brought(desk, ("paircreate -vl -split", 8))
    done = desk.run("pairdisplay -g oradb -d dev1 -fcx -CLI")
    assert [line.split() for line in done.out.splitlines()] == [
        ["Group", "PairVol", "L/R", "Port#", "TID", "LU-M", "Seq#", "LDEV#", "P/S", "Status", "%", "P-LDEV#", "M"],
        ["oradb", "dev1", "L", "-", "-", "-0", "-", "1", "P-VOL", "PSUS", "100", "2", "W"],
        ["oradb", "dev1", "R", "-", "-", "-0", "-", "2", "S-VOL", "SSUS", "100", "1", "-"],
    ]


@pytest.mark.parametrize(("option", "number"), [("", "26"), ("-fc", "26"), ("-fx", "1a"), ("-fcx", "1a")])
def test_numbers_of_volumes_are_decimal_or_hexadecimal(desk: Desk, option: str, number: str) -> None:
    assert desk.code("paircreate -g high -vl") == 0
    local, remote = desk.table(f"pairdisplay -g high {option}")
    assert (local[7], remote[11]) == (number, number)


def test_a_volume_in_another_pair_shows_that_pair(desk: Desk) -> None:
    brought(desk, ("paircreate -vl",))
    local, remote = desk.table("pairdisplay -g odd -d taken")
    assert (local[8], remote[8], remote[11]) == ("SMPL", "S-VOL", "1")


def test_the_mirror_is_that_of_the_pair_among_those_of_its_p_vol(desk: Desk) -> None:
    for device in ("first", "second"):
        assert desk.code(f"paircreate -g many -d {device} -vl") == 0
    assert [row[5] for row in desk.table("pairdisplay -g many")[:4]] == ["-0", "-0", "-1", "-1"]


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        (("paircreate -g oradb -vl -c 1", "pairsplit -g oradb -d dev1 -fq quick"), 22),
        (("paircreate -g oradb -vl", 8, "pairsplit -g oradb -d dev1 -E"), 25),
        (("paircreate -g oradb -vl", 8, "pairsplit -g oradb -d dev1"), 23),
        (("paircreate -g oradb -vl", 8, "pairsplit -g oradb"), 24),
        (("paircreate -g oradb -d dev1 -vl",), 236),
    ],
    ids=["COPY before all", "PSUE before PAIR", "PAIR before PSUS", "PSUS when all are", "SMPL with none"],
)
def test_of_a_group_whose_pairs_differ_one_status_counts(desk: Desk, steps: tuple[str | int, ...], code: int) -> None:
    for step in steps:
        if isinstance(step, int):
            desk.array.run(step)
        else:
            assert desk.code(step) == 0
    assert desk.code("pairvolchk -g oradb -ss") == code


def test_p_vols_and_s_vols_on_one_side_are_229(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -vl") == 0
    assert desk.code("pairvolchk -g mixed -ss") == 229


@pytest.mark.parametrize("fault", [ValueError("a bug"), KeyboardInterrupt()], ids=["bug", "Ctrl-C"])
def test_what_ends_a_command_halfway_is_never_taken_for_a_state(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(Array, "pairs", broken)
    for line in ("pairvolchk -g oradb", "pairvolchk -g oradb -ss", "pairsplit -g oradb"):
        assert desk.code(line) == 237


def test_a_wait_ends_when_all_pairs_are_there(desk: Desk) -> None:
    assert desk.code("paircreate -g oradb -d dev1 -vl -c 15") == 0
    assert desk.code("paircreate -g oradb -d dev2 -vl -c 1") == 0
    desk.array.release()
    done = desk.run("pairevtwait -g oradb -s pair -t 20 0.05")
    assert (done.code, done.out) == (0, "pairevtwait : Wait status done.\n")
    assert desk.states() == ["PAIR"] * 4


def test_a_wait_for_psus_ends_before_a_quick_split_has_copied_all(desk: Desk) -> None:
    brought(desk, ("paircreate -vl -c 1 -split -fq quick",))
    assert desk.code("pairevtwait -g oradb -d dev1 -s psus -t 0") == 0
    assert int(desk.table("pairdisplay -g oradb -d dev1 -fc")[0][10]) < 100


def test_a_wait_that_is_too_long_is_233_and_tells_the_states(desk: Desk) -> None:
    brought(desk, ("paircreate -vl -c 1", 2))
    done = desk.run("pairevtwait -g oradb -d dev1 -s pair -t 0")
    assert (done.code, done.out) == (233, "")
    assert done.err == "pairevtwait: [EX_EWSTOT] not pair after 0 s: oradb/dev1 is COPY, 25 %\n"


def test_time_is_given_to_the_array_between_two_looks(desk: Desk) -> None:
    brought(desk, ("paircreate -vl -c 1",))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        desk.array.run(1)

    with Array(desk.folder / "array") as array:
        wait(array, [MEMBER], ["pair"], 100, 3, Clock(lambda: sum(slept), sleep))
        assert slept == [3.0] * GRAINS
        with pytest.raises(CciError, match="not psus after 100 s") as late:
            wait(array, [MEMBER], ["psus"], 100, 30, Clock(lambda: sum(slept), sleep))
    assert late.value.code is Code.EX_EWSTOT
    assert slept[GRAINS:] == [30.0, 30.0, 30.0, 10.0]


def test_a_pair_that_is_suspended_while_it_is_waited_for_is_234(desk: Desk) -> None:
    brought(desk, ("paircreate -vl -c 1",))

    def sleep(seconds: float) -> None:
        assert desk.code("pairsplit -g oradb -d dev1 -E") == 0

    with Array(desk.folder / "array") as array, pytest.raises(CciError, match="oradb/dev1 is PSUE") as ended:
        wait(array, [MEMBER], ["pair"], 100, 3, Clock(lambda: 0.0, sleep))
    assert ended.value.code is Code.EX_EWSUSE


def test_psue_itself_can_be_waited_for(desk: Desk) -> None:
    brought(desk, ("paircreate -vl", "pairsplit -E"))
    assert desk.code("pairevtwait -g oradb -d dev1 -s pair -s psue -t 0") == 0
    assert desk.code("pairevtwait -g oradb -d dev1 -s pair -t 0") == 234


def test_waiting_for_a_pair_that_is_not_there_is_222(desk: Desk) -> None:
    assert desk.code("pairevtwait -g oradb -s pair -t 5") == 222
    assert desk.code("pairevtwait -g oradb -s SMPL -t 5") == 0
