"""The pairs of a tape that is played: their time, and their end."""

from __future__ import annotations

import time

from copyproof.model.pairs import NEXT
from copyproof.plugin.bench import Bench
from copyproof.plugin.pairing import PATIENCE, Couple
from copyproof.scsi.pair import PairCommand
from copyproof.scsi.pair_wire import PairAction
from copyproof.scsi.vetting import paired_units
from copyproof.targets.live import Role
from copyproof.transport.tape import Recorded, Sent, Waited

_CREATES = (PairCommand.CREATE, PairCommand.CREATE_SPLIT)


class ReplayedPairs:
    """Lets time pass for pairs as it did when a tape was recorded, and deletes in the end those that it created.

    Where a target's time can be stopped and the tape waits, it stands still from the beginning.
    """

    def __init__(self, bench: Bench, recorded: Recorded) -> None:
        self._pairs = bench.pairs
        self._roles = {unit.naa: unit.role for unit in recorded.header.units}
        if self._pairs and any(isinstance(event, Waited) for event in recorded.events):
            self._pairs.hold()

    def note(self, event: Sent) -> None:
        """Note which pair a command would create, before it is sent."""
        actions = {action.value: action.command for action in PairAction}
        named = [self._roles.get(naa) for _, naa in paired_units(event.command)]
        if self._pairs and None not in named and len(named) == 2 and actions.get(event.command.cdb[1]) in _CREATES:
            self._pairs.groups.setdefault(Couple(*(Role(role) for role in named)), 0)

    def wait(self, event: Waited) -> str:
        """Wait, and return what the pair shows where it does not come to its end; raises DeviceError."""
        pairs = self._pairs
        assert pairs
        if not event.secondary:
            pairs.control.run(event.ticks) if pairs.control else pairs.idle()
            return ""
        couple, end = Couple(Role(event.role), Role(event.secondary)), time.monotonic() + PATIENCE
        pairs.release()
        while (shown := pairs.status(couple)).primary_state in NEXT and time.monotonic() < end:
            pairs.idle()
        pairs.hold()
        return str(shown) if shown.primary_state in NEXT else ""

    def clear(self) -> None:
        """Delete the pairs that are left; raises DeviceError."""
        if self._pairs:
            self._pairs.clear()
