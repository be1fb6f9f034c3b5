"""What the members of a RAID group are kept in."""

from __future__ import annotations

from copyproof.array.core.medium import Medium
from copyproof.array.media.files import Files
from copyproof.array.media.memory import Memory
from copyproof.array.settings import ArraySettings
from copyproof.errors import UsageError


def members(settings: ArraySettings, blocks: int) -> list[Medium]:
    """Return a medium of `blocks` blocks for each member: files in the folder of the settings, or memory.

    Raises UsageError where the files cannot be made.
    """
    if settings.folder is None:
        return [Memory(settings.block_size, blocks) for _ in range(settings.members)]
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"{settings.folder}: {problem.strerror}: name a folder that can be made") from problem
    names = [settings.folder / f"member-{number}" for number in range(settings.members)]
    return [Files(name, settings.block_size, blocks) for name in names]
