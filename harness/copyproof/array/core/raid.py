"""A RAID group: blocks on members that make up for each other.

Every write leaves all redundant units of its stripes as the xor of the data units. A member is read up to the stripe
that it was rebuilt to, and written as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from copyproof.array.core.blocks import Blocks, empty
from copyproof.array.core.errors import ArrayFault
from copyproof.array.core.layout import Layout, Piece, Place
from copyproof.array.core.medium import Medium
from copyproof.blocks.arrays import U8, U64

ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


class BlockLost(ArrayFault):
    """More members are missing than the level makes up for; `block` is the group's."""

    def __init__(self, block: int) -> None:
        super().__init__(f"block {block} of the RAID group: too few members left")
        self.block = block


class _Units:
    """The same columns of all data units of a stripe, or of one: payload and inverted labels."""

    def __init__(self, units: int, columns: int, block_size: int) -> None:
        self.data: U8 = np.empty((units, columns, block_size), np.uint8)
        self.words: U64 = np.empty((units, columns), np.uint64)


class Group:
    """The members of a group, `stripes` stripes long. Blocks are numbered from 0 over the whole group."""

    def __init__(self, layout: Layout, media: Sequence[Medium], stripes: int, block_size: int) -> None:
        self.layout = layout
        self.stripes = stripes
        self._media = list(media)
        self._block_size = block_size
        self._present = [True] * len(self._media)
        self._rebuilt = [stripes] * len(self._media)
        # Memory that was just given back would have to be had from the kernel again for each stripe.
        self._sum = _Units(1, layout.unit, block_size)

    def read(self, block: int, out: Blocks) -> None:
        """Fill `out` from the block on, by the redundant units where a member is missing; raises BlockLost."""
        words = out.words
        for stripe, within, at, count in self.layout.stripes(block, len(out)):
            part, part_words = out.data[at : at + count], words[at : at + count]
            if count == self.layout.stripe_blocks:
                self._read_whole(stripe, part, part_words)
            else:
                self._read_part(stripe, within, part, part_words)
        np.bitwise_xor(words, ONES, out=words)

    def write(self, block: int, blocks: Blocks) -> None:
        """Write blocks and what their stripes' redundancy comes to; raises BlockLost, and nothing is written then."""
        words = blocks.words ^ ONES
        stripes = list(self.layout.stripes(block, len(blocks)))
        if min(self._rebuilt) < self.stripes:
            self._refuse_lost(block, stripes)
        for stripe, within, at, count in stripes:
            data = blocks.data[at : at + count]
            if count == self.layout.stripe_blocks:
                self._write_whole(stripe, data, words[at : at + count])
            else:
                self._write_part(stripe, within, data, words[at : at + count])

    def _refuse_lost(self, block: int, stripes: Sequence[tuple[int, int, int, int]]) -> None:
        for stripe, _within, at, _blocks in stripes:
            if sum(done <= stripe for done in self._rebuilt) > self.layout.redundancy:
                raise BlockLost(block + at)

    def erase(self, block: int, count: int) -> None:
        """Let blocks be as if never written: whole stripes at one stroke, others as a write of blanks."""
        size = self.layout.stripe_blocks
        first, last = -(-block // size), (block + count) // size
        if first >= last:
            self._write_blank(block, count)
            return
        self._write_blank(block, first * size - block)
        for member, medium in enumerate(self._media):
            if self._present[member]:
                medium.erase(first * self.layout.unit, (last - first) * self.layout.unit)
        self._write_blank(last * size, block + count - last * size)

    def holds(self, block: int, count: int) -> bool:
        """Return False where none of the blocks was ever written."""
        size = self.layout.stripe_blocks
        first, last = block // size, -(-(block + count) // size)
        return any(self._media_hold(first * self.layout.unit, (last - first) * self.layout.unit))

    def fail(self, member: int) -> None:
        """Take a member away, with what it holds."""
        self._present[member], self._rebuilt[member] = False, 0

    def replace(self, member: int) -> None:
        """Put an empty medium in the place of a member; it is rebuilt stripe by stripe."""
        self._media[member].wipe()
        self._present[member], self._rebuilt[member] = True, 0

    def missing(self) -> tuple[int, ...]:
        """The members that are not there."""
        return tuple(number for number, present in enumerate(self._present) if not present)

    def to_rebuild(self) -> int:
        """How many units of replaced members are still to be made."""
        return sum(self.stripes - done for done, here in zip(self._rebuilt, self._present, strict=True) if here)

    def rebuild(self, units: int) -> Iterator[tuple[Place, int]]:
        """Make units of replaced members from the others, at most `units` that hold anything.

        Gives the place of each and the first block of its stripe; raises BlockLost where too few members are left.
        """
        for member in range(len(self._media)):
            while units and self._present[member] and self._rebuilt[member] < self.stripes:
                stripe = self._rebuilt[member] = self._held_from(self._rebuilt[member])
                if stripe < self.stripes:
                    self._rebuild_unit(stripe, member)
                    units -= 1
                    yield Place(member, stripe * self.layout.unit), stripe * self.layout.stripe_blocks
                    self._rebuilt[member] = stripe + 1

    def parity_errors(self) -> Iterator[int]:
        """Give the stripes, of those with all members, whose redundant units are not the xor of their data units."""
        stripe = self._held_from(0)
        while stripe < self.stripes:
            whole = not any(self._lacks(stripe, member) for member in range(self.layout.members))
            if whole and not self._consistent(stripe):
                yield stripe
            stripe = self._held_from(stripe + 1)

    def damage(self, block: int, byte: int, mask: int) -> None:
        """Invert bits of a block's payload on its member, and leave label and parity as they are: for tests."""
        place = self.layout.place(block)
        one = _Units(1, 1, self._block_size)
        self._media[place.member].read(place.offset, one.data[0], one.words[0])
        one.data[0, 0, byte] ^= mask
        self._media[place.member].write(place.offset, one.data[0], one.words[0])

    def close(self) -> None:
        """Close the media."""
        for medium in self._media:
            medium.close()

    def _lacks(self, stripe: int, member: int) -> bool:
        return self._rebuilt[member] <= stripe

    def _held_from(self, stripe: int) -> int:
        """Return the first stripe from this one on that any member may hold something of, or how many there are."""
        step = 1
        while stripe < self.stripes:
            looked = min(step, self.stripes - stripe)
            if not any(self._media_hold(stripe * self.layout.unit, looked * self.layout.unit)):
                stripe, step = stripe + looked, 2 * step
            elif looked == 1:
                break
            else:
                step = looked // 2
        return stripe

    def _media_hold(self, offset: int, count: int) -> Iterator[bool]:
        return (
            medium.holds(offset, count) for medium, present in zip(self._media, self._present, strict=True) if present
        )

    def _read_whole(self, stripe: int, data: U8, words: U64) -> None:
        at = 0
        for member in self.layout.data_members(stripe):
            end = at + self.layout.unit
            self._read_member(stripe, member, 0, data[at:end], words[at:end])
            at = end

    def _read_part(self, stripe: int, within: int, data: U8, words: U64) -> None:
        block = stripe * self.layout.stripe_blocks + within
        for _stripe, unit, column, at, count in self.layout.pieces(block, len(data)):
            self._read_unit(stripe, unit, column, data[at : at + count], words[at : at + count])

    def _read_unit(self, stripe: int, unit: int, column: int, data: U8, words: U64) -> None:
        self._read_member(stripe, self.layout.data_member(stripe, unit), column, data, words)

    def _read_member(self, stripe: int, member: int, column: int, data: U8, words: U64) -> None:
        if self._rebuilt[member] <= stripe:
            self._reconstruct(stripe, member, column, data, words)
        else:
            self._media[member].read(stripe * self.layout.unit + column, data, words)

    def _reconstruct(self, stripe: int, member: int, column: int, data: U8, words: U64) -> None:
        """Make columns of a unit, data or redundant, from the others of its stripe."""
        sources = self._sources(stripe, member)
        if any(self._lacks(stripe, source) for source in sources):
            raise BlockLost(stripe * self.layout.stripe_blocks + column)
        part = _Units(1, len(words), self._block_size)
        data[...], words[...] = 0, 0
        for source in sources:
            self._media[source].read(stripe * self.layout.unit + column, part.data[0], part.words[0])
            data ^= part.data[0]
            words ^= part.words[0]

    def _sources(self, stripe: int, member: int) -> list[int]:
        """Return the members whose units of a stripe, xored, are this member's."""
        redundant = [m for m in self.layout.redundant_members(stripe) if m != member and not self._lacks(stripe, m)]
        others = [m for m in map(partial(self.layout.data_member, stripe), range(self.layout.data)) if m != member]
        if len(others) == self.layout.data:
            return redundant[:1] or others
        return [*others, *redundant[:1]] if redundant else [member]

    def _write_whole(self, stripe: int, data: U8, words: U64) -> None:
        unit, at = self.layout.unit, 0
        # First, while the payload is still where it was looked at last.
        redundant = self._xor(data.reshape(self.layout.data, unit, -1), words.reshape(self.layout.data, -1))
        for member in self.layout.data_members(stripe):
            end = at + unit
            if self._present[member]:
                self._media[member].write(stripe * unit, data[at:end], words[at:end])
            at = end
        self._protect(stripe, 0, *redundant)

    def _write_part(self, stripe: int, within: int, data: U8, words: U64) -> None:
        pieces = list(self.layout.pieces(stripe * self.layout.stripe_blocks + within, len(data)))
        first = pieces[0]
        columns = (first.column, first.column + first.blocks) if len(pieces) == 1 else (0, self.layout.unit)
        whole = self._overlaid(pieces, columns, data, words)
        self._write_data(pieces, data, words)
        self._protect(stripe, columns[0], *self._xor(whole.data, whole.words))

    def _overlaid(self, pieces: Sequence[Piece], columns: tuple[int, int], data: U8, words: U64) -> _Units:
        """Return columns of all data units of a stripe as they will be."""
        begin, end = columns
        stripe = _Units(self.layout.data, end - begin, self._block_size)
        covered = {piece.unit for piece in pieces if piece.blocks == end - begin}
        for unit in set(range(self.layout.data)) - covered:
            self._read_unit(pieces[0].stripe, unit, begin, stripe.data[unit], stripe.words[unit])
        for _stripe, unit, column, at, count in pieces:
            stripe.data[unit, column - begin : column - begin + count] = data[at : at + count]
            stripe.words[unit, column - begin : column - begin + count] = words[at : at + count]
        return stripe

    def _write_data(self, pieces: Sequence[Piece], data: U8, words: U64) -> None:
        for stripe, unit, column, at, count in pieces:
            member = self.layout.data_member(stripe, unit)
            if self._present[member]:
                offset = stripe * self.layout.unit + column
                self._media[member].write(offset, data[at : at + count], words[at : at + count])

    def _protect(self, stripe: int, column: int, data: U8, words: U64) -> None:
        for member in self.layout.redundant_members(stripe):
            if self._present[member]:
                self._media[member].write(stripe * self.layout.unit + column, data, words)

    def _write_blank(self, block: int, count: int) -> None:
        step = self.layout.stripe_blocks
        for at in range(block, block + count, step):
            part = empty(min(step, block + count - at), self._block_size)
            part.data[...] = 0
            part.words[...] = ONES
            self.write(at, part)

    def _rebuild_unit(self, stripe: int, member: int) -> None:
        unit = _Units(1, self.layout.unit, self._block_size)
        self._reconstruct(stripe, member, 0, unit.data[0], unit.words[0])
        self._media[member].write(stripe * self.layout.unit, unit.data[0], unit.words[0])

    def _consistent(self, stripe: int) -> bool:
        units = _Units(self.layout.members, self.layout.unit, self._block_size)
        for member in range(self.layout.members):
            self._media[member].read(stripe * self.layout.unit, units.data[member], units.words[member])
        rows = [self.layout.data_member(stripe, unit) for unit in range(self.layout.data)]
        data, words = self._xor(units.data[rows], units.words[rows])
        return all(
            np.array_equal(units.data[member], data) and np.array_equal(units.words[member], words)
            for member in self.layout.redundant_members(stripe)
        )

    def _xor(self, data: U8, words: U64) -> tuple[U8, U64]:
        """Return the xor of units, shape (units, columns, block size) and (units, columns), along the first axis; it is
        overwritten by the next."""
        if len(data) == 1:
            return data[0], words[0]
        wide, columns = data.view(np.uint64), len(words[0])
        payload, labels = self._sum.data[0, :columns], self._sum.words[0, :columns]
        whole = payload.view(np.uint64)
        np.bitwise_xor(wide[0], wide[1], out=whole)
        np.bitwise_xor(words[0], words[1], out=labels)
        for unit in range(2, len(data)):
            whole ^= wide[unit]
            labels ^= words[unit]
        return payload, labels
