"""The vendor's pair commands on the wire: what they do, tell and refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from copyproof.array.core.pair_rules import PairRules
from copyproof.array.core.unit import ControlUnit
from copyproof.array.server.attentions import Attentions
from copyproof.array.server.identity import designator
from copyproof.array.server.mapping import Mapping
from copyproof.array.server.request import Request
from copyproof.array.server.server import DeviceServer
from copyproof.array.settings import ArraySettings, Mapped, VolumeSettings
from copyproof.scsi.cdb import read10, write10
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.pair import PairCommand, PairState, VolumeRole
from copyproof.scsi.pair_wire import (
    PairEntry,
    PairList,
    array_inventory,
    decode_inventory,
    decode_pairs,
    pair_order,
    pair_query,
)
from copyproof.scsi.sense import FieldPointer, Pointed, decode_sense

HOST, OTHER = "iqn.host", "iqn.other"
P, S, T, SMALL, READ_ONLY, HIDDEN = range(1, 7)
BLOCKS = 64
C = PairCommand


class Wire:
    """An array whose volume 5 the host may only read, and whose volume 6 it does not see."""

    def __init__(self) -> None:
        volumes = tuple(VolumeSettings(number, 32 if number == SMALL else BLOCKS) for number in range(1, 7))
        mapped = (
            *(Mapped(HOST, number, read_only=number == READ_ONLY) for number in range(1, 6)),
            *(Mapped(OTHER, number) for number in range(1, 7)),
        )
        pairs = PairRules(grain=8 * 512, pace=1)
        settings = ArraySettings(volumes, unit_bytes=2048, slot_bytes=4096, mapped=mapped, pairs=pairs)
        self.server = DeviceServer(ControlUnit(settings), settings)
        for number in range(1, 7):
            for host in (HOST, OTHER):
                self.server.part(Attentions).take(host, number)

    def send(self, command: Command, volume: int = P, host: str = HOST) -> Result:
        reply = self.server.handle(Request(host, volume, command.cdb, command.data_out, command.data_in))
        assert not self.server.internal_errors
        return Result(Status(reply.status), decode_sense(reply.sense), reply.data)

    def listed(self, primary: int = P, secondary: int = S, **options: int) -> PairList:
        named = (designator(self.server.settings, volume) for volume in (primary, secondary))
        return PairList(*named, **options)  # type: ignore[arg-type]

    def order(self, command: PairCommand, primary: int = P, secondary: int = S, **options: int) -> Result:
        return self.send(pair_order(command, self.listed(primary, secondary, **options)), primary)

    def pairs(self, volume: int = P, everything: bool = False) -> tuple[PairEntry, ...]:
        return decode_pairs(self.send(pair_query(4096, everything), volume).data)

    def state(self) -> PairState:
        return self.pairs()[0].state if self.pairs() else PairState.SMPL


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_a_pair_goes_its_way_by_commands_and_ticks(wire: Wire) -> None:
    seen = []
    for command in (C.CREATE, C.SPLIT, C.RESYNC, C.SUSPEND, C.DELETE):
        assert wire.order(command).good
        seen.append(wire.state())
        wire.server.run(BLOCKS)
    assert seen == [PairState.COPY, PairState.PSUS, PairState.PAIR, PairState.PSUE, PairState.SMPL]


def test_a_copy_goes_on_with_no_command_of_a_host_and_shows_its_progress(wire: Wire) -> None:
    wire.order(C.CREATE)
    percents = []
    for _ in range(9):
        percents.append(wire.pairs()[0].percent)
        wire.server.run(1)
    assert percents == [0, 12, 25, 37, 50, 62, 75, 87, 100]


def test_a_query_tells_each_volume_its_role_and_all_that_a_pair_is(wire: Wire) -> None:
    wire.order(C.CREATE, group=7, pace=15)
    wire.server.run(9)
    wire.send(write10(9, bytes(512), 512))
    wire.order(C.SPLIT, quick=1)
    wire.send(write10(0, bytes(512), 512))
    named = wire.listed()
    due = PairEntry(
        state=PairState.PSUS_SP,
        role=VolumeRole.PRIMARY,
        percent=87,
        mirror=0,
        group=7,
        pace=15,
        primary=named.primary,
        secondary=named.secondary,
        generation=1,
        blocks=BLOCKS,
        pending=8,
        differing=8,
        moved=BLOCKS,
    )
    assert wire.pairs() == (due,)
    assert wire.pairs(S) == (replace(due, role=VolumeRole.SECONDARY),)
    assert wire.pairs(T) == ()
    assert wire.pairs(T, everything=True) == (replace(due, role=VolumeRole.SIMPLEX),)


def test_a_query_of_everything_tells_no_pair_of_which_no_volume_is_seen(wire: Wire) -> None:
    wire.order(C.CREATE)
    wire.server.mappings = {(HOST, T): Mapping.READ_WRITE}
    assert wire.pairs(T, everything=True) == ()


def test_the_inventory_tells_cache_and_group_and_the_volumes_that_the_host_sees(wire: Wire) -> None:
    wire.order(C.CREATE)
    told = decode_inventory(wire.send(array_inventory(4096)).data)
    assert (told.cache_bytes, told.raid, told.members, told.missing) == (10_000_000_000, 5, 5, 0)
    assert (told.slot_bytes, told.grain_bytes, told.secondaries, told.resignature) == (4096, 4096, 3, False)
    assert [(each.number, each.role, each.blocks) for each in told.volumes] == [
        (P, VolumeRole.PRIMARY, BLOCKS),
        (S, VolumeRole.SECONDARY, BLOCKS),
        (T, VolumeRole.SIMPLEX, BLOCKS),
        (SMALL, VolumeRole.SIMPLEX, 32),
        (READ_ONLY, VolumeRole.SIMPLEX, BLOCKS),
    ]


def test_an_answer_is_cut_at_the_allocation_length_and_keeps_its_length_field(wire: Wire) -> None:
    wire.order(C.CREATE)
    whole = wire.send(pair_query(4096)).data
    assert (len(whole), whole[:4]) == (104, (100).to_bytes(4, "big"))
    assert wire.send(pair_query(50)).data == whole[:50]
    assert wire.send(pair_query(0)).data == b""


def test_a_quick_split_of_a_group_splits_all_its_pairs(wire: Wire) -> None:
    wire.order(C.CREATE, group=1)
    wire.order(C.CREATE, secondary=T, group=1)
    wire.order(C.SPLIT, quick=1, whole_group=1)
    assert [(each.state, each.generation) for each in wire.pairs()] == [(PairState.PSUS_SP, 1)] * 2


def test_a_write_to_s_is_refused_until_the_split_and_a_read_of_p_during_a_restore(wire: Wire) -> None:
    wire.order(C.CREATE)
    assert str(wire.send(write10(0, bytes(512), 512), S).sense) == "07/27/00"
    wire.order(C.SPLIT, quick=1)
    assert wire.send(write10(0, bytes(512), 512), S).good
    wire.server.run(BLOCKS)
    wire.order(C.RESTORE)
    assert str(wire.send(read10(0, 1, 512)).sense) == "02/04/07"
    assert str(wire.send(write10(0, bytes(512), 512)).sense) == "02/04/07"


Spoil = Callable[[Wire], Command]


def altered(command: PairCommand, at: int, value: int, **options: int) -> Spoil:
    """A pair command with one byte of its parameter list changed."""

    def make(wire: Wire) -> Command:
        right = pair_order(command, wire.listed(**options))
        return replace(right, data_out=right.data_out[:at] + bytes([value]) + right.data_out[at + 1 :])

    return make


def sized(length: int, sent: int) -> Spoil:
    """A create whose CDB tells `length` bytes, with so many sent."""

    def make(wire: Wire) -> Command:
        right = pair_order(C.CREATE, wire.listed())
        return Command(right.cdb[:5] + length.to_bytes(4, "big") + b"\0", data_out=right.data_out.ljust(99)[:sent])

    return make


def listed(command: PairCommand, primary: int = P, secondary: int = S, **options: int) -> Spoil:
    return lambda wire: pair_order(command, wire.listed(primary, secondary, **options))


def cdb(raw: str) -> Spoil:
    return lambda wire: Command(bytes.fromhex(raw), data_in=64)


@pytest.mark.parametrize(
    ("spoil", "sense", "pointer"),
    [
        (altered(C.CREATE, 0, 2), "05/26/00", (0, None)),
        (altered(C.CREATE, 1, 0x80), "05/26/00", (1, 7)),
        (altered(C.CREATE, 3, 0x01), "05/26/00", (3, 0)),
        (altered(C.CREATE, 7, 0x10), "05/26/00", (7, 4)),
        (altered(C.CREATE, 11, 21), "05/26/00", (11, None)),
        (altered(C.CREATE, 31, 1), "05/26/00", (31, 0)),
        (altered(C.CREATE, 8, 2), "05/26/00", (8, None)),
        (altered(C.CREATE, 43, 0xFF), "05/26/00", (32, None)),
        (listed(C.CREATE, quick=1), "05/26/00", (1, 0)),
        (listed(C.CREATE, whole_group=1), "05/26/00", (1, 1)),
        (listed(C.CREATE, pace=16), "05/26/00", (2, None)),
        (listed(C.CREATE, group=256), "05/26/00", (4, None)),
        (listed(C.SPLIT, pace=1), "05/26/00", (2, None)),
        (listed(C.RESYNC, group=1), "05/26/00", (4, None)),
        (listed(C.SPLIT, whole_group=1), "05/26/00", (1, 1)),
        (listed(C.CREATE, primary=S), "05/26/00", (8, None)),
        (listed(C.CREATE, secondary=HIDDEN), "05/26/00", (32, None)),
        (listed(C.CREATE, secondary=P), "05/26/02", (32, None)),
        (listed(C.CREATE, secondary=SMALL), "05/26/02", (32, None)),
        (listed(C.CREATE, secondary=READ_ONLY), "07/27/00", None),
        (listed(C.SPLIT), "05/2C/00", None),
        (listed(C.RESTORE), "05/2C/00", None),
        (sized(55, 55), "05/1A/00", None),
        (sized(57, 57), "05/1A/00", None),
        (sized(56, 55), "05/0E/03", None),
        (cdb("c107 0000 0000 0000 3800"), "05/24/00", (1, 4)),
        (cdb("c110 0200 0000 0000 4000"), "05/24/00", (2, 1)),
        (cdb("c111 0100 0000 0000 4000"), "05/24/00", (2, 0)),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_no_pair_is_made(
    wire: Wire, spoil: Spoil, sense: str, pointer: tuple[int, int | None] | None
) -> None:
    refused = wire.send(spoil(wire))
    assert refused.sense is not None
    assert str(refused.sense) == sense
    within = Pointed.CDB if sense == "05/24/00" else Pointed.PARAMETERS
    assert refused.sense.pointer == (pointer and FieldPointer(within, *pointer))
    assert wire.pairs(everything=True) == ()


def test_an_empty_parameter_list_is_no_error_and_no_order(wire: Wire) -> None:
    assert wire.send(sized(0, 0)(wire)).good
    assert wire.pairs() == ()


def test_an_order_without_action_ends_good_and_changes_nothing(wire: Wire) -> None:
    wire.order(C.CREATE)
    before = wire.pairs()
    assert wire.order(C.CREATE).good
    assert wire.pairs() == before


def test_a_second_primary_a_chain_and_a_fourth_secondary_are_refused_at_the_volume_that_does_not_fit(
    wire: Wire,
) -> None:
    wire.order(C.CREATE)
    for primary, secondary, offset in ((T, S, 32), (S, T, 8)):
        sense = wire.order(C.CREATE, primary, secondary).sense
        assert sense is not None
        assert (str(sense), sense.pointer) == ("05/26/02", FieldPointer(Pointed.PARAMETERS, offset))


def test_another_initiators_reservation_of_either_volume_stands_against_an_order(wire: Wire) -> None:
    reserve = Command(bytes([0x16, 0, 0, 0, 0, 0]))
    for volume in (P, S):
        held = Wire()
        assert held.send(reserve, volume, OTHER).good
        assert held.order(C.CREATE).status is Status.RESERVATION_CONFLICT


@pytest.mark.parametrize(
    ("secondary", "reserved", "sense"),
    [
        (READ_ONLY, False, "07/27/00"),
        (READ_ONLY, True, "None"),
        (HIDDEN, False, "05/26/00"),
        (HIDDEN, True, "05/26/00"),
    ],
)
def test_a_group_order_needs_write_access_to_every_volume_of_the_group(
    wire: Wire, secondary: int, reserved: bool, sense: str
) -> None:
    wire.order(C.CREATE, group=1)
    told = wire.listed(T, secondary, group=1)
    assert wire.send(pair_order(C.CREATE, told), T, OTHER).good
    wire.server.run(BLOCKS)
    if reserved:
        assert wire.send(Command(bytes([0x16, 0, 0, 0, 0, 0])), secondary, OTHER).good
    refused = wire.order(C.SPLIT, whole_group=1)
    assert str(refused.sense) == sense
    assert refused.status is (Status.RESERVATION_CONFLICT if refused.sense is None else Status.CHECK_CONDITION)
    if secondary == HIDDEN:
        assert refused.sense is not None
        assert refused.sense.pointer == FieldPointer(Pointed.PARAMETERS, 1, 1)
    assert {each.state for each in wire.pairs(everything=True)} == {PairState.PAIR}


def test_no_mutated_pair_command_ends_in_an_internal_error_or_without_an_answer_by_the_rules(wire: Wire) -> None:
    random = Random(1)
    right = [pair_order(command, wire.listed(P, other, group=1)) for command in PairCommand for other in (S, T)]
    done = 0
    for _ in range(3000):
        chosen = random.choice([*right, pair_query(200), array_inventory(200)])
        cdb, out = bytearray(chosen.cdb), bytearray(chosen.data_out)
        for raw in random.choice([(cdb,), (out,), (out, out), ()]):
            if raw:
                raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
        result = wire.send(Command(bytes(cdb), bytes(out), 0 if out else chosen.data_in), random.choice([P, P, S]))
        assert result.good or (result.sense is not None and result.sense.key in (2, 5, 7))
        done += result.good
        wire.server.run(1)
    assert done > 300
