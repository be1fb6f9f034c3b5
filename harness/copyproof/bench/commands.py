"""Commands a second through sg_raw and through the SG_IO ioctl, on a unit of a target that is up."""

from __future__ import annotations

from collections.abc import Iterator

from copyproof.bench.figures import Figure, Measured, NotMeasured, best_of
from copyproof.errors import DeviceError, UsageError
from copyproof.scsi.cdb import inquiry, test_unit_ready
from copyproof.scsi.command import Command
from copyproof.targets import spec
from copyproof.targets.drivers import open_target
from copyproof.targets.live import LiveTarget, Role
from copyproof.transport.base import Transport, drain
from copyproof.transport.ways import Way, reach

TARGET = "lio-loopback"
REACH = 10.0
TIMEOUT = 30.0
ROUNDS = 5
COUNTS = {Way.SG3: 8, Way.SGIO: 200}
"""Commands in a round, of which the best is taken: about as long for both where sgio is 25 times as fast."""

COMMANDS = {"TEST UNIT READY": test_unit_ready(), "INQUIRY, 96 bytes": inquiry(allocation_length=96)}


def measured(target: str = TARGET) -> Iterator[Measured]:
    """Measure on the source unit of a target; both commands only read.

    Raises UsageError when there is no such target; one that cannot run here is not measured.
    """
    driver = open_target(spec.load(target))
    lacking = driver.obstacles()
    if lacking:
        why = "; ".join(lacking)
        yield NotMeasured("commands", f"{target} cannot run here: {why}. In the test machine: ci/vm copyproof bench")
        return
    try:
        with driver as live:
            yield from _on(live)
    except UsageError as problem:
        yield NotMeasured("commands", str(problem))


def _on(live: LiveTarget) -> Iterator[Measured]:
    node = live.lun(Role.SOURCE).device.sg[0]
    with reach(Way.SG3, node) as tool, reach(Way.SGIO, node) as ioctl:
        drain(ioctl, TIMEOUT)
        for name, command in COMMANDS.items():
            slow = _rate(tool, command, COUNTS[Way.SG3])
            fast = _rate(ioctl, command, COUNTS[Way.SGIO])
            yield Figure(f"sgio, {name}", fast, "1/s", "sg3", slow, REACH)


def _rate(transport: Transport, command: Command, count: int) -> float:
    """Return commands a second; raises DeviceError for an answer other than GOOD, which is no command's full work."""

    def send() -> None:
        for _ in range(count):
            result = transport.execute(command, TIMEOUT)
            if not result.good:
                raise DeviceError(f"{transport.name} answered {result.sense or result.status.name}: nothing measured")

    return count / best_of(ROUNDS, send)
