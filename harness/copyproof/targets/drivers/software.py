"""The software array in this process: no root, no kernel, no node."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from copyproof.device import Device
from copyproof.errors import DeviceError
from copyproof.scsi.answers import parse_capacity16
from copyproof.scsi.cdb import inquiry, read_capacity16
from copyproof.scsi.command import Command
from copyproof.scsi.inquiry import parse_inquiry
from copyproof.scsi.vpd import Page, unit_naa, unit_serial
from copyproof.serving.inproc import Served
from copyproof.serving.socket import Seat, ServedSocket
from copyproof.targets.arrays import complaint, mapped, settings_of
from copyproof.targets.drivers import horcm
from copyproof.targets.known import NUMBERS
from copyproof.targets.live import LiveTarget, Lun, PairHooks, Role
from copyproof.targets.spec import TargetSpec
from copyproof.transport.base import Transport
from copyproof.transport.inprocess import InProcess
from copyproof.transport.settled import need, settled


class SoftwareDriver:
    """An array of this process, made when it is entered. Its errors of its own end the run with a DeviceError."""

    def __init__(self, spec: TargetSpec) -> None:
        self.spec = spec
        self._stack = ExitStack()

    def obstacles(self) -> list[str]:
        """Nothing is in its way anywhere."""
        return []

    def __enter__(self) -> LiveTarget:
        """Make the array; raises UsageError for settings that it does not take."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="copyproof-")))
            naas = {Role(name): designator(Role(name)) for name in self.spec.luns}
            array = Served(settings_of(self.spec, naas, folder))
            stack.callback(_complain, array)
            luns = {role: _lun(role, array) for role in naas}
            hooks = stack.enter_context(_hooks(self.spec, folder, array, naas))
            self._stack = stack.pop_all()
        return LiveTarget(self.spec, luns, {"fabric": "in process"}, array, hooks)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the array go; raises DeviceError where it met an error of its own."""
        self._stack.close()


def designator(role: Role) -> str:
    """Return the NAA of a unit, under a company identifier that is locally administered and so nobody's.

    >>> designator(Role.SOURCE)
    '60200000000000000000000000000001'
    """
    return f"6020000{NUMBERS[role]:025x}"


def _lun(role: Role, array: Served) -> Lun:
    path = InProcess(array, mapped(role).initiator, NUMBERS[role], role.value)
    return Lun(role, looked_at(path), visible=role is not Role.HIDDEN, path=path, tag=NUMBERS[role])


def looked_at(path: Transport) -> Device:
    """Return a unit as it shows itself through a path, without nodes; raises DeviceError."""
    said = parse_inquiry(_answer(path, inquiry()))
    capacity = parse_capacity16(_answer(path, read_capacity16()))
    return Device(
        naa=unit_naa(_answer(path, inquiry(Page.DEVICE_IDENTIFICATION))),
        serial=unit_serial(_answer(path, inquiry(Page.UNIT_SERIAL))),
        vendor=said.vendor,
        product=said.product,
        revision=said.revision,
        blocks=capacity.blocks,
        block_size=capacity.block_size,
        protection=capacity.protection,
    )


def _answer(path: Transport, command: Command) -> bytes:
    result = settled(path, command)
    need(result, "looking at the unit", path.name)
    return result.data


@contextmanager
def _hooks(spec: TargetSpec, folder: Path, array: Served, naas: Mapping[Role, str]) -> Iterator[PairHooks]:
    """Let pairs be ordered by other processes, where the target says so: they reach the array by a socket."""
    if not horcm.wanted(spec):
        yield PairHooks()
        return
    seen: dict[Role, str] = {role: naa for role, naa in naas.items() if role is not Role.HIDDEN}
    seats = {naa: Seat(mapped(role).initiator, NUMBERS[role]) for role, naa in seen.items()}
    with ServedSocket(folder / "array", array, seats):
        yield horcm.prepare(folder, seen, folder / "array")


def _complain(array: Served) -> None:
    if problem := complaint(array.internal_errors()):
        raise DeviceError(problem)
