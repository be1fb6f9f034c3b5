"""What a conformance test imports."""

from __future__ import annotations

from copyproof.array.settings import Exchange
from copyproof.plugin.order import Order, Sent, Span
from copyproof.plugin.pair import Pair, Place, Spot
from copyproof.plugin.rig import Rig
from copyproof.plugin.table import Case, hil_needs, hil_requirement, table
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from copyproof.scsi.spoil import cut, inline, repeat_cscds, repeat_segments, spoil, together
from copyproof.targets.capabilities import Capability
from copyproof.targets.live import Role

__all__ = [
    "Capability",
    "Case",
    "Exchange",
    "Order",
    "Pair",
    "PairCommand",
    "PairState",
    "Place",
    "Rig",
    "Role",
    "Sent",
    "Span",
    "SplitKind",
    "Spot",
    "cut",
    "hil_needs",
    "hil_requirement",
    "inline",
    "repeat_cscds",
    "repeat_segments",
    "spoil",
    "table",
    "together",
]
