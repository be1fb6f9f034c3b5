"""A run of random commands against the whole device server, and the judge of each answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from copyproof.array.core.errors import ArrayFault
from copyproof.array.core.unit import ControlUnit
from copyproof.array.server.commands import Handler, Key, Row
from copyproof.array.server.request import Reply, Request
from copyproof.array.server.server import DeviceServer
from copyproof.array.server.table import COMMANDS
from copyproof.scsi.command import Status
from copyproof.scsi.sense import Pointed, Sense, SenseKey, decode_sense
from tests.array.server.copy_bench import BLOCKS, HOST, OTHER, SIZE, bench
from tests.array.server.fuzz_requests import VOLUMES, Requests

LIVES = 400
"""Commands until the array is made anew, so that no state that refuses everything lasts."""
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
IN_PART = (SenseKey.COPY_ABORTED, SenseKey.COMPLETED)
"""How a copy ends that may have written before it was refused."""


def beginning(names: dict[str, tuple[int, int]], row: Row) -> tuple[int, int] | None:
    """Return what stands for a row by the beginning of its name."""
    return next((place for name, place in names.items() if row.name.startswith(name)), None)


@dataclass
class Fuzz:
    """One run: what was sent, how it ended, and what the volumes must hold.

    `handled` counts the commands that came to a handler, `reached` by its row.
    """

    random: Random
    protection: int
    commands: Mapping[Key, Row] = field(default_factory=lambda: COMMANDS)
    sent: int = 0
    handled: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    server: DeviceServer = field(init=False)
    requests: Requests = field(init=False)
    favourites: list[Row] = field(init=False)
    held: dict[int, bytes | None] = field(init=False)
    wrote: set[int] = field(init=False, default_factory=set)

    def play(self, commands: int) -> None:
        """Send commands one after another; AssertionError for the first answer that is wrong."""
        rows = list(self.commands.values())
        for number in range(commands):
            if number % LIVES == 0:
                self.renew()
            row = self.random.choice(self.favourites if self.random.random() < 0.5 else rows)
            self.judge(self.requests.of(row))
            self.between()
        self.compare()

    def renew(self) -> None:
        """Begin with a new array, whose handlers are counted and of which one room has more to do than the others."""
        array = bench(protection=self.protection)
        self.server, self.requests = array.server, Requests(self.random, array)
        self.server.commands = {key: replace(row, handler=self.counted(row)) for key, row in self.commands.items()}
        rooms = sorted({row.handler.__module__ for row in self.commands.values()})
        room = self.random.choice(rooms)
        self.favourites = [row for row in self.commands.values() if row.handler.__module__ == room]
        self.watch(self.server.unit)
        self.held = {volume: self.contents(volume) for volume in VOLUMES}

    def counted(self, row: Row) -> Handler:
        """The row's handler, counting."""

        def handler(server: DeviceServer, request: Request) -> bytes:
            self.handled += 1
            self.reached[row.name] += 1
            return row.handler(server, request)

        return handler

    def watch(self, unit: ControlUnit) -> None:
        """Note where blocks may have changed: each way to them that a command has ends by telling the pairs."""
        after = unit.pairs.after_write

        def noted(volume: int, lba: int, count: int) -> None:
            self.wrote.add(volume)
            after(volume, lba, count)

        unit.pairs.after_write = noted  # type: ignore[method-assign]

    def judge(self, request: Request) -> None:
        """Send it; hold the answer against what the standards leave no choice about."""
        self.sent += 1
        self.wrote.clear()
        reply = self.server.handle(request)
        assert not self.server.internal_errors, (request, self.server.internal_errors)
        sense = decode_sense(reply.sense)
        self.endings[str(sense) if sense else reply.status.name] += 1
        self.judge_lengths(request, reply)
        self.judge_sense(request, reply, sense)
        refused = reply.status is not Status.GOOD and not (sense and sense.key in IN_PART)
        assert not (refused and self.wrote), (request, str(sense))
        if self.wrote or not refused:
            self.hold(self.wrote if request.opcode not in (0x83, 0xC1) else VOLUMES)
        elif self.sent % 16 == 0:
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
        """What happens beside commands: time, resets, lost nexuses, blocks whose labels go wrong."""
        random, way = self.random, self.random.random()
        if way < 0.02:
            self.server.run(random.randint(1, 3))
            self.hold(VOLUMES)
        elif way < 0.03:
            self.server.reset(random.choice(VOLUMES))
        elif way < 0.035:
            self.server.nexus_lost(random.choice((HOST, OTHER)))
        elif way < 0.04:
            self.server.abort(random.choice((HOST, OTHER)), random.choice(VOLUMES))
        elif way < 0.06:
            self.spoil(random.choice(VOLUMES), random.randrange(BLOCKS))

    def spoil(self, volume: int, lba: int) -> None:
        """Give a block a wrong label, unless a pair keeps hosts out."""
        tag = self.random.choice(("guard", "application", "reference"))
        try:
            blocks = self.server.unit.read_raw(volume, lba, 1)
            blocks.labels[tag] ^= 1
            self.server.unit.write(volume, lba, blocks)
        except ArrayFault:
            return
        self.hold(VOLUMES)

    def contents(self, volume: int) -> bytes | None:
        """All payload and labels as hosts see them, past the check of labels; None where a pair keeps hosts out."""
        try:
            found = self.server.unit.read_raw(volume, 0, BLOCKS)
        except ArrayFault:
            return None
        return found.data.tobytes() + found.labels.tobytes()

    def hold(self, volumes: set[int] | tuple[int, ...]) -> None:
        """Take what the volumes hold now for what they must hold."""
        self.held |= {volume: self.contents(volume) for volume in volumes}

    def compare(self) -> None:
        """What no command may have changed is as it was; volumes of pairs change by themselves, and by a look."""
        paired = {volume for pair in self.server.unit.pairs.pairs for volume in (pair.primary, pair.secondary)}
        for volume in set(VOLUMES) - paired:
            assert self.contents(volume) == self.held[volume], volume
