"""Device mapper: a run's devices, by dmsetup. Their names carry the mark, as LVM writes it or as we do."""

from __future__ import annotations

from pathlib import Path

from copyproof import process
from copyproof.errors import DeviceError
from copyproof.targets.lease import Mark

SYSFS = Path("/sys")
NODES = Path("/dev/mapper")
PATIENCE = 60.0
"""Seconds that one dmsetup may take: it waits for udev."""
SECTOR = 512


def linear(device: str, size: int, first: int = 0) -> str:
    """Return the table of a device that is `size` bytes of another one, from its byte `first` on.

    >>> linear("/dev/loop0", 4096)
    '0 8 linear /dev/loop0 0'
    """
    return f"0 {size // SECTOR} linear {device} {first // SECTOR}"


def nothing(size: int) -> str:
    """Return the table of a device on which every read and write fails.

    >>> nothing(4096)
    '0 8 error'
    """
    return f"0 {size // SECTOR} error"


class Mapper:
    """dmsetup. Every method raises DeviceError, with what it said, when it fails."""

    def __init__(self, run: process.Runner = process.run) -> None:
        self._run = run

    def create(self, name: str, table: str, uuid: str = "") -> str:
        """Make a device and return its node."""
        self._dmsetup("create", name, *(("--uuid", uuid) if uuid else ()), "--table", table)
        return str(NODES / name)

    def load(self, name: str, table: str) -> None:
        """Let a device be something else from now on; what was sent to it before is done first."""
        self._dmsetup("reload", name, "--table", table)
        # The suspending waits for what is under way; a device that cannot end it would hold up the flush for ever.
        self._dmsetup("suspend", "--nolockfs", name)
        self._dmsetup("resume", name)

    def resume(self, name: str) -> None:
        """Let a device go on, where something stopped halfway had it wait."""
        self._dmsetup("resume", name)

    def remove(self, name: str) -> None:
        """Remove a device that nobody uses any more; udev, which may still look at it, is waited for."""
        self._dmsetup("remove", "--retry", name)

    def _dmsetup(self, *arguments: str) -> None:
        done = self._run(["dmsetup", *arguments], timeout=PATIENCE)
        if done.code:
            said = done.error_text.strip().replace("\n", "; ")
            raise DeviceError(f"dmsetup {' '.join(arguments)} ended with status {done.code}: {said}")


def exists(name: str, sysfs: Path = SYSFS) -> bool:
    """Whether there is a device of this name."""
    return name in _names(sysfs).values()


def leads_to(name: str, sysfs: Path = SYSFS) -> str:
    """Return the name of the device of device mapper that another one lies on, the first of several; "" for none."""
    folder, names = _folder(name, sysfs).parent / "slaves", _names(sysfs)
    beneath = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return next((names[number] for number in beneath if number in names), "")


def marked(mark: Mark, sysfs: Path = SYSFS) -> list[str]:
    """Return the names of the devices that carry a mark, those first on which no other one stands."""
    ours = {number: name for number, name in _names(sysfs).items() if carries(name, mark)}
    order: list[str] = []
    while ours:
        free = [number for number in ours if not _holders(number, sysfs) & ours.keys()] or list(ours)
        order += [ours.pop(number) for number in free]
    return order


def carries(name: str, mark: Mark) -> bool:
    """Whether a device's name carries a mark; LVM doubles the hyphens of a volume group's name.

    >>> carries("copyproof--00c0ffe--main-primary_rimage_1", Mark("00c0ffe", "main"))
    True
    """
    return Mark.parse(name.replace("--", "-")) == mark


def clear(mark: Mark, run: process.Runner = process.run, sysfs: Path = SYSFS) -> None:
    """Remove all devices of a mark, however far something that was stopped halfway got; raises DeviceError."""
    for name in marked(mark, sysfs):
        Mapper(run).remove(name)


def wake(mark: Mark, run: process.Runner = process.run, sysfs: Path = SYSFS) -> None:
    """Let all devices of a mark go on that wait: whoever used them could not be told to go."""
    for name in reversed(marked(mark, sysfs)):
        if _text(_folder(name, sysfs) / "suspended") == "1":
            Mapper(run).resume(name)


def _names(sysfs: Path) -> dict[str, str]:
    """Names by kernel number (dm-0)."""
    found = {path.parent.parent.name: _text(path) for path in (sysfs / "block").glob("dm-*/dm/name")}
    return {number: name for number, name in sorted(found.items()) if name}


def _folder(name: str, sysfs: Path) -> Path:
    number = next((number for number, known in _names(sysfs).items() if known == name), "dm-gone")
    return sysfs / "block" / number / "dm"


def _holders(number: str, sysfs: Path) -> set[str]:
    folder = sysfs / "block" / number / "holders"
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # a device may go while we look
        return ""
