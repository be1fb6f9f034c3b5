"""CCI's programs order the pairs of the array behind LIO, through real nodes; what the host uses is not overwritten."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, closing

import pytest

from copyproof.pairing.service import PairRequest
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from copyproof.targets import drivers, spec
from copyproof.targets.live import LiveTarget, Role
from copyproof.targets.pairs import service_of, volume_of
from copyproof.transport.sgio import Sgio

TARGET = "tcmu-array-cci"
PATIENCE = 120.0


def ways(live: LiveTarget, stack: ExitStack) -> Mapping[Role, Sgio]:
    """A way to each unit."""
    return {role: stack.enter_context(closing(Sgio(lun.device.sg[0]))) for role, lun in live.luns.items()}


@pytest.mark.nightly
def test_pairs_are_ordered_by_ccis_programs_through_real_nodes(no_leaks: None) -> None:
    with ExitStack() as stack:
        live = stack.enter_context(drivers.open_target(spec.load(TARGET)))
        paths = ways(live, stack)
        service = service_of(live, paths)
        primary, secondary = (volume_of(live.lun(role), paths[role]) for role in (Role.PRIMARY, Role.SECONDARY))
        assert live.control is not None

        def order(command: PairCommand, kind: SplitKind = SplitKind.STEADY, pace: int = 0) -> str:
            return service.order(PairRequest(command, primary, secondary, kind, pace=pace)).said

        assert order(PairCommand.SPLIT) == "exit 222: EX_INVVOL"
        live.control.hold()
        assert order(PairCommand.CREATE, pace=1) == "exit 0"
        live.control.run(4)
        held = service.status(primary, secondary)
        assert (held.primary_state, held.percent) == (PairState.COPY, 25)
        assert order(PairCommand.SPLIT, SplitKind.QUICK) == "exit 0"
        assert order(PairCommand.DELETE) == "exit 228: EX_INVSTP"
        live.control.release()
        service.wait(primary, secondary, {PairState.PSUS}, PATIENCE)
        node = str(live.lun(Role.SECONDARY).device.block[0])
        _refused_while_held(live, node)
        assert order(PairCommand.RESTORE) in ("exit 0", "exit 228: EX_INVSTP")


def _refused_while_held(live: LiveTarget, node: str) -> None:
    """A volume that a device-mapper table holds is not resynchronised."""
    blocks = live.lun(Role.SECONDARY).device.size // 512
    held = ["dmsetup", "create", "copyproof-held", "--table", f"0 {blocks} linear {node} 0"]
    subprocess.run(held, check=True, timeout=60)
    try:
        folder = live.pair_hooks.names["folder"]
        line = [f"{folder}/pairresync", "-IM0", "-g", "copyproof", "-d", "primary.secondary"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, "would be overwritten and is held by" in done.stderr) == (253, True), done.stderr
    finally:
        subprocess.run(["dmsetup", "remove", "copyproof-held"], check=True, timeout=60)
