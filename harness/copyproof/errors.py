"""The two roots of every error: what the user can mend, and what the device did.

>>> issubclass(TransportTimeout, DeviceError), issubclass(ToolMissing, UsageError)
(True, True)
"""

from __future__ import annotations


class CopyproofError(Exception):
    """The common base, for a caller that only wants to print one line."""


class UsageError(CopyproofError):
    """Something the user can mend; the message names the file, key or device and the way out."""


class ToolMissing(UsageError):
    """A program or kernel module that is needed is not installed."""


class PermissionDenied(UsageError):
    """The operating system refused access; usually the user is not root."""


class SafetyRefusal(UsageError):
    """The safety check refuses to write to a device; names the device, the reason and the way out."""


class DeviceError(CopyproofError):
    """The target or the way to it failed; the verdict is ERROR, never PASS or FAIL."""


class TransportError(DeviceError):
    """A command's outcome did not arrive: host or driver status, operating system error, unreadable answer."""


class TransportTimeout(TransportError):
    """No answer in time. The outcome is unknown: the command may have been executed in whole or in part."""


class TargetLost(DeviceError):
    """The target is gone or is not the device it was; nothing more may be sent to it."""


class MalformedAnswer(DeviceError):
    """A device's data cannot be read as what was asked for: too short, or with lengths that do not add up."""


def printable(text: str) -> str:
    """Return a text of unknown contents as it may stand in a line: what is no printable character becomes `?`.

    >>> printable("a\\x1b[2J\\n")
    'a?[2J?'
    """
    return "".join(character if character.isprintable() else "?" for character in text)
