"""What the core asks of a member's medium. Labels are held inverted, so that a medium never written (zeros) reads as
payload of zeros with labels of ones, and the parity of stripes never written is right."""

from __future__ import annotations

from typing import Protocol

from copyproof.blocks.arrays import U8, U64


class Medium(Protocol):
    """The blocks of one member. Offsets and counts are in blocks and lie on the member; `words` are inverted labels,
    one a block, in the machine's byte order for all that it matters."""

    def read(self, offset: int, data: U8, words: U64) -> None:
        """Fill `data`, shape (n, block size), and `words`, shape (n,)."""

    def write(self, offset: int, data: U8, words: U64) -> None:
        """Hold blocks."""

    def erase(self, offset: int, count: int) -> None:
        """Let blocks be as if never written."""

    def holds(self, offset: int, count: int) -> bool:
        """Return False where none of the blocks was written; it may say True of some that were not."""

    def wipe(self) -> None:
        """Be a new, empty medium."""

    def close(self) -> None:
        """Give back what the medium holds of the machine."""
