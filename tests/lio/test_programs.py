"""Other people's programs on the software array behind tcm_loop: sg3_utils, ddpt, and two file systems."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof import process
from copyproof.targets import drivers, spec
from copyproof.targets.live import LiveTarget, Role

SECONDS = 120.0
BLOCKS = 4096
"""What is copied."""
BY_256 = BLOCKS // 256
"""What to ask ddpt for: since 0.96 it writes the ranges of ODX one byte early (`n = 15` in do_pop_tok, `n = 535` in
do_wut), so that a range from LBA 0 is 256 times as long on the wire as it was asked for."""
ORDERS = {
    "sg_xcopy": "sg_xcopy if={source} of={destination} bs=512 count={blocks}",
    "ddpt by xcopy": "ddpt --xcopy if={source} of={destination} bs=512 count={blocks}",
    "ddpt by ODX": f"ddpt --odx if={{source}} of={{destination}} bs=512 skip=0,{BY_256} seek=0,{BY_256}",
}


@dataclass(frozen=True)
class FileSystem:
    """How a file system is made on a node, mounted as a copy beside nothing else, and checked without mending."""

    make: tuple[str, ...]
    options: str
    check: tuple[str, ...]


FILE_SYSTEMS = {
    "ext4": FileSystem(("mkfs.ext4", "-q", "-F"), "ro", ("fsck.ext4", "-f", "-n")),
    # xfsprogs refuses less than 300 MiB, unless it is told that this is a test.
    "xfs": FileSystem(("mkfs.xfs", "-q", "-f", "--unsupported"), "ro,nouuid", ("xfs_repair", "-n")),
}


@dataclass(frozen=True)
class Nodes:
    """Source and destination, as generic and as block devices."""

    source: Path
    destination: Path
    source_disk: Path
    destination_disk: Path


@pytest.fixture(scope="module")
def array() -> Iterator[LiveTarget]:
    with drivers.open_target(spec.load("tcmu-array")) as live:
        yield live
        assert live.control is not None
        assert live.control.internal_errors() == ()


@pytest.fixture
def nodes(array: LiveTarget) -> Nodes:
    source, destination = (array.lun(role).device for role in (Role.SOURCE, Role.DESTINATION))
    return Nodes(source.sg[0], destination.sg[0], source.block[0], destination.block[0])


def run(*argv: str | Path) -> str:
    """Run a program that must end well, and return what it said."""
    done = process.run([str(word) for word in argv], timeout=SECONDS)
    assert done.code == 0, f"{argv}: {done.text}{done.error_text}"
    return done.text + done.error_text


def fresh(disk: Path, blocks: int) -> bytes:
    """Write random bytes to the first blocks of a disk and return them."""
    data = os.urandom(blocks * 512)
    with disk.open("r+b", buffering=0) as node:
        assert node.write(data) == len(data)
        os.fsync(node.fileno())
    return data


def held(disk: Path, size: int) -> bytes:
    """What the array, not the page cache, has in the first bytes of a disk."""
    run("blockdev", "--flushbufs", disk)
    with disk.open("rb") as node:
        return node.read(size)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(order, id=name, marks=[pytest.mark.nightly] if name == "ddpt by xcopy" else [])
        for name, order in ORDERS.items()
    ],
)
def test_a_copy_that_another_program_orders_arrives(nodes: Nodes, order: str) -> None:
    data = fresh(nodes.source_disk, BLOCKS)
    run(*order.format(source=nodes.source, destination=nodes.destination, blocks=BLOCKS).split())
    assert held(nodes.destination_disk, len(data)) == data


def test_ddpt_zeroes_by_a_token(nodes: Nodes) -> None:
    fresh(nodes.destination_disk, BLOCKS)
    run("ddpt", "--odx", "if=/dev/null", "rtype=zero", "bs=512", f"of={nodes.destination}", f"seek=0,{BY_256}")
    assert held(nodes.destination_disk, BLOCKS * 512) == bytes(BLOCKS * 512)


def test_sg_vpd_decodes_every_page(nodes: Nodes) -> None:
    supported = re.findall(r"^  .* \[(\w+)\]$", run("sg_vpd", "--page=sv", nodes.source), re.MULTILINE)
    assert supported == ["sv", "sn", "di", "ei", "tpc", "bl", "bdc", "lbpv"]
    assert undecoded(run("sg_vpd", "--all", nodes.source)) == []
    assert [page for page in supported if undecoded(run("sg_vpd", f"--page={page}", nodes.source))] == []


def undecoded(said: str) -> list[str]:
    """The lines by which sg_vpd says that it makes nothing of a page: rows of bytes, or complaints."""
    complaint = re.compile(
        r"^ ?[0-9a-f]{2,4} +([0-9a-f]{2} +){8}|malformed|unknown|truncated|too short|error", re.IGNORECASE
    )
    return [line for line in said.splitlines() if complaint.search(line)]


def test_sg_opcodes_lists_what_is_there_and_what_it_is_called(nodes: Nodes) -> None:
    listed = run("sg_opcodes", "--alpha", nodes.source)
    for name in ("Extended copy(LID1)", "Receive copy status(LID1)", "Populate token", "Compare and write"):
        assert name in listed
    assert "Read(10)" in run("sg_opcodes", "--opcode=0x28", nodes.source)
    assert "Logical unit reset" in run("sg_opcodes", "--tmf", nodes.source)


def test_sg_copy_results_reads_limits_and_what_became_of_copies(nodes: Nodes) -> None:
    order = f"if={nodes.source} of={nodes.destination} bs=512 count=8 list_id=7 id_usage=hold"
    run("sg_xcopy", *order.split())
    assert "Maximum target descriptor count: 16" in run("sg_copy_results", "--params", nodes.destination)
    status = run("sg_copy_results", "--status", "--list_id=7", nodes.destination)
    assert "completed without errors" in status.lower()
    assert "Segments processed: 1" in status


@pytest.mark.nightly
@pytest.mark.parametrize("kind", FILE_SYSTEMS.values(), ids=FILE_SYSTEMS)
def test_a_file_system_that_the_array_copied_is_whole(nodes: Nodes, kind: FileSystem, tmp_path: Path) -> None:
    run(*kind.make, nodes.source_disk)
    sums = filled(nodes.source_disk, tmp_path / "source")
    blocks = int(run("blockdev", "--getsz", nodes.source_disk))
    run("sg_xcopy", f"if={nodes.source}", f"of={nodes.destination}", "bs=512", f"count={blocks}")
    run("blockdev", "--flushbufs", nodes.destination_disk)
    run(*kind.check, nodes.destination_disk)
    with mounted(nodes.destination_disk, tmp_path / "copy", kind.options) as folder:
        assert checksums(folder) == sums


def filled(disk: Path, where: Path) -> dict[str, str]:
    """Fill a file system with files of many sizes, and return their checksums."""
    with mounted(disk, where, "rw") as folder:
        for number, size in enumerate((0, 1, 511, 512, 4095, 4097, 100_003, 5_000_011)):
            path = folder / f"{number % 3}" / f"file {number}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(os.urandom(size))
        return checksums(folder)


def checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by its name there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def mounted(disk: Path, where: Path, options: str) -> Iterator[Path]:
    where.mkdir()
    run("mount", "-o", options, disk, where)
    try:
        yield where
    finally:
        run("umount", where)
