"""What the model is told of a target: its units by role, with numbers and access, and what it has of the optional."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from copyproof.model.known import Access, Fault, KnownTarget, KnownUnit
from copyproof.scsi.answers import OperatingParameters
from copyproof.targets.capabilities import Capability
from copyproof.targets.live import Role

#: The numbers by which stamps and the model know the volumes.
NUMBERS: Mapping[Role, int] = {role: number for number, role in enumerate(Role, start=1)}

_ACCESS = {Role.HIDDEN: Access.UNREACHABLE, Role.READONLY: Access.READ_ONLY}
THIRD_PARTY_COPY_PAGE = 0x8F


def known_unit(role: Role, naa: str, blocks: int, block_size: int, protection: int = 0) -> KnownUnit:
    """Return what the model knows of the unit in a role; sizes in blocks and bytes a block.

    >>> known_unit(Role.READONLY, "5001405aabbccdde", 64, 512).access.value
    'read-only'
    """
    access = _ACCESS.get(role, Access.WRITABLE)
    return KnownUnit(NUMBERS[role], naa, blocks, block_size, protection, access=access)


def known_target(
    units: Iterable[KnownUnit],
    parameters: OperatingParameters | None,
    has: Callable[[Capability], bool | None],
    faults: Iterable[Fault] = (),
) -> KnownTarget:
    """Return what the model knows of a target that was probed; `has` answers None where nobody asked."""
    return KnownTarget(
        tuple(units),
        parameters,
        tuple(faults),
        copies=has(Capability.LID1),
        lists_opcodes=has(Capability.RSOC),
        pages={THIRD_PARTY_COPY_PAGE: has(Capability.VPD_8F)},
    )
