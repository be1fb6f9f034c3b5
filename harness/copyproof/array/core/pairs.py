"""The pairs of a control unit at work: what they ask of a host's command, and their copying by ticks.

Sources: Hitachi ShadowImage and CCI guides; which command does what in which state is in `pair_rules`.
"""

from __future__ import annotations

import numpy as np

from copyproof.array.core.errors import AccessFault, ArrayFault, BusyFault
from copyproof.array.core.pair_book import PairBook
from copyproof.array.core.pair_copying import advance, copy_first
from copyproof.array.core.pair_orders import PairOrder, drop, freeze, obey, use
from copyproof.array.core.pair_record import COPIED, FOLLOWING, Pair
from copyproof.array.core.pair_rules import access
from copyproof.array.defects import Defect
from copyproof.blocks.arrays import Mask
from copyproof.scsi.pair import Answer, HostAccess, PairState, VolumeRole

_READS_UNCOPIED = frozenset({Defect.COW_PRIMARY_ONLY, Defect.UNCOPIED_READABLE})
_PROTECTED = "in this pair state a host may not write it"


class PairTable(PairBook):
    """All pairs of one control unit, which tells it of each host's command before and after, and of each tick."""

    def order(self, order: PairOrder) -> Answer:
        """Carry out a pair command, or take it without action; raises PairRefused, and then nothing has changed."""
        return obey(self, order)

    def before_read(self, volume: int, lba: int, count: int) -> None:
        """Raise AccessFault where a host may not read; of an S-VOL that is still being split, copy the blocks first."""
        if not self.pairs:
            return
        self._allow(volume, HostAccess.READ, "in this pair state a host may not read it")
        for pair in self.of(volume):
            reads = pair.frozen and pair.role(volume) is VolumeRole.SECONDARY and not self.defects & _READS_UNCOPIED
            if reads and not copy_first(self.engine, pair, lba, count):
                raise ArrayFault(f"volume {volume}, LBA {lba}: {pair.cause}")

    def uncopied(self, volume: int, lba: int, count: int) -> Mask:
        """Return which blocks of an S-VOL that is still being split would be copied first if they were read."""
        found = np.zeros(count, np.bool_)
        for pair in self.of(volume):
            if pair.frozen and pair.role(volume) is VolumeRole.SECONDARY:
                for first, blocks in pair.pending.runs(pair.pending.bits.size, lba, count):
                    found[max(first - lba, 0) : first + blocks - lba] = True
        return found

    def before_write(self, volume: int, lba: int, count: int) -> None:
        """Raise AccessFault where a host may not write; save what it would overwrite, and note the difference."""
        self._allow(volume, HostAccess.READ_WRITE, _PROTECTED)
        for pair in self.of(volume):
            self._save(pair, volume, lba, count)
        # An S-VOL whose old blocks could not be copied is suspended, and then not open to writes.
        self._allow(volume, HostAccess.READ_WRITE, _PROTECTED)
        for pair in [*self.of(volume), *(pair for pair in self.deleted if pair.primary == volume)]:
            self._note(pair, volume, lba, count)

    def after_write(self, volume: int, lba: int, count: int) -> None:
        """Nothing is left to be done: the difference was noted before, in case the write ends halfway."""
        if Defect.COW_LATE in self.defects:
            for pair in self.of(volume):
                if pair.frozen:
                    copy_first(self.engine, pair, lba, count)

    def _allow(self, volume: int, least: HostAccess, reason: str) -> None:
        """Of several pairs of a volume the strictest counts."""
        for pair in self.of(volume):
            allowed = access(pair.state, pair.role(volume), self.rules)
            if allowed < least:
                fault = AccessFault if allowed else BusyFault
                raise fault(volume, f"{reason} ({pair.state.value})")

    def _save(self, pair: Pair, volume: int, lba: int, count: int) -> None:
        late = self.defects & {Defect.COW_SKIPPED, Defect.COW_LATE}
        one_sided = Defect.COW_PRIMARY_ONLY in self.defects and pair.role(volume) is VolumeRole.SECONDARY
        if pair.frozen and not late and not one_sided:
            copy_first(self.engine, pair, lba, count)

    def _note(self, pair: Pair, volume: int, lba: int, count: int) -> None:
        noted = min(count, 1) if Defect.DIFFERENCE_LOST in self.defects else count
        if pair.role(volume) is VolumeRole.SECONDARY:
            pair.secondary_changes.mark(lba, noted)
        elif pair.state in FOLLOWING:
            pair.pending.mark(lba, noted)
        else:
            pair.primary_changes.mark(lba, noted)

    def tick(self) -> None:
        """Do one tick of background work: each pair copies as much as its pace allows."""
        for pair, kind in self.torn[:1]:
            freeze(self, pair, kind)
            use(self, pair)
        del self.torn[:1]
        for pair in [*self.pairs, *self.deleted]:
            self._work(pair)

    def _work(self, pair: Pair) -> None:
        if pair.state is PairState.SMPL_PD:
            pair.ticks_left -= 1
            drop(self, pair)
        elif pair.pending and (pair.state in COPIED or pair.state is PairState.PAIR):
            self._tell_siblings(pair)
            advance(self.engine, pair, pair.pace)

    def _tell_siblings(self, pair: Pair) -> None:
        """What a restore brings to the P-VOL is a change of it for its other pairs."""
        for other in self.siblings(pair) if pair.state is PairState.RCPY else ():
            for lba, count in pair.pending.runs(pair.pace):
                other.primary_changes.mark(lba, count)
