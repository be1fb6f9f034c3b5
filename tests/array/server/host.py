"""A host in front of an array: what the tests of the device server begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from copyproof.array.core.blocks import Blocks
from copyproof.array.core.unit import ControlUnit
from copyproof.array.server.request import Reply, Request
from copyproof.array.server.server import DeviceServer
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.blocks.arrays import U8
from copyproof.scsi.command import Command, Status
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.sense import Sense, decode_sense

HOST, OTHER, THIRD = "iqn.host", "iqn.other", "iqn.third"
VOLUME, SECOND = 1, 2
BLOCKS, SIZE = 1024, 512


@dataclass
class Host:
    """One initiator's view of a device server."""

    server: DeviceServer
    initiator: str = HOST

    def raw(self, cdb: str | bytes, data_out: bytes = b"", data_in: int = 1 << 20, volume: int = VOLUME) -> Reply:
        """Send a CDB, in hex or as bytes."""
        packed = bytes.fromhex(cdb) if isinstance(cdb, str) else cdb
        reply = self.server.handle(Request(self.initiator, volume, packed, data_out, data_in))
        assert not self.server.internal_errors, self.server.internal_errors
        return reply

    def send(self, cdb: str | bytes, data_out: bytes = b"", volume: int = VOLUME) -> bytes:
        """Send a CDB that must end GOOD; return its data."""
        reply = self.raw(cdb, data_out, volume=volume)
        assert reply.status is Status.GOOD, decode_sense(reply.sense)
        return reply.data

    def order(self, command: Command, volume: int = VOLUME) -> bytes:
        """As `send`, of a command that was built."""
        return self.send(command.cdb, command.data_out, volume)

    def sense(self, cdb: str | bytes, data_out: bytes = b"", volume: int = VOLUME) -> Sense:
        """Send a CDB that must end with CHECK CONDITION; return the sense data, decoded."""
        reply = self.raw(cdb, data_out, volume=volume)
        assert reply.status is Status.CHECK_CONDITION, reply
        found = decode_sense(reply.sense)
        assert found is not None
        return found

    def refused(self, cdb: str | bytes, data_out: bytes = b"", volume: int = VOLUME) -> str:
        """Return how a command ended, as `GOOD`, `RESERVATION_CONFLICT` or key/ASC/ASCQ, with `@byte` or `@byte.bit`
        where a field is pointed at."""
        reply = self.raw(cdb, data_out, volume=volume)
        if reply.status is not Status.CHECK_CONDITION:
            return str(Outcome(reply.status))
        found = decode_sense(reply.sense)
        assert found is not None
        if found.pointer is None:
            return str(found)
        bit = "" if found.pointer.bit is None else f".{found.pointer.bit}"
        return f"{found}@{found.pointer.offset}{bit}"

    def held(self, lba: int = 0, count: int = BLOCKS, volume: int = VOLUME) -> Blocks:
        """What a volume holds, past all that a host is asked."""
        return self.server.unit.read_raw(volume, lba, count)

    def fill(self, volume: int = VOLUME, seed: int = 1) -> U8:
        """Write random blocks all over a volume, past the device server; return their payload."""
        data = np.random.default_rng(seed).integers(0, 256, (BLOCKS, SIZE), np.uint8)
        self.server.unit.write(volume, 0, self.server.unit.labelled(volume, 0, data))
        return data

    def beside(self, initiator: str = OTHER) -> Host:
        """Another host at the same array, with no unit attention waiting."""
        return ready(Host(self.server, initiator))


def ready(host: Host) -> Host:
    """Take what waits for a host on every volume."""
    for volume in host.server.unit.volumes():
        host.server.handle(Request(host.initiator, volume, bytes(6)))
    return host


def host(*, attentions: bool = False, **settings: Any) -> Host:
    """An array of two volumes, and a host that has been told of the power on, unless `attentions` asks to wait."""
    array = ArraySettings(volumes=(VolumeSettings(VOLUME, BLOCKS), VolumeSettings(SECOND, BLOCKS)), **settings)
    found = Host(DeviceServer(ControlUnit(array), array))
    return found if attentions else ready(found)


def payload(blocks: int, value: int = 0xA5) -> bytes:
    """So many blocks of one byte."""
    return bytes([value]) * (blocks * SIZE)
