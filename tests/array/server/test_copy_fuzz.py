"""Whatever bytes come for the copy manager, it answers by the rules, and no block changes that may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest

from copyproof.array.server.request import Request
from copyproof.array.server.tokens import Tokens
from copyproof.scsi import cdb, spoil
from copyproof.scsi.cdb import CopyOut, ReceiveCopy
from copyproof.scsi.command import Command, Status
from copyproof.scsi.copylist import CSCD, HEADER, HEADER_LID4, SEGMENT
from copyproof.scsi.layout import Layout
from copyproof.scsi.sense import decode_sense
from copyproof.scsi.token import POPULATE, WRITE_USING, Range, populate_token, write_using_token, zero_token
from tests.array.server.copy_bench import BLOCKS, HIDDEN, HOST, READ_ONLY, Bench, bench, lid4, segment

LAYOUTS: dict[int, tuple[tuple[Layout, int], ...]] = {
    CopyOut.EXTENDED_COPY_LID1: ((HEADER, 0), (CSCD, 16), (CSCD, 48), (SEGMENT, 80)),
    CopyOut.EXTENDED_COPY_LID4: ((HEADER_LID4, 0), (CSCD, 48), (CSCD, 80), (SEGMENT, 112)),
    CopyOut.POPULATE_TOKEN: ((POPULATE, 0),),
    CopyOut.WRITE_USING_TOKEN: ((WRITE_USING, 0),),
}

Mutation = Callable[[Random, int, bytes], bytes]


def one_field(random: Random, action: int, raw: bytes) -> bytes:
    """Set one field of one structure to a value at an edge, near its own, or anywhere."""
    layout, base = random.choice(LAYOUTS[action])
    item = random.choice(list(layout.fields.values()))
    edited = bytearray(raw)
    if base + item.end <= len(raw):
        near = item.get(raw, base) + random.choice((-1, 1))
        value = random.choice((0, 1, item.limit, random.randint(0, item.limit), near))
        item.put(edited, max(0, min(value, item.limit)), base)
    return bytes(edited)


def some_bytes(random: Random, action: int, raw: bytes) -> bytes:
    """Overwrite a few bytes."""
    edited = bytearray(raw)
    for _ in range(random.randint(1, 4) if raw else 0):
        edited[random.randrange(len(edited))] = random.randrange(256)
    return bytes(edited)


def cut_or_grown(random: Random, action: int, raw: bytes) -> bytes:
    """End too early, or go on."""
    return (
        raw[: random.randrange(len(raw) + 1)] if random.random() < 0.7 else raw + random.randbytes(random.randrange(64))
    )


def other_numbers(random: Random, action: int, raw: bytes) -> bytes:
    """Have more or fewer descriptors, or inline data, of LID1 lists."""
    spoilers = (spoil.repeat_cscds, spoil.repeat_segments, lambda count: spoil.inline(bytes(count)))
    if action != CopyOut.EXTENDED_COPY_LID1 or len(raw) < HEADER.size or HEADER["inline_length"].get(raw) > 2**31:
        return raw
    return random.choice(spoilers)(random.choice((0, 1, 3, 16, 17, 130)))(raw)


MUTATIONS: tuple[Mutation, ...] = (one_field, one_field, one_field, some_bytes, cut_or_grown, other_numbers)


@dataclass
class Played:
    """What was sent, by ending, and where blocks were written while a command ran."""

    array: Bench
    random: Random
    endings: Counter[str] = field(default_factory=Counter)
    written: list[tuple[int, int, int]] = field(default_factory=list)
    read: set[int] = field(default_factory=set)

    def watch(self) -> None:
        """Note each write that reaches the control unit, and each volume that is read."""
        unit = self.array.server.unit
        copy, write, zero, read = unit.copy, unit.write, unit.zero, unit.read

        def copying(source: int, source_lba: int, destination: int, lba: int, count: int) -> None:
            self.read.add(source)
            self.written.append((destination, lba, count))
            copy(source, source_lba, destination, lba, count)

        def writing(volume: int, lba: int, blocks: object) -> None:
            self.written.append((volume, lba, len(blocks)))  # type: ignore[arg-type]
            write(volume, lba, blocks)  # type: ignore[arg-type]

        def zeroing(volume: int, lba: int, count: int) -> None:
            self.written.append((volume, lba, count))
            zero(volume, lba, count)

        def reading(volume: int, lba: int, count: int) -> object:
            self.read.add(volume)
            return read(volume, lba, count)

        unit.copy, unit.write, unit.zero, unit.read = copying, writing, zeroing, reading  # type: ignore[method-assign, assignment]

    def play(self, commands: int) -> None:
        """Send commands, each judged by itself."""
        for number in range(commands):
            command = self.command(number)
            self.written.clear()
            volume = self.random.choice((1, 2, 3, 5))
            reply = self.array.server.handle(Request(HOST, volume, command.cdb, command.data_out, command.data_in))
            assert not self.array.server.internal_errors, (command, self.array.server.internal_errors)
            assert len(reply.data) <= command.data_in
            sense = decode_sense(reply.sense)
            assert (sense is not None) or reply.status is not Status.CHECK_CONDITION, command
            self.endings[str(sense) if sense else reply.status.name] += 1
            if sense is not None and sense.key not in (0x0A, 0x0F):
                assert not self.written, (command, str(sense), self.written)
            self.tick()

    def tick(self) -> None:
        if self.random.random() < 0.1:
            self.array.server.run(self.random.randint(1, 3))
        if self.random.random() < 0.01:
            self.array.server.reset(self.random.choice((1, 2, 3)))

    def command(self, number: int) -> Command:
        """A good order, most of the time spoilt in one or two places; now and then a question."""
        random = self.random
        if random.random() < 0.25:
            return cdb.receive_copy_results(
                random.choice(list(ReceiveCopy)), random.randrange(4), random.choice((0, 40, 4096))
            )
        action, raw, identifier = self.order()
        for _ in range(random.choice((0, 1, 1, 2))):
            raw = random.choice(MUTATIONS)(random, action, raw)
        head = bytearray(16)
        head[0], head[1] = 0x83, action
        if action in (CopyOut.POPULATE_TOKEN, CopyOut.WRITE_USING_TOKEN):
            head[6:10] = identifier.to_bytes(4, "big")
        head[10:14] = (len(raw) if random.random() < 0.95 else random.randrange(2**16)).to_bytes(4, "big")
        if random.random() < 0.05:
            head[random.randrange(1, 16)] = random.randrange(256)
        return Command(bytes(head), data_out=raw)

    def order(self) -> tuple[int, bytes, int]:
        random, identifier = self.random, self.random.randrange(4)
        first, blocks = random.randrange(BLOCKS), random.choice((0, 1, 8, 40))
        if random.random() < 0.3:
            ranges = [Range(random.randrange(BLOCKS), blocks) for _ in range(random.choice((1, 1, 2)))]
            now = random.random() < 0.5
            command = populate_token(ranges, immediate=now) if random.random() < 0.5 else self.writing(ranges, now)
            return command.service_action, command.data_out, identifier
        volumes = tuple(random.choices((1, 2, 3, HIDDEN, READ_ONLY), (8, 8, 4, 1, 1), k=2))
        base = random.choice((0, 1))
        fields = {"source": base, "destination": base + random.choice((0, 1))}
        one = segment(blocks, first, random.randrange(BLOCKS), **fields)
        listed = self.array.order(one, volumes=volumes, list_identifier=identifier)
        if not base:
            return CopyOut.EXTENDED_COPY_LID1, listed.encode(), identifier
        return CopyOut.EXTENDED_COPY_LID4, lid4(listed, immediate=random.choice((0, 1))), identifier

    def writing(self, ranges: list[Range], now: bool) -> Command:
        """Write with a token that is valid, where there is one, or with the zero token."""
        valid = [token.raw for token in self.array.server.part(Tokens).valid()]
        token = self.random.choice([*valid[-3:], zero_token()])
        return write_using_token(token, ranges, immediate=now, offset=self.random.choice((0, 3)))


def played(seed: int, commands: int) -> Played:
    found = Played(bench(), Random(seed))
    found.watch()
    found.play(commands)
    return found


def check(found: Played) -> None:
    """Nothing hidden was read, nothing written that may not be, and at least half did something."""
    unit, first = found.array.server.unit, found.array.first
    assert HIDDEN not in found.read
    for volume in (HIDDEN, READ_ONLY):
        assert np.array_equal(unit.read_raw(volume, 0, BLOCKS).data, first[volume])
    sent = sum(found.endings.values())
    unknown = found.endings["05/20/00"] + found.endings["05/24/00"] + found.endings["06/29/03"]
    assert unknown < sent / 2, found.endings
    assert found.endings["GOOD"] > sent / 10, found.endings


def test_any_bytes_get_an_answer_by_the_rules() -> None:
    check(played(4, 2_000))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(8))
def test_many_more_bytes_get_an_answer_by_the_rules(seed: int) -> None:
    check(played(1000 + seed, 30_000))
