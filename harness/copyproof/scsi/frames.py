"""Commands and their answers as frames for a byte stream: how a local socket carries them.

A frame is a head of 32 bytes and then as many bytes as it announces, in the order of its length fields. An asker names
the unit by its NAA, as no other name is the same for every initiator.

>>> import io
>>> asked = Asked("6020000000000000000000000000000a", Command(bytes(6)))
>>> read_frame(io.BytesIO(asked.encode()).read, Asked) == asked
True
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from copyproof.errors import MalformedAnswer
from copyproof.scsi.command import Command
from copyproof.scsi.layout import Field, Layout

VERSION = 1
PART_MOST = 16 << 20
"""Bytes that one part of a frame may have, and a Data-In Buffer: more is no command."""

ASKED = Layout(
    "frame of a command",
    32,
    Field("version", 0),
    Field("naa", 4, 4),
    Field("cdb", 8, 4),
    Field("data_out", 12, 4),
    Field("data_in", 16, 4),
)
TOLD = Layout(
    "frame of an answer",
    32,
    Field("version", 0),
    Field("status", 1),
    Field("refused", 4, 4),
    Field("sense", 8, 4),
    Field("data", 12, 4),
)

_PARTS = {ASKED.name: ("naa", "cdb", "data_out"), TOLD.name: ("refused", "sense", "data")}


@dataclass(frozen=True, slots=True)
class Asked:
    """A command for the unit with a NAA (lower-case hex)."""

    naa: str
    command: Command

    layout = ASKED

    def encode(self) -> bytes:
        """Return the frame."""
        command = self.command
        return _frame(ASKED, (self.naa.encode(), command.cdb, command.data_out), {"data_in": command.data_in})

    @classmethod
    def of(cls, values: dict[str, int], parts: list[bytes]) -> Asked:
        """Make one of what a frame holds; raises ValueError where that is no command."""
        if values["data_in"] > PART_MOST:
            raise ValueError(f"a command for {values['data_in']} bytes, where {PART_MOST} are the most")
        naa, cdb, data_out = parts
        return cls(naa.decode("ascii"), Command(cdb, data_out, values["data_in"]))


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: status byte, sense data as on a wire and the Data-In Buffer; or why the command reached no unit."""

    status: int = 0
    sense: bytes = b""
    data: bytes = b""
    refused: str = ""

    layout = TOLD

    def encode(self) -> bytes:
        """Return the frame."""
        return _frame(TOLD, (self.refused.encode(), self.sense, self.data), {"status": self.status})

    @classmethod
    def of(cls, values: dict[str, int], parts: list[bytes]) -> Told:
        """Make one of what a frame holds."""
        refused, sense, data = parts
        return cls(values["status"], sense, data, refused.decode(errors="replace"))


Frame = TypeVar("Frame", Asked, Told)


def read_frame(read: Callable[[int], bytes], kind: type[Frame]) -> Frame | None:
    """Read one frame by `read`, which returns as many bytes as asked for, or fewer at the end of the stream.

    None where the stream ends before the frame; raises MalformedAnswer where it ends within, or where the frame cannot
    be read.
    """
    head = read(kind.layout.size)
    if not head:
        return None
    try:
        values = kind.layout.decode(head)
        if values["version"] != VERSION:
            raise ValueError(f"version {values['version']} is not known")
        return kind.of(values, [_part(read, values[name], name) for name in _PARTS[kind.layout.name]])
    except ValueError as problem:
        raise MalformedAnswer(f"{kind.layout.name}: {problem}") from None


def _part(read: Callable[[int], bytes], length: int, name: str) -> bytes:
    if length > PART_MOST:
        raise ValueError(f"{length} bytes of {name}, where {PART_MOST} are the most")
    part = read(length) if length else b""
    if len(part) < length:
        raise ValueError(f"it ends after {len(part)} of {length} bytes of {name}")
    return part


def _frame(layout: Layout, parts: tuple[bytes, ...], values: dict[str, int]) -> bytes:
    lengths = {name: len(part) for name, part in zip(_PARTS[layout.name], parts, strict=True)}
    return layout.encode({"version": VERSION} | lengths | values) + b"".join(parts)
