"""The tape of a run that orders pairs: played again it waits as the run did, and shows what an array does wrong."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from copyproof import data
from copyproof.errors import UsageError
from copyproof.plugin.mapping import lasting, under_way
from copyproof.plugin.replay import Replayed, ready, replay
from copyproof.scsi.cdb import Opcode
from copyproof.scsi.designator import Designator
from copyproof.scsi.pair import PairState, VolumeRole
from copyproof.scsi.pair_wire import PairEntry, encode_pairs, pair_query
from copyproof.targets import spec
from copyproof.transport import tape
from copyproof.transport.tape import Recorded, Sent, Stamped, Waited, Written
from tests.lio.suite import run_suite

TESTS = "neither_volume_follows or leaves_the_primary_its_identity"
QUERY = pair_query(200)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Tests of the suite that hold pairs in their transient states, and write what is no stamp."""
    folder = tmp_path_factory.mktemp("taped")
    run = run_suite("software-array", folder, "-k", TESTS, f"--hil-tape={folder / 'run.tape'}")
    assert run.code == 0, run.output
    return tape.read(folder / "run.tape")


def played(recorded: Recorded, folder: Path, *defects: str) -> tuple[list[str], Replayed]:
    """Play a tape to an array with these defects, and return the differences."""
    shipped, done = (data.folder("targets") / "software-array.toml").read_text(), Replayed()
    own = folder / "own.toml"
    own.write_text(shipped.replace("[array]\n", f"[array]\ndefects = {list(defects)}\n"))
    with ready(recorded, spec.load(str(own))) as bench:
        return [str(difference) for difference in replay(recorded, bench, done)], done


def test_the_same_array_answers_the_same(recorded: Recorded, tmp_path: Path) -> None:
    found, done = played(recorded, tmp_path)
    assert (found, done.lost) == ([], "")
    assert done.looked > 0
    assert done.passed_over["pairs of which something is under way (PAIR QUERY)"] > 0


def test_an_array_that_goes_on_copying_shows_it_in_its_blocks(recorded: Recorded, tmp_path: Path) -> None:
    found, _ = played(recorded, tmp_path, "deleted-copies-on")
    assert any("secondary LBA" in line for line in found)


def test_stamped_blocks_are_on_the_tape_by_name_and_others_by_their_bytes(recorded: Recorded) -> None:
    stamped = {(event.role, event.lba) for event in recorded.events if isinstance(event, Stamped)}
    by_command = [event.command for event in recorded.events if isinstance(event, Sent) and event.role == "bystander"]
    assert ("bystander", 0) in stamped
    # Labels are read by commands of the test's own.
    plain = [command.opcode for command in by_command if not command.cdb[1]]
    assert Opcode.READ_16 not in plain
    assert Opcode.WRITE_16 not in plain
    assert [event.lba for event in recorded.events if isinstance(event, Written)] == [0, 1, 8191]
    assert any(isinstance(event, Waited) for event in recorded.events)


def entry(state: PairState, *, group: int = 0, differing: int = 0, moved: int = 0) -> bytes:
    first, second = (Designator.of_naa(f"30000abc0000000{number}") for number in (1, 2))
    counts = 8192, 0, differing, moved
    return encode_pairs([PairEntry(state, VolumeRole.PRIMARY, 100, 0, group, 1, first, second, 1, *counts)])


@pytest.mark.parametrize(
    ("was", "now", "alike"),
    [
        (entry(PairState.PAIR), entry(PairState.PSUS), False),
        (entry(PairState.PSUS), entry(PairState.PSUS, differing=512, moved=8), True),
        (entry(PairState.PSUS), entry(PairState.PSUS, group=1), False),
        (entry(PairState.PSUS), encode_pairs([]), False),
        (entry(PairState.PSUS)[:20], entry(PairState.PSUS), False),
    ],
    ids=["state", "counts", "group", "none", "cut"],
)
def test_of_a_settled_pair_all_but_counts_is_compared(was: bytes, now: bytes, alike: bool) -> None:
    assert (lasting(QUERY, was) == lasting(QUERY, now)) == alike
    assert not under_way(QUERY, was, now)


@pytest.mark.parametrize("moving", [PairState.COPY, PairState.SMPL_PD], ids=lambda state: state.name)
def test_what_a_pair_shows_that_something_is_under_way_of_is_of_the_moment(moving: PairState) -> None:
    assert under_way(QUERY, entry(moving), encode_pairs([]))
    assert under_way(QUERY, entry(PairState.PAIR), entry(moving))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data": "00" * 511}, "line 2: 511 bytes are not 1 blocks of the primary unit"),
        ({"data": " " * 1024}, "line 2: 0 bytes are not 1 blocks of the primary unit"),
        ({"data": "0z" * 512}, "line 2: these are no bytes that were written"),
        ({"data": "0" * 1023}, "line 2: these are no bytes that were written"),
        ({"lba": 8192}, "line 2: a host write of 1 blocks from LBA 8192 of the primary unit"),
        ({"role": "nobody"}, "line 2: the header names no 'nobody' unit"),
        ({"count": 0}, "line 2: Expected `int` >= 1"),
    ],
    ids=["short", "spaces", "letters", "half", "past", "role", "none"],
)
def test_bytes_that_are_no_blocks_of_a_unit_are_refused_before_anything_is_sent(
    recorded: Recorded, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    sound = {"event": "bytes", "role": "primary", "lba": 0, "count": 1, "data": "00" * 512}
    lines = [msgspec.json.encode(recorded.header), msgspec.json.encode(sound | changed)]
    with pytest.raises(UsageError, match=said):
        played(tape.parse("own", lines), tmp_path)


def test_bytes_that_are_blocks_are_written(recorded: Recorded, tmp_path: Path) -> None:
    sound = {"event": "bytes", "role": "primary", "lba": 0, "count": 1, "data": "00" * 512}
    lines = [msgspec.json.encode(recorded.header), msgspec.json.encode(sound)]
    found, done = played(tape.parse("own", lines), tmp_path)
    assert (found, done.writes) == ([], 1)
