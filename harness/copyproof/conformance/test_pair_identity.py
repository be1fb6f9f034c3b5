"""The disk identity on a secondary: its own where the target declares that, else that of its primary."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, PairCommand, PairState, Rig, Role, SplitKind, hil_needs, hil_requirement

pytestmark = [hil_needs(Capability.PAIRS), hil_requirement("CTL-05")]


@pytest.mark.parametrize("kind", SplitKind, ids=lambda kind: kind.value)
def test_a_split_gives_the_secondary_the_identity_that_is_declared(hil: Rig, kind: SplitKind) -> None:
    pair = hil.pair()
    with pair.identified() as identity:
        pair.brought_to(PairState.PAIR)
        pair.order(PairCommand.SPLIT, kind)
        pair.finish()
        hil.judge_pairs(identity.breach())


def test_a_restore_leaves_the_primary_its_identity(hil: Rig) -> None:
    pair = hil.pair()
    with pair.identified() as identity:
        pair.brought_to(PairState.PSUS)
        pair.write(Role.SECONDARY, pair.blocks // 2)
        pair.order(PairCommand.RESTORE)
        pair.finish()
        hil.judge_pairs(identity.primary_breach())
