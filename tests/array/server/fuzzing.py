"""Random and mutated commands for the whole device server, and the judge of each answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from copyproof.array.core.unit import ControlUnit
from copyproof.array.server.commands import Handler, Key, Row
from copyproof.array.server.request import Reply, Request
from copyproof.array.server.server import DeviceServer
from copyproof.array.server.table import COMMANDS
from copyproof.array.settings import ArraySettings, Mapped, VolumeSettings
from copyproof.scsi.command import Status
from copyproof.scsi.sense import Pointed, Sense, SenseKey, decode_sense
from tests.array.server.host import HOST, OTHER, SIZE, THIRD
from tests.array.server.test_server import cdb_of

BLOCKS, VOLUMES = 64, (1, 2, 3)
READ_ONLY, HIDDEN = 3, 9
LIVES = 400
"""Commands until the array is made anew, so that no state that refuses everything lasts."""
EXTENTS = {12: (8, 4), 8: (8,), 7: (1, 2, 4), 4: (4,), 2: (2,), 20: (8, 4, 2, 2, 4)}
"""How a run of whole bytes in a CDB is cut into numbers; other runs are cut into bytes."""
ALLOCATION = {
    "INQUIRY": (3, 2),
    "REQUEST SENSE": (4, 1),
    "MODE SENSE(6)": (4, 1),
    "MODE SENSE(10)": (7, 2),
    "PERSISTENT RESERVE IN": (7, 2),
    "REPORT LUNS": (6, 4),
    "REPORT SUPPORTED": (6, 4),
    "READ CAPACITY(16)": (10, 4),
    "GET LBA STATUS": (10, 4),
    "READ DEFECT DATA(10)": (7, 2),
    "READ DEFECT DATA(12)": (6, 4),
    "RECEIVE": (10, 4),
    "REPORT ALL ROD TOKENS": (10, 4),
    "PAIR QUERY": (5, 4),
    "ARRAY INVENTORY": (5, 4),
}
"""Where commands that answer with a list have the ALLOCATION LENGTH, by the beginning of their names."""
COUNT = {"READ(6)": (4, 1), "READ(10)": (7, 2), "READ(12)": (6, 4), "READ(16)": (10, 4), "READ(32)": (28, 4)}


def beginning(names: dict[str, tuple[int, int]], row: Row) -> tuple[int, int] | None:
    """Return what stands for a row by the beginning of its name."""
    return next((place for name, place in names.items() if row.name.startswith(name)), None)


def field_value(random: Random, width: int) -> int:
    """A number that is zero, small, at an edge, or anything."""
    limit = (1 << 8 * width) - 1
    way = random.random()
    if way < 0.3:
        return 0
    if way < 0.85:
        return random.randrange(min(limit, BLOCKS) + 1)
    return random.choice((limit, limit >> 1, BLOCKS, BLOCKS - 1, random.randint(0, limit))) & limit


def meant(random: Random, row: Row) -> bytearray:
    """A CDB that sets no reserved bit."""
    cdb = cdb_of(row)
    usage = row.identified(row.action or 0)
    fixed = {0, 8, 9} | {7} if row.opcode == 0x7F else {0}
    at = 1
    while at < row.length:
        run = at
        while run < row.length and usage[run] == 0xFF and run not in fixed:
            run += 1
        for width in EXTENTS.get(run - at, (1,) * (run - at)):
            cdb[at : at + width] = field_value(random, width).to_bytes(width, "big")
            at += width
        if at < row.length and at == run and usage[at] != 0xFF and at not in fixed:
            free = usage[at] & (0xE0 if row.action is not None and at == 1 else 0xFF)
            cdb[at] |= free & random.choice((0, 0, 0, random.randrange(256), 1 << random.randrange(8)))
        at = max(at, run) + (at == run)
    return cdb


def data_out(random: Random, cdb: bytes) -> bytes:
    """A Data-Out Buffer of a likely length: lists, blocks with and without labels, or nothing to do with it."""
    way = random.random()
    if way < 0.2:
        return b""
    if way < 0.35:
        return random.randbytes(random.randrange(600))
    blocks = random.choice((1, 1, 2, cdb[-2] if len(cdb) > 8 else 1, cdb[4] if len(cdb) == 6 else cdb[8]))
    size = random.choice((SIZE, SIZE, SIZE, SIZE + 8))
    return random.choice((bytes(size), random.randbytes(size))) * min(blocks, BLOCKS)


def register_list(random: Random, cdb: bytearray) -> bytes:
    """Of PERSISTENT RESERVE OUT: few keys, so that they meet again."""
    cdb[2] &= random.choice((0x0F, 0x0F, 0xFF))
    cdb[5:9] = (24).to_bytes(4, "big")
    keys = [random.randrange(3).to_bytes(8, "big") for _ in range(2)]
    return keys[0] + keys[1] + bytes(4) + bytes([random.choice((0, 0, 0, 0, 1, 4, 8)), 0, 0, 0])


def unmap_list(random: Random, cdb: bytearray) -> bytes:
    extents = [(random.randrange(BLOCKS), random.randrange(6)) for _ in range(random.randrange(4))]
    raw = b"".join(lba.to_bytes(8, "big") + count.to_bytes(4, "big") + bytes(4) for lba, count in extents)
    cdb[7:9] = (len(raw) + 8).to_bytes(2, "big")
    return (len(raw) + 6).to_bytes(2, "big") + len(raw).to_bytes(2, "big") + bytes(4) + raw


PAGES = (
    bytes.fromhex("0a0a001000000000ffff0000"),
    bytes.fromhex("0a0a041000000000ffff0000"),
    bytes.fromhex("081204") + bytes(17),
    bytes.fromhex("081200") + bytes(17),
    bytes.fromhex("1c0a") + bytes(10),
)


def mode_list(random: Random, cdb: bytearray) -> bytes:
    header = 4 if len(cdb) == 6 else 8
    described = random.choice((b"", BLOCKS.to_bytes(4, "big") + SIZE.to_bytes(4, "big")))
    head = bytearray(header)
    head[3 if header == 4 else 7] = len(described)
    raw = bytes(head) + described + b"".join(random.choices(PAGES, k=random.randrange(3)))
    cdb[1] |= 0x10
    cdb[4 if header == 4 else 8] = len(raw)
    return raw


def copy_list(random: Random, cdb: bytearray) -> bytes:
    """Any bytes after a likely header; well-formed lists are the copy manager's own fuzz test."""
    raw = bytearray(random.randbytes(random.choice((16, 48, 108, 140))))
    raw[0:16] = bytes([raw[0] & 3, 0x20, 0, random.choice((0, 32, 64))]) + bytes(7) + bytes([28]) + bytes(4)
    cdb[10:14] = len(raw).to_bytes(4, "big")
    return bytes(raw)


