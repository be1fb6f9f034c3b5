"""A unit of blocks with labels that is called, not reached: what the ways without a node are shown on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from copyproof.blocks.label import LABEL_SIZE, make_labels
from copyproof.scsi.command import Command, Status
from copyproof.transport.inprocess import InProcess, Plain

SIZE = 512
WHOLE = SIZE + LABEL_SIZE
GOOD = Plain(Status.GOOD, b"", b"")


def check(sense: str) -> Plain:
    """CHECK CONDITION with `key/ASC/ASCQ` in descriptor format."""
    return Plain(Status.CHECK_CONDITION, bytes([0x72, *bytes.fromhex(sense.replace("/", "")), 0, 0, 0, 0]), b"")


@dataclass
class Memory:
    """A protected unit that knows READ(16) and WRITE(16); `first` answers are given before any command is executed,
    `instead` may answer in the unit's place."""

    blocks: int = 64
    first: list[Plain] = field(default_factory=list)
    instead: Callable[[Command], Plain | None] = lambda command: None
    resets: list[int] = field(default_factory=list)
    seen: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        data = np.arange(self.blocks, dtype=np.uint8)[:, None].repeat(SIZE, axis=1)
        self.held = np.hstack([data, make_labels(data, 0).view(np.uint8).reshape(-1, LABEL_SIZE)])

    def handle(self, initiator: str, volume: int, command: Command) -> Plain:
        self.seen.append((initiator, volume))
        if self.first:
            return self.first.pop(0)
        return self.instead(command) or self._execute(command)

    def reset(self, volume: int) -> None:
        self.resets.append(volume)

    def way(self) -> InProcess:
        return InProcess(self, "host", 7, "source")

    def _execute(self, command: Command) -> Plain:
        lba, count = int.from_bytes(command.cdb[2:10], "big"), int.from_bytes(command.cdb[10:14], "big")
        width = WHOLE if command.cdb[1] >> 5 else SIZE
        if lba + count > self.blocks:
            return check("05/21/00")
        if command.opcode == 0x88:
            return Plain(Status.GOOD, b"", self.held[lba : lba + count, :width].tobytes())
        put = np.frombuffer(command.data_out, np.uint8).reshape(count, width)
        self.held[lba : lba + count, :width] = put
        return GOOD
