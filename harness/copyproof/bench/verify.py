"""How fast a whole volume is verified, beside fio's own verification and beside a plain read of the same node.

The volume is a file, and a loop device over it, both read past the page cache in pieces of `AHEAD` bytes. fio verifies
a file of the same size that it wrote itself, with a CRC-32C every 512 bytes, in one thread, with as many reads under
way as the pipeline while one more is checked.
"""

from __future__ import annotations

import mmap
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from copyproof import process
from copyproof.bench.figures import Figure, Measured, NotMeasured, best_beside, least_in_turns, seconds_of
from copyproof.blocks.stamp import Stamper
from copyproof.errors import CopyproofError, DeviceError, UsageError
from copyproof.model.controller import ReferenceModel
from copyproof.verify.check import Checker, Place
from copyproof.verify.pipeline import verify
from copyproof.verify.volume import AHEAD, READERS, HostVolume

SIZE = 4 << 30
ROUNDS = 3
#: What a plain read must be left by the check, where the disk is the limit.
REACH = 0.95
#: The disk is the limit where it reads slower than this share of what the check alone does.
_SLOWER = 0.9
_BLOCK, _VOLUME, _GENERATION, _SEED = 512, 1, 1, 1
_PATIENCE = 3600.0


@dataclass(frozen=True, slots=True)
class Nodes:
    """What is read: a node with our stamps, and one of fio's; both of `size` bytes."""

    name: str
    stamped: Path
    fio: Path | None
    size: int


def measured(size: int = SIZE, folder: Path | None = None, rounds: int = ROUNDS) -> Iterator[Measured]:
    """Give the speed of verifying in GB/s (10^9 bytes) on a file of `size` bytes and on a loop device over it.

    `folder` is where twice `size` are written for the time being, by default /var/tmp; it must be on a disk. `size` is
    a multiple of 2 MiB. Raises UsageError for another size, a folder that has no such room or no direct I/O.
    """
    if size <= 0 or size % AHEAD:
        raise UsageError(f"the size to verify is {size} bytes; it must be a multiple of {AHEAD}")
    with TemporaryDirectory(prefix="copyproof-", dir=_with_room(folder or Path("/var/tmp"), 2 * size)) as made:
        stamped = Path(made) / "stamped"
        _write_stamps(stamped, size)
        written = _write_by_fio(Path(made) / "fio", size)
        fio = written if isinstance(written, Path) else None
        yield from _figures(Nodes("file", stamped, fio, size), written, rounds)
        try:
            with _looped(stamped) as node, _looped(fio) as other:
                yield from _figures(Nodes("loop device", node or stamped, other, size), written, rounds)
        except CopyproofError as problem:
            yield NotMeasured("verify a loop device", str(problem))


def _figures(nodes: Nodes, fio: Path | NotMeasured, rounds: int) -> Iterator[Measured]:
    """The check, the plain read and fio take turns, so that what disturbs the disk disturbs them all."""
    checker = _checker(nodes.stamped, nodes.size)
    check, plain = partial(_verify, checker, nodes.size), partial(_read, nodes.stamped, nodes.size)
    ways = (partial(seconds_of, check), partial(seconds_of, plain), partial(_verify_by_fio, nodes))
    seconds, plain_seconds, fio_seconds = least_in_turns(rounds, *ways)
    speed, plain_speed = (nodes.size / each / 1e9 for each in (seconds, plain_seconds))
    alone = _speed_of_check(checker)
    limited = plain_speed < _SLOWER * alone
    limit = "the disk is the limit" if limited else f"the check is the limit, {alone:.1f} GB/s from memory"
    reach = REACH if limited else None
    yield Figure(f"verify a {nodes.name} ({limit})", speed, "GB/s", "a plain read", plain_speed, reach)
    if isinstance(fio, NotMeasured):
        yield NotMeasured(f"verify a {nodes.name}, beside fio", fio.why)
    else:
        fio_speed = nodes.size / fio_seconds / 1e9
        yield Figure(f"verify a {nodes.name}", speed, "GB/s", "fio", fio_speed, reach=1.0)


def _with_room(folder: Path, needed: int) -> Path:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as problem:
        raise UsageError(f"cannot write below {folder}: {problem.strerror}; choose another folder") from None
    if free < needed:
        raise UsageError(
            f"{folder} has {free} bytes free, {needed} are needed; choose another folder or a smaller size"
        )
    return folder


