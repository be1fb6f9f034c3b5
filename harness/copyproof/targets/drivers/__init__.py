"""Drivers by name, imported when asked for.

>>> from copyproof.targets.spec import load
>>> type(open_target(load("lio-loopback"))).__name__
'LioDriver'
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from copyproof.targets.live import Driver
from copyproof.targets.spec import TargetSpec

DRIVERS = {
    "lio": "copyproof.targets.drivers.lio.driver:LioDriver",
    "lab": "copyproof.targets.drivers.lab:LabDriver",
    "software": "copyproof.targets.drivers.software:SoftwareDriver",
    "mirror": "copyproof.targets.drivers.mirror.driver:MirrorDriver",
    "tcmu": "copyproof.targets.drivers.tcmu.driver:TcmuDriver",
}


def open_target(spec: TargetSpec) -> Driver:
    """Return the driver of a target; nothing is touched before it is entered."""
    module, _, name = DRIVERS[spec.driver].partition(":")
    return cast("Driver", getattr(import_module(module), name)(spec))
