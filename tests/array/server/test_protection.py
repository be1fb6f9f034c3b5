"""Labels on the wire: which fields each protect code has checked, and what a host's labels become."""

from __future__ import annotations

import numpy as np
import pytest

from copyproof.array.core.blocks import Blocks, joined
from copyproof.array.server.protection import deinterleave, interleave
from copyproof.blocks.label import guards, make_labels
from tests.array.server.host import VOLUME, Host, host

LBA, COUNT = 40, 3
FIELDS = {"guard": "0B/10/01", "application": "0B/10/02", "reference": "0B/10/03"}
#: By protect code, the fields whose faults a READ tells, and those that a WRITE tells; the array owns the application
#: tag, and a WRITE never judges it (SBC-3 tables 45 and 52).
READ_TELLS = {
    0: {"guard", "application", "reference"},
    1: {"guard", "application", "reference"},
    2: {"application", "reference"},
    3: set(),
    4: {"guard"},
    5: {"guard", "application", "reference"},
}
CODES = sorted(READ_TELLS)


def read(protect: int, count: int = COUNT, lba: int = LBA) -> str:
    return f"88{protect << 5:02x}{lba:016x}{count:08x}0000"


def write(protect: int, count: int = COUNT, lba: int = LBA) -> str:
    return f"8a{protect << 5:02x}{lba:016x}{count:08x}0000"


def blocks(lba: int = LBA, application: int = VOLUME, count: int = COUNT) -> Blocks:
    data = np.random.default_rng(5).integers(0, 256, (count, 512), np.uint8)
    return joined(data, make_labels(data, lba, application))


def spoilt(field: str, at: int = 1) -> Blocks:
    """Blocks of which one has a wrong field."""
    found = blocks()
    found.labels[field][at] ^= 0x0100
    return found


def stored(sender: Host, found: Blocks) -> Host:
    """Let a volume hold blocks with labels as they are, past every check."""
    sender.server.unit.write(VOLUME, LBA, found)
    return sender


@pytest.mark.parametrize("protect", CODES)
def test_right_labels_are_read_and_written_with_every_code(protect: int) -> None:
    sender, mine = host(), blocks()
    sender.send(write(protect), interleave(mine) if protect else mine.data.tobytes())
    came = sender.send(read(protect))
    assert came == (interleave(mine) if protect else mine.data.tobytes())
    assert sender.held(LBA, COUNT).labels.tolist() == mine.labels.tolist()


@pytest.mark.parametrize("protect", CODES)
@pytest.mark.parametrize("field", FIELDS)
def test_a_read_tells_the_wrong_fields_that_its_code_asks_for(protect: int, field: str) -> None:
    sender = stored(host(), spoilt(field))
    if field in READ_TELLS[protect]:
        found = sender.sense(read(protect))
        assert (str(found), found.information) == (FIELDS[field], LBA + 1)
    else:
        assert deinterleave(sender.send(read(protect)), 512).labels.tolist() == spoilt(field).labels.tolist()


@pytest.mark.parametrize("protect", CODES[1:])
@pytest.mark.parametrize("field", FIELDS)
def test_a_write_tells_the_wrong_fields_that_its_code_asks_for(protect: int, field: str) -> None:
    sender = host()
    raw = interleave(spoilt(field))
    if field in READ_TELLS[protect] - {"application"}:
        found = sender.sense(write(protect), raw)
        assert (str(found), found.information) == (FIELDS[field], LBA + 1)
        assert not sender.held(LBA, COUNT).data.any()
    else:
        sender.send(write(protect), raw)
        assert sender.held(LBA, COUNT).data.tolist() == blocks().data.tolist()


@pytest.mark.parametrize("protect", [1, 2, 4, 5])
def test_a_hosts_application_tag_becomes_the_volumes_number(protect: int) -> None:
    sender = host()
    sender.send(write(protect), interleave(blocks(application=0)))
    assert sender.held(LBA, COUNT).labels["application"].tolist() == [VOLUME] * COUNT


def test_labels_written_unchecked_stay_as_they_came() -> None:
    sender, elsewhere = host(), blocks(lba=999, application=7)
    sender.send(write(3), interleave(elsewhere))
    assert sender.send(read(3)) == interleave(elsewhere)
    assert sender.refused(read(1)) == "0B/10/02"
    assert sender.refused(read(0)) == "0B/10/02"


