"""Targets that lie: the real transport on a real unit, wrapped so that a copy goes wrong and still ends in GOOD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from copyproof.scsi import copylist
from copyproof.scsi.cdb import extended_copy
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.copylist import BlockSegment, CopyList
from copyproof.scsi.designator import Designator
from copyproof.scsi.vetting import is_extended_copy
from copyproof.targets.live import Lun, Role
from copyproof.transport.base import Transport
from copyproof.verify.labels import Sidecar

Fault = Callable[["Lying", CopyList, float], Result]


class Lying:
    """A transport that hands everything on but copies, which it hands to a fault.

    `luns` are all units and `paths` the real ways to them, by role.
    """

    def __init__(self, transport: Transport, liar: Liar) -> None:
        self.transport, self.fault = transport, liar.fault
        self.luns, self.paths = liar.luns, liar.paths

    @property
    def name(self) -> str:
        return self.transport.name

    def repeat_by_hand(self, command: Command) -> str:
        return self.transport.repeat_by_hand(command)

    def execute(self, command: Command, timeout: float) -> Result:
        if not (is_extended_copy(command) and command.data_out):
            return self.transport.execute(command, timeout)
        return self.fault(self, copylist.decode(command.data_out), timeout)

    def send(self, order: CopyList, timeout: float, via: Role | None = None) -> Result:
        """Send a copy to the real unit, or to another one."""
        path = self.paths[via] if via else self.transport
        return path.execute(extended_copy(order.encode()), timeout)


def _changed(order: CopyList, **fields: Any) -> CopyList:
    return replace(order, segments=tuple(replace(segment, **fields) for segment in order.segments))


def not_executed(_lying: Lying, _order: CopyList, _timeout: float) -> Result:
    return Result(Status.GOOD)


def last_block_skipped(lying: Lying, order: CopyList, timeout: float) -> Result:
    return lying.send(_changed(order, blocks=order.segments[0].blocks - 1), timeout)


def from_the_next_block(lying: Lying, order: CopyList, timeout: float) -> Result:
    return lying.send(_changed(order, source_lba=order.segments[0].source_lba + 1), timeout)


def neighbour_overwritten(lying: Lying, order: CopyList, timeout: float) -> Result:
    lying.send(order, timeout)
    segment = order.segments[0]
    return lying.send(_changed(order, blocks=1, destination_lba=segment.destination_lba + segment.blocks), timeout)


def bystander_written(lying: Lying, order: CopyList, timeout: float) -> Result:
    # LIO wants one of the two units to be the one that the copy is sent to: here the source.
    result = lying.send(order, timeout)
    bystander = replace(order.cscds[1], designator=Designator.of_naa(lying.luns[Role.BYSTANDER].device.naa))
    stray = BlockSegment(1, order.segments[0].source_lba, BYSTANDER_LBA, 0, 1)
    lying.send(replace(order, cscds=(order.cscds[0], bystander), segments=(stray,)), timeout, Role.SOURCE)
    return result


def labels_not_exchanged(lying: Lying, order: CopyList, timeout: float) -> Result:
    result = lying.send(order, timeout)
    segment = order.segments[0]
    source, destination = (_sidecar(lying, order, index) for index in (segment.source, segment.destination))
    destination.write(segment.destination_lba, source.read(segment.source_lba, segment.blocks))
    return result


BYSTANDER_LBA = 5


def _sidecar(lying: Lying, order: CopyList, index: int) -> Sidecar:
    naa = order.cscds[index].designator.naa
    path = next(lun.sidecar for lun in lying.luns.values() if lun.device.naa == naa)
    assert path is not None
    return Sidecar(path)


class Liar:
    """A pytest plugin that puts a fault beneath the safety check of every unit."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.luns: dict[Role, Lun] = {}
        self.paths: dict[Role, Transport] = {}

    @pytest.hookimpl
    def pytest_hil_transport(self, lun: Lun, transport: Transport) -> Transport:
        self.luns[lun.role], self.paths[lun.role] = lun, transport
        return Lying(transport, self)