SHAPES: dict[int, Callable[[Random, bytearray], bytes]] = {
    0x5F: register_list,
    0x42: unmap_list,
    0x15: mode_list,
    0x55: mode_list,
    0x83: copy_list,
}


@dataclass
class Fuzz:
    """One run: what was sent, how it ended, and what the volumes must hold."""

    random: Random
    protection: int
    commands: Mapping[Key, Row] = field(default_factory=lambda: COMMANDS)
    sent: int = 0
    handled: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    server: DeviceServer = field(init=False)
    held: list[bytes] = field(init=False)
    wrote: bool = field(init=False, default=False)

    def play(self, commands: int) -> None:
        """Send commands one after another; AssertionError for the first answer that is wrong."""
        rows = list(self.commands.values())
        for number in range(commands):
            if number % LIVES == 0:
                self.renew()
            row = self.random.choice(rows)
            self.judge(row, self.request(row))
            self.between()
        self.compare()

    def renew(self) -> None:
        """Begin with a new array whose handlers are counted."""
        array = ArraySettings(
            volumes=tuple(VolumeSettings(number, BLOCKS) for number in VOLUMES),
            protection=self.protection,
            mapped=tuple(
                Mapped(name, volume, volume == READ_ONLY) for name in (HOST, OTHER, THIRD) for volume in VOLUMES
            ),
        )
        self.server = DeviceServer(ControlUnit(array), array)
        self.server.commands = {key: replace(row, handler=self.counted(row)) for key, row in self.commands.items()}
        for volume in VOLUMES:
            blocks = self.server.unit.labelled(volume, 0, self.random.randbytes(SIZE) * BLOCKS)
            self.server.unit.write(volume, 0, blocks)
        self.watch(self.server.unit)
        self.held = self.contents()

    def counted(self, row: Row) -> Handler:
        """The row's handler, counting."""

        def handler(server: DeviceServer, request: Request) -> bytes:
            self.handled += 1
            self.reached[row.name] += 1
            return row.handler(server, request)

        return handler

    def watch(self, unit: ControlUnit) -> None:
        """Note when blocks may have changed: each way to them ends by telling the pairs."""
        after = unit.pairs.after_write

        def noted(volume: int, lba: int, count: int) -> None:
            self.wrote = True
            after(volume, lba, count)

        unit.pairs.after_write = noted  # type: ignore[method-assign]

    def request(self, row: Row) -> Request:
        """A command of a row, one in four of them mutated, one in ten nothing but random bytes."""
        random = self.random
        cdb = meant(random, row)
        shape = SHAPES.get(row.opcode)
        raw = shape(random, cdb) if shape and random.random() < 0.9 else data_out(random, bytes(cdb))
        if random.random() < 0.25:
            cdb, raw = self.mutated(cdb, raw)
        if random.random() < 0.1:
            cdb, raw = bytearray(random.randbytes(random.choice((6, 10, 12, 16, 32)))), random.randbytes(64)
        initiator = random.choices((HOST, OTHER, THIRD), (8, 1, 1))[0]
        volume = random.choices((*VOLUMES, HIDDEN), (10, 6, 2, 1))[0]
        return Request(initiator, volume, bytes(cdb), raw, random.choice((0, 7, 252, 1 << 20, 1 << 20, 1 << 20)))

    def mutated(self, cdb: bytearray, raw: bytes) -> tuple[bytearray, bytes]:
        """Turn bits over, cut, or grow."""
        random, raw = self.random, bytes(raw)
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

    def judge(self, row: Row, request: Request) -> None:
        """Send it; hold the answer against what the standards leave no choice about."""
        self.sent += 1
        self.wrote = False
        reply = self.server.handle(request)
        assert not self.server.internal_errors, (request, self.server.internal_errors)
        sense = decode_sense(reply.sense)
        self.endings[str(sense) if sense else reply.status.name] += 1
        self.judge_lengths(request, reply)
        self.judge_sense(request, reply, sense)
        refused = reply.status is not Status.GOOD and not (sense and sense.key is SenseKey.COPY_ABORTED)
        assert not (refused and self.wrote), (request, str(sense))
        if self.wrote:
            self.held = self.contents()
        elif refused and self.sent % 16 == 0:
            self.compare()

    def judge_lengths(self, request: Request, reply: Reply) -> None:
        """No more than the buffer and the command allow, and as many blocks as were asked for."""
        assert len(reply.data) <= request.data_in, request
        assert len(reply.sense) <= 252, request
        if reply.status is not Status.GOOD:
            assert not reply.data, request
            return
        row = COMMANDS.get((request.opcode, None)) or COMMANDS[(request.opcode, request.service_action)]
        length = len(reply.data) + reply.overflow
        if place := beginning(ALLOCATION, row):
            assert length <= int.from_bytes(request.cdb[place[0] : sum(place)], "big"), request
        elif place := COUNT.get(row.name):
            assert length == self.read_length(row, request, place), request
        elif row.name != "READ CAPACITY(10)":
            assert length == 0, request

    def read_length(self, row: Row, request: Request, place: tuple[int, int]) -> int:
        count = int.from_bytes(request.cdb[place[0] : sum(place)], "big")
        flags = {"READ(6)": 0, "READ(32)": request.cdb[10] if len(request.cdb) > 10 else 0}
        labels = flags.get(row.name, request.cdb[1]) >> 5
        return (256 if row.name == "READ(6)" and not count else count) * (SIZE + 8 * bool(labels))

    def judge_sense(self, request: Request, reply: Reply, sense: Sense | None) -> None:
        """Sense data with CHECK CONDITION and never else, but for a copy's; pointers into what was sent."""
        if reply.status is not Status.CHECK_CONDITION:
            assert sense is None or request.opcode == 0x83, request
            return
        assert sense is not None, request
        assert sense.key is not SenseKey.NO_SENSE, request
        assert (sense.key, sense.asc) != (SenseKey.HARDWARE_ERROR, 0x44), request
        if (sense.asc, sense.ascq) == (0x24, 0) and request.opcode not in (0x83, 0x84):
            assert sense.pointer is not None, request
            assert sense.pointer.within is Pointed.CDB, request
            assert sense.pointer.offset <= len(request.cdb), request
        if sense.pointer is not None and sense.pointer.within is Pointed.PARAMETERS:
            assert sense.pointer.offset < max(1, len(request.data_out)), request

    def between(self) -> None:
        """What happens beside commands: time, resets, lost nexuses."""
        way = self.random.random()
        if way < 0.02:
            self.server.run(1)
            self.held = self.contents()
        elif way < 0.03:
            self.server.reset(self.random.choice(VOLUMES))
        elif way < 0.035:
            self.server.nexus_lost(self.random.choice((HOST, OTHER, THIRD)))
        elif way < 0.04:
            self.server.abort(self.random.choice((HOST, OTHER, THIRD)), self.random.choice(VOLUMES))

    def contents(self) -> list[bytes]:
        """All payload and labels, past every check."""
        unit = self.server.unit
        blocks = [unit.read_raw(volume, 0, BLOCKS) for volume in VOLUMES]
        return [found.data.tobytes() + found.labels.tobytes() for found in blocks]

    def compare(self) -> None:
        """What no command may have changed is as it was."""
        assert self.contents() == self.held
