"""How fast a whole volume is verified, beside fio's own verification and beside a plain read of the same node.

The volume is a file, and a loop device over it, both read past the page cache in pieces of `AHEAD` bytes. The plain
read is the pipeline's own, with nothing checked; one that has a single read under way is shown too.

fio verifies a file of the same size that it wrote itself, with a CRC-32C every 512 bytes, in one thread: as its command
line is by default, reading synchronously, and, as a harder peer, with as many reads under way as the pipeline has while
one more is checked.
"""

from __future__ import annotations

import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
#: On a disk that others use too, one run is a tenth faster or slower than the next; the best of more differs less.
ROUNDS = 5
#: What a plain read must be left by the check, where the disk is the limit.
REACH = 0.95
#: The disk is the limit where it reads slower than this share of what the check alone does.
_SLOWER = 0.9
_BLOCK, _VOLUME, _GENERATION, _SEED = 512, 1, 1, 1
_PATIENCE = 3600.0
_BY_DEFAULT = "fio"
#: fio's engines: the one that it has by default, and one that reads ahead as the pipeline does.
_ENGINES = {
    _BY_DEFAULT: ("--ioengine=psync",),
    f"fio, libaio, {READERS + 1} reads under way": ("--ioengine=libaio", f"--iodepth={READERS + 1}"),
}


@dataclass(frozen=True, slots=True)
class Nodes:
    """What is read: a node with our stamps, and one of fio's, or why there is none; both of `size` bytes."""

    name: str
    stamped: Path
    fio: Path | NotMeasured
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
        fio = _write_by_fio(Path(made) / "fio", size)
        yield from _figures(Nodes("file", stamped, fio, size), rounds)
        try:
            with ExitStack() as loops:
                node, *others = (
                    loops.enter_context(_looped(path)) for path in (stamped, fio) if isinstance(path, Path)
                )
                yield from _figures(Nodes("loop device", node, others[0] if others else fio, size), rounds)
        except CopyproofError as problem:
            yield NotMeasured("verify a loop device", str(problem))


def _figures(nodes: Nodes, rounds: int) -> Iterator[Measured]:
    """The check, the plain reads and fio take turns, so that what disturbs the disk disturbs them all."""
    checker = _checker(nodes.stamped, nodes.size)
    works = partial(_verify, checker, nodes.size), partial(_stream, checker, nodes.size), partial(_read, nodes)
    theirs = _ways_of_fio(nodes)
    ways: list[Callable[[], float]] = [*(partial(seconds_of, work) for work in works), *theirs.values()]
    speed, plain, single, *others = (nodes.size / each / 1e9 for each in least_in_turns(rounds, *ways))
    alone = _speed_of_check(checker)
    limited = plain < _SLOWER * alone
    limit = "the disk is the limit" if limited else f"the check is the limit, {alone:.1f} GB/s from memory"
    name = f"verify a {nodes.name}"
    yield Figure(f"{name} ({limit})", speed, "GB/s", "a plain read", plain, REACH if limited else None)
    yield Figure(name, speed, "GB/s", "a plain read, one piece at a time", single)
    for peer, other in zip(theirs, others, strict=True):
        yield Figure(name, speed, "GB/s", peer, other, reach=1.0 if peer == _BY_DEFAULT else None)
    if isinstance(nodes.fio, NotMeasured):
        yield NotMeasured(f"{name}, beside fio", nodes.fio.why)


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


def _stream(checker: Checker, size: int) -> None:
    """Read as the pipeline does, and look at nothing."""
    for part in checker.volume(_VOLUME).stream([(0, size // _BLOCK)]):
        if isinstance(part.data, DeviceError):
            raise part.data


def _read(nodes: Nodes) -> None:
    """Read one piece after the other, and look at nothing."""
    buffer = mmap.mmap(-1, AHEAD)
    handle = os.open(nodes.stamped, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    try:
        for at in range(0, nodes.size, AHEAD):
            if os.preadv(handle, [buffer], at) != AHEAD:
                raise DeviceError(f"{nodes.stamped} ends before byte {at + AHEAD}")
    finally:
        os.close(handle)


def _speed_of_check(checker: Checker) -> float:
    """Return GB/s of the check alone, of one piece in memory."""
    data = checker.volume(_VOLUME).read(0, AHEAD // _BLOCK)
    (seconds,) = best_beside(9, lambda: checker.judge(_VOLUME, 0, data))
    return AHEAD / seconds / 1e9


def _fio(path: Path, size: int, *further: str) -> list[str]:
    checks = ["--verify=crc32c", f"--verify_interval={_BLOCK}"]
    reads = [f"--bs={AHEAD}", "--direct=1", "--verify_state_save=0"]
    return ["fio", "--name=verify", f"--filename={path}", f"--size={size}", *checks, *reads, *further]


def _write_by_fio(path: Path, size: int) -> Path | NotMeasured:
    try:
        done = process.run(_fio(path, size, "--rw=write", "--do_verify=0"), timeout=_PATIENCE)
    except CopyproofError as problem:
        return NotMeasured("fio", str(problem))
    return path if done.code == 0 else NotMeasured("fio", f"fio ended with {done.code}: {done.error_text.strip()}")


def _ways_of_fio(nodes: Nodes) -> dict[str, Callable[[], float]]:
    """Return a clock for each engine, where there is something of fio's to verify."""
    if isinstance(nodes.fio, NotMeasured):
        return {}
    return {peer: partial(_verify_by_fio, nodes.fio, nodes.size, engine) for peer, engine in _ENGINES.items()}


def _verify_by_fio(path: Path, size: int, engine: Sequence[str]) -> float:
    """Return the seconds that fio says it took, its start left out; raises DeviceError where it verified less than all,
    or found anything wrong."""
    further = "--rw=read", "--verify_only=1", "--output-format=json"
    done = process.run(_fio(path, size, *engine, *further), timeout=_PATIENCE)
    try:
        told = msgspec.json.decode(done.out, type=_Told).jobs[0]
    except (msgspec.DecodeError, IndexError):
        raise DeviceError(f"fio ended with {done.code} and no figures: {done.error_text.strip()}") from None
    # It may complain of wrong data, and end with 0.
    wrong = done.code or "verif" in done.error_text
    if wrong or told.read.io_bytes != size or not told.read.runtime:
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
def _looped(path: Path) -> Iterator[Path]:
    """Show a file as a loop device that cannot be written and reads past the page cache."""
    made = ["losetup", "--find", "--show", "--read-only", "--direct-io=on", str(path)]
    done = process.run(made, timeout=60)
    if done.code:
        raise DeviceError(f"no loop device: {done.error_text.strip()}")
    node = Path(done.text.strip())
    try:
        yield node
    finally:
        process.run(["losetup", "--detach", str(node)], timeout=60)
