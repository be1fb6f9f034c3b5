"""Sequences on a target that is declared as lvm-mirror is: its S-VOLs are nobody's until split, and then read-only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from copyproof.fuzz import search
from copyproof.fuzz.search import Ended
from copyproof.model.pairs import PairModel
from copyproof.pairing.inband import InBandPairs
from copyproof.pairing.service import Answered, PairRequest, PairStatus, PairVolume
from copyproof.plugin import pairing
from copyproof.plugin.bench import Bench
from copyproof.scsi.cdb import Opcode
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.pair import HostAccess, PairState
from copyproof.scsi.provisioning import UNMAP, WRITE_SAME_16
from copyproof.scsi.sense import decode_sense
from copyproof.scsi.vetting import is_extended_copy
from copyproof.targets import spec
from copyproof.targets.live import Role
from copyproof.targets.pairs import declared
from copyproof.transport.base import Transport
from tests.fuzz.test_pair_sequences import ONE, array, only_pairs, searched

_READS = (Opcode.READ_10, Opcode.READ_16)
_WRITES = (Opcode.WRITE_16, WRITE_SAME_16, UNMAP)
_AT_ONCE = (PairState.COPY_SP, PairState.SMPL_PD)


class Mirrors(InBandPairs):
    """The software array's pairs, shown by LVM's words; a split and a delete are done at once."""

    def order(self, request: PairRequest) -> Answered:
        answered = super().order(request)
        while super().status(request.primary, request.secondary).primary_state in (
            PairState.COPY_SP,
            PairState.SMPL_PD,
        ):
            pass
        return answered

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        found = super().status(primary, secondary)
        shown = self.declared.shown(found.primary_state)
        return replace(found, primary_state=shown, secondary_state=shown)


@dataclass
class Mapped:
    """The way to a unit, as LIO maps it: an S-VOL is behind it only where the target declares that hosts reach it."""

    inner: Transport
    mirrors: Mirrors
    ends: tuple[PairVolume, PairVolume]
    secondary: bool

    @property
    def name(self) -> str:
        return self.inner.name

    def execute(self, command: Command, timeout: float) -> Result:
        state = self.mirrors.status(*self.ends).primary_state
        access = self.mirrors.declared.access[state][1]
        copies = is_extended_copy(command) and bytes.fromhex(self.ends[1].naa) in command.data_out
        if copies and access is HostAccess.NONE:
            return _refused(0x0A, 0x0D, 0x02)
        if self.secondary and command.opcode in _WRITES and access is not HostAccess.READ_WRITE:
            return _refused(0x07, 0x27, 0x00)
        if self.secondary and command.opcode in _READS and access is HostAccess.NONE:
            return _refused(0x03, 0x11, 0x00)
        return self.inner.execute(command, timeout)

    def repeat_by_hand(self, command: Command) -> str:
        return self.inner.repeat_by_hand(command)


def _refused(key: int, code: int, qualifier: int) -> Result:
    sense = bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier, 0, 0, 0, 0])
    return Result(Status.CHECK_CONDITION, decode_sense(sense))


def become_mirrors(bench: Bench) -> None:
    """Let the software array be as lvm-mirror is."""
    pairs = bench.pairs
    assert pairs is not None
    mirrors = Mirrors(declared(spec.load("lvm-mirror")))
    roles = {role: lun for role, lun in bench.live.luns.items() if not role.value.startswith(("secondary-", "other-"))}
    bench.live = replace(bench.live, control=None, luns=roles)
    pairs.service, pairs.model = mirrors, PairModel(bench.model, mirrors.declared.rules)
    ends = pairs.volume(ONE.primary), pairs.volume(ONE.secondary)
    bench.units = {
        role: replace(unit, transport=Mapped(unit.transport, mirrors, ends, role is Role.SECONDARY))
        for role, unit in bench.units.items()
    }


@pytest.mark.parametrize(("steps", "seed"), [(60, 1), pytest.param(1000, 2, marks=pytest.mark.nightly)])
def test_an_s_vol_that_is_nobodys_until_the_split_shows_no_difference(
    monkeypatch: pytest.MonkeyPatch, steps: int, seed: int
) -> None:
    monkeypatch.setattr(pairing, "POLL", 0.0)
    monkeypatch.setattr(search, "sequences", only_pairs)
    with array() as bench:
        become_mirrors(bench)
        found = searched(bench, steps, seed)
    assert (found.ended, found.problem, found.found) == (Ended.STEPS, "", None)
    assert found.mix["host commands refused"] > 0
    assert found.mix["in PSUS"] > 0
