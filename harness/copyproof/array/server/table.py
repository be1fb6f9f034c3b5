"""Every command of the device server, by operation code and service action, and the parts that keep state."""

from __future__ import annotations

from copyproof.array.server import (
    block_io,
    compare,
    inquiry,
    medium,
    mode,
    opcodes,
    pair_commands,
    presence,
    provisioning,
    reservations_wire,
    third_party_copy,
)
from copyproof.array.server.attentions import Attentions
from copyproof.array.server.commands import table
from copyproof.array.server.copy_manager import CopyManager
from copyproof.array.server.mode import Modes
from copyproof.array.server.part import Part
from copyproof.array.server.reservations import Reservations
from copyproof.array.server.tokens import Tokens

COMMANDS = table(
    inquiry.ROWS,
    presence.ROWS,
    medium.ROWS,
    block_io.ROWS,
    compare.ROWS,
    provisioning.ROWS,
    mode.ROWS,
    opcodes.ROWS,
    reservations_wire.ROWS,
    third_party_copy.ROWS,
    pair_commands.ROWS,
)
"""The rows of all rooms; a room that comes adds its `ROWS` here."""

WITH_ACTIONS = frozenset(opcode for opcode, action in COMMANDS if action is not None)
"""The operation codes that have service actions."""

PARTS: tuple[type[Part], ...] = (Attentions, Modes, Reservations, CopyManager, Tokens)
"""What is told of resets, aborts, lost nexuses and ticks from the first moment on."""
