"""Only right copies and right reads of the software array have a speed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

from copyproof.array.defects import Defect
from copyproof.bench import array, initial_copy, reads
from copyproof.bench.figures import Figure, Measured, NotMeasured
from copyproof.bench.initial_copy import PairOfVolumes
from copyproof.blocks.stamp import Stamper
from copyproof.errors import DeviceError, UsageError
from copyproof.verify.volume import HostVolume

SIZE = 2 << 20
FIGURE = Figure("copy", 1.0, "GB/s", "memcpy", 2.0)


def test_the_copy_is_measured_beside_memcpy() -> None:
    (figure,) = initial_copy.measured(SIZE, rounds=2)
    assert isinstance(figure, Figure)
    assert (figure.name, figure.unit) == ("initial copy, with labels", "GB/s")
    assert (figure.peer, figure.reach) == ("memcpy", 0.15)
    assert figure.value > 0
    assert figure.peer_value > 0


def test_a_round_that_copies_nothing_gives_no_figure_although_the_round_before_it_was_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = PairOfVolumes(SIZE)
    assert pair.seconds() > 0
    monkeypatch.setattr(pair.unit, "move", lambda *_: None)
    with pytest.raises(DeviceError, match=r"a wrong S-VOL, the first at LBA 0$"):
        pair.seconds()


@pytest.mark.parametrize(
    ("defect", "lba"),
    [(Defect.LAST_BLOCK_SKIPPED, 4095), (Defect.NO_EXCHANGE, 0), (Defect.SOURCE_NUMBER, 0)],
)
def test_a_copy_that_is_wrong_in_a_block_or_a_label_gives_no_figure(defect: Defect, lba: int) -> None:
    with pytest.raises(DeviceError, match=f"a wrong S-VOL, the first at LBA {lba}$"):
        PairOfVolumes(SIZE, frozenset({defect})).seconds()


def test_a_copy_that_ends_in_an_error_gives_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = PairOfVolumes(SIZE)
    copy = pair._copy

    def spoilt() -> None:
        pair.unit.damage(1, 700)
        copy()

    monkeypatch.setattr(pair, "_copy", spoilt)
    with pytest.raises(DeviceError, match="ended in PSUE: volume 1, LBA 700: the guard tag is wrong"):
        pair.seconds()


def test_too_little_memory_is_told_and_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initial_copy, "_available", lambda: 4 * SIZE)
    (told,) = initial_copy.measured(SIZE)
    assert isinstance(told, NotMeasured)
    assert told.why.startswith("10 MiB of memory are needed, 8 are free: give the machine more")


def test_what_is_available_is_what_the_kernel_tells(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal: 900 kB\nMemFree:  1 kB\nMemAvailable:     700 kB\nHugePages_Total:       0\n")
    assert initial_copy._available(told) == 700 << 10
    assert initial_copy._available() > 0


@pytest.mark.parametrize("size", [0, -(1 << 20), SIZE + 512])
def test_a_size_that_is_not_in_pieces_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match="it must be a multiple of 1048576"):
        next(iter(initial_copy.measured(size)))


@pytest.mark.parametrize("pattern", reads.PATTERNS, ids=str)
def test_reads_lie_on_the_span_and_are_the_same_in_each_round(pattern: reads.Pattern) -> None:
    places = pattern.places(reads.SPAN)
    assert places == pattern.places(reads.SPAN)
    assert len(places) == pattern.count
    assert all(at % pattern.size == 0 and 0 <= at <= reads.SPAN - pattern.size for at in places)
    assert (places == sorted(places)) is not pattern.random


@pytest.fixture
def stamped(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[reads.Node, Path]]:
    """A node as the benchmark has it, in a file, since a file can be spoilt."""
    monkeypatch.setattr(reads, "SPAN", SIZE)
    with TemporaryDirectory(dir="/var/tmp") as folder:
        path = Path(folder) / "node"
        path.touch()
        volume = HostVolume(path, 512, lambda: os.open(path, os.O_WRONLY | os.O_DIRECT))
        yield reads.Node(volume, Stamper(1, 512)), path


def test_all_reads_of_a_round_are_looked_at(stamped: tuple[reads.Node, Path]) -> None:
    node, path = stamped
    for pattern in reads.PATTERNS:
        assert node.seconds(pattern, spell=0) > 0
    with path.open("r+b") as file:
        file.seek(reads.PATTERNS[0].places(SIZE)[-1] + 4095)
        file.write(b"\0")
    for pattern in reads.PATTERNS:
        with pytest.raises(DeviceError, match=f"{path} came back wrong from LBA .*: nothing measured"):
            node.seconds(pattern, spell=0)


def test_a_read_that_ends_early_gives_no_figure(stamped: tuple[reads.Node, Path]) -> None:
    node, path = stamped
    os.truncate(path, SIZE - 4096)
    with pytest.raises(DeviceError, match=f"{path} ends before byte {SIZE}: nothing measured"):
        node.seconds(reads.PATTERNS[1], spell=0)


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch, stamped: tuple[reads.Node, Path]) -> None:
    """Let all targets be up, with the one node."""
    monkeypatch.setattr(reads, "open_target", lambda _: SimpleNamespace(obstacles=list))
    monkeypatch.setattr(reads, "_stamped", lambda _: nullcontext(stamped[0]))


@pytest.mark.usefixtures("up")
def test_each_pattern_is_measured_beside_fileio_with_and_without_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "kernel_blindness", lambda _: "")
    figures = [figure for figure in reads.measured(rounds=1, spell=0) if isinstance(figure, Figure)]
    assert [(figure.name, figure.peer, figure.reach) for figure in figures] == [
        (name, *peer)
        for name in ("4 KiB random reads", "1 MiB sequential reads")
        for peer in (("fileio, labels checked", 0.3), ("fileio, no labels", None))
    ]
    assert all(figure.value > 0 and figure.peer_value > 0 for figure in figures)


@pytest.mark.usefixtures("up")
def test_a_peer_whose_labels_nobody_checks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "kernel_blindness", lambda node: f"{node.name} is not looked at")
    with pytest.raises(DeviceError, match="lio-pi is no peer: node is not looked at"):
        list(reads.measured(rounds=1, spell=0))


def test_a_target_that_cannot_run_here_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "open_target", lambda _: SimpleNamespace(obstacles=lambda: ["no LIO"]))
    (told,) = reads.measured()
    assert isinstance(told, NotMeasured)
    assert told.why == "tcmu-array cannot run here: no LIO. In the test machine: ci/vm copyproof bench array"


def test_one_part_that_cannot_be_measured_does_not_keep_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Measured]:
        yield FIGURE
        raise DeviceError("a wrong block")

    for first, second in ((initial_copy, reads), (reads, initial_copy)):
        monkeypatch.setattr(first, "measured", broken)
        monkeypatch.setattr(second, "measured", lambda: iter([FIGURE]))
        found = list(array.measured())
        assert sorted(map(str, found)) == sorted(map(str, [FIGURE, FIGURE, NotMeasured(first.NAME, "a wrong block")]))
