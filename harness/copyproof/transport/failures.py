"""Why no answer came: host status, driver status and errno, as the project's errors."""

from __future__ import annotations

import errno
import os

from copyproof.errors import DeviceError, PermissionDenied, TargetLost, TransportError, TransportTimeout, UsageError

DID_OK, DID_NO_CONNECT, DID_TIME_OUT = 0x00, 0x01, 0x03
"""Host status codes (linux include/scsi/scsi_status.h)."""

GONE = (errno.ENOENT, errno.ENXIO, errno.ENODEV)


def host_error(host: int, via: str, otherwise: str) -> DeviceError:
    """Return the error for a host status other than DID_OK; `otherwise` is the message where it has no error of its
    own.

    >>> host_error(0x03, "sg3:/dev/sg2", "")
    TransportTimeout('sg3:/dev/sg2: no answer in time, host status 03h (DID_TIME_OUT); the outcome is unknown')
    """
    if host == DID_TIME_OUT:
        return TransportTimeout(f"{via}: no answer in time, host status 03h (DID_TIME_OUT); the outcome is unknown")
    if host == DID_NO_CONNECT:
        return TargetLost(f"{via}: the device is gone, host status 01h (DID_NO_CONNECT)")
    return TransportError(f"{via}: {otherwise}")


def system_error(number: int, via: str, otherwise: str) -> DeviceError | UsageError:
    """Return the error for an errno of opening a node or of sending a command; `otherwise` as above.

    >>> system_error(errno.ENODEV, "sg3:/dev/sg2", "")
    TargetLost('sg3:/dev/sg2: No such device')
    """
    if number in (errno.EPERM, errno.EACCES):
        return PermissionDenied(f"{via}: {os.strerror(number)}; run as root, or give this user the device node")
    if number in GONE:
        return TargetLost(f"{via}: {os.strerror(number)}")
    return TransportError(f"{via}: {otherwise}")
