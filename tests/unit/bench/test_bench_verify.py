"""The benchmarks measure what they say: what cannot be measured is told, and what differs gives no figure."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from copyproof import process
from copyproof.bench import verify
from copyproof.bench.blocks import Pieces
from copyproof.bench.figures import Figure, NotMeasured
from copyproof.errors import DeviceError, ToolMissing, UsageError
from copyproof.verify.volume import AHEAD

SIZE = 2 * AHEAD


@pytest.fixture
def without_fio(monkeypatch: pytest.MonkeyPatch) -> None:
    real = process.run

    def run(argv: list[str], *, timeout: float) -> process.Completed:
        if argv[0] == "fio":
            raise ToolMissing("fio is not installed")
        return real(argv, timeout=timeout)

    monkeypatch.setattr(process, "run", run)


def loops() -> str:
    return subprocess.run(["losetup", "--all"], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("fio") is None, reason="fio is not installed")
def test_a_file_is_measured_beside_a_plain_read_and_fio() -> None:
    plain, *others = itertools.islice(verify.measured(SIZE, rounds=1), 4)
    assert isinstance(plain, Figure)
    assert plain.name.startswith(("verify a file (the disk is the limit", "verify a file (the check is the limit"))
    assert (plain.peer, plain.reach in (None, verify.REACH)) == ("a plain read", True)
    assert [(one.peer, one.reach) for one in others if isinstance(one, Figure)] == [
        ("a plain read, one piece at a time", None),
        ("fio", 1.0),
        ("fio, libaio, 3 reads under way", None),
    ]
    assert all(isinstance(one, Figure) and one.value == plain.value and one.peer_value > 0 for one in others)


def test_what_is_not_there_is_told_and_the_rest_measured(without_fio: None) -> None:
    first, second, third, *_ = verify.measured(SIZE, rounds=1)
    assert isinstance(first, Figure)
    assert isinstance(second, Figure)
    assert third == NotMeasured("verify a file, beside fio", "fio is not installed")


def test_nothing_is_left_behind() -> None:
    before = loops(), {*Path.cwd().iterdir()}
    with TemporaryDirectory(dir="/var/tmp") as folder:
        assert len(list(verify.measured(SIZE, Path(folder), rounds=1))) >= 3
        assert list(Path(folder).iterdir()) == []
    assert (loops(), {*Path.cwd().iterdir()}) == before


def test_a_volume_that_comes_back_wrong_gives_no_figure(without_fio: None, monkeypatch: pytest.MonkeyPatch) -> None:
    written = verify._write_stamps

    def spoilt(path: Path, size: int) -> None:
        written(path, size)
        with path.open("r+b") as file:
            file.seek(5 * 512)
            file.write(bytes(512))

    monkeypatch.setattr(verify, "_write_stamps", spoilt)
    with pytest.raises(DeviceError, match="came back wrong: LBA 5: zero"):
        next(iter(verify.measured(SIZE, rounds=1)))


@pytest.mark.skipif(shutil.which("fio") is None, reason="fio is not installed")
@pytest.mark.parametrize("engine", verify._ENGINES.values(), ids=verify._ENGINES)
def test_a_file_that_fio_finds_wrong_gives_no_figure(engine: Sequence[str]) -> None:
    with TemporaryDirectory(dir="/var/tmp") as folder:
        path = verify._write_by_fio(Path(folder) / "fio", SIZE)
        assert isinstance(path, Path)
        assert verify._verify_by_fio(path, SIZE, engine) > 0
        with path.open("r+b") as file:
            file.seek(SIZE - 100)
            file.write(b"spoilt")
        with pytest.raises(DeviceError, match="verif"):
            verify._verify_by_fio(path, SIZE, engine)


def test_what_fio_complains_of_gives_no_figure_though_it_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    told = b'{"jobs": [{"read": {"io_bytes": %d, "runtime": 7}}]}' % SIZE

    def run(argv: list[str], *, timeout: float) -> process.Completed:
        return process.Completed(0, told, b"crc32c: verify failed at file /f offset 512, length 512\n", 1.0)

    monkeypatch.setattr(process, "run", run)
    with pytest.raises(DeviceError, match=r"fio ended with 0 after .* verify failed at file"):
        verify._verify_by_fio(Path("/f"), SIZE, ())


@pytest.mark.parametrize("size", [0, -AHEAD, AHEAD + 512])
def test_a_size_that_is_not_in_pieces_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match=f"it must be a multiple of {AHEAD}"):
        next(iter(verify.measured(size)))


def test_a_folder_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose another folder or a smaller size"):
        next(iter(verify.measured(1 << 60, tmp_path)))
    with pytest.raises(UsageError, match="cannot write below"):
        next(iter(verify.measured(SIZE, tmp_path / "missing")))


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("block_size", [512, 4096])
def test_what_is_timed_looks_at_every_block(block_size: int, labelled: bool) -> None:
    pieces = Pieces(block_size)
    check = pieces.verification(labelled=labelled)
    check()
    pieces.compare()
    pieces.data[-1][-1, -1] ^= 1
    for work in (check, pieces.compare):
        with pytest.raises(AssertionError):
            work()