@pytest.mark.parametrize("protect", CODES)
def test_an_application_tag_of_ones_switches_the_checks_off(protect: int) -> None:
    mine = blocks(lba=999, application=0xFFFF)
    mine.labels["guard"] ^= 1
    sender = host()
    sender.send(write(3), interleave(mine))
    assert sender.send(read(protect)) == (interleave(mine) if protect else mine.data.tobytes())
    if protect:
        sender.send(write(protect), interleave(mine))
        assert sender.send(read(3)) == interleave(mine)


def test_blocks_never_written_have_labels_of_ones() -> None:
    assert host().send(read(1, 1)) == bytes(512) + b"\xff" * 8


@pytest.mark.parametrize("protect", [6, 7])
def test_reserved_codes_are_refused(protect: int) -> None:
    assert host().refused(read(protect)) == "05/24/00@1.7"
    assert host().refused(write(protect), bytes(520 * COUNT)) == "05/24/00@1.7"


def test_a_payload_without_its_labels_is_too_short() -> None:
    assert host().refused(write(1), blocks().data.tobytes()) == "05/0E/03"


def long(action: int, tag: int, protect: int = 1, lba: int = LBA, count: int = COUNT) -> str:
    cdb = f"7f00000000000018{action:04x}{protect << 5:02x}00{lba:016x}{tag:08x}00000000{count:08x}"
    assert len(cdb) == 64
    return cdb


@pytest.mark.parametrize("tag", [0x1234, 0xFFFFFFFF])
def test_type_2_checks_the_tags_that_the_command_expects(tag: int) -> None:
    sender, mine = host(protection=2), blocks(lba=tag)
    sender.send(long(0x0B, tag), interleave(mine))
    assert sender.send(long(0x09, tag)) == interleave(mine)
    assert sender.refused(long(0x09, tag + 1 & 0xFFFFFFFF)) == "0B/10/03"
    assert sender.refused(long(0x0B, tag - 1), interleave(mine)) == "0B/10/03"
    assert sender.send(long(0x09, tag - 1, protect=4)) == interleave(mine)
    assert sender.send(read(0)) == mine.data.tobytes()


def test_type_2_makes_the_expected_tags_where_none_come() -> None:
    sender, mine = host(protection=2), blocks(lba=0x55)
    sender.send(long(0x0B, 0x55, protect=0), mine.data.tobytes())
    assert sender.send(long(0x09, 0x55)) == interleave(mine)


@pytest.mark.parametrize("protect", CODES[1:])
def test_type_2_has_no_labels_on_the_wire_in_shorter_commands(protect: int) -> None:
    assert host(protection=2).refused(read(protect)) == "05/20/00"


def test_a_long_command_of_another_length_is_refused() -> None:
    cdb = long(0x09, 0)
    assert host(protection=2).refused(cdb[:14] + "19" + cdb[16:]) == "05/24/00@7"


@pytest.mark.parametrize("protection", [0, 1, 3])
def test_long_commands_are_there_for_type_2_only(protection: int) -> None:
    assert host(protection=protection).refused(long(0x09, 0)) == "05/20/00"


def test_type_3_leaves_the_reference_tag_to_the_host() -> None:
    sender, mine = host(protection=3), blocks(lba=12345)
    sender.send(write(1), interleave(mine))
    assert sender.send(read(1)) == interleave(mine)
    wrong = blocks(lba=12345)
    wrong.labels["guard"] ^= 1
    assert sender.refused(write(1), interleave(wrong)) == "0B/10/01"


def test_type_3_switches_checks_off_by_both_tags() -> None:
    sender, mine = host(protection=3), blocks(application=0xFFFF)
    mine.labels["guard"] ^= 1
    assert sender.refused(write(1), interleave(mine)) == "0B/10/01"
    mine.labels["reference"] = 0xFFFFFFFF
    sender.send(write(1), interleave(mine))
    assert sender.send(read(3)) == interleave(mine)


def test_type_3_takes_its_own_application_tag_where_the_reference_tag_leaves_the_checks_on() -> None:
    sender, mine = host(protection=3), blocks(application=0xFFFF)
    sender.send(write(1), interleave(mine))
    mine.labels["application"] = VOLUME
    assert sender.send(read(1)) == interleave(mine)


def test_guards_are_made_from_the_payload_where_none_come() -> None:
    sender, mine = host(), blocks()
    sender.send(write(0), mine.data.tobytes())
    assert sender.held(LBA, COUNT).labels["guard"].tolist() == guards(mine.data).tolist()