def _write_stamps(path: Path, size: int) -> None:
    path.touch()
    stamper = Stamper(_SEED, _BLOCK)
    volume = HostVolume(path, _BLOCK, lambda: os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC))
    try:
        for lba, count in volume.pieces(0, size // _BLOCK):
            volume.write(lba, stamper.make(_VOLUME, lba, count, _GENERATION))
    except DeviceError as problem:
        raise UsageError(f"{problem}: choose a folder on a disk, whose file system has direct I/O") from None


def _checker(node: Path, size: int) -> Checker:
    model = ReferenceModel({_VOLUME: size // _BLOCK})
    model.write(_VOLUME, 0, size // _BLOCK, _GENERATION)
    volume = HostVolume(node, _BLOCK, lambda: os.open(node, os.O_RDONLY | os.O_CLOEXEC))
    return Checker(model, Stamper(_SEED, _BLOCK), {}, {_VOLUME: Place(volume)})


def _verify(checker: Checker, size: int) -> None:
    found = verify(checker, _VOLUME, [(0, size // _BLOCK)]).findings
    if found.right != size // _BLOCK:
        raise DeviceError(f"the file came back wrong: {'; '.join(found.examples())}")


def _read(node: Path, size: int) -> None:
    """Read as the pipeline does, and look at nothing."""
    buffer = mmap.mmap(-1, AHEAD)
    handle = os.open(node, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    try:
        for at in range(0, size, AHEAD):
            if os.preadv(handle, [buffer], at) != AHEAD:
                raise DeviceError(f"{node} ends before byte {at + AHEAD}")
    finally:
        os.close(handle)


def _speed_of_check(checker: Checker) -> float:
    """Return GB/s of the check alone, of one piece in memory."""
    data = checker.volume(_VOLUME).read(0, AHEAD // _BLOCK)
    (seconds,) = best_beside(9, lambda: checker.judge(_VOLUME, 0, data))
    return AHEAD / seconds / 1e9


def _fio(path: Path, size: int, *further: str) -> list[str]:
    checks = ["--verify=crc32c", f"--verify_interval={_BLOCK}"]
    reads = [f"--bs={AHEAD}", "--direct=1", "--verify_state_save=0", "--ioengine=libaio", f"--iodepth={READERS + 1}"]
    return ["fio", "--name=verify", f"--filename={path}", f"--size={size}", *checks, *reads, *further]


def _write_by_fio(path: Path, size: int) -> Path | NotMeasured:
    try:
        done = process.run(_fio(path, size, "--rw=write", "--do_verify=0"), timeout=_PATIENCE)
    except CopyproofError as problem:
        return NotMeasured("fio", str(problem))
    return path if done.code == 0 else NotMeasured("fio", f"fio ended with {done.code}: {done.error_text.strip()}")


def _verify_by_fio(nodes: Nodes) -> float:
    """Return the seconds that fio says it took, its start left out; endless where there is nothing of fio's."""
    if nodes.fio is None:
        return float("inf")
    further = "--rw=read", "--verify_only=1", "--output-format=json"
    done = process.run(_fio(nodes.fio, nodes.size, *further), timeout=_PATIENCE)
    try:
        told = msgspec.json.decode(done.out, type=_Told).jobs[0]
    except (msgspec.DecodeError, IndexError):
        raise DeviceError(f"fio ended with {done.code} and no figures: {done.error_text.strip()}") from None
    if done.code or told.read.io_bytes != nodes.size or not told.read.runtime:
        raise DeviceError(f"fio ended with {done.code} after {told.read.io_bytes} bytes: {done.error_text.strip()}")
    return told.read.runtime / 1000


class _Reads(msgspec.Struct):
    """What fio's report says of reads: bytes, and milliseconds."""

    io_bytes: int
    runtime: int


class _Job(msgspec.Struct):
    read: _Reads


class _Told(msgspec.Struct):
    jobs: list[_Job]


@contextmanager
def _looped(path: Path | None) -> Iterator[Path | None]:
    """Show a file as a loop device that cannot be written and reads past the page cache; nothing for no file."""
    if path is None:
        yield None
        return
    made = ["losetup", "--find", "--show", "--read-only", "--direct-io=on", str(path)]
    done = process.run(made, timeout=60)
    if done.code:
        raise DeviceError(f"no loop device: {done.error_text.strip()}")
    node = Path(done.text.strip())
    try:
        yield node
    finally:
        process.run(["losetup", "--detach", str(node)], timeout=60)
