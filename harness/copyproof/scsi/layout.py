"""Field tables: where each field of a CDB, a descriptor or a page lies, and how to read and write it there.

The tables are our own because refusals and field pointers speak in byte offsets, and because tests spoil single fields.

>>> HEADER = Layout("header", 4, Field("usage", 1, mask=0x18), Field("length", 2, 2))
>>> HEADER.encode({"usage": 3, "length": 32}).hex()
'00180020'
>>> HEADER.decode(bytes.fromhex("00180020"))
{'usage': 3, 'length': 32}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from copyproof.errors import MalformedAnswer


@dataclass(frozen=True, slots=True)
class Field:
    """An unsigned big-endian field of `width` bytes at byte `offset`, or the adjacent bits of it that `mask` selects.

    >>> Field("association", 5, mask=0x30).get(bytes.fromhex("000000000013"))
    1
    """

    name: str
    offset: int
    width: int = 1
    mask: int = 0

    @property
    def end(self) -> int:
        """The offset of the first byte after the field."""
        return self.offset + self.width

    @property
    def shift(self) -> int:
        """How far the field's lowest bit is from the lowest bit of its bytes; 0 without a mask."""
        return (self.mask & -self.mask).bit_length() - 1 if self.mask else 0

    @property
    def limit(self) -> int:
        """The largest value that the field holds."""
        return self.mask >> self.shift if self.mask else (1 << 8 * self.width) - 1

    def get(self, raw: bytes | bytearray, base: int = 0) -> int:
        """Read the field of a structure that begins at `base`; raises ValueError when `raw` ends too early."""
        start = base + self.offset
        part = raw[start : start + self.width]
        if start < 0 or len(part) < self.width:
            raise ValueError(f"{self.name} at byte {start} lies outside {len(raw)} bytes")
        whole = int.from_bytes(part, "big")
        return whole >> self.shift & self.limit if self.mask else whole

    def put(self, raw: bytearray, value: int, base: int = 0) -> None:
        """Write the field in place, not its neighbours; raises ValueError when value or place does not fit."""
        if not 0 <= value <= self.limit:
            raise ValueError(f"{self.name} holds 0 to {self.limit}, not {value}")
        start = base + self.offset
        kept = Field(self.name, self.offset, self.width).get(raw, base) & ~self.mask if self.mask else 0
        if start < 0 or start + self.width > len(raw):
            raise ValueError(f"{self.name} at byte {start} lies outside {len(raw)} bytes")
        raw[start : start + self.width] = (kept | value << self.shift).to_bytes(self.width, "big")


class Layout:
    """The fields of one structure of `size` bytes; bytes that no field covers are reserved and written as zero."""

    def __init__(self, name: str, size: int, *fields: Field) -> None:
        self.name = name
        self.size = size
        self.fields: Mapping[str, Field] = {field.name: field for field in fields}
        outside = [field.name for field in fields if field.end > size]
        if outside or len(self.fields) != len(fields):
            raise ValueError(f"layout {name}: fields outside of it {outside}, or a name used twice")

    def __getitem__(self, name: str) -> Field:
        """Return a field; raises KeyError that lists the names there are."""
        if name not in self.fields:
            raise KeyError(f"{self.name} has no field {name!r}; it has {', '.join(self.fields)}")
        return self.fields[name]

    def decode(self, raw: bytes, base: int = 0) -> dict[str, int]:
        """Read every field of the structure that begins at `base`; raises ValueError when `raw` is too short."""
        return {field.name: field.get(raw, base) for field in self.fields.values()}

    def encode(self, values: Mapping[str, int]) -> bytes:
        """Write a structure; fields not given are zero. Raises KeyError for an unknown one, ValueError for a misfit."""
        raw = bytearray(self.size)
        for name, value in values.items():
            self[name].put(raw, value)
        return bytes(raw)


def need(raw: bytes, length: int, what: str) -> None:
    """Raise MalformedAnswer unless a device sent at least `length` bytes of `what`."""
    if len(raw) < length:
        raise MalformedAnswer(f"{what}: {len(raw)} bytes came, at least {length} are needed")


def number(raw: bytes, offset: int, width: int) -> int:
    """Read an unsigned big-endian number whose presence is already known.

    >>> number(bytes.fromhex("000102"), 1, 2)
    258
    """
    return int.from_bytes(raw[offset : offset + width], "big")


def counted(raw: bytes, offset: int, width: int, what: str) -> bytes:
    """Return the bytes that a length field of `width` bytes at `offset` counts, those right after it.

    Raises MalformedAnswer when fewer came: a caller that asked for too little asks again with more.

    >>> counted(bytes.fromhex("0002aabbcc"), 0, 2, "list").hex()
    'aabb'
    """
    start = offset + width
    need(raw, start, what)
    length = number(raw, offset, width)
    need(raw, start + length, what)
    return raw[start : start + length]
