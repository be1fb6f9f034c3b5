"""An array with filled volumes, and orders to copy on it: what the tests of the copy manager begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from copyproof.array.core.unit import ControlUnit
from copyproof.array.defects import Defect
from copyproof.array.server.attentions import Attentions
from copyproof.array.server.identity import designator
from copyproof.array.server.request import Request
from copyproof.array.server.server import DeviceServer
from copyproof.array.settings import ArraySettings, CopyLimits, Mapped, VolumeSettings
from copyproof.blocks.arrays import U8
from copyproof.scsi import cdb
from copyproof.scsi.cdb import ReceiveCopy
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.copylist import HEADER_LID4, BlockSegment, CopyList, Cscd
from copyproof.scsi.sense import decode_sense

HOST, OTHER = "iqn.host", "iqn.other"
SOURCE, DESTINATION, BYSTANDER, HIDDEN, READ_ONLY = 1, 2, 3, 4, 5
BLOCKS, SIZE = 256, 512

MAPPED = (
    *(Mapped(HOST, volume) for volume in (SOURCE, DESTINATION, BYSTANDER)),
    Mapped(HOST, READ_ONLY, read_only=True),
    *(Mapped(OTHER, volume) for volume in (SOURCE, DESTINATION, BYSTANDER, HIDDEN, READ_ONLY)),
)


@dataclass
class Bench:
    """A device server, and what its volumes held at first: payload by volume, shape (blocks, block size)."""

    server: DeviceServer
    first: dict[int, U8]

    def send(self, command: Command, volume: int = SOURCE, initiator: str = HOST) -> Result:
        """Execute a command, and decode the answer as a host would."""
        reply = self.server.handle(Request(initiator, volume, command.cdb, command.data_out, command.data_in))
        assert not self.server.internal_errors, self.server.internal_errors
        return Result(Status(reply.status), decode_sense(reply.sense), reply.data)

    def copy(self, order: CopyList, volume: int = SOURCE, initiator: str = HOST) -> Result:
        """Order a copy by EXTENDED COPY(LID1)."""
        return self.send(cdb.extended_copy(order.encode()), volume, initiator)

    def receive(self, action: ReceiveCopy, identifier: int = 0, length: int = 4096, volume: int = SOURCE) -> Result:
        """Send RECEIVE COPY RESULTS."""
        return self.send(cdb.receive_copy_results(action, identifier, length), volume)

    def data(self, volume: int, lba: int = 0, blocks: int = BLOCKS) -> U8:
        """What a volume holds now, past all that a host is asked."""
        return self.server.unit.read_raw(volume, lba, blocks).data

    def untouched(self, *but: int) -> bool:
        """Whether all volumes, except those named, hold what they held at first."""
        return all(np.array_equal(self.data(volume), held) for volume, held in self.first.items() if volume not in but)

    def cscd(self, volume: int, **fields: Any) -> Cscd:
        """Describe a volume as a copy source or destination."""
        return Cscd(designator(self.server.settings, volume), block_length=SIZE, **fields)

    def order(
        self, *segments: BlockSegment, volumes: tuple[int, ...] = (SOURCE, DESTINATION), **fields: Any
    ) -> CopyList:
        """An order with a descriptor for each volume, in order."""
        return CopyList(tuple(self.cscd(volume) for volume in volumes), segments, **fields)


def bench(*defects: Defect, copy: CopyLimits | None = None, **settings: Any) -> Bench:
    """Set up an array of five volumes, each block of its own data, whose unit attentions have been told."""
    array = ArraySettings(
        volumes=tuple(VolumeSettings(number, BLOCKS) for number in range(1, 6)),
        copy=copy or CopyLimits(),
        mapped=MAPPED,
        defects=frozenset(defects),
        **settings,
    )
    server = DeviceServer(ControlUnit(array), array)
    first = {}
    for volume in range(1, 6):
        data = np.random.default_rng(volume).integers(0, 256, (BLOCKS, SIZE), np.uint8)
        server.unit.write(volume, 0, server.unit.labelled(volume, 0, data))
        first[volume] = data
        for initiator in (HOST, OTHER):
            server.part(Attentions).take(initiator, volume)
    return Bench(server, first)


def segment(blocks: int = 8, source_lba: int = 16, destination_lba: int = 64, **fields: Any) -> BlockSegment:
    """A segment from the first descriptor's unit to the second's."""
    return BlockSegment(blocks, source_lba, destination_lba, **({"source": 0, "destination": 1} | fields))


def lid4(order: CopyList, **header: int) -> bytes:
    """The list in the format of EXTENDED COPY(LID4): descriptors are numbered from 1 there."""
    cscds = b"".join(item.encode() for item in order.cscds)
    segments = b"".join(item.encode() for item in order.segments)
    values = {
        "format": 1,
        "list_id_usage": order.list_id_usage,
        "header_cscd_length": 0x20,
        "header_cscd_type": 0xFF,
        "list_identifier": order.list_identifier,
        "cscd_length": len(cscds),
        "segment_length": len(segments),
        "inline_length": len(order.inline),
    }
    return HEADER_LID4.encode(values | header) + cscds + segments + order.inline
