"""What a target declares that its pairs lack is not asked for, and what it says nobody can read is not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from copyproof.errors import DeviceError
from copyproof.plugin.bench import Bench
from copyproof.plugin.opening import opened
from copyproof.plugin.pairing import Couple, PairBench
from copyproof.plugin.rig import Rig
from copyproof.plugin.verification import Verifier
from copyproof.scsi.pair import PairCommand, PairState
from copyproof.targets.live import PairHooks, Role
from copyproof.targets.pairspec import AccessSpec
from copyproof.targets.spec import load
from copyproof.verdicts.catalogue import requirement
from copyproof.verdicts.verdict import Verdict

AWAY = {"SMPL": AccessSpec(primary="read-write", secondary="none")}


@contextmanager
def stand(**pairs: Any) -> Iterator[Bench]:
    spec = load("software-array")
    assert spec.pairs is not None
    declared = msgspec.structs.replace(spec, pairs=msgspec.structs.replace(spec.pairs, **pairs))
    with opened(declared, 1, lambda _, transport: transport) as bench:
        yield bench


@pytest.mark.parametrize(("paces", "asked"), [(True, 1), (False, 0)])
def test_only_what_can_be_told_a_pace_is(paces: bool, asked: int) -> None:
    with stand(paces=paces) as bench:
        assert bench.pairs is not None
        assert bench.pairs.order(Couple(), PairCommand.CREATE, pace=1).request.pace == asked


def test_a_pair_that_cannot_be_deleted_leaves_the_others_to_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand() as bench:
        pairs, other = bench.pairs, Couple(Role.OTHER_PRIMARY, Role.OTHER_SECONDARY)
        assert pairs is not None
        for couple in (Couple(), other):
            assert not pairs.order(couple, PairCommand.CREATE).breach
        end = PairBench._end

        def ended(self: PairBench, couple: Couple) -> None:
            if couple == Couple():
                raise DeviceError("it is stuck")
            end(self, couple)

        monkeypatch.setattr(PairBench, "_end", ended)
        with pytest.raises(DeviceError, match="it is stuck"):
            pairs.clear()
        assert pairs.status(Couple()).primary_state is not PairState.SMPL
        assert pairs.status(other).primary_state is PairState.SMPL
        assert list(pairs.groups) == [Couple()]


def test_a_target_that_copies_nothing_is_asked_for_no_proof_of_its_copy() -> None:
    with stand(states=("SMPL", "PAIR", "PSUS")) as bench:
        rig = Rig(bench, requirement("CTL-01"), "test", "case")
        with pytest.raises(pytest.skip.Exception, match="declares no COPY"), rig.pair().offloaded():
            pytest.fail("the proof began")
        assert [case.verdict for case in rig.cases] == [Verdict.NOT_SUPPORTED]


class Door:
    """Notes which S-VOLs were let go."""

    def __init__(self) -> None:
        self.gone: list[str] = []

    def appear(self, name: str) -> None:
        """Nobody comes back."""
        raise AssertionError(name)

    def vanish(self, name: str) -> None:
        """Note it."""
        self.gone.append(name)


@pytest.mark.parametrize(("access", "gone"), [(AWAY, ["secondary", "secondary-2"]), ({}, [])])
def test_an_s_vol_that_is_away_without_a_pair_is_away_from_the_beginning(access: Any, gone: list[str]) -> None:
    with stand(access=access) as bench:
        door = Door()
        bench.live = replace(bench.live, pair_hooks=PairHooks(presence=door))
        PairBench(bench)
        assert door.gone[:2] == gone


@pytest.mark.parametrize(("access", "read"), [(AWAY, 0), ({}, 8)])
def test_what_nobody_can_read_is_not_read_in_the_end(pytestconfig: pytest.Config, access: Any, read: int) -> None:
    with stand(access=access) as bench:
        bench.model.write(bench.unit(Role.SECONDARY).number, 0, 8, 1)
        verifier = Verifier(pytestconfig)
        verifier.close(bench, "")
        assert verifier.found is not None
        assert sum(unit.read for unit in verifier.found.units if unit.role == "secondary") == read
