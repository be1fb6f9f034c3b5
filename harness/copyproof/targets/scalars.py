"""The scalars of a target file that TOML has no type for: a size in bytes, an NAA designator.

>>> Size.parse("64 MiB")
67108864
>>> Naa.parse("0x6001405ABCDEF0123456789abcdef012")
'6001405abcdef0123456789abcdef012'
"""

from __future__ import annotations

import re
from typing import Any, Self

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) *(B|KiB|MiB|GiB|TiB)")
_NAA = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")


class Size(int):
    """A size in bytes: a whole number, or text such as "64 MiB" or "1.25 MiB" (B, KiB, MiB, GiB, TiB)."""

    ALLOWED = 'bytes as a whole number, or text such as "64 MiB" (B, KiB, MiB, GiB, TiB)'

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Return the size; raises ValueError for anything that is not a whole, non-negative number of bytes."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(value)
        match = _SIZE.fullmatch(value) if isinstance(value, str) else None
        count = float(match[1]) * _UNITS[match[2]] if match else 0.5
        if count != int(count):
            raise ValueError(cls.ALLOWED)
        return cls(int(count))


class Naa(str):
    """An NAA designator in lower-case hex: 16 digits (NAA 2, 3, 5) or 32 (NAA 6).

    `0x` or `naa.` in front and capitals are taken off.
    """

    __slots__ = ()
    ALLOWED = "an NAA designator of 16 or 32 hex digits, as `copyproof devices` prints it"

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Return the designator; raises ValueError when it is not one. The empty text stays: none is given."""
        text = value.lower().removeprefix("naa.").removeprefix("0x") if isinstance(value, str) else "?"
        if text and not _NAA.fullmatch(text):
            raise ValueError(cls.ALLOWED)
        return cls(text)


def human(size: int) -> str:
    """Return a size in its largest whole unit, at most two digits after the point.

    >>> human(67108864), human(1310720), human(700)
    ('64 MiB', '1.25 MiB', '700 B')
    """
    for unit, factor in reversed(_UNITS.items()):
        if size >= factor:
            return f"{size / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return "0 B"
