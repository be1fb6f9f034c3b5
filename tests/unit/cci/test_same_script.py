"""The same orders in band and by CCI's commands, each on an array of its own: the same answers and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof import process
from copyproof.errors import DeviceError, SafetyRefusal
from copyproof.pairing.service import Declared, PairRequest, PairStatus
from copyproof.scsi.cdb import write16
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from copyproof.targets import drivers
from copyproof.targets.live import LiveTarget, Role
from copyproof.targets.pairs import service_of, volume_of
from copyproof.targets.spec import load
from copyproof.transport.settled import settled
from tests.unit.cci.cci_desk import in_this_process

ONE, OTHER = (Role.PRIMARY, Role.SECONDARY), (Role.OTHER_PRIMARY, Role.OTHER_SECONDARY)
THIRD, UNEQUAL = (Role.PRIMARY, Role.SECONDARY_2), (Role.PRIMARY, Role.SOURCE)
CREATE, CREATE_SPLIT, SPLIT = PairCommand.CREATE, PairCommand.CREATE_SPLIT, PairCommand.SPLIT
SUSPEND, DELETE = PairCommand.SUSPEND, PairCommand.DELETE
RESYNC, RESTORE = PairCommand.RESYNC, PairCommand.RESTORE
QUICK: Options = {"kind": SplitKind.QUICK}
WHOLE: Options = {"whole_group": True}

Couple = tuple[Role, Role]
Options = Mapping[str, object]
Step = tuple[PairCommand, Couple, Options, int]

#: Orders, to which pair, with their options, and the ticks that pass before the pair is looked at.
SHORT: tuple[Step, ...] = (
    (CREATE, ONE, {"pace": 1}, 3),
    (DELETE, ONE, {}, 0),
)
LONG: tuple[Step, ...] = (
    (SPLIT, ONE, {}, 0),
    (CREATE, ONE, {"pace": 2, "group": 5}, 2),
    (CREATE, ONE, {}, 0),
    (RESTORE, ONE, {}, 20),
    (CREATE, OTHER, {"group": 5}, 20),
    (SPLIT, ONE, WHOLE, 20),
    (RESYNC, OTHER, {}, 20),
    (SPLIT, OTHER, WHOLE, 20),
    (SUSPEND, OTHER, WHOLE, 0),
    (RESYNC, ONE, WHOLE, 1),
    (CREATE, UNEQUAL, {}, 0),
    (CREATE, THIRD, {}, 20),
    (RESTORE, ONE, {}, 0),
    (SPLIT, THIRD, {}, 20),
    (SPLIT, ONE, {}, 20),
    (RESTORE, ONE, {}, 0),
    (SPLIT, THIRD, {}, 20),
    (DELETE, THIRD, {}, 20),
    (DELETE, OTHER, {}, 0),
    (DELETE, OTHER, {}, 20),
    (CREATE_SPLIT, OTHER, {"pace": 1}, 2),
    (RESYNC, OTHER, {}, 30),
    (DELETE, OTHER, {}, 20),
    (CREATE_SPLIT, OTHER, {**QUICK, "pace": 1}, 2),
    (DELETE, OTHER, {}, 30),
)


@dataclass(frozen=True)
class Seen:
    """How an order was answered, and what the pair shows then."""

    accepted: bool
    status: PairStatus

    def by_words_of(self, target: Declared) -> tuple[bool, PairState, PairState, int | None]:
        """What of it a target can show; no pair has no percentage."""
        shown = self.status
        words = target.shown(shown.primary_state), target.shown(shown.secondary_state)
        copied = None if words[0] is PairState.SMPL else shown.percent
        return self.accepted, *words, copied


def played(live: LiveTarget, script: Sequence[Step]) -> list[Seen]:
    """Give the orders of a script; no time passes but between an order and the look at its pair."""
    control = live.control
    assert control is not None
    control.hold()
    service = service_of(live, {role: lun.path for role, lun in live.luns.items() if lun.path})
    seen = []
    for command, couple, options, ticks in script:
        ends = [volume_of(live.lun(role), live.lun(role).path) for role in couple]
        way = ends[1].transport
        if command is RESTORE and way:
            # A difference, where the state lets one be made: else there would be nothing to restore.
            settled(way, write16(0, bytes([0x5A]) * 512, 512))
        accepted = service.order(PairRequest(command, *ends, **options)).accepted  # type: ignore[arg-type]
        control.run(ticks)
        seen.append(Seen(accepted, service.status(*ends)))
    return seen


def both_ways(script: Sequence[Step]) -> tuple[list[Seen], list[Seen], Declared]:
    """What each way sees, and what CCI's can show."""
    with drivers.open_target(load("software-array")) as live:
        inband = played(live, script)
    with drivers.open_target(load("software-array-cci")) as live:
        return inband, played(live, script), service_of(live, {}).declared


def agree(script: Sequence[Step]) -> list[Seen]:
    """Hold both ways against each other, and return what was seen in band."""
    inband, by_cci, words = both_ways(script)
    for step, one, other in zip(script, inband, by_cci, strict=True):
        assert (step, one.by_words_of(words)) == (step, other.by_words_of(words))
    return inband


def test_a_short_script_is_answered_alike_in_band_and_by_the_programs() -> None:
    seen = agree(SHORT)
    assert [each.accepted for each in seen] == [True, True]
    assert [each.status.primary_state for each in seen] == [PairState.COPY, PairState.SMPL_PD]


def test_a_long_script_is_answered_alike_in_band_and_by_cci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "bounded", lambda _: in_this_process)
    seen = agree(LONG)
    assert [each.accepted for each in seen].count(False) >= 5
    states = {each.status.primary_state for each in seen}
    assert states >= set(PairState) - {PairState.COPY_SP}


@pytest.mark.nightly
def test_a_long_script_is_answered_alike_in_band_and_by_the_programs() -> None:
    assert len(agree(LONG)) == len(LONG)


def test_what_would_take_an_s_vol_from_its_pair_is_refused_before_it_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "bounded", lambda _: in_this_process)
    with drivers.open_target(load("software-array-cci")) as live:
        service = service_of(live, {role: lun.path for role, lun in live.luns.items() if lun.path})
        first, second, third = (
            volume_of(live.lun(role), live.lun(role).path) for role in (Role.PRIMARY, Role.SECONDARY, Role.SECONDARY_2)
        )
        service.order(PairRequest(CREATE, first, second))
        with pytest.raises(SafetyRefusal, match=r"^secondary is already in the pair of primary and secondary: P-VOL "):
            service.order(PairRequest(CREATE, third, second))
        assert service.status(third, second).primary_state is PairState.SMPL


def test_names_that_mean_another_volume_are_refused_before_anything_is_ordered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "bounded", lambda _: in_this_process)
    with drivers.open_target(load("software-array-cci")) as live:
        there = Path(live.pair_hooks.names["folder"]) / "horcm1.conf"
        meant, other = (live.lun(role).device.naa for role in (Role.SECONDARY, Role.SECONDARY_2))
        there.write_text(there.read_text().replace(meant, other))
        service = service_of(live, {role: lun.path for role, lun in live.luns.items() if lun.path})
        primary, secondary = (volume_of(live.lun(role), live.lun(role).path) for role in ONE)
        with pytest.raises(SafetyRefusal, match=r"secondary: the vendor's program says 8 for it, not 7 "):
            service.order(PairRequest(CREATE, primary, secondary))
        with pytest.raises(DeviceError, match=r"not in PAIR after 0 s: P-VOL SMPL, S-VOL SMPL"):
            service.wait(primary, secondary, {PairState.PAIR}, 0, lambda: None)
