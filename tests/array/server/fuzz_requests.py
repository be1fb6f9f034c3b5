"""Random and mutated commands: of every row of the table, most with a parameter list that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from copyproof.array.core.errors import ArrayFault
from copyproof.array.server.commands import Row
from copyproof.array.server.identity import designator
from copyproof.array.server.inquiry import PAGES
from copyproof.array.server.protection import interleave
from copyproof.array.server.request import Request
from copyproof.scsi.pair_wire import PAIR_OPCODE, PairList
from tests.array.server.copy_bench import BLOCKS, HIDDEN, HOST, OTHER, READ_ONLY, SIZE, Bench
from tests.array.server.test_copy_fuzz import Played
from tests.array.server.test_server import cdb_of

VOLUMES = (1, 2, 3, HIDDEN, READ_ONLY)
EXTENTS = {12: (8, 4), 8: (8,), 7: (1, 2, 4), 4: (4,), 2: (2,), 20: (8, 4, 2, 2, 4)}
"""How a run of whole bytes in a CDB is cut into numbers; other runs are cut into bytes."""
MODE_PAGES = (
    bytes.fromhex("0a0a001000000000ffff0000"),
    bytes.fromhex("0a0a041000000000ffff0000"),
    bytes.fromhex("0a0a001008000000ffff0000"),
    bytes.fromhex("081204") + bytes(17),
    bytes.fromhex("081200") + bytes(17),
    bytes.fromhex("1c0a") + bytes(10),
)

Shape = Callable[["Requests", bytearray], bytes]
"""Puts right what the CDB says of its parameter list, and returns that list."""


def field_value(random: Random, width: int) -> int:
    """A number that is zero, small, at an edge, or anything."""
    limit = (1 << 8 * width) - 1
    way = random.random()
    if way < 0.3:
        return 0
    if way < 0.85:
        return random.randrange(min(limit, BLOCKS // 4) + 1)
    return random.choice((limit, limit >> 1, BLOCKS, BLOCKS - 1, random.randint(0, limit))) & limit


def meant(random: Random, row: Row) -> bytearray:
    """A CDB that sets no reserved bit."""
    cdb, usage = cdb_of(row), row.identified(row.action or 0)
    fixed = {0, 7, 8, 9} if row.opcode == 0x7F else {0}
    whole = [usage[at] == 0xFF and at not in fixed for at in range(row.length)]
    at = 1
    while at < row.length:
        end = next((place for place in range(at, row.length) if not whole[place]), row.length)
        for width in EXTENTS.get(end - at, (1,) * (end - at)):
            cdb[at : at + width] = field_value(random, width).to_bytes(width, "big")
            at += width
        if at < row.length and at not in fixed:
            free = usage[at] & (0xE0 if row.action is not None and at == 1 else 0xFF)
            cdb[at] |= free & random.choice((0, 0, 0, random.randrange(256), 1 << random.randrange(8)))
        at += 1
    return cdb


@dataclass
class Requests:
    """Makes requests to an array, and knows of it what lists must name."""

    random: Random
    array: Bench

    def of(self, row: Row) -> Request:
        """A command of a row; one in four is mutated, one in ten is nothing but random bytes."""
        random = self.random
        cdb = meant(random, row)
        shape = SHAPES.get(row.opcode)
        raw = shape(self, cdb) if shape and random.random() < 0.9 else self.blocks(bytes(cdb))
        if random.random() < 0.25:
            cdb, raw = self.mutated(cdb, raw)
        if random.random() < 0.1:
            cdb, raw = bytearray(random.randbytes(random.choice((6, 10, 12, 16, 32)))), random.randbytes(64)
        initiator = random.choices((HOST, OTHER), (4, 1))[0]
        volume = random.choices(VOLUMES, (10, 6, 3, 1, 2))[0]
        return Request(initiator, volume, bytes(cdb), raw, random.choice((0, 7, 252, 1 << 20, 1 << 20, 1 << 20)))

    def mutated(self, cdb: bytearray, raw: bytes) -> tuple[bytearray, bytes]:
        """Turn bits over, cut, or grow."""
        random = self.random
        if random.random() < 0.5:
            cdb[random.randrange(1, len(cdb))] ^= 1 << random.randrange(8)
        elif random.random() < 0.3:
            cdb = cdb[: random.randrange(len(cdb) + 1)]
        elif raw:
            edited = bytearray(raw)
            for _ in range(random.randint(1, 3)):
                edited[random.randrange(min(len(edited), 64))] ^= 1 << random.randrange(8)
            raw = bytes(edited)
        if random.random() < 0.2:
            raw = raw[: random.randrange(len(raw) + 1)] + random.randbytes(random.choice((0, 0, 16)))
        return cdb, raw

    def blocks(self, cdb: bytes) -> bytes:
        """Nothing, any bytes, or blocks, some of them as they are on the first volume, with and without labels."""
        random = self.random
        way = random.random()
        if way < 0.2:
            return b""
        if way < 0.3:
            return random.randbytes(random.randrange(600))
        named = cdb[4] if len(cdb) == 6 else cdb[8] if len(cdb) == 10 else cdb[13] if len(cdb) > 13 else cdb[9]
        count = random.choice((1, 2, named, named, 2 * named))
        if way < 0.6:
            return random.choice((bytes(SIZE), random.randbytes(SIZE))) * count
        lba = cdb[5] if len(cdb) <= 12 else cdb[9]
        try:
            held = self.array.server.unit.read_raw(1, lba, min(count, BLOCKS - lba))
        except ArrayFault:  # the state of a pair keeps hosts out
            return b""
        return held.data.tobytes() if way < 0.8 else interleave(held)

    def inquiry(self, cdb: bytearray) -> bytes:
        """A page that is there."""
        cdb[1:3] = bytes([1, self.random.choice([0, *PAGES])])
        return b""

    def register(self, cdb: bytearray) -> bytes:
        """Few keys, so that they meet again, and types that exist."""
        cdb[2] = self.random.choice((1, 3, 5, 6, 7, 8, 8, 7, cdb[2]))
        cdb[5:9] = (24).to_bytes(4, "big")
        keys = b"".join(self.random.randrange(3).to_bytes(8, "big") for _ in range(2))
        return keys + bytes(4) + bytes([self.random.choice((0,) * 9 + (1, 4, 8)), 0, 0, 0])

    def unmap(self, cdb: bytearray) -> bytes:
        random = self.random
        count = random.choice((0, 1, 2, 3, 4, 257)) if random.random() < 0.1 else random.randrange(4)
        extents = [(random.randrange(BLOCKS), random.randrange(6)) for _ in range(count)]
        raw = b"".join(lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + bytes(4) for lba, blocks in extents)
        cdb[7:9] = (len(raw) + 8).to_bytes(2, "big")
        return (len(raw) + 6).to_bytes(2, "big") + len(raw).to_bytes(2, "big") + bytes(4) + raw

    def modes(self, cdb: bytearray) -> bytes:
        header = 4 if len(cdb) == 6 else 8
        described = self.random.choice((b"", BLOCKS.to_bytes(4, "big") + SIZE.to_bytes(4, "big")))
        head = bytearray(header)
        head[3 if header == 4 else 7] = len(described)
        raw = bytes(head) + described + b"".join(self.random.choices(MODE_PAGES, k=self.random.randrange(3)))
        cdb[1] |= 0x10
        cdb[4 if header == 4 else 8] = len(raw)
        return raw

    def copy(self, cdb: bytearray) -> bytes:
        """An order to the copy manager as its own fuzz test makes them, well-formed or spoilt."""
        command = Played(self.array, self.random).command(0)
        cdb[:] = command.cdb
        return command.data_out

    def pair(self, cdb: bytearray) -> bytes:
        """Two volumes by name, and options."""
        random, settings = self.random, self.array.server.settings
        first, second = (designator(settings, volume) for volume in random.choices(VOLUMES, (5, 5, 3, 1, 1), k=2))
        listed = PairList(first, second, random.random() < 0.3, random.random() < 0.2, random.choice((0, 0, 0, 1)))
        if cdb[1] < 0x10:
            cdb[5:9] = len(raw := listed.encode()).to_bytes(4, "big")
            return raw
        return b""


SHAPES: dict[int, Shape] = {
    0x12: Requests.inquiry,
    0x5F: Requests.register,
    0x42: Requests.unmap,
    0x15: Requests.modes,
    0x55: Requests.modes,
    0x83: Requests.copy,
    0x84: Requests.copy,
    PAIR_OPCODE: Requests.pair,
}
