"""The third-party copy commands together, and the VPD page that lists them (SPC-4 5.17.3, 7.8.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.server import copy_manager, copy_results, token_commands
from copyproof.array.server.copy_page import third_party_copy_page

if TYPE_CHECKING:
    from copyproof.array.server.server import DeviceServer

ROWS = (*copy_manager.ROWS, *copy_results.ROWS, *token_commands.ROWS)


def page(server: DeviceServer, volume: int) -> bytes:
    """Return the body of VPD page 8Fh."""
    commands = ((row.opcode, row.action) for row in ROWS if row.action is not None)
    return third_party_copy_page(server.settings.copy, server.unit.volume(volume).block_size, commands)
