"""The disk identity of an S-VOL: exchanged at the split, nothing else changed, the P-VOL's never."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from zlib import crc32

import numpy as np
import pytest

from copyproof.array.core.errors import MediumFault
from copyproof.array.core.pair_identity import Identity, fresh
from copyproof.array.core.pair_rules import PairRules
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from tests.array.pair_bench import BLOCKS, GRAIN, P, PairBench, S

RULES = PairRules(grain=GRAIN * 512, pace=1, resignature=True)
OLD_GUID = uuid.UUID("11111111-2222-3333-4444-555555555555")


def mbr(signature: bytes) -> bytes:
    return bytes(range(1, 185)) * 2 + bytes(72) + signature + bytes(66) + b"\x55\xaa"


def header(own: int, other: int, guid: uuid.UUID = OLD_GUID) -> bytes:
    """A GPT header as UEFI 2.10, table 5-5, lays it out."""
    fields = [b"EFI PART", b"\0\0\1\0", (92).to_bytes(4, "little"), bytes(4), bytes(4)]
    fields += [number.to_bytes(8, "little") for number in (own, other, 6, BLOCKS - 6)]
    fields += [guid.bytes_le, (2).to_bytes(8, "little"), *[(128).to_bytes(4, "little")] * 2, b"\x12\x34\x56\x78"]
    raw = b"".join(fields)
    return (raw[:16] + crc32(raw).to_bytes(4, "little") + raw[20:]).ljust(512, b"\0")


def gpt_disk(bench: PairBench) -> None:
    put(bench, P, 0, mbr(bytes(4)))
    put(bench, P, 1, header(1, BLOCKS - 1))
    put(bench, P, BLOCKS - 1, header(BLOCKS - 1, 1))


def mbr_disk(bench: PairBench) -> None:
    put(bench, P, 0, mbr(b"OLD!"))


def put(bench: PairBench, volume: int, lba: int, block: bytes) -> None:
    bench.unit.write(volume, lba, bench.unit.labelled(volume, lba, np.frombuffer(block, np.uint8).reshape(1, -1)))


def whole(bench: PairBench, volume: int) -> bytes:
    blocks = bench.unit.read(volume, 0, BLOCKS)
    assert (blocks.labels == bench.unit.labelled(volume, 0, blocks.data).labels).all()
    return blocks.data.tobytes()


def changed(old: bytes, new: bytes) -> set[int]:
    return {at for at, (a, b) in enumerate(zip(old, new, strict=True)) if a != b}


def split_disk(disk: Callable[[PairBench], None], kind: SplitKind = SplitKind.QUICK) -> PairBench:
    bench = PairBench(rules=RULES)
    disk(bench)
    bench.create_split(kind)
    return bench


@pytest.mark.parametrize("kind", SplitKind)
def test_both_gpt_headers_get_a_new_disk_guid_and_its_checksum_and_nothing_else_changes(kind: SplitKind) -> None:
    bench = split_disk(gpt_disk, kind)
    p, s = whole(bench, P), whole(bench, S)
    last = 512 * (BLOCKS - 1)
    new = uuid.UUID(bytes_le=s[512 + 56 : 512 + 72])
    assert (new.version, new == OLD_GUID) == (4, False)
    assert s[512:1024] == header(1, BLOCKS - 1, new)
    assert s[last:] == header(BLOCKS - 1, 1, new)
    fields = [*range(512 + 16, 512 + 20), *range(512 + 56, 512 + 72)]
    assert changed(p, s) <= {*fields, *(at - 512 + last for at in fields)}
    assert p[512:1024] == header(1, BLOCKS - 1)


def test_the_mbr_gets_a_new_signature_and_nothing_else_changes() -> None:
    bench = split_disk(mbr_disk)
    p, s = whole(bench, P), whole(bench, S)
    assert p[:512] == mbr(b"OLD!")
    assert changed(p, s)
    assert changed(p, s) <= {*range(0x1B8, 0x1BC)}


def test_without_the_setting_s_has_the_identity_of_p() -> None:
    bench = PairBench()
    gpt_disk(bench)
    bench.create_split()
    assert whole(bench, S) == whole(bench, P)


def no_mark(bench: PairBench) -> None:
    put(bench, P, 0, mbr(b"OLD!")[:510] + b"\0\0")


def wrong_checksum(bench: PairBench) -> None:
    put(bench, P, 1, header(1, BLOCKS - 1)[:100] + bytes(412))
    put(bench, P, 1, bytes([*header(1, BLOCKS - 1)[:90], 0, *bytes(421)]))


def wrong_place(bench: PairBench) -> None:
    put(bench, P, 1, header(2, BLOCKS - 1))


def wild_size(bench: PairBench) -> None:
    raw = header(1, BLOCKS - 1)
    put(bench, P, 1, raw[:12] + b"\xff\xff\xff\xff" + raw[16:])


@pytest.mark.parametrize("disk", [no_mark, wrong_checksum, wrong_place, wild_size])
def test_what_is_no_valid_identity_is_left_alone(disk: Callable[[PairBench], None]) -> None:
    bench = split_disk(disk)
    assert whole(bench, S) == whole(bench, P)


def grown(bench: PairBench) -> None:
    """The backup header lies where the primary one says, not in the last block."""
    put(bench, P, 1, header(1, 40))
    put(bench, P, 40, header(40, 1))


def primary_lost(bench: PairBench) -> None:
    put(bench, P, BLOCKS - 1, header(BLOCKS - 1, 1))


def not_told(bench: PairBench) -> None:
    """The primary header tells of a backup that is not there, and there is one in the last block."""
    put(bench, P, 1, header(1, 40))
    put(bench, P, BLOCKS - 1, header(BLOCKS - 1, 1))


def not_its_own(bench: PairBench) -> None:
    """The header in the last block is another disk's."""
    put(bench, P, 1, header(1, BLOCKS - 1))
    put(bench, P, BLOCKS - 1, header(BLOCKS - 1, 1, uuid.UUID(int=7)))


@pytest.mark.parametrize(
    ("disk", "lbas"), [(grown, {1, 40}), (primary_lost, {BLOCKS - 1}), (not_told, {1, BLOCKS - 1}), (not_its_own, {1})]
)
def test_every_header_of_the_disk_and_no_other_gets_the_new_guid(
    disk: Callable[[PairBench], None], lbas: set[int]
) -> None:
    bench = split_disk(disk)
    p, s = whole(bench, P), whole(bench, S)
    assert {at // 512 for at in changed(p, s)} == lbas
    assert len({s[512 * lba + 56 : 512 * lba + 72] for lba in lbas}) == 1


def test_a_restore_leaves_an_identity_that_a_host_has_given_s_itself() -> None:
    bench = split_disk(mbr_disk)
    bench.finish()
    put(bench, S, 0, mbr(b"MINE"))
    bench.order(PairCommand.RESTORE)
    bench.finish()
    assert whole(bench, P)[:512] == mbr(b"MINE")


def test_a_backup_header_that_lies_out_of_the_volume_is_not_looked_for() -> None:
    bench = PairBench(rules=RULES)
    put(bench, P, 1, header(1, 1 << 60))
    bench.create_split()
    assert bench.state() is PairState.PSUS_SP
    assert changed(whole(bench, P), whole(bench, S)) <= {*range(512 + 16, 512 + 72)}


def test_a_resync_gives_s_the_identity_of_p_and_the_next_split_another_one() -> None:
    bench = split_disk(gpt_disk)
    once = whole(bench, S)
    bench.finish()
    bench.order(PairCommand.RESYNC)
    bench.finish()
    assert whole(bench, S) == whole(bench, P)
    bench.split()
    assert whole(bench, S) not in (once, whole(bench, P))


def test_a_restore_brings_the_blocks_of_s_to_p_and_not_its_identity() -> None:
    bench = split_disk(gpt_disk)
    bench.finish()
    before = whole(bench, P)
    bench.write(S, 30, 7)
    bench.order(PairCommand.RESTORE)
    bench.finish()
    assert bench.state() is PairState.PAIR
    assert changed(before, whole(bench, P)) <= {*range(30 * 512, 31 * 512)}
    assert bench.read(P, 30, 1) == [7]


def test_a_fresh_identity_differs_by_volume_and_by_generation() -> None:
    old = Identity(b"OLD!", OLD_GUID.bytes_le)
    new = {fresh(old, volume, generation) for volume in (1, 2, 3) for generation in (1, 2, 3)}
    assert len({each.signature for each in new}) == len({each.guid for each in new}) == 9
    assert fresh(Identity(), 1, 1) == Identity()


def broken(*_: object) -> None:
    raise MediumFault(P, 0)


@pytest.mark.parametrize("way", ["fetch", "move"])
def test_a_split_whose_identity_cannot_be_exchanged_suspends_the_pair(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    bench = PairBench(rules=RULES)
    put(bench, S, 0, mbr(b"MINE"))
    before = whole(bench, S)
    bench.order(PairCommand.CREATE)
    with monkeypatch.context() as patched:
        patched.setattr(bench.unit, way, broken)
        bench.split()
    assert bench.state() is PairState.PSUE
    assert bench.table.status(P)[0].cause == str(MediumFault(P, 0))
    assert way == "fetch" or whole(bench, S) == before


def test_a_restore_that_cannot_take_the_identity_back_copies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = split_disk(gpt_disk)
    bench.finish()
    before = whole(bench, P)
    monkeypatch.setattr(bench.unit, "store", broken)
    bench.order(PairCommand.RESTORE)
    bench.finish()
    assert bench.state() is PairState.PSUE
    assert whole(bench, P) == before
